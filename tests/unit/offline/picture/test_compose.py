"""What a picture is made of: workloads by namespace, and each line with its state and its why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from bailiwick.offline.picture.compose import compose
from bailiwick.offline.picture.model import Side, Stroke
from bailiwick.policy.reach.halves import Outcome
from tests.pictures.make import picture, planned, told
from tests.pictures.platform import platform
from tests.unit.offline.make import from_to, intent, policy, profile, service, workload

SHOP: Final = profile() + workload("web") + workload("api")
CLOSED: Final = "podSelector: {}, policyTypes: [Ingress, Egress]"
OPEN: Final = (
    "podSelector: {}, policyTypes: [Ingress, Egress], "
    "ingress: [{from: [{podSelector: {}}], ports: [{port: 81}]}], "
    "egress: [{to: [{podSelector: {}}], ports: [{port: 81}]}]"
)

NO_WAY_OUT: Final = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: no-way-out}
spec:
  priority: 10
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}
  egress: [{action: Deny, to: [{namespaces: {}}]}]
"""


def test_what_an_intent_declares_is_one_line_with_the_rule(tmp_path: Path) -> None:
    found = picture(tmp_path, SHOP + intent(from_to("web", "api", "80, 443")))
    assert told(found) == ["shop/web -> shop/api: declared 80, 443"]
    assert found.lines[0].by == ("web-to-api",)
    assert [group.held for group in found.groups] == ["profile restricted, Enforce"]


def test_what_another_policy_opens_is_widened_and_its_why_names_the_policy(tmp_path: Path) -> None:
    found = picture(tmp_path, SHOP + intent(from_to("web", "api", "80")) + policy("door", OPEN))
    assert told(found) == [
        "shop/api -> shop/web: widened 81",
        "shop/web -> shop/api: widened 81",
        "shop/web -> shop/api: declared 80",
    ]
    (why,) = found.lines[0].whys
    assert why.explanation.outcome is Outcome.ALLOWED
    assert why.explanation.ingress is not None
    assert [str(reason.policy) for reason in why.explanation.ingress.reasons] == [
        "NetworkPolicy shop/door"
    ]


def test_a_half_open_line_says_what_the_other_side_would_have_to_add(tmp_path: Path) -> None:
    there = workload("db", namespace="data")
    rule = intent(from_to("api", "data/db", "5432"))
    found = picture(tmp_path, SHOP + there + rule + intent(namespace="data"))
    assert told(found) == ["shop/api -> data/db: half-open 5432"]
    (why,) = found.lines[0].whys
    assert why.explanation.outcome is Outcome.DENIED
    assert len(why.add) == 1
    assert "namespace: shop" in why.add[0]


def test_both_sides_of_a_connection_that_both_declare_are_one_line(tmp_path: Path) -> None:
    there = workload("db", namespace="data")
    one = intent(from_to("api", "data/db", "5432", "out"))
    other = intent(from_to("shop/api", "db", "5432", "in"), namespace="data")
    found = picture(tmp_path, SHOP + there + one + other)
    assert told(found) == ["shop/api -> data/db: declared 5432"]
    assert found.lines[0].by == ("in", "out")


def test_what_both_declare_and_somebody_else_denies_is_closed_and_not_half_open(
    tmp_path: Path,
) -> None:
    there = workload("db", namespace="data")
    one = intent(from_to("api", "data/db", "5432", "out"))
    other = intent(from_to("shop/api", "db", "5432", "in"), namespace="data")
    found = picture(tmp_path, SHOP + there + one + other + NO_WAY_OUT)
    assert told(found) == ["shop/api -> data/db: closed 5432"]


def test_an_intent_in_audit_shows_what_it_would_cut_and_why_it_is_open_today(
    tmp_path: Path,
) -> None:
    found = picture(tmp_path, SHOP + intent(from_to("web", "api", "80"), enforcement="Audit"))
    inside = [line for line in told(found) if "outside" not in line]
    assert inside == [
        "shop/api -> shop/web: would be cut all",
        "shop/web -> shop/api: would be cut all but 80",
        "shop/web -> shop/api: declared 80",
    ]
    (why,) = next(line for line in found.lines if line.stroke is Stroke.CUT).whys
    assert why.explanation.outcome is Outcome.ALLOWED
    assert why.enforced is not None
    assert why.enforced.outcome is Outcome.DENIED


def test_what_nothing_restricts_is_said_of_the_workload_and_no_line_is_drawn(
    tmp_path: Path,
) -> None:
    found = picture(tmp_path, workload("web") + workload("api"))
    assert found.lines == ()
    assert all(node.open_in and node.open_out for node in found.nodes)


def test_policies_without_an_intent_are_drawn_as_undeclared(tmp_path: Path) -> None:
    found = picture(tmp_path, workload("web") + workload("api") + policy("door", OPEN))
    assert told(found) == [
        "shop/api -> shop/web: undeclared 81",
        "shop/web -> shop/api: undeclared 81",
    ]


def test_addresses_stand_apart_by_the_way_traffic_goes(tmp_path: Path) -> None:
    rules = (
        "name: in, from: {cidr: 203.0.113.0/24}, to: {workload: {matchLabels: {app: web}}}, "
        "ports: [80]",
        "name: out, from: {workload: {matchLabels: {app: api}}}, to: {cidr: 203.0.113.0/24}, "
        "ports: [443]",
    )
    found = picture(tmp_path, SHOP + intent(*rules))
    assert told(found) == [
        "shop/api -> 203.0.113.0/24: declared 443",
        "203.0.113.0/24 -> shop/web: declared 80",
    ]
    assert [group.side for group in found.groups] == [
        Side.NAMESPACE,
        Side.COMES_IN,
        Side.GOES_OUT,
    ]


def test_ports_that_different_rules_open_have_a_why_each(tmp_path: Path) -> None:
    rules = (from_to("web", "api", "80", "plain"), from_to("web", "api", "443", "secret"))
    (line,) = picture(tmp_path, SHOP + intent(*rules)).lines
    assert (line.ports, [why.ports for why in line.whys]) == ("80, 443", ["80", "443"])


def test_a_picture_of_one_namespace_has_what_touches_it(tmp_path: Path) -> None:
    others = workload("db", namespace="data") + workload("far", namespace="away")
    rules = intent(from_to("api", "data/db", "5432"), from_to("web", "api", "80"))
    everything = SHOP + others + rules + policy("in", CLOSED, namespace="away")
    found = picture(tmp_path, everything, only=("data",))
    assert told(found) == ["shop/api -> data/db: declared 5432"]
    assert {node.name for node in found.nodes} == {"api", "db"}
    assert {group.name: group.held for group in found.groups} == {
        "data": "no intent",
        "shop": "profile restricted, Enforce",
    }


INGRESS: Final = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: public, namespace: shop}
spec: {rules: [{http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
"""


@pytest.mark.parametrize(
    "given, stroke",
    [
        ("", "undeclared"),
        (profile() + intent("name: in, from: {entity: Internet}, to: {workload: {}}"), None),
        (profile() + intent() + policy("door", "podSelector: {}, ingress: [{}]"), "widened"),
    ],
)
def test_what_an_ingress_opens_comes_in_from_outside(
    tmp_path: Path, given: str, stroke: str | None
) -> None:
    found = picture(tmp_path, workload("web") + service("web", 80) + INGRESS + given)
    entered = [line for line in told(found) if line.startswith("the ingress controller")]
    assert entered == ([f"the ingress controller -> shop/web: {stroke} 80"] if stroke else [])
    assert all(line.whys for line in found.lines)


def test_findings_of_a_namespace_without_workloads_are_not_lost(tmp_path: Path) -> None:
    rule = "name: gone, from: {workload: {}}, to: {service: {name: gone}}"
    found = picture(tmp_path, SHOP + intent(rule, namespace="empty"))
    assert {group.name for group in found.groups} == {"shop"}
    assert "ServiceNotFound" in {finding.code for finding in found.findings}


def test_a_namespace_is_not_said_to_have_no_intent_where_that_may_not_be_read(
    tmp_path: Path,
) -> None:
    made = planned(tmp_path, workload("web"))
    assert [group.held for group in compose(made).groups] == ["no intent"]
    forbidden = replace(made, unreadable={"securityintents": "forbidden"})
    found = compose(forbidden)
    assert [group.held for group in found.groups] == ["intent not known"]
    assert found.notes == ("Not known, since it may not be read: securityintents: forbidden",)


@pytest.mark.parametrize("size", [(3, 4), (25, 12)])
def test_every_line_has_a_why_and_the_order_is_one(tmp_path: Path, size: tuple[int, int]) -> None:
    found = picture(tmp_path, platform(*size))
    assert all(line.whys for line in found.lines)
    assert list(found.lines) == sorted(
        found.lines, key=lambda line: (line.source, line.target, list(Stroke).index(line.stroke))
    )


def test_a_large_platform_has_lines_of_every_stroke_but_unknown(tmp_path: Path) -> None:
    found = picture(tmp_path, platform())
    assert {line.stroke for line in found.lines} == set(Stroke) - {Stroke.UNKNOWN}
    assert len(found.nodes) > 300
