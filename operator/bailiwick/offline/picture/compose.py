"""The picture of a plan: every workload, and one line for each way in which two are connected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bailiwick.kube.resources import SECURITY_INTENTS, SECURITY_PROFILES
from bailiwick.offline.findings import Finding
from bailiwick.offline.picture.model import Group, Line, Node, Picture, Side, Stroke
from bailiwick.offline.picture.reasons import Reasons
from bailiwick.offline.planning import NamespacePlan, Plan
from bailiwick.offline.world import ENTRANCE, INGRESS_CONTROLLER
from bailiwick.policy.findings import words
from bailiwick.policy.findings.folding import is_told
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.decide import FREE
from bailiwick.policy.reach.declared import Declared
from bailiwick.policy.reach.edges import Connection
from bailiwick.policy.reach.namespace_edges import End, NamespaceEdge, State
from bailiwick.policy.reach.peers import numbers
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction

_STROKES: Final = {
    State.OPEN: Stroke.DECLARED,
    State.WIDENED: Stroke.WIDENED,
    State.CLOSED: Stroke.CLOSED,
    State.HALF_OPEN: Stroke.HALF_OPEN,
    State.CUT: Stroke.CUT,
    State.UNKNOWN: Stroke.UNKNOWN,
}
_KNOWS_MORE: Final = {
    Stroke.UNDECLARED: Stroke.DECLARED,
    Stroke.HALF_OPEN: Stroke.CLOSED,
}
_POSSIBLE: Final = (Stroke.DECLARED, Stroke.UNDECLARED, Stroke.WIDENED)
_OURS: Final = frozenset({SECURITY_PROFILES.plural, SECURITY_INTENTS.plural})
_SEVERITY: Final = tuple(Stroke)
_SIDES: Final = {Direction.INGRESS: Side.COMES_IN, Direction.EGRESS: Side.GOES_OUT}

Ends = tuple[End, End]


def compose(plan: Plan, namespaces: Collection[str] = ()) -> Picture:
    """Return the picture of a plan, or of what touches some namespaces."""
    return _Composer(plan, frozenset(namespaces)).picture()


@dataclass(slots=True)
class _Drawn:
    """What is gathered of one line: its ports, the rules that speak of it, and why.

    On the ports `limited` one end at least lets only some requests through.
    """

    ports: PortSet = 0
    by: set[str] = field(default_factory=set)
    limited: PortSet = 0
    edges: list[NamespaceEdge] = field(default_factory=list)


class _Composer:
    def __init__(self, plan: Plan, namespaces: frozenset[str]) -> None:
        self._plan = plan
        self._only = namespaces
        self._workloads = plan.after.workloads
        self._held = {each.name: each for each in plan.namespaces if each.held.effective}
        self._reasons = Reasons(plan)
        self._open = {
            workload: {direction: self._is_open(workload, direction) for direction in Direction}
            for workload in self._workloads.classes
        }

    def picture(self) -> Picture:
        """Draw everything."""
        drawn = self._drawn()
        ends = {(side, end) for pair, _ in drawn for side, end in self._sided(*pair)}
        ends |= {
            (Side.NAMESPACE, workload)
            for workload in self._workloads.classes
            if not self._only or workload.namespace in self._only
        }
        groups = self._groups({_group_of(side, end) for side, end in ends})
        places = {(group.side, group.name): number for number, group in enumerate(groups)}
        placed = sorted(
            ((places[_group_of(side, end)], self._name(end), end, side) for side, end in ends),
            key=lambda each: (each[0], each[1], str(each[2])),
        )
        ports = _reached(drawn)
        nodes = tuple(self._node(group, name, end, ports) for group, name, end, _ in placed)
        known = {(side, end): number for number, (*_, end, side) in enumerate(placed)}
        lines = []
        for (pair, stroke), found in drawn.items():
            source, target = (known[sided] for sided in self._sided(*pair))
            lines.append(self._line(source, target, stroke, found))
        return Picture(
            tuple(groups),
            nodes,
            tuple(sorted(lines, key=lambda line: (line.source, line.target, _rank(line.stroke)))),
            tuple(self._notes()),
            tuple(self._other_findings({group.name for group in groups})),
        )

    # What is drawn

    def _drawn(self) -> dict[tuple[Ends, Stroke], _Drawn]:
        found: dict[tuple[Ends, Stroke], _Drawn] = defaultdict(_Drawn)
        kept = port_sets.Kept()
        for edge, plan in self._edges():
            if not is_told(edge.source, edge.target) or self._goes_without_saying(edge):
                continue
            drawn = found[(edge.source, edge.target), _stroke(edge)]
            ports = kept.of(edge.ports)
            if drawn.ports is not ports:
                drawn.ports = kept.of(ports | drawn.ports)
            drawn.by |= {plan.by(by) for by in edge.by} if plan else set()
            if plan is not None and plan.is_limited(edge):
                drawn.limited = kept.of(edge.ports | drawn.limited)
            own = edge if edge.ports is ports else replace(edge, ports=ports)
            # The intents of both ends may say the same of it.
            if own not in drawn.edges:
                drawn.edges.append(own)
        for pair, stroke in list(found):
            _leave_to_others(found, pair, stroke)
        return found

    def _edges(self) -> Iterator[tuple[NamespaceEdge, NamespacePlan | None]]:
        """Go through all edges, each with the plan of the intent that speaks of it."""
        for each in self._held.values():
            for edge in (*each.edges, *each.cut):
                if self._touches(edge.source, edge.target):
                    yield edge, each
        for edge in self._unspoken():
            yield edge, None
        for edge in self._entrances():
            target = edge.target
            yield edge, self._held.get(target.namespace) if isinstance(target, Workload) else None

    def _unspoken(self) -> Iterator[NamespaceEdge]:
        """Go through what is possible where no intent speaks of it."""
        outsiders = [w for w in self._workloads.classes if w.namespace not in self._held]
        for source in outsiders:
            for target, connection in self._workloads.targets(source).items():
                if target.namespace not in self._held and self._touches(source, target):
                    yield from _possible(source, target, connection)
            if self._touches(source):
                for direction in Direction:
                    for edge in self._workloads.outside(source, direction):
                        ends = (source, edge.addresses)
                        one, other = ends if direction is Direction.EGRESS else ends[::-1]
                        yield from _possible(one, other, edge.connection)

    def _entrances(self) -> Iterator[NamespaceEdge]:
        """Go through what an Ingress or a route opens."""
        graph = self._workloads.graph
        declared = Declared(graph, self._plan.made_of)
        (itself,) = numbers(graph.classes.in_namespace(INGRESS_CONTROLLER))
        for workload, ports in self._plan.after.entrances.items():
            if not self._touches(workload):
                continue
            for number in self._workloads.classes[workload]:
                asked = declared.ports(number, Direction.INGRESS, itself)
                by = tuple(sorted(declared.by(number, Direction.INGRESS, ports, other=itself)))
                for state, part in ((State.OPEN, ports & asked), (State.WIDENED, ports & ~asked)):
                    if part:
                        yield NamespaceEdge(ENTRANCE, workload, state, part, by)

    def _touches(self, *ends: End) -> bool:
        return not self._only or any(
            isinstance(end, Workload) and end.namespace in self._only for end in ends
        )

    def _goes_without_saying(self, edge: NamespaceEdge) -> bool:
        """Say whether an edge is there since nothing restricts either end: no line is drawn."""
        if edge.state is not State.OPEN or edge.by or edge.source == ENTRANCE:
            return False
        return self._is_end_open(edge.source, Direction.EGRESS) and self._is_end_open(
            edge.target, Direction.INGRESS
        )

    def _is_end_open(self, end: End, direction: Direction) -> bool:
        return self._open[end][direction] if isinstance(end, Workload) else True

    def _is_open(self, workload: Workload, direction: Direction) -> bool:
        graph = self._workloads.graph
        return all(graph.table(n, direction) is FREE for n in self._workloads.classes[workload])

    # What is said of it

    def _line(self, source: int, target: int, stroke: Stroke, found: _Drawn) -> Line:
        # Equal ones are the same, and slow to compare.
        whys = {id(why): why for edge in found.edges for why in self._reasons.whys(edge)}
        by = tuple(sorted(found.by))
        ports = words.ports(found.ports)
        if found.limited and not found.ports & ~found.limited:
            ports += ", some requests only"
        return Line(source, target, stroke, ports, by, tuple(whys.values()))

    def _node(self, group: int, name: str, end: End, reached: Mapping[End, PortSet]) -> Node:
        if not isinstance(end, Workload) or end == ENTRANCE:
            return Node(group, name)
        ports = words.ports(reached[end]) if end in reached else ""
        is_open = self._open[end]
        return Node(
            group, name, end.kind, ports, is_open[Direction.INGRESS], is_open[Direction.EGRESS]
        )

    def _name(self, end: End) -> str:
        return end.name if isinstance(end, Workload) else words.outside(end)

    def _groups(self, wanted: Iterable[tuple[Side, str]]) -> list[Group]:
        order = tuple(Side)
        return [
            self._group(side, name)
            for side, name in sorted(wanted, key=lambda each: (order.index(each[0]), each[1]))
        ]

    def _group(self, side: Side, name: str) -> Group:
        if side is not Side.NAMESPACE:
            return Group(side, name)
        plan = next((each for each in self._plan.namespaces if each.name == name), None)
        findings = plan.findings if plan else ()
        further = [f for f in self._plan.findings if f.namespace == name]
        return Group(side, name, self._held_to(plan), (*findings, *further))

    def _held_to(self, plan: NamespacePlan | None) -> str:
        effective = plan.held.effective if plan else None
        if effective is not None:
            return f"profile {effective.profile}, {effective.enforcement.value}"
        if plan is not None:
            return "intent without effect"
        is_known = _OURS.isdisjoint(self._plan.unreadable)
        return "no intent" if is_known else "intent not known"

    def _other_findings(self, drawn: Collection[str]) -> Iterator[Finding]:
        for finding in self._plan.all_findings():
            asked = not self._only or finding.namespace in self._only
            if asked and finding.namespace not in drawn:
                yield finding

    def _sided(self, source: End, target: End) -> tuple[tuple[Side, End], tuple[Side, End]]:
        return (_side(source, Side.COMES_IN), source), (_side(target, Side.GOES_OUT), target)

    def _notes(self) -> Iterator[str]:
        for kind, reason in sorted(self._plan.unreadable.items()):
            yield f"Not known, since it may not be read: {kind}: {reason}"
        yield from self._plan.assumed


def _leave_to_others(found: dict[tuple[Ends, Stroke], _Drawn], pair: Ends, stroke: Stroke) -> None:
    """Take from a line the ports of which the intent of the other end knows more.

    What one says nothing of may be declared by the other. What seems half-open to one, since the
    other end lets nothing through, the other may declare too, and somebody else denies it.
    """
    better = _KNOWS_MORE.get(stroke)
    if better is not None and (pair, better) in found:
        left = found[pair, stroke].ports & ~found[pair, better].ports
        if left:
            found[pair, stroke].ports = left
        else:
            del found[pair, stroke]


def _possible(source: End, target: End, connection: Connection) -> Iterator[NamespaceEdge]:
    for state, ports in ((State.OPEN, connection.allowed), (State.UNKNOWN, connection.unknown)):
        if ports:
            yield NamespaceEdge(source, target, state, ports)


def _reached(drawn: Mapping[tuple[Ends, Stroke], _Drawn]) -> dict[End, PortSet]:
    """Return the ports on which something is reached now and after, by what is reached."""
    found: dict[End, PortSet] = defaultdict(int)
    for ((_, target), stroke), line in drawn.items():
        if stroke in _POSSIBLE:
            found[target] |= line.ports
    return found


def _stroke(edge: NamespaceEdge) -> Stroke:
    return Stroke.UNDECLARED if edge.state is State.OPEN and not edge.by else _STROKES[edge.state]


def _rank(stroke: Stroke) -> int:
    return _SEVERITY.index(stroke)


def _side(end: End, outside: Side) -> Side:
    return Side.NAMESPACE if isinstance(end, Workload) and end != ENTRANCE else outside


def _group_of(side: Side, end: End) -> tuple[Side, str]:
    named = isinstance(end, Workload) and side is Side.NAMESPACE
    return side, end.namespace if named and isinstance(end, Workload) else ""
