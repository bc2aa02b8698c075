"""Policies of which nothing is known but that they are there: they may allow and deny anything."""

from __future__ import annotations

from bailiwick.policy.dialects import Dialect
from bailiwick.policy.facts import ClusterPolicy, NetworkPolicy
from bailiwick.policy.reach.kinds import admin_policy, cilium, network_policy
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

_READERS = {
    admin_policy.ADMIN: admin_policy.read_admin,
    admin_policy.BASELINE: admin_policy.read_baseline,
    admin_policy.CLUSTER: admin_policy.read_cluster,
}


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


def read_or_unknown(policy: NetworkPolicy) -> list[Policy]:
    """Read a policy that is in the cluster, or return what stands for one that cannot be read.

    Of Cilium's kinds one object may hold several policies, or none for pods.
    """
    namespace, name, spec = policy.namespace, policy.name, policy.spec
    try:
        if policy.dialect is Dialect.CILIUM:
            return cilium.read(namespace, name, spec)
        return [network_policy.read(namespace, name, spec)]
    except InvalidPolicy as error:
        kind = policy.dialect.value if namespace else cilium.CLUSTERWIDE
        return [_cannot_be_read(PolicyKey(kind, namespace, name), error)]


def cluster_policy_or_unknown(policy: ClusterPolicy) -> Policy:
    """Read a policy of the whole cluster, or return what stands for one that cannot be read."""
    try:
        return _READERS[policy.kind](policy.name, policy.spec)
    except InvalidPolicy as error:
        return _cannot_be_read(PolicyKey(policy.kind, "", policy.name), error)


def _cannot_be_read(key: PolicyKey, error: InvalidPolicy) -> Policy:
    return unknown(key, f"{key} cannot be read: {error}")
