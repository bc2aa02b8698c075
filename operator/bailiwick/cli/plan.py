"""`bailiwick plan`: what manifests would come to, before they are merged."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import click

from bailiwick.cli.cluster import with_cluster
from bailiwick.cli.live import cluster_inventory
from bailiwick.cli.reading import echo, end_with, inventory_of, passed_over
from bailiwick.cli.settings import with_settings
from bailiwick.cli.yaml_text import as_yaml
from bailiwick.kube.credentials import Source
from bailiwick.offline.differences import Changes, differences
from bailiwick.offline.plan_data import as_data
from bailiwick.offline.plan_reports import as_junit, as_markdown, as_sarif
from bailiwick.offline.plan_text import as_text
from bailiwick.offline.planning import Plan
from bailiwick.offline.planning import plan as make_plan
from bailiwick.offline.world import world
from bailiwick.policy.findings.finding import Severity
from bailiwick.policy.reach.cluster_network import cluster_network
from bailiwick.policy.settings import Settings

FINDINGS = 1
"""The exit code where there are findings that matter."""

_FORMS: Final[Mapping[str, Callable[[Plan], str]]] = {
    "text": lambda made: "\n".join(as_text(made)),
    "json": lambda made: json.dumps(as_data(made), indent=2, ensure_ascii=False),
    "yaml": lambda made: as_yaml(as_data(made)),
    "markdown": lambda made: "\n".join(as_markdown(made)),
    "junit": as_junit,
    "sarif": as_sarif,
}


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="DIR|FILE|-...")
@click.option(
    "--output",
    "-o",
    type=click.Choice(list(_FORMS)),
    default="text",
    show_default=True,
    help="How to write the plan.",
)
@click.option(
    "--namespace",
    "-n",
    default="default",
    show_default=True,
    help="The namespace of objects that name none.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["note", "warning", "error", "never"]),
    default="warning",
    show_default=True,
    help="End with code 1 where there are findings of this severity, or of a higher one.",
)
@click.option(
    "--against-cluster",
    is_flag=True,
    help="Take the cluster for everything that the manifests do not have, and say what would "
    "change there. Kinds that you may not list make the answer unknown.",
)
@click.option("--policies", is_flag=True, help="Name every policy, in the text.")
@with_cluster
@with_settings
def plan(
    paths: tuple[str, ...],
    output: str,
    namespace: str,
    fail_on: str,
    against_cluster: bool,
    policies: bool,
    source: Source,
    settings: Settings,
    now: datetime,
) -> None:
    """Say what manifests would come to: policies, edges and findings of each namespace.

    Reads directories, files, or standard input (-). Ends with 0 where there is nothing to say,
    with 1 where there are findings, with 2 where something cannot be read.
    """
    inventory = inventory_of(paths, namespace)
    found = inventory
    before = None
    if against_cluster:
        live = cluster_inventory(source, sorted(inventory.populated()))
        cluster = live.cluster()
        network = cluster_network(settings, cluster.all_nodes)
        before = world(cluster, live.policies.values(), live.all_entrances(), network)
        found = live.changed_by(inventory)
    made = make_plan(
        found,
        settings,
        now,
        complete=against_cluster,
        of=inventory.populated() if against_cluster else None,
    )
    if found.problems:
        end_with(found)
    if before is not None:
        made = replace(made, changes=Changes(before, tuple(differences(before, made.world))))
    if output == "text" and policies:
        echo("\n".join(as_text(made, policies=True)))
    else:
        echo(_FORMS[output](made))
    others = passed_over(made.passed_over)
    if others and output == "text":
        click.echo(f"note: {others}", err=True)
    sys.exit(exit_code(made, fail_on))


def exit_code(made: Plan, fail_on: str) -> int:
    """Return the code that a plan ends with."""
    if fail_on == "never":
        return 0
    least = Severity[fail_on.upper()]
    return FINDINGS if any(f.severity >= least for f in made.all_findings()) else 0
