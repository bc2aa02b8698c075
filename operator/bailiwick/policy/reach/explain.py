"""Why a connection is possible or not: policy by policy, rule by rule, for each half.

It goes through the same tiers as `decide`, for one peer on one port.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from bailiwick.policy.facts import Protocol
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.decide import Match
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import Action, Policy, PolicyKey, Tier
from bailiwick.policy.reach.peers import Peers
from bailiwick.policy.rules import Direction


class Outcome(StrEnum):
    """What becomes of a connection, or of one half of it."""

    ALLOWED = "Allowed"
    DENIED = "Denied"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """Who is at an end: a class of pods by its number, or an address outside of the cluster."""

    number: int | None = None
    address: int | None = None

    def among(self, peers: Peers) -> bool:
        """Say whether this end is among some peers."""
        if self.number is not None:
            return bool(peers.pods >> self.number & 1)
        return self.address is not None and addresses.contains(peers.outside, self.address)


@dataclass(frozen=True, slots=True)
class Reason:
    """A policy that had a say; `rule` is empty where it was its isolation."""

    policy: PolicyKey
    rule: str
    action: Action | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Half:
    """One direction: what decided, and what was passed over to the next tier before.

    No reasons stands for "no policy selects this end, so everything is open".
    """

    direction: Direction
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    passed: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Both halves; a half is None where that end is outside of the cluster."""

    egress: Half | None
    ingress: Half | None

    @property
    def outcome(self) -> Outcome:
        """What becomes of the connection: it needs both halves."""
        outcomes = {half.outcome for half in (self.egress, self.ingress) if half}
        for worst in (Outcome.DENIED, Outcome.UNKNOWN):
            if worst in outcomes:
                return worst
        return Outcome.ALLOWED


def explain(
    graph: Graph, source: Place, target: Place, protocol: Protocol, port: int
) -> Explanation:
    """Say why a connection is possible or not."""
    return Explanation(
        egress=None
        if source.number is None
        else half(graph, source.number, Direction.EGRESS, target, protocol, port),
        ingress=None
        if target.number is None
        else half(graph, target.number, Direction.INGRESS, source, protocol, port),
    )


def half(
    graph: Graph, number: int, direction: Direction, other: Place, protocol: Protocol, port: int
) -> Half:
    """Say what one end's own policies make of the other end."""
    asked = _Asked(graph, number, direction, other, port_sets.of_range(protocol, port, port))
    for tier in Tier:
        decided = asked.namespace() if tier is Tier.NAMESPACE else asked.tier(tier)
        if decided is not None:
            return decided
    return Half(direction, Outcome.ALLOWED, (), tuple(asked.passed))


@dataclass(slots=True)
class _Asked:
    """One half of one connection, asked of the tiers one after the other."""

    graph: Graph
    number: int
    direction: Direction
    other: Place
    port: port_sets.PortSet
    passed: list[Reason] = field(default_factory=list)

    def tier(self, tier: Tier) -> Half | None:
        """Ask the policies of a tier, one priority after the other."""
        policies = sorted(self._policies(tier), key=lambda p: (p.priority, p.key))
        for _, group in groupby(policies, key=lambda p: p.priority):
            found = [reason for policy in group if (reason := self._first(policy))]
            if not found:
                continue
            if any(reason.unknown for reason in found) or len({r.action for r in found}) > 1:
                return self._half(Outcome.UNKNOWN, found)
            if found[0].action is Action.PASS:
                self.passed += found
                return None
            allowed = found[0].action is Action.ALLOW
            return self._half(Outcome.ALLOWED if allowed else Outcome.DENIED, found)
        return None

    def namespace(self) -> Half | None:
        """Ask the namespace's own policies together: a denial first, then any allowance."""
        policies = self._policies(Tier.NAMESPACE)
        found = [reason for policy in policies for reason in self._all(policy)]
        denied = [r for r in found if r.action is Action.DENY]
        if any(not reason.unknown for reason in denied):
            return self._half(Outcome.DENIED, [r for r in denied if not r.unknown])
        isolating = [p for p in policies if p.sides[self.direction].isolates]
        allowed = [r for r in found if r.action is Action.ALLOW]
        if isolating and not allowed:
            return self._half(Outcome.DENIED, [Reason(p.key, "", None) for p in isolating])
        if denied:
            return self._half(Outcome.UNKNOWN, [*denied, *allowed])
        if not isolating:
            return None
        certain = [r for r in allowed if not r.unknown]
        if certain:
            return self._half(Outcome.ALLOWED, certain)
        return self._half(Outcome.UNKNOWN, allowed)

    def _half(self, outcome: Outcome, reasons: Sequence[Reason]) -> Half:
        return Half(self.direction, outcome, tuple(reasons), tuple(self.passed))

    def _policies(self, tier: Tier) -> list[Policy]:
        return [
            policy
            for policy in self.graph.of_class(self.number)
            if policy.tier is tier and self.direction in policy.sides
        ]

    def _first(self, policy: Policy) -> Reason | None:
        return next(self._all(policy), None)

    def _all(self, policy: Policy) -> Iterator[Reason]:
        for rule in policy.sides[self.direction].rules:
            resolved = self.graph.resolved(rule, self.direction, self.number)
            hits = [match for match in resolved.matches if match.ports & self.port]
            if any(self.other.among(match.certain) for match in hits):
                yield Reason(policy.key, rule.label, rule.action)
            elif any(self._possible(match) for match in hits):
                why = rule.unknown or "which addresses its name stands for is not known"
                yield Reason(policy.key, rule.label, rule.action, why)

    def _possible(self, match: Match) -> bool:
        return self.other.among(match.possible)
