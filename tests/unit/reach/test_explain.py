"""Why a connection is possible or not: the rules that decide, tier by tier."""

from __future__ import annotations

from hypothesis import given

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.edges import at
from bailiwick.policy.reach.explain import Outcome, Place, explain
from bailiwick.policy.rules import Direction
from tests.unit.reach.worlds import OUTSIDE, PORTS, World, by_class, known, worlds

OUTCOMES = {True: Outcome.ALLOWED, False: Outcome.DENIED, None: Outcome.UNKNOWN}


@given(worlds())
def test_it_comes_to_what_the_graph_says_of_every_two_pods(world: World) -> None:
    graph = world.graph()
    numbers = sorted({number for number, _ in by_class(world, graph)})
    for source in numbers:
        for target in numbers:
            for port in PORTS:
                told = explain(graph, Place(source), Place(target), port.protocol, port.number)
                assert told.outcome is OUTCOMES[known(graph.connection(source, target), port)]


@given(worlds())
def test_it_comes_to_what_the_graph_says_of_every_address(world: World) -> None:
    graph = world.graph()
    for number in {number for number, _ in by_class(world, graph)}:
        for address in OUTSIDE:
            place = addresses.of_address(address)
            for port in PORTS:
                asked = port.protocol, port.number
                out = explain(graph, Place(number), Place(address=place), *asked)
                into = explain(graph, Place(address=place), Place(number), *asked)
                egress = at(graph.table(number, Direction.EGRESS), place)
                ingress = at(graph.table(number, Direction.INGRESS), place)
                assert out.outcome is OUTCOMES[known(egress, port)]
                assert into.outcome is OUTCOMES[known(ingress, port)]
