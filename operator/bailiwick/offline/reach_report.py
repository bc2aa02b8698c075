"""`bailiwick reach`: who can reach whom, as a table and as data."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from textwrap import indent
from typing import Any

from bailiwick.offline.plan_data import end_data
from bailiwick.offline.table import table
from bailiwick.offline.world import ENTRANCE, World
from bailiwick.policy.findings import words
from bailiwick.policy.findings.folding import Edge, folded, is_told
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.edges import Connection
from bailiwick.policy.reach.namespace_edges import End
from bailiwick.policy.reach.peers import PodSet
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.workloads import Workloads
from bailiwick.policy.rules import Direction


def edges(world: World, namespaces: Collection[str] = ()) -> Iterator[Edge[Connection]]:
    """Go through all that is possible, or what touches some namespaces."""
    for _, found in _by_source(world, namespaces):
        yield from found


def _by_source(
    world: World, namespaces: Collection[str]
) -> Iterator[tuple[End, Iterable[Edge[Connection]]]]:
    """Go through the edges of each source, which are looked for when it is their turn."""
    workloads = world.workloads
    asked: PodSet = 0
    for name in namespaces:
        asked |= workloads.graph.classes.in_namespace(name)
    incoming: dict[End, list[Edge[Connection]]] = defaultdict(list)
    for workload in workloads.classes:
        is_any = not namespaces or workload.namespace in namespaces
        yield workload, _from(workload, workloads, -1 if is_any else asked, outside=is_any)
        for edge in workloads.outside(workload, Direction.INGRESS) if is_any else ():
            incoming[edge.addresses].append(Edge(edge.addresses, workload, edge.connection))
        ports = world.entrances.get(workload)
        if is_any and ports:
            incoming[ENTRANCE].append(Edge(ENTRANCE, workload, Connection(ports)))
    yield from incoming.items()


def _from(
    source: Workload, workloads: Workloads, among: PodSet, *, outside: bool
) -> Iterator[Edge[Connection]]:
    for target, connection in workloads.targets(source, among).items():
        yield Edge(source, target, connection)
    for edge in workloads.outside(source, Direction.EGRESS) if outside else ():
        yield Edge(source, edge.addresses, edge.connection)


def as_text(world: World, namespaces: Collection[str] = (), *, is_known: bool = True) -> list[str]:
    """Return the lines of a table; `is_known` says whether all was read that it is made of."""
    here = next(iter(namespaces)) if len(namespaces) == 1 else ""
    names = Names(world.workloads.classes, here)
    rows = folded(edges(world, namespaces), names)
    cells = [(row.sources, row.targets, words.connection(row.says)) for row in rows]
    nothing = "Nobody can reach anybody." if is_known else "Who can reach whom is not known."
    return table(("FROM", "TO", "PORTS"), cells) or [nothing]


def as_data(world: World, namespaces: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Go through every edge as JSON, sorted; only those of one source are held at a time."""
    for _, found in sorted(_by_source(world, namespaces), key=lambda each: str(end_data(each[0]))):
        edges_of_source = (edge for edge in found if is_told(edge.source, edge.target))
        yield from sorted(map(_edge_data, edges_of_source), key=str)


def _edge_data(edge: Edge[Connection]) -> dict[str, Any]:
    return {
        "from": end_data(edge.source),
        "to": end_data(edge.target),
        "ports": words.ports(edge.says.allowed) if edge.says.allowed else "",
        **({"unknown": words.ports(edge.says.unknown)} if edge.says.unknown else {}),
    }


def as_json(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write a list of any length as JSON, item by item."""
    yield "["
    held = ""
    for item in items:
        if held:
            yield f"{held},"
        held = indent(json.dumps(item, indent=2), "  ")
    if held:
        yield held
    yield "]"
