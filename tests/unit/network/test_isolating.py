"""Which pods Cilium's policies of others isolate: those must not be held open for a moment."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.policy.dialects import Dialect
from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.isolating import isolating_specs
from tests.unit.network.make import JSON

WEB: JSON = {"matchLabels": {"app": "web"}}
WEB_PODS: JSON = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
EVERYTHING: JSON = {}
INGRESS: list[JSON] = [{"fromEndpoints": [{}]}]
EGRESS: list[JSON] = [{"toEntities": ["world"]}]
SPACE = "k8s:io.kubernetes.pod.namespace"
TEAM = "k8s:io.cilium.k8s.namespace.labels.team"


def isolated(namespace: str, *specs: JSON) -> list[tuple[Any, list[str]]]:
    """Return the pods of shop that a policy isolates, and in which directions."""
    body = {"spec": specs[0], "specs": list(specs[1:])}
    policy = NetworkPolicy(namespace, "theirs", "uid", spec=body, dialect=Dialect.CILIUM)
    found = isolating_specs(policy, "shop", {"team": "shop"})
    return [(spec["podSelector"], spec["policyTypes"]) for spec in found]


def of(selector: JSON, **sections: Any) -> JSON:
    return {"endpointSelector": selector, **sections}


@pytest.mark.parametrize(
    "spec, found",
    [
        (of(WEB, ingress=INGRESS), [(WEB_PODS, ["Ingress"])]),
        (of(WEB, egress=EGRESS), [(WEB_PODS, ["Egress"])]),
        (of({}, ingress=INGRESS, egress=EGRESS), [(EVERYTHING, ["Ingress", "Egress"])]),
        (of(WEB, ingressDeny=INGRESS), [(WEB_PODS, ["Ingress"])]),
        (of(WEB, ingress=INGRESS, enableDefaultDeny={"ingress": False}), []),
        (
            of(WEB, egress=EGRESS, enableDefaultDeny={"ingress": True}),
            [(WEB_PODS, ["Ingress", "Egress"])],
        ),
        ({"nodeSelector": {}, "ingress": INGRESS}, []),
    ],
    ids=str,
)
def test_of_a_namespace(spec: JSON, found: list[Any]) -> None:
    assert isolated("shop", spec) == found


@pytest.mark.parametrize(
    "key, value, is_ours",
    [(SPACE, "shop", True), (SPACE, "payments", False), (TEAM, "shop", True), (TEAM, "x", False)],
)
def test_of_the_whole_cluster(key: str, value: str, is_ours: bool) -> None:
    spec = of({"matchLabels": {key: value, "k8s:app": "web"}}, ingress=INGRESS)
    assert isolated("", spec) == ([(WEB_PODS, ["Ingress"])] if is_ours else [])


@pytest.mark.parametrize(
    "spec",
    [
        of({"matchLabels": {"reserved:host": ""}}, ingress=INGRESS, egress=EGRESS),
        of(WEB, ingress="everything"),
    ],
    ids=["labels that are not of pods", "not as documented"],
)
def test_where_it_is_not_known_which_pods_it_is_all_of_them(spec: JSON) -> None:
    assert isolated("shop", spec) == [(EVERYTHING, ["Ingress", "Egress"])]


def test_each_of_several_specs_counts() -> None:
    assert isolated("shop", of(WEB, ingress=INGRESS), of({}, egress=EGRESS)) == [
        (WEB_PODS, ["Ingress"]),
        (EVERYTHING, ["Egress"]),
    ]
