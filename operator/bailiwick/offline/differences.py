"""What becomes possible, impossible or otherwise possible from one state of things to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bailiwick.offline.world import ENTRANCE, World
from bailiwick.policy.findings.folding import is_told
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Addresses, Range
from bailiwick.policy.reach.edges import Connection, OutsideEdge
from bailiwick.policy.reach.namespace_edges import End
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction

NOTHING = Connection()


class Kind(StrEnum):
    """How an edge differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """An edge that is not what it was."""

    source: End
    target: End
    before: Connection
    after: Connection

    @property
    def kind(self) -> Kind:
        """How the edge differs."""
        if not self.before:
            return Kind.ADDED
        return Kind.CHANGED if self.after else Kind.REMOVED


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from an earlier state of things."""

    before: World
    edges: tuple[Change, ...]


def differences(before: World, after: World) -> list[Change]:
    """Return the edges that differ, by workloads' names."""
    return [*_inside(before, after), *_outside(before, after), *_entrances(before, after)]


def _inside(before: World, after: World) -> Iterator[Change]:
    for source in sorted({*before.workloads.classes, *after.workloads.classes}):
        was, then = _targets(before, source), _targets(after, source)
        for target in sorted(was.keys() | then.keys()):
            old, new = was.get(target, NOTHING), then.get(target, NOTHING)
            if old != new and is_told(source, target):
                yield Change(source, target, old, new)


def _targets(world: World, source: Workload) -> Mapping[Workload, Connection]:
    return world.workloads.targets(source) if source in world.workloads.classes else {}


def _outside(before: World, after: World) -> Iterator[Change]:
    for workload in sorted({*before.workloads.classes, *after.workloads.classes}):
        for direction in Direction:
            was = before.workloads.outside(workload, direction)
            then = after.workloads.outside(workload, direction)
            for block, old, new in _compared(was, then):
                ends: tuple[End, End] = (block, workload)
                source, target = ends if direction is Direction.INGRESS else ends[::-1]
                yield Change(source, target, old, new)


def _compared(
    was: list[OutsideEdge], then: list[OutsideEdge]
) -> Iterator[tuple[Addresses, Connection, Connection]]:
    found: dict[tuple[Connection, Connection], list[Range]] = defaultdict(list)
    for each in addresses.split(edge.addresses for edge in (*was, *then)):
        old, new = _at(was, each), _at(then, each)
        if old != new:
            found[old, new].append(each)
    for (old, new), ranges in found.items():
        yield addresses.merged(ranges), old, new


def _at(edges: list[OutsideEdge], each: Range) -> Connection:
    found = (e.connection for e in edges if addresses.contains(e.addresses, each[0]))
    return next(found, NOTHING)


def _entrances(before: World, after: World) -> Iterator[Change]:
    for workload in sorted(before.entrances.keys() | after.entrances.keys()):
        old, new = _ports(before.entrances, workload), _ports(after.entrances, workload)
        if old != new:
            yield Change(ENTRANCE, workload, old, new)


def _ports(entrances: Mapping[Workload, PortSet], workload: Workload) -> Connection:
    return Connection(entrances.get(workload, 0))
