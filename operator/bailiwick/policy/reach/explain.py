"""Why a connection is possible or not: policy by policy, rule by rule, for each half."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from bailiwick.policy.facts import Protocol
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Family
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.decide import ResolvedRule
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.halves import Half, Outcome, Reason, decided
from bailiwick.policy.reach.model import (
    NamePeer,
    PolicyKey,
    Rule,
    UnknownPeer,
)
from bailiwick.policy.reach.peers import Peers, bit, bits
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction

_LEAST_POSSIBLE_FIRST = (Outcome.DENIED, Outcome.UNKNOWN, Outcome.ALLOWED)


@dataclass(frozen=True, slots=True)
class Place:
    """Who is at an end: a class of pods by its number, or an address outside of the cluster."""

    number: int | None = None
    address: int | None = None


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
    return Explanations(graph).explain(source, target, protocol, port)


class Explanations:
    """Explains many connections in a graph, which must not change meanwhile.

    Equal ones are the same object: they are large, and most are equal to others.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._sides: dict[tuple[int, Direction], _Rules] = {}
        self._halves: dict[tuple[int, Direction, tuple[_Match, ...], bool], Half] = {}
        self._values: dict[Half, Half] = {}
        self._known: dict[tuple[int, int], Explanation] = {}
        self._rare: dict[Explanation, Explanation] = {}

    def explain(self, source: Place, target: Place, protocol: Protocol, port: int) -> Explanation:
        """Say why a connection is possible or not, as the function of this name does."""
        asked = port_sets.of_range(protocol, port, port)
        classes = self.graph.classes
        ends = [classes[end.number] for end in (source, target) if end.number is not None]
        families = sorted(frozenset(Family).intersection(*(end.families for end in ends)))
        found = [self._explain(source, target, asked, family) for family in families or Family]
        best = max(found, key=lambda each: _LEAST_POSSIBLE_FIRST.index(each.outcome))
        if not families:
            return self._kept(replace(best, apart=True))
        if len({each.outcome for each in found}) > 1 and not all(end.places for end in ends):
            return self._kept(
                Explanation(
                    _either([each.egress for each in found]),
                    _either([each.ingress for each in found]),
                )
            )
        return best

    def _kept(self, told: Explanation) -> Explanation:
        return self._rare.setdefault(told, told)

    def _explain(self, source: Place, target: Place, port: PortSet, family: Family) -> Explanation:
        egress = self._half(Direction.EGRESS, source, target, port, family)
        ingress = self._half(Direction.INGRESS, target, source, port, family)
        # Halves are kept for good, so that none of them gets the place of another.
        key = id(egress), id(ingress)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Explanation(egress, ingress)
        return found

    def _half(
        self, direction: Direction, own: Place, other: Place, port: PortSet, family: Family
    ) -> Half | None:
        if own.number is None:
            return None
        rules = self._rules(own.number, direction)
        matches = tuple(_match(resolved, port, other, family) for _, _, resolved in rules)
        is_own_node = self._is_own_node(own.number, other)
        key = own.number, direction, matches, is_own_node
        found = self._halves.get(key)
        if found is None:
            reasons: dict[PolicyKey, list[Reason]] = defaultdict(list)
            for (policy, rule, _), match in zip(rules, matches, strict=True):
                if match is not _Match.NONE:
                    why = _why(rule, self.graph.classes.network) if match is _Match.MAYBE else ""
                    reason = Reason(policy, rule.label, rule.action, why, rule.http)
                    reasons[policy].append(reason)
            policies = self.graph.of_class(own.number)
            half = decided(policies, direction, reasons, is_own_node=is_own_node)
            found = self._halves[key] = self._values.setdefault(half, half)
        return found

    def _rules(self, number: int, direction: Direction) -> _Rules:
        key = number, direction
        found = self._sides.get(key)
        if found is None:
            found = self._sides[key] = [
                (policy.key, rule, self.graph.resolved(rule, direction, number))
                for policy in self.graph.of_class(number)
                if direction in policy.sides
                for rule in policy.sides[direction].rules
            ]
        return found

    def _is_own_node(self, number: int, other: Place) -> bool:
        nodes = self.graph.of_own_nodes(number)
        return bool(nodes) and other.number is not None and bool(nodes & bits(other.number))


class _Match(Enum):
    """Whether a rule is for a peer on a port."""

    NONE = 0
    MAYBE = 1
    SURE = 2


_Rules = list[tuple[PolicyKey, Rule, ResolvedRule]]


def _match(resolved: ResolvedRule, port: PortSet, other: Place, family: Family) -> _Match:
    hits = [match for match in resolved.matches if match.ports & port]
    if any(_is_among(match.certain, other, family) for match in hits):
        return _Match.SURE
    if any(_is_among(match.possible, other, family) for match in hits):
        return _Match.MAYBE
    return _Match.NONE


def _is_among(peers: Peers, other: Place, family: Family) -> bool:
    if other.number is not None:
        return bool(peers.pods & bit(other.number, family))
    return other.address is not None and addresses.contains(peers.outside, other.address)


def _either(halves: Sequence[Half | None]) -> Half | None:
    """Join what holds for one family of addresses or the other, as it is not known which."""
    known = [half for half in halves if half is not None]
    if not known or len({half.outcome for half in known}) == 1:
        return known[0] if known else None
    why = "it depends on the family of addresses that the pods have"
    reasons = {replace(r, unknown=r.unknown or why): None for half in known for r in half.reasons}
    return Half(known[0].direction, Outcome.UNKNOWN, tuple(reasons), known[0].passed)


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
