"""Small clusters in few words, and what can connect in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bailiwick.policy.facts import ContainerPort, Namespace, Node, Pod
from bailiwick.policy.ports import Port
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.edges import Connection, at
from bailiwick.policy.reach.explain import Explanation, Place, explain
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.kinds import admin_policy, network_policy
from bailiwick.policy.reach.model import Policy
from bailiwick.policy.reach.ports import PortSet, of_range
from bailiwick.policy.rules import Direction

JSON = dict[str, Any]
NAME = "kubernetes.io/metadata.name"
COVERED = ClusterNetwork(blocks_cover_pods=True)
PASSED_OVER = ClusterNetwork(blocks_cover_pods=False)


def pod(place: str, address: str = "", **fields: Any) -> Pod:
    """Return a pod by `namespace/name`, labelled by its name; several addresses by commas."""
    namespace, name = place.split("/")
    given = {"labels": {"app": name}, "addresses": tuple(address.split(",")) if address else ()}
    return Pod(namespace, name, "", **{**given, **fields})


def port(number: int, name: str = "", protocol: Any = "TCP") -> ContainerPort:
    return ContainerPort(number, protocol, name)


def namespace(name: str, **labels: str) -> Namespace:
    return Namespace(name, "", labels)


def policy(namespace: str = "shop", name: str = "p", **spec: Any) -> Policy:
    """Return a NetworkPolicy; it selects every pod where nothing is said."""
    return network_policy.read(namespace, name, {"podSelector": {}, **spec})


def admin(name: str = "a", priority: int = 0, **spec: Any) -> Policy:
    """Return an AdminNetworkPolicy of every pod."""
    given = {"subject": {"namespaces": {}}, "priority": priority, **spec}
    return admin_policy.read_admin(name, given)


def baseline(**spec: Any) -> Policy:
    return admin_policy.read_baseline("default", {"subject": {"namespaces": {}}, **spec})


def cluster_policy(name: str = "c", tier: str = "Admin", priority: int = 0, **spec: Any) -> Policy:
    given = {"subject": {"namespaces": {}}, "tier": tier, "priority": priority, **spec}
    return admin_policy.read_cluster(name, given)


def app(name: str) -> JSON:
    return {"matchLabels": {"app": name}}


def labelled(**labels: str) -> JSON:
    return {"matchLabels": labels}


def named(name: str) -> JSON:
    """Return the selector of one namespace."""
    return {"matchLabels": {NAME: name}}


def graph(
    pods: Iterable[Pod],
    *policies: Policy,
    namespaces: Iterable[Namespace] = (),
    nodes: Iterable[Node] = (),
    network: ClusterNetwork = COVERED,
) -> Graph:
    """Return a graph of which everything was asked once, so that changes find what is known."""
    made = Graph.build(namespaces, pods, policies, nodes, network)
    for each in made.classes.all():
        for direction in Direction:
            made.table(each.number, direction)
    return made


def end(of: Graph, text: str) -> Place:
    """Return a pod by `namespace/name`, or an address."""
    if "/" not in text:
        return Place(address=addresses.of_address(text))
    found = of.classes.of_pod(*text.split("/"))
    assert found, text
    return Place(found.number)


def connection(of: Graph, source: str, target: str) -> Connection:
    one, other = end(of, source), end(of, target)
    if one.number is None and other.number is not None and one.address is not None:
        return at(of.table(other.number, Direction.INGRESS), one.address)
    assert one.number is not None
    if other.number is not None:
        return of.connection(one.number, other.number)
    assert other.address is not None
    return at(of.table(one.number, Direction.EGRESS), other.address)


def ports(*texts: int | str) -> PortSet:
    """Return a set of ports as an intent writes them."""
    found: PortSet = 0
    for each in map(Port.parse, texts):
        found |= of_range(each.protocol, each.first, each.last)
    return found


def why(of: Graph, source: str, target: str, asked: int | str = 80) -> Explanation:
    wanted = Port.parse(asked)
    return explain(of, end(of, source), end(of, target), wanted.protocol, wanted.first)


def reached(of: Graph, source: str) -> set[str]:
    """Return the pods that a pod can reach on some port, by `namespace/name`."""
    number = end(of, source).number
    assert number is not None
    return {
        f"{workload.namespace}/{workload.name}"
        for target, found in of.targets(number)
        if found.allowed and target != number
        for workload in of.classes[target].workloads
    }


def rule(action: str, side: str, *peers: Mapping[str, Any], **more: Any) -> JSON:
    """Return a rule of a policy of the cluster."""
    return {"action": action, side: list(peers), **more}
