"""Every policy, found by its namespace and by what its rules name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, KeysView
from typing import TypeVar

from bailiwick.policy.reach.model import (
    AnyonePeer,
    Peer,
    Policy,
    PolicyKey,
    Rule,
    UnknownPeer,
)
from bailiwick.policy.rules import Direction

K = TypeVar("K")


class Policies:
    """Every policy; cluster-scoped ones have the empty namespace."""

    def __init__(self) -> None:
        self.by_key: dict[PolicyKey, Policy] = {}
        self._of_namespace: dict[str, set[PolicyKey]] = defaultdict(set)
        self._using: dict[Peer, set[PolicyKey]] = {}
        self._of_port: dict[str, set[PolicyKey]] = {}

    def add(self, policy: Policy) -> None:
        """Take in a policy whose key is not in use."""
        self.by_key[policy.key] = policy
        self._of_namespace[policy.key.namespace].add(policy.key)
        for peer in _peers(policy):
            self._using.setdefault(peer, set()).add(policy.key)
        for name in _ports_of_anybody(policy):
            self._of_port.setdefault(name, set()).add(policy.key)

    def remove(self, key: PolicyKey) -> tuple[Policy | None, list[Peer]]:
        """Drop a policy; returns it, and the peers that no other policy names."""
        policy = self.by_key.pop(key, None)
        if policy is None:
            return None, []
        self._of_namespace[key.namespace].discard(key)
        unused = [peer for peer in _peers(policy) if _discard(self._using, peer, key)]
        for name in _ports_of_anybody(policy):
            _discard(self._of_port, name, key)
        return policy, unused

    def peers(self) -> KeysView[Peer]:
        """Return every peer that some policy names."""
        return self._using.keys()

    def that_may_select(self, namespace: str) -> list[Policy]:
        """Return the policies whose subjects can be in a namespace, by key."""
        keys = self._of_namespace[namespace] | self._of_namespace[""]
        return [self.by_key[key] for key in sorted(keys)]

    def naming(self, peers: Iterable[Peer]) -> list[Policy]:
        """Return the policies that name one of some peers."""
        keys = {key for peer in peers for key in self._using.get(peer, ())}
        return [self.by_key[key] for key in keys]

    def naming_port_of_anybody(self, name: str) -> list[Policy]:
        """Return the policies that name a port in egress to whoever has it."""
        return [self.by_key[key] for key in self._of_port.get(name, ())]


def _peers(policy: Policy) -> set[Peer]:
    return {peer for side in policy.sides.values() for rule in side.rules for peer in rule.peers}


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


def _discard(index: dict[K, set[PolicyKey]], entry: K, key: PolicyKey) -> bool:
    """Drop a key; returns whether it was the last of its entry."""
    index[entry].discard(key)
    if index[entry]:
        return False
    del index[entry]
    return True
