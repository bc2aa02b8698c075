"""Calico's and Antrea's own policies: what they may touch is unknown, by name, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.halves import Outcome
from bailiwick.policy.reach.kinds import not_evaluated
from bailiwick.policy.reach.model import Policy
from tests.unit.reach.make import JSON, admin, connection, graph, pod, policy, rule, why

PODS = (pod("shop/web", "10.0.0.1"), pod("payments/api", "10.0.1.1"))
CALICO, ANTREA = "projectcalico.org", "crd.antrea.io"
CALICOS = (CALICO, "crd.projectcalico.org")


def foreign(group: str, kind: str, namespace: str = "", **spec: Any) -> Policy:
    return not_evaluated.read(group, kind, namespace, "strict", spec)


@pytest.mark.parametrize("others", [(), (policy(),), (policy(ingress=[{}]),)])
@pytest.mark.parametrize("group", CALICOS)
def test_whatever_other_policies_say_it_is_not_known(
    group: str, others: tuple[Policy, ...]
) -> None:
    of = graph(PODS, foreign(group, "GlobalNetworkPolicy"), *others)
    assert connection(of, "payments/api", "shop/web").unknown == port_sets.ALL
    assert connection(of, "203.0.113.1", "shop/web").unknown == port_sets.ALL


def test_not_even_what_an_admin_policy_allows_is_known() -> None:
    allows = admin(ingress=[rule("Allow", "from", {"namespaces": {}})])
    of = graph(PODS, foreign(ANTREA, "ClusterNetworkPolicy", ingress=[{}]), allows)
    assert connection(of, "payments/api", "shop/web").unknown == port_sets.ALL


def test_one_of_a_namespace_makes_nothing_unknown_elsewhere() -> None:
    of = graph(PODS, foreign(CALICO, "NetworkPolicy", "shop"))
    assert connection(of, "payments/api", "shop/web").unknown == port_sets.ALL
    assert connection(of, "shop/web", "payments/api").allowed == port_sets.ALL


def test_it_is_told_by_its_kind_and_name() -> None:
    told = why(graph(PODS, foreign(CALICO, "NetworkPolicy", "shop")), "payments/api", "shop/web")
    assert told.outcome is Outcome.UNKNOWN
    assert told.ingress
    reasons = {(str(each.policy), each.unknown) for each in told.ingress.reasons}
    assert reasons == {
        (
            "NetworkPolicy.projectcalico.org shop/strict",
            "policies of the kind NetworkPolicy.projectcalico.org are not evaluated here",
        )
    }


@pytest.mark.parametrize(
    "group, spec, directions",
    [
        (CALICO, {}, {"Ingress"}),
        (CALICO, {"types": ["Egress"]}, {"Egress"}),
        (CALICO, {"types": ["Ingress", "Egress"]}, {"Ingress", "Egress"}),
        (CALICO, {"types": ["Sideways"]}, {"Ingress", "Egress"}),
        (CALICO, {"ingress": [{}]}, {"Ingress"}),
        (CALICO, {"egress": [{}]}, {"Egress"}),
        (CALICO, {"ingress": [{}], "egress": [{}]}, {"Ingress", "Egress"}),
        (ANTREA, {}, set()),
        (ANTREA, {"ingress": [{}]}, {"Ingress"}),
        (ANTREA, {"egress": [{}]}, {"Egress"}),
    ],
)
def test_a_direction_that_it_does_not_speak_of_is_known(
    group: str, spec: JSON, directions: set[str]
) -> None:
    found = foreign(group, "NetworkPolicy", "shop", **spec)
    assert {each.value for each in found.sides} == directions
