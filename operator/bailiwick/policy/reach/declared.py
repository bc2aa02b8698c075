"""What intents and profiles declare of each class of pods, held against what is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.decide import Match
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import Action, Policy, PolicyKey
from bailiwick.policy.reach.peers import Peers, bits
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction


@dataclass(frozen=True, slots=True, order=True)
class DeclaredBy:
    """The rule of an intent, or the allowance of its profile, that a policy was made of.

    For a policy of somebody else it is the policy's own name.
    """

    rule: str
    from_profile: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """What a rule opens for a class of pods in one direction.

    `http` are the requests that it is limited to, in words. `is_certain`: it may open nothing else
    for all we know.
    """

    by: DeclaredBy
    ports: PortSet
    peers: Peers
    http: tuple[str, ...] = ()
    is_certain: bool = True


class Declared:
    """The halves of connections that the rules of some policies speak of, by class.

    `rules` are these policies, each with what it was made of; one that only isolates has no rule.
    `action` is that of the rules, None for any; `peers` chooses those that match for certain, or
    those that may match. `policies` are looked at where they need not be in force in the graph.
    """

    def __init__(
        self,
        graph: Graph,
        rules: Mapping[PolicyKey, DeclaredBy | None],
        action: Action | None = Action.ALLOW,
        peers: Callable[[Match], Peers] = attrgetter("certain"),
        policies: Sequence[Policy] | None = None,
    ) -> None:
        self._graph = graph
        self._policies = policies
        self._rules = rules
        self._action = action
        self._peers = peers
        self._known: dict[tuple[int, Direction], list[Opening] | None] = {}

    def openings(self, number: int, direction: Direction) -> list[Opening] | None:
        """Return what is declared for a class; None where no intent isolates it."""
        key = (number, direction)
        if key not in self._known:
            self._known[key] = self._look(number, direction)
        return self._known[key]

    def ports(self, number: int, direction: Direction, other: int) -> PortSet:
        """Return the ports that one end declares for another class; all where it is open."""
        openings = self.openings(number, direction)
        if openings is None:
            return port_sets.ALL
        return _joined(o.ports for o in openings if holds(o.peers, other))

    def ports_outside(self, number: int, direction: Direction, place: int) -> PortSet:
        """Return the ports that are declared for an address outside of the cluster."""
        openings = self.openings(number, direction)
        if openings is None:
            return port_sets.ALL
        return _joined(o.ports for o in openings if addresses.contains(o.peers.outside, place))

    def outside(self, number: int, direction: Direction) -> Iterator[Addresses]:
        """Go through the addresses outside that are declared for a class."""
        for opening in self.openings(number, direction) or ():
            if opening.peers.outside:
                yield opening.peers.outside

    def by(
        self,
        number: int,
        direction: Direction,
        ports: PortSet,
        other: int | None = None,
        place: int | None = None,
    ) -> set[DeclaredBy]:
        """Return what declares some of these ports, for a class or an address outside."""
        return {
            o.by
            for o in self.openings(number, direction) or ()
            if o.ports & ports
            and (
                (other is not None and holds(o.peers, other))
                or (place is not None and addresses.contains(o.peers.outside, place))
            )
        }

    def _look(self, number: int, direction: Direction) -> list[Opening] | None:
        found: list[Opening] = []
        isolated = False
        for policy in self._selecting(number):
            side = policy.sides.get(direction)
            if policy.key not in self._rules or side is None:
                continue
            isolated = True
            by = self._rules[policy.key]
            for rule in side.rules:
                if by is not None and self._action in (None, rule.action):
                    resolved = self._graph.resolved(rule, direction, number)
                    found += [
                        Opening(by, m.ports, self._peers(m), rule.http, not m.possible)
                        for m in resolved.matches
                    ]
        return found if isolated else None

    def _selecting(self, number: int) -> Iterable[Policy]:
        if self._policies is None:
            return self._graph.of_class(number)
        return [each for each in self._policies if self._graph.selects(each, number)]


def holds(peers: Peers, number: int) -> bool:
    """Say whether a class of pods is among some peers."""
    return bool(peers.pods & bits(number))


def half(graph: Graph, number: int, direction: Direction, other: int) -> PortSet:
    """Return the ports that one end lets through to another class, or may let through.

    What nobody but an admin policy denies is among them: the end has done its part.
    """
    return _joined(
        entry.ports
        for table in (
            graph.table(number, direction),
            graph.table_without_admin(number, direction),
        )
        for entry in table
        if holds(entry.allowed, other) or holds(entry.unknown, other)
    )


def _joined(sets: Iterator[PortSet]) -> PortSet:
    found = port_sets.NONE
    for ports in sets:
        found |= ports
    return found
