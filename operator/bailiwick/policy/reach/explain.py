"""Why a connection is possible or not: policy by policy, rule by rule, for each half.

It goes through the same tiers as `decide`, for one peer on one port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from bailiwick.policy.facts import Protocol
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Family
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import (
    Action,
    NamePeer,
    Policy,
    PolicyKey,
    Rule,
    Tier,
    UnknownPeer,
)
from bailiwick.policy.reach.peers import Peers, bit, bits
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction

_CONTRADICTED = "a policy of the same priority says otherwise, and the API leaves open which wins"


class Outcome(StrEnum):
    """What becomes of a connection, or of one half of it."""

    ALLOWED = "Allowed"
    DENIED = "Denied"
    UNKNOWN = "Unknown"


_LEAST_POSSIBLE_FIRST = (Outcome.DENIED, Outcome.UNKNOWN, Outcome.ALLOWED)


@dataclass(frozen=True, slots=True)
class Place:
    """Who is at an end: a class of pods by its number, or an address outside of the cluster."""

    number: int | None = None
    address: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that had a say, or the isolation by a policy, which has no `rule`.

    `unknown` says why it may or may not hold. No `policy` stands for what Kubernetes itself lets
    through.
    """

    policy: PolicyKey | None
    rule: str
    action: Action | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Half:
    """One direction: what decided, and what left it to the next tier before.

    No reasons stands for "no policy has a rule for this", so that it is open.
    """

    direction: Direction
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    passed: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Both halves; a half is None where that end is outside of the cluster.

    `apart`: the ends have no family of addresses in common, so that nothing can connect.
    """

    egress: Half | None
    ingress: Half | None
    apart: bool = False

    @property
    def outcome(self) -> Outcome:
        """What becomes of the connection: it needs both halves."""
        outcomes = {half.outcome for half in (self.egress, self.ingress) if half}
        if self.apart or Outcome.DENIED in outcomes:
            return Outcome.DENIED
        return Outcome.UNKNOWN if Outcome.UNKNOWN in outcomes else Outcome.ALLOWED


def explain(
    graph: Graph, source: Place, target: Place, protocol: Protocol, port: int
) -> Explanation:
    """Say why a connection is possible or not.

    Between pods it is that of the family of addresses by which most is possible.
    """
    asked = port_sets.of_range(protocol, port, port)
    ends = [graph.classes[end.number] for end in (source, target) if end.number is not None]
    families = sorted(frozenset(Family).intersection(*(end.families for end in ends)))
    found = [_explain(graph, source, target, asked, family) for family in families or Family]
    best = max(found, key=lambda each: _LEAST_POSSIBLE_FIRST.index(each.outcome))
    if not families:
        return replace(best, apart=True)
    if len({each.outcome for each in found}) > 1 and not all(end.places for end in ends):
        return Explanation(
            _either([each.egress for each in found]), _either([each.ingress for each in found])
        )
    return best


def _explain(
    graph: Graph, source: Place, target: Place, port: PortSet, family: Family
) -> Explanation:
    def half(direction: Direction, own: Place, other: Place) -> Half | None:
        if own.number is None:
            return None
        return _Asked(graph, own.number, direction, other, port, family).half()

    return Explanation(
        half(Direction.EGRESS, source, target), half(Direction.INGRESS, target, source)
    )


def _either(halves: Sequence[Half | None]) -> Half | None:
    """Join what holds for one family of addresses or the other, as it is not known which."""
    known = [half for half in halves if half is not None]
    if not known or len({half.outcome for half in known}) == 1:
        return known[0] if known else None
    why = "it depends on the family of addresses that the pods have"
    reasons = {replace(r, unknown=r.unknown or why): None for half in known for r in half.reasons}
    return Half(known[0].direction, Outcome.UNKNOWN, tuple(reasons), known[0].passed)


@dataclass(slots=True)
class _Asked:
    """One half of one connection, asked of the tiers one after the other.

    Where a rule may or may not match, both ways are followed to their end.
    """

    graph: Graph
    number: int
    direction: Direction
    other: Place
    port: PortSet
    family: Family
    outcomes: set[Outcome] = field(default_factory=set)
    reasons: list[Reason] = field(default_factory=list)
    passed: list[Reason] = field(default_factory=list)

    def half(self) -> Half:
        """Ask tier by tier until one has decided for certain."""
        policies = [p for p in self.graph.of_class(self.number) if self.direction in p.sides]
        for tier in Tier:
            asked = [policy for policy in policies if policy.tier is tier]
            if not (self._together(asked) if tier is Tier.NAMESPACE else self._ranked(asked)):
                break
        else:
            self.outcomes.add(Outcome.ALLOWED)
        outcome = self.outcomes.pop() if len(self.outcomes) == 1 else Outcome.UNKNOWN
        return Half(self.direction, outcome, tuple(self.reasons), tuple(self.passed))

    def _ranked(self, policies: Iterable[Policy]) -> bool:
        """Ask one priority after the other; returns whether the next tier may be reached."""
        ordered = sorted(policies, key=lambda policy: (policy.priority, policy.key))
        passes = False
        for _, group in groupby(ordered, key=lambda policy: policy.priority):
            found = [list(self._until_certain(policy)) for policy in group]
            actions = {reason.action for reasons in found for reason in reasons}
            contradict = len(actions) > 1 and sum(map(bool, found)) > 1
            for reason in (reason for reasons in found for reason in reasons):
                self._note(replace(reason, unknown=_CONTRADICTED) if contradict else reason)
            passes = passes or Action.PASS in actions
            if any(reasons and not reasons[-1].unknown for reasons in found):
                return passes
        return True

    def _together(self, policies: Sequence[Policy]) -> bool:
        """Ask the namespace's own policies: a denial first, then any allowance."""
        found = [reason for policy in policies for reason in self._matching(policy)]
        sides = [policy.sides[self.direction] for policy in policies]
        isolating = [
            policy.key for policy, side in zip(policies, sides, strict=True) if side.isolates
        ]
        allowed = [reason for reason in found if reason.action is Action.ALLOW]
        denied = [reason for reason in found if reason.action is Action.DENY]
        spared = all(side.spares_own_node for side in sides if side.isolates)
        if isolating and spared and self._is_own_node():
            allowed.append(Reason(None, "traffic with its own node", Action.ALLOW))
        certain = [reason for reason in denied if not reason.unknown]
        if certain:
            self._note(*certain)
            return False
        self._note(*denied)
        if not isolating:
            return True
        certain = [reason for reason in allowed if not reason.unknown]
        self._note(*(certain or allowed))
        if not certain:
            self._note(*(Reason(key, "", None) for key in isolating))
        return False

    def _note(self, *reasons: Reason) -> None:
        for reason in reasons:
            if reason.action is Action.PASS:
                self.passed.append(reason)
            else:
                allows = reason.action is Action.ALLOW
                self.outcomes.add(Outcome.ALLOWED if allows else Outcome.DENIED)
                self.reasons.append(reason)

    def _until_certain(self, policy: Policy) -> Iterator[Reason]:
        """Go through the rules that may be the first of a policy to match."""
        for reason in self._matching(policy):
            yield reason
            if not reason.unknown:
                return

    def _matching(self, policy: Policy) -> Iterator[Reason]:
        for rule in policy.sides[self.direction].rules:
            resolved = self.graph.resolved(rule, self.direction, self.number)
            hits = [match for match in resolved.matches if match.ports & self.port]
            if any(self._is_among(match.certain) for match in hits):
                yield Reason(policy.key, rule.label, rule.action)
            elif any(self._is_among(match.possible) for match in hits):
                yield Reason(
                    policy.key, rule.label, rule.action, _why(rule, self.graph.classes.network)
                )

    def _is_among(self, peers: Peers) -> bool:
        if self.other.number is not None:
            return bool(peers.pods & bit(self.other.number, self.family))
        return self.other.address is not None and addresses.contains(
            peers.outside, self.other.address
        )

    def _is_own_node(self) -> bool:
        nodes = self.graph.of_own_nodes(self.number)
        return self.other.number is not None and bool(nodes & bits(self.other.number))


def _why(rule: Rule, network: ClusterNetwork) -> str:
    """Say why it is not known whether a rule matches."""
    if rule.unknown:
        return rule.unknown
    for peer in rule.peers:
        if isinstance(peer, UnknownPeer):
            return peer.why
    if any(isinstance(peer, NamePeer) for peer in rule.peers):
        return "which addresses its host name stands for is known to the network plugin alone"
    if network.blocks_cover_pods is None:
        return "whether an ipBlock covers pods is up to the network plugin, which is not known"
    return "whether all of the addresses are in its block is not known"
