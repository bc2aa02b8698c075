"""The edges of one namespace: what is declared, what is possible, and where the two differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses, Range
from bailiwick.policy.reach.declared import Declared, DeclaredBy, half
from bailiwick.policy.reach.edges import Connection, OutsideEdge
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.peers import PodSet, bits, numbers
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.reach.workloads import Workloads
from bailiwick.policy.rules import Direction

End = Workload | Addresses
"""A workload, or addresses outside of the cluster."""


class State(StrEnum):
    """How what is possible stands to what is declared.

    OPEN: declared here and possible, whoever opened the other half. WIDENED: possible and not
    declared here. CLOSED: declared, and other policies forbid it. HALF_OPEN: declared here, and
    the other namespace does not let it through. CUT: possible today and not once the intent is
    enforced. UNKNOWN: nobody can tell.
    """

    OPEN = "open"
    WIDENED = "widened"
    CLOSED = "closed"
    HALF_OPEN = "half-open"
    CUT = "cut"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NamespaceEdge:
    """Some ports from one end to another that have one state, and the rules that speak of it."""

    source: End
    target: End
    state: State
    ports: PortSet
    by: tuple[DeclaredBy, ...] = ()


_OPPOSITE = {Direction.INGRESS: Direction.EGRESS, Direction.EGRESS: Direction.INGRESS}

Says = tuple[State, tuple[DeclaredBy, ...]]


def namespace_edges(here: str, workloads: Workloads, declared: Declared) -> list[NamespaceEdge]:
    """Return the edges of a namespace whose intent is among what `declared` tells of."""
    found = _Found(workloads.graph)
    for source, target in _pairs(here, workloads, declared):
        for says, ports in _compared(here, source, target, workloads.graph, declared):
            found.add(source, target, says, ports)
    for number in _classes(here, workloads):
        for direction in Direction:
            cuts = list(declared.outside(number, direction))
            for each, connection in _outside(workloads.graph, number, direction, cuts):
                for says, ports in _compared_outside(number, direction, each, connection, declared):
                    found.add_outside(number, direction, each, says, ports)
    return found.edges()


def cut_edges(here: str, before: Workloads, after: Workloads) -> list[NamespaceEdge]:
    """Return what becomes impossible in a namespace; both graphs are of the same pods."""
    found = _Found(before.graph)
    says: Says = (State.CUT, ())
    for source, target in _pairs(here, before):
        was = before.graph.connection(source, target).allowed
        remain = was and _possible(after.graph.connection(source, target))
        lost = was & ~remain if remain else was
        found.add(source, target, says, lost)
    for number in _classes(here, before):
        for direction in Direction:
            remaining = after.graph.outside(number, direction)
            cuts = [edge.addresses for edge in remaining]
            for each, connection in _outside(before.graph, number, direction, cuts):
                left = _at(remaining, each)
                lost = connection.allowed & ~_possible(left)
                found.add_outside(number, direction, each, says, lost)
    return found.edges()


class _Found:
    """Ports by both ends and what is to be said of them, gathered over classes and ranges."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._inside: dict[tuple[Workload, Workload, Says], PortSet] = {}
        self._ports = port_sets.Kept()
        self._outside: dict[tuple[Workload, Direction, Says, PortSet], list[Range]] = defaultdict(
            list
        )

    def add(self, source: int, target: int, says: Says, ports: PortSet) -> None:
        """Take in some ports between two classes."""
        if ports:
            own = self._ports.of(ports)
            for one in self._graph.classes[source].workloads:
                for other in self._graph.classes[target].workloads:
                    known = self._inside.setdefault((one, other, says), own)
                    if known is not own:
                        self._inside[one, other, says] = self._ports.of(known | own)

    def add_outside(
        self, number: int, direction: Direction, each: Range, says: Says, ports: PortSet
    ) -> None:
        """Take in some ports between a class and a range of addresses."""
        if ports:
            own = self._ports.of(ports)
            for workload in self._graph.classes[number].workloads:
                self._outside[workload, direction, says, own].append(each)

    def edges(self) -> list[NamespaceEdge]:
        """Return all as edges."""
        result = [
            NamespaceEdge(source, target, says[0], ports, says[1])
            for (source, target, says), ports in self._inside.items()
        ]
        for (workload, direction, says, ports), ranges in self._outside.items():
            ends: tuple[End, End] = (addresses.merged(ranges), workload)
            source, target = ends if direction is Direction.INGRESS else ends[::-1]
            result.append(NamespaceEdge(source, target, says[0], ports, says[1]))
        return result


def _compared(
    here: str, source: int, target: int, graph: Graph, declared: Declared
) -> Iterator[tuple[Says, PortSet]]:
    connection = graph.connection(source, target)
    ours = list(_own_halves(here, source, target, graph))
    own = port_sets.ALL
    for number, direction, other in ours:
        if not graph.of_own_nodes(number) & bits(other):
            own &= declared.ports(number, direction, other)
    found = {
        State.OPEN: connection.allowed & own,
        State.WIDENED: connection.allowed & ~own,
        State.UNKNOWN: connection.unknown,
    }
    found |= _missing(ours, connection, graph, declared)
    for state, ports in found.items():
        if ports:
            rules = {by for n, d, o in ours for by in declared.by(n, d, ports, other=o)}
            yield (state, tuple(sorted(rules))), ports


def _missing(
    ours: Sequence[tuple[int, Direction, int]],
    connection: Connection,
    graph: Graph,
    declared: Declared,
) -> dict[State, PortSet]:
    """Return what the namespace's own halves declare and is not possible."""
    if all(declared.openings(number, direction) is None for number, direction, _ in ours):
        return {}
    asked = port_sets.ALL
    for number, direction, other in ours:
        asked &= declared.ports(number, direction, other)
    missing = asked & ~_possible(connection)
    if len(ours) > 1 or not missing:
        return {State.CLOSED: missing}
    number, direction, other = ours[0]
    theirs = half(graph, other, _OPPOSITE[direction], number)
    return {State.HALF_OPEN: missing & ~theirs, State.CLOSED: missing & theirs}


def _compared_outside(
    number: int, direction: Direction, each: Range, connection: Connection, declared: Declared
) -> Iterator[tuple[Says, PortSet]]:
    asked = declared.ports_outside(number, direction, each[0])
    isolated = declared.openings(number, direction) is not None
    found = {
        State.OPEN: connection.allowed & asked,
        State.WIDENED: connection.allowed & ~asked,
        State.UNKNOWN: connection.unknown,
        State.CLOSED: asked & ~_possible(connection) if isolated else port_sets.NONE,
    }
    for state, ports in found.items():
        if ports:
            rules = declared.by(number, direction, ports, place=each[0])
            yield (state, tuple(sorted(rules))), ports


def _classes(here: str, workloads: Workloads) -> list[int]:
    graph = workloads.graph
    return [number for number in workloads.numbers() if graph.classes[number].namespace == here]


def _pairs(
    here: str, workloads: Workloads, declared: Declared | None = None
) -> Iterator[tuple[int, int]]:
    """Go through the pairs of classes of which there may be something to say, each once.

    That is where the end in the namespace lets something through, or declares it.
    """
    everybody = frozenset(workloads.numbers())
    seen: set[tuple[int, int]] = set()
    for number in _classes(here, workloads):
        for direction in Direction:
            others = _let_through(workloads.graph, number, direction)
            for opening in (declared.openings(number, direction) if declared else None) or ():
                others |= opening.peers.pods
            for other in numbers(others & workloads.graph.classes.live):
                pair = (number, other) if direction is Direction.EGRESS else (other, number)
                if other in everybody and pair not in seen:
                    seen.add(pair)
                    yield pair


def _let_through(graph: Graph, number: int, direction: Direction) -> PodSet:
    found: PodSet = 0
    for entry in graph.table(number, direction):
        found |= entry.allowed.pods | entry.unknown.pods
    return found


def _own_halves(
    here: str, source: int, target: int, graph: Graph
) -> Iterator[tuple[int, Direction, int]]:
    """Go through the halves of a connection that the namespace's own intent speaks of."""
    if graph.classes[source].namespace == here:
        yield source, Direction.EGRESS, target
    if graph.classes[target].namespace == here:
        yield target, Direction.INGRESS, source


def _outside(
    graph: Graph, number: int, direction: Direction, cuts: list[Addresses]
) -> Iterator[tuple[Range, Connection]]:
    """Go through all addresses outside, cut where what is possible or `cuts` tell them apart."""
    edges = graph.outside(number, direction)
    for each in addresses.split([*(edge.addresses for edge in edges), *cuts]):
        yield each, _at(edges, each)


def _at(edges: Iterable[OutsideEdge], each: Range) -> Connection:
    found = (e.connection for e in edges if addresses.contains(e.addresses, each[0]))
    return next(found, Connection())


def _possible(connection: Connection) -> PortSet:
    return connection.allowed | connection.unknown
