"""All that a graph says, in forms in which two graphs can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bailiwick.policy.reach.addresses import of_address
from bailiwick.policy.reach.declared import half
from bailiwick.policy.reach.edges import Connection, at
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.rules import Direction

Picture = dict[Any, Any]
Answers = dict[Any, Connection]


def picture(graph: Graph) -> Picture:
    """Tell of every two classes, and of each with the world outside; numbers say nothing."""
    found: Picture = {}
    classes = list(graph.classes.all())
    for one in classes:
        found[one.signature] = (dict(one.workloads), dict(one.nodes), dict(one.places))
        for other in classes:
            connection = graph.connection(one.number, other.number)
            found[one.signature, other.signature] = connection
            for direction in Direction:
                let_through = half(graph, one.number, direction, other.number)
                found[one.signature, direction, other.signature] = let_through
        for direction in Direction:
            edges = graph.outside(one.number, direction)
            found[one.signature, direction] = {each.addresses: each.connection for each in edges}
    return found


def answers(graph: Graph, outside: Iterable[str]) -> Answers:
    """Tell of every two classes, and of each with some addresses outside."""
    found: Answers = {}
    classes = list(graph.classes.all())
    for one in classes:
        for other in classes:
            connection = graph.connection(one.number, other.number)
            found[one.signature, other.signature] = connection
        for direction in Direction:
            table = graph.table(one.number, direction)
            for address in outside:
                found[one.signature, direction, address] = at(table, of_address(address))
    return found
