"""A cluster as plain data, of the size that the design names for reachability."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from bailiwick.policy.facts import ContainerPort, Namespace, Node, Owner, Pod

JSON = dict[str, Any]

NAMESPACES: Final = 200
WORKLOADS_EACH: Final = 5
PODS_EACH: Final = 10
POLICIES_EACH: Final = 10
NODES: Final = 100
DNS: Final = "kube-system"
MONITORING: Final = "monitoring"

_NAME = "kubernetes.io/metadata.name"
_PORTS = (ContainerPort(8080, "TCP", "http"), ContainerPort(9090, "TCP", "metrics"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything that the engine is given; policies by namespace, name and spec."""

    namespaces: list[Namespace]
    nodes: list[Node]
    pods: list[Pod]
    policies: list[tuple[str, str, JSON]]


def cluster(scale: int, *, wide_blocks: bool = True) -> Cluster:
    """Return a cluster; a block has most of all addresses, or one where not `wide_blocks`."""
    random = Random(scale)
    names = [DNS, MONITORING, *(f"team-{n}" for n in range(2, NAMESPACES * scale))]
    nodes = [_node(number) for number in range(NODES * scale)]
    pods = [each for number, name in enumerate(names) for each in _pods(number, name, len(nodes))]
    return Cluster(
        [_namespace(number, name) for number, name in enumerate(names)],
        nodes,
        [*pods, *map(agent, nodes)],
        [
            (name, policy, spec)
            for number, name in enumerate(names)
            for policy, spec in _policies(number, random, wide_blocks=wide_blocks)
        ],
    )


def pod(namespace: str, workload: int, name: str, serial: int, nodes: int = NODES) -> Pod:
    """Return a pod of a workload; its node and its address follow from its serial number."""
    node = serial % nodes
    return Pod(
        namespace,
        name,
        "",
        {"app": f"w{workload}", "tier": "web" if workload == 0 else "inner"},
        Owner("Deployment", f"w{workload}"),
        f"node-{node}",
        (f"10.{64 + node // 256}.{node % 256}.{serial // nodes % 250 + 1}",),
        ports=_PORTS,
    )


def agent(node: Node, app: str = "agent") -> Pod:
    """Return a pod on the network of its node, as every node has some."""
    name, owner = f"agent-{node.name}", Owner("DaemonSet", "agent")
    return Pod(
        MONITORING, name, "", {"app": app}, owner, node.name, node.addresses, host_network=True
    )


def _namespace(number: int, name: str) -> Namespace:
    return Namespace(name, "", {"team": f"t{number % 20}", "stage": ("dev", "prod")[number % 2]})


def _node(number: int) -> Node:
    address = f"192.168.{number // 250}.{number % 250 + 1}"
    return Node(f"node-{number}", (address,), labels={"pool": f"p{number % 4}"})


def _pods(number: int, namespace: str, nodes: int) -> Iterator[Pod]:
    for workload in range(WORKLOADS_EACH):
        for replica in range(PODS_EACH):
            serial = (number * WORKLOADS_EACH + workload) * PODS_EACH + replica
            yield pod(namespace, workload, f"w{workload}-{replica}", serial, nodes)


def _policies(number: int, random: Random, *, wide_blocks: bool) -> Iterator[tuple[str, JSON]]:
    """Return what namespaces have in practice: isolation, allowances, and edges of their own."""
    yield "isolation", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    yield "dns", _egress({}, _named(DNS), {"port": 53, "protocol": "UDP"}, {"port": 53})
    yield "metrics", _ingress({}, _named(MONITORING), {"port": "metrics"})
    team = {"namespaceSelector": {"matchLabels": {"team": f"t{random.randrange(20)}"}}}
    yield "team", _ingress(_app(0), team, {"port": "http"})
    every_web = {"namespaceSelector": {}, "podSelector": _app(0)}
    yield "webs", _egress(_app(1), every_web, {"port": 8080})
    yield "internet", _egress(_app(2), {"ipBlock": _block(number, wide_blocks)}, {"port": 443})
    for extra in range(POLICIES_EACH - 6):
        source, target = random.sample(range(WORKLOADS_EACH), 2)
        peer = {"podSelector": _app(source)}
        yield f"inside-{extra}", _ingress(_app(target), peer, {"port": 8000 + extra})


def _block(number: int, wide: bool) -> JSON:
    """Return a block with three exceptions: of all addresses, or of sixteen."""
    if wide:
        own = f"{number % 200 + 20}.{number // 200}.0.0/16"
        return {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.0.0/16", own]}
    start = f"20.{number // 250}.{number % 250}"
    return {"cidr": f"{start}.0/28", "except": [f"{start}.{last}/32" for last in (1, 5, 9)]}


def _app(workload: int) -> JSON:
    return {"matchLabels": {"app": f"w{workload}"}}


def _named(namespace: str) -> JSON:
    return {"namespaceSelector": {"matchLabels": {_NAME: namespace}}}


def _ingress(pods: JSON, peer: JSON, *ports: JSON) -> JSON:
    rule = {"from": [peer], "ports": list(ports)}
    return {"podSelector": pods, "policyTypes": ["Ingress"], "ingress": [rule]}


def _egress(pods: JSON, peer: JSON, *ports: JSON) -> JSON:
    rule = {"to": [peer], "ports": list(ports)}
    return {"podSelector": pods, "policyTypes": ["Egress"], "egress": [rule]}
