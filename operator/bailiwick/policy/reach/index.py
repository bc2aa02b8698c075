"""Every policy, found by its namespace and by what its rules name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from bailiwick.policy.reach.model import (
    AnyonePeer,
    Peer,
    PodsPeer,
    Policy,
    PolicyKey,
    Rule,
    UnknownPeer,
)
from bailiwick.policy.rules import Direction

K = TypeVar("K")
V = TypeVar("V")

Use = tuple[PolicyKey, Direction]


class Policies:
    """Every policy; cluster-scoped ones have the empty namespace."""

    def __init__(self) -> None:
        self.by_key: dict[PolicyKey, Policy] = {}
        self._of_namespace: dict[str, set[PolicyKey]] = defaultdict(set)
        self._using: dict[Peer, set[Use]] = {}
        self._peers: dict[str, set[Peer]] = defaultdict(set)
        self._of_port: dict[str, set[PolicyKey]] = {}

    def add(self, policy: Policy) -> None:
        """Take in a policy whose key is not in use."""
        self.by_key[policy.key] = policy
        self._of_namespace[policy.key.namespace].add(policy.key)
        for peer, direction in _peers(policy):
            self._using.setdefault(peer, set()).add((policy.key, direction))
            self._peers[_namespace_of(peer)].add(peer)
        for name in _ports_of_anybody(policy):
            self._of_port.setdefault(name, set()).add(policy.key)

    def remove(self, key: PolicyKey) -> tuple[Policy | None, list[Peer]]:
        """Drop a policy; returns it, and the peers that no other policy names."""
        policy = self.by_key.pop(key, None)
        if policy is None:
            return None, []
        self._of_namespace[key.namespace].discard(key)
        unused = [
            peer
            for peer, direction in _peers(policy)
            if _discard(self._using, peer, (key, direction))
        ]
        for peer in unused:
            self._peers[_namespace_of(peer)].discard(peer)
        for name in _ports_of_anybody(policy):
            _discard(self._of_port, name, key)
        return policy, unused

    def peers_of(self, namespace: str) -> list[Peer]:
        """Return every peer that some policy names and that may have to do with a namespace."""
        return [*self._peers[""], *self._peers[namespace]]

    def peers_of_type(self, kind: type[Peer]) -> list[Peer]:
        """Return every peer of a type that some policy names; they are of no namespace."""
        return [peer for peer in self._peers[""] if isinstance(peer, kind)]

    def that_may_select(self, namespace: str) -> list[Policy]:
        """Return the policies whose subjects can be in a namespace, by key."""
        keys = self._of_namespace[namespace] | self._of_namespace[""]
        return [self.by_key[key] for key in sorted(keys)]

    def naming(self, peers: Iterable[Peer]) -> list[tuple[Policy, Direction]]:
        """Return the policies that name one of some peers, and in what direction."""
        uses = {use for peer in peers for use in self._using.get(peer, ())}
        return [(self.by_key[key], direction) for key, direction in uses]

    def naming_port_of_anybody(self, name: str) -> list[Policy]:
        """Return the policies that name a port in egress to whoever has it."""
        return [self.by_key[key] for key in self._of_port.get(name, ())]


def _peers(policy: Policy) -> set[tuple[Peer, Direction]]:
    return {
        (peer, direction)
        for direction, side in policy.sides.items()
        for rule in side.rules
        for peer in rule.peers
    }


def _namespace_of(peer: Peer) -> str:
    return peer.namespace if isinstance(peer, PodsPeer) else ""


def _ports_of_anybody(policy: Policy) -> set[str]:
    """Return the names of ports whose meaning changes with every class, not with a peer's."""
    side = policy.sides.get(Direction.EGRESS)
    return {
        port.name
        for rule in (side.rules if side else ())
        if _is_for_anybody(rule)
        for port in rule.ports.names
    }


def _is_for_anybody(rule: Rule) -> bool:
    return any(isinstance(peer, AnyonePeer | UnknownPeer) for peer in rule.peers)


def _discard(index: dict[K, set[V]], key: K, value: V) -> bool:
    """Drop a value of an entry; returns whether it was the last."""
    index[key].discard(value)
    if index[key]:
        return False
    del index[key]
    return True
