"""Random clusters, small enough to ask of every pair of pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from bailiwick.policy.facts import ContainerPort, Namespace, Node, Owner, Pod
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.cluster_network import OUTSIDE_ONLY, ClusterNetwork
from bailiwick.policy.reach.edges import Connection
from bailiwick.policy.reach.graph import Graph
from tests.unit.network.evaluator import Port
from tests.unit.reach.cilium_evaluator import Known
from tests.unit.reach.cluster_policy_fields import End
from tests.unit.reach.evaluator import Cluster
from tests.unit.reach.policies import JSON, NAMESPACES, policy_lists, read

_V4 = ("10.0.0.1", "10.0.0.9", "10.0.1.1", "198.51.100.7")
_V6 = ("fd00::1", "fd00::9", "2001:db8::7")
NODE_ADDRESSES = {"n0": ("192.168.0.1",), "n1": ("192.168.0.2", "fd77::2")}
OUTSIDE = (*_V4, *_V6, *(address for pair in NODE_ADDRESSES.values() for address in pair))
"""Addresses to ask about: of pods and nodes, as they may be of somebody outside too."""
PORTS = (Port(80), Port(8080), Port(80, "UDP"), Port(8080, "SCTP"))


@dataclass(frozen=True)
class World:
    """A whole cluster, policies as the API's JSON."""

    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nodes: Sequence[Node] = ()
    pods: Sequence[Pod] = ()
    policies: Sequence[JSON] = ()
    network: ClusterNetwork = OUTSIDE_ONLY

    def graph(self) -> Graph:
        return Graph.build(
            [Namespace(name, "", labels) for name, labels in self.namespaces.items()],
            self.pods,
            [read(policy) for policy in self.policies],
            self.nodes,
            self.network,
        )

    def evaluator(self) -> Cluster:
        nodes = [
            {"name": node.name, "labels": node.labels, "addresses": node.addresses}
            for node in self.nodes
        ]
        return Cluster(self.namespaces, nodes, self.policies, self.network.blocks_cover_pods)


def ends(pod: Pod) -> list[End]:
    """Return a pod as the evaluator has it, once for each of its addresses."""
    named: dict[tuple[str, str], int] = {}
    for port in pod.ports:
        named.setdefault((port.name, port.protocol), port.number)
    return [
        End(address, pod.namespace, pod.labels, named, pod.host_network, pod.node)
        for address in pod.addresses
    ]


def by_class(world: World, graph: Graph) -> Iterator[tuple[int, Pod]]:
    """Go through the pods that are not finished, each with the number of its class."""
    for pod in world.pods:
        found = graph.classes.of_pod(pod.namespace, pod.name)
        if found:
            yield found.number, pod


def known(connection: Connection, port: Port) -> Known:
    """Return what a connection says of one port."""
    asked = port_sets.of_range(port.protocol, port.number, port.number)
    return True if connection.allowed & asked else None if connection.unknown & asked else False


labels = st.sampled_from(
    ({}, {"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"}, {"app": "b", "tier": "y"})
)
# A pod has at most one address of each family.
_addresses: st.SearchStrategy[tuple[str, ...]] = st.one_of(
    st.tuples(st.sampled_from(_V4)),
    st.tuples(st.sampled_from(_V6)),
    st.tuples(st.sampled_from(_V4), st.sampled_from(_V6)),
)
_ports = st.sampled_from(
    (
        (),
        (ContainerPort(80, "TCP", "http"),),
        (ContainerPort(8080, "TCP", "http"), ContainerPort(80, "UDP", "dns")),
        (ContainerPort(8080, "TCP", "http"), ContainerPort(80, "TCP", "http")),
        (ContainerPort(8080, "SCTP", "dns"), ContainerPort(80)),
        (ContainerPort(80, "TCP", "dns"), ContainerPort(80, "UDP", "http")),
    )
)


@st.composite
def pods(draw: st.DrawFn, name: str, *, placed: bool = True) -> Pod:
    """Return a pod; `placed`: its addresses are known."""
    node, host_network = draw(
        st.sampled_from((("", False), ("n0", False), ("n1", False), ("n1", True)))
    )
    addresses = NODE_ADDRESSES[node] if host_network else draw(_addresses)
    return Pod(
        draw(st.sampled_from(NAMESPACES)),
        name,
        "",
        draw(labels),
        draw(st.sampled_from((None, Owner("Deployment", "api")))),
        node,
        addresses if placed else (),
        host_network,
        draw(st.integers(0, 9)) == 9,
        draw(_ports),
    )


nodes = st.builds(
    lambda name, pool: Node(name, NODE_ADDRESSES[name], labels=pool),
    st.sampled_from(sorted(NODE_ADDRESSES)),
    st.sampled_from(({}, {"pool": "a"})),
)
networks = st.sampled_from([ClusterNetwork(covers) for covers in (True, False, None)])


@st.composite
def worlds(draw: st.DrawFn, *, placed: bool = True) -> World:
    """Return a cluster; `placed`: the addresses of its pods are known."""
    known_namespaces = draw(st.sampled_from((NAMESPACES, NAMESPACES, NAMESPACES[:1])))
    return World(
        {name: draw(labels) for name in known_namespaces},
        draw(st.lists(nodes, max_size=2, unique_by=lambda node: node.name)),
        [draw(pods(f"p{n}", placed=placed)) for n in range(draw(st.integers(2, 5)))],
        draw(policy_lists()),
        draw(networks),
    )
