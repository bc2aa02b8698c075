"""After any changes the graph is what it would be if it were made anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.facts import Namespace, Node, Pod
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import Policy, PolicyKey
from tests.unit.reach.examples import many
from tests.unit.reach.pictures import picture
from tests.unit.reach.policies import read
from tests.unit.reach.worlds import World, networks, worlds


@dataclass(frozen=True)
class Removed:
    """What is taken away: its type, and its key, or its namespace and name."""

    type: type
    key: Any


Object = Namespace | Node | Pod | Policy
Edit = Object | Removed


def key_of(made: Object) -> Removed:
    match made:
        case Pod():
            return Removed(Pod, (made.namespace, made.name))
        case Policy():
            return Removed(Policy, made.key)
    return Removed(type(made), made.name)


def objects_of(world: World) -> list[Object]:
    return [
        *(Namespace(name, "", labels) for name, labels in world.namespaces.items()),
        *world.nodes,
        *world.pods,
        *map(read, world.policies),
    ]


@st.composite
def edits(draw: st.DrawFn) -> list[Edit]:
    """Return what comes, changes, goes and comes again, in the order in which that happens."""
    one, other = draw(worlds()), draw(worlds(placed=False))
    objects = [*objects_of(one), *objects_of(other)]
    puts = st.sampled_from(objects)
    return draw(st.lists(st.one_of(puts, puts, puts.map(key_of)), max_size=8))


def apply(graph: Graph, edit: Edit) -> None:
    match edit:
        case Pod():
            graph.put_pod(edit)
        case Policy():
            graph.put_policy(edit)
        case Namespace():
            graph.put_namespace(edit)
        case Node():
            graph.put_node(edit)
        case Removed(type=kind, key=key) if kind is Pod:
            graph.remove_pod(*key)
        case Removed(type=kind, key=key) if kind is Policy:
            graph.remove_policy(key)
        case Removed(type=kind, key=key) if kind is Namespace:
            graph.remove_namespace(key)
        case Removed(key=key):
            graph.remove_node(key)


def made_anew(network: ClusterNetwork, made: list[Edit]) -> Graph:
    left: dict[Removed, Object] = {}
    for edit in made:
        if isinstance(edit, Removed):
            left.pop(edit, None)
        else:
            left[key_of(edit)] = edit

    def of(kind: type) -> list[Any]:
        return [each for each in left.values() if isinstance(each, kind)]

    return Graph.build(of(Namespace), of(Pod), of(Policy), of(Node), network)


@many
@given(networks, worlds().map(objects_of), edits())
def test_edits_of_every_kind(network: ClusterNetwork, start: list[Edit], made: list[Edit]) -> None:
    graph = made_anew(network, start)
    for number, edit in enumerate(made, 1):
        apply(graph, edit)
        # After each, since a later one may mend by chance what was left as it was.
        assert picture(graph) == picture(made_anew(network, [*start, *made[:number]]))


def test_what_is_not_there_can_be_removed() -> None:
    graph = Graph()
    graph.remove_pod("shop", "cart")
    graph.remove_policy(PolicyKey("NetworkPolicy", "shop", "none"))
    graph.remove_namespace("shop")
    graph.remove_node("n0")
    assert picture(graph) == {}
