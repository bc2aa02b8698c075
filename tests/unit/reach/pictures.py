"""All that a graph says, in a form in which two graphs can be compared."""

from __future__ import annotations

from typing import Any

from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.rules import Direction

Picture = dict[Any, Any]


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
            edges = graph.outside(one.number, direction)
            found[one.signature, direction] = {each.addresses: each.connection for each in edges}
    return found
