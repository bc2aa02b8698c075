"""All that the commands tell of what they read, so that nothing is left that could fall over."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from itertools import islice

import yaml

from bailiwick.offline import diff_report, plan_data, plan_reports, plan_text, reach_report
from bailiwick.offline.connlist import connection_list
from bailiwick.offline.differences import differences
from bailiwick.offline.drafting import draft
from bailiwick.offline.ends import Directory
from bailiwick.offline.explaining import Explainer
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.picture.compose import compose
from bailiwick.offline.picture.dot import as_dot
from bailiwick.offline.picture.mermaid import as_mermaid
from bailiwick.offline.picture.page import as_page
from bailiwick.offline.planning import Plan, plan
from bailiwick.offline.sources import CannotRead
from bailiwick.policy.settings import Settings

_EXPLAINED = 3


def tell_everything(inventory: Inventory, now: datetime) -> Plan:
    """Have every command's answer made, in every form."""
    made = plan(inventory, Settings(), now)
    assert plan_text.as_text(made, policies=True)
    assert json.dumps(plan_data.as_data(made))
    assert plan_reports.as_junit(made)
    assert plan_reports.as_sarif(made)
    assert plan_reports.as_markdown(made)
    list(connection_list(made.world))
    assert reach_report.as_text(made.world)
    json.loads("".join(reach_report.as_json(reach_report.as_data(made.world))))
    nothing = plan(Inventory(), Settings(), now)
    _tell_differences(made, nothing)
    _explain(made)
    _draft(inventory, made)
    _draw(made, nothing)
    return made


def _tell_differences(made: Plan, nothing: Plan) -> None:
    changes = differences(nothing.world, made.world)
    assert diff_report.as_text(changes, nothing.world, made.world)
    assert diff_report.as_markdown(changes, nothing.world, made.world)


def _explain(made: Plan) -> None:
    directory = Directory(made.cluster, made.world.workloads, "default")
    explainer = Explainer(made)
    names = [
        f"{each.namespace}/{each.name}" for each in islice(made.world.workloads.classes, _EXPLAINED)
    ]
    for source in (*names, "internet", "192.0.2.1"):
        for target in (*names, *(f"{name}:80" for name in names)):
            # A name that is no name of Kubernetes, and a port that is not there, are told so.
            with suppress(CannotRead):
                start, end = directory.find(source), directory.find(target)
                for answer in explainer.answers(start, end, directory.ports(end)):
                    assert explainer.as_text(answer)
                    json.dumps(explainer.as_data(answer))


def _draft(inventory: Inventory, made: Plan) -> None:
    for namespace in inventory.populated():
        drafted = draft(
            inventory, namespace, inventory.cluster(), made.world.workloads, has_dns=False
        )
        assert yaml.safe_load(drafted.as_yaml("restricted"))["kind"] == "SecurityIntent"


def _draw(made: Plan, nothing: Plan) -> None:
    picture = compose(made, ())
    assert as_dot(picture)
    assert as_mermaid(picture)
    page, empty = (as_page(compose(each, ()), Explainer(each).reasons) for each in (made, nothing))
    # Whatever names there are, none ends the part of the page in which the data stands.
    assert page.lower().count("</script") == empty.lower().count("</script")
