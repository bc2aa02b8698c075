"""Whatever an intent says and its team's Services lead to, the profile's limits hold."""

from __future__ import annotations

from hypothesis import given

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import Namespace
from tests.unit.network.evaluator import Endpoint, in_block, selects
from tests.unit.network.intents import compiled_in, intents, manifests, profiles
from tests.unit.network.make import JSON
from tests.unit.network.worlds import (
    API_SERVER,
    CLUSTER_IPS,
    DNS_ADDRESS,
    METADATA,
    NODE,
    PUBLIC,
    clusters,
    halves,
    network_of,
)


@given(clusters(), intents, profiles())
def test_an_intent_opens_only_what_its_profile_lets_it_declare(
    cluster: FixedCluster, intent: list[JSON], profile: JSON
) -> None:
    without = {**profile, "allowances": [], "internet": _not_open(profile["internet"])}
    network = network_of(cluster, manifests(compiled_in(cluster, intent, without)))
    namespaces = {each.name: each for each in cluster.all_namespaces}
    for direction, pod, other, port in halves(cluster):
        if direction not in profile["isolate"] or pod.host_network:
            continue
        if network.allows_half(direction, pod, other, port):
            assert _may_be_named(without, other, namespaces), (direction, other)


def _not_open(internet: str) -> str:
    """The profile's own opening for everybody is none of the intent's."""
    return "Declared" if internet == "Open" else internet


def _may_be_named(profile: JSON, end: Endpoint, namespaces: dict[str, Namespace]) -> bool:
    limits = profile["mayDeclare"]
    if end.address in METADATA:
        return False
    if end.is_restrictable:
        return end.namespace == "shop" or _is_pod_allowed(limits, end, namespaces)
    is_denied = profile["internet"] == "Denied" and end.address in PUBLIC
    if is_denied:
        return False
    named = {
        "Nodes": NODE,
        "KubeAPIServer": API_SERVER,
        "DNS": (DNS_ADDRESS, "169.254.20.10", *CLUSTER_IPS),
        "Internet": PUBLIC,
    }
    by_entity = any(
        end.address in addresses and _is_entity_allowed(limits, entity)
        for entity, addresses in named.items()
    )
    cidrs = limits.get("cidrs")
    return by_entity or cidrs is None or any(in_block({"cidr": c}, end.address) for c in cidrs)


def _is_entity_allowed(limits: JSON, entity: str) -> bool:
    return entity in limits.get("entities", [entity])


def _is_pod_allowed(limits: JSON, end: Endpoint, namespaces: dict[str, Namespace]) -> bool:
    selector = limits.get("namespaces", {})
    if selects(selector, namespaces[end.namespace].labels):
        return True
    entity = {"kube-system": "DNS", "ingress": "IngressController"}.get(end.namespace)
    return entity is not None and _is_entity_allowed(limits, entity)
