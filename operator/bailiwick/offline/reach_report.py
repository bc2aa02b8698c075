"""`bailiwick reach`: who can reach whom, as a table and as data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from bailiwick.offline.plan_data import end_data
from bailiwick.offline.table import table
from bailiwick.offline.world import ENTRANCE, World
from bailiwick.policy.findings import words
from bailiwick.policy.findings.folding import Edge, folded, is_told
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.edges import Connection
from bailiwick.policy.reach.peers import PodSet
from bailiwick.policy.rules import Direction


def edges(world: World, namespaces: Collection[str] = ()) -> Iterator[Edge[Connection]]:
    """Go through all that is possible, or what touches some namespaces."""
    workloads = world.workloads
    asked: PodSet = 0
    for name in namespaces:
        asked |= workloads.graph.classes.in_namespace(name)
    for source in workloads.classes:
        is_any = not namespaces or source.namespace in namespaces
        for target, connection in workloads.targets(source, -1 if is_any else asked).items():
            yield Edge(source, target, connection)
    for workload in workloads.classes:
        if namespaces and workload.namespace not in namespaces:
            continue
        for edge in workloads.outside(workload, Direction.EGRESS):
            yield Edge(workload, edge.addresses, edge.connection)
        for edge in workloads.outside(workload, Direction.INGRESS):
            yield Edge(edge.addresses, workload, edge.connection)
        if world.entrances.get(workload):
            yield Edge(ENTRANCE, workload, Connection(world.entrances[workload]))


def as_text(world: World, namespaces: Collection[str] = ()) -> list[str]:
    """Return the lines of a table."""
    here = next(iter(namespaces)) if len(namespaces) == 1 else ""
    names = Names(world.workloads.classes, here)
    rows = folded(edges(world, namespaces), names)
    cells = [(row.sources, row.targets, words.connection(row.says)) for row in rows]
    return table(("FROM", "TO", "PORTS"), cells) or ["Nobody can reach anybody."]


def as_data(world: World, namespaces: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return every edge as JSON, sorted."""
    found = [
        {
            "from": end_data(edge.source),
            "to": end_data(edge.target),
            "ports": words.ports(edge.says.allowed) if edge.says.allowed else "",
            **({"unknown": words.ports(edge.says.unknown)} if edge.says.unknown else {}),
        }
        for edge in edges(world, namespaces)
        if is_told(edge.source, edge.target)
    ]
    return sorted(found, key=str)
