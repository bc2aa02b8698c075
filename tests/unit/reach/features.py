"""What of the APIs a random cluster makes use of, so that it can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from tests.unit.reach.policies import JSON
from tests.unit.reach.worlds import World

_FIELDS = {
    "from", "to", "ipBlock", "except", "endPort", "namespaceSelector", "policyTypes",
    "matchLabels", "nodes", "networks", "domainNames", "namedPort", "destinationNamedPort",
    "portRange", "somethingNew", "enableDefaultDeny", "fromEndpoints", "toEndpoints", "toCIDR",
    "fromCIDR", "toCIDRSet", "fromCIDRSet", "cidrGroupRef", "toFQDNs", "toServices", "icmps",
    "http", "ingressDeny", "egressDeny",
}  # fmt: skip
_VALUES = {"In", "NotIn", "Exists", "DoesNotExist", "UDP", "SCTP", "Pass"}
_SECTIONS = ("ingress", "egress")


def features(world: World) -> set[str]:
    """Name what is in a cluster."""
    return {
        *(f"{policy['kind']}" for policy in world.policies),
        *(each for policy in world.policies for each in _of_policy(policy)),
        *_of_pods(world),
        *_of_priorities(world),
        f"ipBlock covers pods: {world.network.blocks_cover_pods}",
    }


def _of_policy(policy: JSON) -> Iterator[str]:
    spec = policy["spec"]
    if policy["kind"] == "NetworkPolicy":
        if "policyTypes" not in spec:
            yield "policyTypes by default"
        if any(spec.get(section) == [] for section in _SECTIONS):
            yield "no rules"
        for section, side in zip(_SECTIONS, ("from", "to"), strict=True):
            for rule in spec.get(section, ()):
                for name in (side, "ports"):
                    if not rule.get(name):
                        yield f"{name} {'empty' if name in rule else 'absent'}"
                if any(isinstance(each.get("port"), str) for each in rule.get("ports", ())):
                    yield "named port"
    yield from _within(spec)


def _within(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, each in value.items():
                if key in _FIELDS:
                    yield key
                if key == "kubernetes.io/metadata.name":
                    yield key
                if key in ("fromEntities", "toEntities"):
                    yield from (f"entity {name}" for name in each)
                yield from _within(each)
        case list() | tuple():
            for each in value:
                yield from _within(each)
        case str():
            if value in _VALUES or value == "kubernetes.io/metadata.name":
                yield value
            if value.count(":") >= 2 and "/" in value:
                yield "range of IPv6"


def _of_pods(world: World) -> Iterator[str]:
    for pod in world.pods:
        if pod.finished:
            yield "finished pod"
        if pod.host_network:
            yield "pod on the network of its node"
        if len(pod.addresses) > 1:
            yield "pod of both families"
    for one, other in combinations(world.pods, 2):
        if one.node and one.node == other.node:
            yield "pods on one node"


def _of_priorities(world: World) -> Iterator[str]:
    kinds = ("AdminNetworkPolicy", "ClusterNetworkPolicy")
    found = [p["spec"]["priority"] for p in world.policies if p["kind"] in kinds]
    if len(found) > len(set(found)):
        yield "equal priorities"
