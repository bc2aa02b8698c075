"""Why each part of an edge is as it is: one explanation for all ports that are alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from typing import Final

from bailiwick.offline.ends import NamedEnd
from bailiwick.offline.picture.model import Why
from bailiwick.offline.planning import Plan
from bailiwick.offline.suggestions import Suggester
from bailiwick.offline.world import ENTRANCE, INGRESS_CONTROLLER
from bailiwick.policy.facts import Protocol
from bailiwick.policy.findings import words
from bailiwick.policy.ports import Port
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.explain import Explanation, Explanations, Place
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.halves import Outcome
from bailiwick.policy.reach.namespace_edges import End, NamespaceEdge, State
from bailiwick.policy.reach.peers import numbers
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction

_OUTCOMES: Final = {
    State.OPEN: Outcome.ALLOWED,
    State.WIDENED: Outcome.ALLOWED,
    State.CUT: Outcome.ALLOWED,
    State.HALF_OPEN: Outcome.DENIED,
    State.CLOSED: Outcome.DENIED,
    State.UNKNOWN: Outcome.UNKNOWN,
}


class Reasons:
    """Explains the edges of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._before = _Cuts(plan.world.workloads.graph)
        self._after = _Cuts(plan.after.workloads.graph)
        self._suggester = Suggester.of(plan)
        self._whys: dict[tuple[str, int, int, tuple[str, ...]], Why] = {}

    def whys(self, edge: NamespaceEdge) -> list[Why]:
        """Explain every port of an edge; those of which all is alike are together.

        Equal ones are the same.
        """
        cuts = self._before if edge.state is State.CUT else self._after
        found: dict[tuple[int, int], _Alike] = {}
        for source, target in product(self._places(edge.source), self._places(edge.target)):
            for one, other, ports in cuts.parts(source, target, edge.ports):
                port = port_sets.first(ports)
                told = cuts.explanations.explain(one, other, *port)
                if told.outcome is _OUTCOMES[edge.state]:
                    enforced = self._once_enforced(edge, one, other, port)
                    alike = found.setdefault((id(told), id(enforced)), _Alike(told, enforced))
                    alike.ports = alike.ports | ports if alike.ports else ports
        return [self._why(edge, each) for each in sorted(found.values(), key=attrgetter("ports"))]

    def _why(self, edge: NamespaceEdge, alike: _Alike) -> Why:
        told, enforced = alike.told, alike.enforced
        add = self._additions(edge, alike.ports, told)
        key = words.ports(alike.ports), id(told), id(enforced), add
        found = self._whys.get(key)
        if found is None:
            found = self._whys[key] = Why(key[0], told, enforced, add)
        return found

    def _places(self, end: End) -> list[Place | Addresses]:
        if not isinstance(end, Workload):
            return [end]
        if end == ENTRANCE:
            classes = self._plan.after.workloads.graph.classes
            return [Place(number) for number in numbers(classes.in_namespace(INGRESS_CONTROLLER))]
        return [Place(number) for number in self._plan.after.workloads.classes[end]]

    def _once_enforced(
        self, edge: NamespaceEdge, source: Place, target: Place, port: tuple[Protocol, int]
    ) -> Explanation | None:
        if edge.state is not State.CUT:
            return None
        return self._after.explanations.explain(source, target, *port)

    def _additions(self, edge: NamespaceEdge, ports: PortSet, told: Explanation) -> tuple[str, ...]:
        """Return the YAML that the other side would have to add."""
        source, target = edge.source, edge.target
        if edge.state is not State.HALF_OPEN:
            return ()
        if not isinstance(source, Workload) or not isinstance(target, Workload):
            return ()
        protocol, first = port_sets.first(ports)
        ends = (NamedEnd(source.name, (source,)), NamedEnd(target.name, (target,)))
        return tuple(self._suggester.suggest(*ends, Port.number(first, protocol), told))


@dataclass(slots=True)
class _Alike:
    """Ports of which all is alike, now and once every intent is enforced."""

    told: Explanation
    enforced: Explanation | None
    ports: PortSet = port_sets.NONE


class _Cuts:
    """Where the rules for a class of pods in a direction tell ports and addresses apart."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.explanations = Explanations(graph)
        self._known: dict[tuple[int, Direction], tuple[list[PortSet], list[Addresses]]] = {}

    def parts(
        self, source: Place | Addresses, target: Place | Addresses, ports: PortSet
    ) -> Iterator[tuple[Place, Place, PortSet]]:
        """Cut a connection so that no rule tells anything apart within a part."""
        asked: list[PortSet] = []
        blocks: list[Addresses] = []
        for end, direction in ((source, Direction.EGRESS), (target, Direction.INGRESS)):
            if isinstance(end, Place) and end.number is not None:
                own_ports, own_blocks = self._of(end.number, direction)
                asked += own_ports
                blocks += own_blocks
        pairs = product(_places(source, blocks), _places(target, blocks))
        parts = list(_cut(ports, asked))
        for one, other in pairs:
            for part in parts:
                yield one, other, part

    def _of(self, number: int, direction: Direction) -> tuple[list[PortSet], list[Addresses]]:
        key = (number, direction)
        if key not in self._known:
            ports: dict[PortSet, None] = {}
            blocks: dict[Addresses, None] = {}
            for policy in self.graph.of_class(number):
                side = policy.sides.get(direction)
                for rule in side.rules if side else ():
                    for match in self.graph.resolved(rule, direction, number).matches:
                        ports[match.ports] = None
                        blocks[match.certain.outside] = blocks[match.possible.outside] = None
            self._known[key] = (list(ports), [block for block in blocks if block])
        return self._known[key]


def _places(end: Place | Addresses, blocks: Iterable[Addresses]) -> list[Place]:
    """Return one address of each part of a block."""
    if isinstance(end, Place):
        return [end]
    return [
        Place(address=first)
        for first, _ in addresses.split([end, *blocks])
        if addresses.contains(end, first)
    ]


def _cut(ports: PortSet, along: Iterable[PortSet]) -> list[PortSet]:
    parts = [ports]
    for cut in along:
        pieces = [piece for part in parts for piece in (part & cut, part & ~cut) if piece]
        parts = pieces
    return parts
