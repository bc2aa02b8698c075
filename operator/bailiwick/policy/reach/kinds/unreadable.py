"""Policies of which nothing is known but that they are there: they may allow and deny anything."""

from __future__ import annotations

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.reach.kinds import network_policy
from bailiwick.policy.reach.model import (
    Action,
    AnyonePeer,
    InvalidPolicy,
    PodsPeer,
    Policy,
    PolicyKey,
    Rule,
    Side,
    Tier,
)
from bailiwick.policy.rules import Direction


def unknown(key: PolicyKey, why: str) -> Policy:
    """Return what stands for a policy, or for all of a kind in a namespace or the cluster."""
    rules = tuple(
        Rule(action, (AnyonePeer(),), unknown=why) for action in (Action.ALLOW, Action.DENY)
    )
    return Policy(
        key,
        Tier.NAMESPACE if key.namespace else Tier.ADMIN,
        PodsPeer(key.namespace),
        {direction: Side(rules, isolates=bool(key.namespace)) for direction in Direction},
    )


def read_or_unknown(policy: NetworkPolicy) -> Policy:
    """Read a policy that is in the cluster, or return what stands for one that cannot be read."""
    try:
        return network_policy.read(policy.namespace, policy.name, policy.spec)
    except InvalidPolicy as error:
        key = PolicyKey(network_policy.KIND, policy.namespace, policy.name)
        return unknown(key, f"{key} cannot be read: {error}")
