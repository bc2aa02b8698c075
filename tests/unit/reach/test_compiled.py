"""What an intent is compiled into opens, by the engine too, exactly what the intent declares."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.dialects import CILIUM_KIND
from bailiwick.policy.reach.addresses import family_of, of_address
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.decide import FREE
from bailiwick.policy.reach.edges import Connection, at, between
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.kinds import network_policy
from bailiwick.policy.reach.peers import PodSet, bit
from bailiwick.policy.rules import Direction
from tests.unit.network.evaluator import Endpoint
from tests.unit.network.intents import compiled_in, intents, profiles, rules
from tests.unit.network.make import JSON
from tests.unit.network.meaning import HERE, Meaning
from tests.unit.network.worlds import clusters, halves
from tests.unit.reach.examples import many
from tests.unit.reach.worlds import known


@many
@given(clusters(), intents, profiles(limited=False))
def test_the_edges_are_those_that_are_declared(
    cluster: FixedCluster, intent: list[JSON], profile: JSON
) -> None:
    compiled = compiled_in(cluster, intent, profile)
    cluster = told_apart(cluster)
    meaning = Meaning(cluster, intent, profile["isolate"])
    graph = Graph.build(
        cluster.all_namespaces,
        cluster.all_pods,
        [network_policy.read(HERE, policy.name, policy.spec) for policy in compiled.policies],
        cluster.all_nodes,
        ClusterNetwork(blocks_cover_pods=True),
    )
    for direction, pod, other, port in halves(cluster):
        told = known(half(graph, Direction(direction), pod, other), port)
        assert told is meaning.allows_half(direction, pod, other, port), (direction, pod, other)


@many
@given(
    clusters(), st.lists(rules(http=st.booleans()), min_size=1, max_size=4), profiles(limited=False)
)
def test_neither_more_nor_less_is_opened_where_cilium_has_policies_of_its_own(
    cluster: FixedCluster, intent: list[JSON], profile: JSON
) -> None:
    cluster = replace(cluster, served=(CILIUM_KIND,))
    compiled = compiled_in(cluster, intent, profile)
    cluster = told_apart(cluster)
    meaning = Meaning(cluster, intent, profile["isolate"], cilium=True)
    graph = Graph.build(
        cluster.all_namespaces,
        cluster.all_pods,
        [each for policy in compiled.policies for each in policy.read(HERE)],
        cluster.all_nodes,
        ClusterNetwork(blocks_cover_pods=False),
    )
    is_certain = not any(map(is_doubtful, intent))
    for direction, pod, other, port in halves(cluster):
        told = known(half(graph, Direction(direction), pod, other), port)
        if told is None:
            # Which addresses nodes and hosts have is only known to Cilium.
            assert not is_certain, (direction, pod, other, port)
            continue
        assert told is meaning.allows_half(direction, pod, other, port), (direction, pod, other)


def is_doubtful(rule: JSON) -> bool:
    """Say whether a rule names what addresses alone do not tell."""
    ends = (rule.get("from", {}), rule.get("to", {}))
    return any(
        "fqdn" in end
        or "cidr" in end
        or "service" in end
        or end.get("entity") in ("DNS", "Internet", "KubeAPIServer", "Nodes")
        for end in ends
    )


def told_apart(cluster: FixedCluster) -> FixedCluster:
    """Give each pod a label of its own, by which it is found again in the graph."""
    pods = (replace(pod, labels={**pod.labels, "pod": pod.name}) for pod in cluster.all_pods)
    return replace(cluster, all_pods=tuple(pods))


def half(graph: Graph, direction: Direction, pod: Endpoint, other: Endpoint) -> Connection:
    """Return what one end lets through, by the engine."""
    number = number_of(graph, pod)
    table = graph.table(number, direction)
    if not other.namespace:
        return at(table, of_address(other.address))
    own, theirs = place_of(graph, pod), place_of(graph, other)
    if direction is Direction.EGRESS:
        return between(table, theirs, FREE, own)
    return between(FREE, own, table, theirs)


def place_of(graph: Graph, end: Endpoint) -> PodSet:
    return bit(number_of(graph, end), family_of(of_address(end.address)))


def number_of(graph: Graph, end: Endpoint) -> int:
    found = graph.classes.of_pod(end.namespace, end.labels["pod"])
    assert found
    return found.number
