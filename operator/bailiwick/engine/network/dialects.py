"""The policies of a namespace, of every kind that is served: whose they are, and what they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from bailiwick.api.meta import MANAGED_BY, MANAGED_BY_LABEL
from bailiwick.kube.resources import (
    CILIUM_NETWORK_POLICIES,
    NETWORK_POLICIES,
    SECURITY_INTENTS,
    Resource,
)
from bailiwick.policy.dialects import Dialect
from bailiwick.policy.network import cilium
from bailiwick.policy.network.isolating import isolating_specs

if TYPE_CHECKING:
    from bailiwick.engine.world import World
    from bailiwick.policy.facts import NetworkPolicy

RESOURCES: dict[Dialect, Resource] = {
    Dialect.NETWORK_POLICY: NETWORK_POLICIES,
    Dialect.CILIUM: CILIUM_NETWORK_POLICIES,
}


def readable(world: World) -> list[Dialect]:
    """Return the kinds whose objects are known: no others are planned or touched."""
    served = world.served
    return [
        dialect
        for dialect, resource in RESOURCES.items()
        if dialect is Dialect.NETWORK_POLICY or resource.plural in served
    ]


def known(
    world: World, namespace: str, intent_uid: str
) -> tuple[list[NetworkPolicy], list[NetworkPolicy]]:
    """Return a namespace's policies of ours, as they are planned, and those of others."""
    ours, foreign = divide(live(world, namespace), intent_uid)
    return [as_planned(policy) for policy in ours], foreign


def live(world: World, namespace: str) -> list[NetworkPolicy]:
    """Return the policies of a namespace, whoever made them."""
    kinds = readable(world)
    return [policy for policy in world.policies.within(namespace) if policy.dialect in kinds]


def as_planned(policy: NetworkPolicy) -> NetworkPolicy:
    """Return a policy of ours with its spec in the form in which it is planned."""
    if policy.dialect is Dialect.NETWORK_POLICY:
        return policy
    return replace(policy, spec=cilium.planned(policy.spec))


def isolating(world: World, name: str, foreign: Iterable[NetworkPolicy]) -> list[NetworkPolicy]:
    """Return what isolates pods of a namespace beside our policies, in NetworkPolicy's form."""
    namespace = world.namespace(name)
    labels = namespace.labels if namespace else {}

    def each() -> Iterator[NetworkPolicy]:
        for policy in (*foreign, *world.policies.within("")):
            if policy.dialect is Dialect.NETWORK_POLICY:
                yield policy
                continue
            for spec in isolating_specs(policy, name, labels):
                yield replace(policy, spec=spec)

    return list(each())


def divide(
    policies: Iterable[NetworkPolicy], intent_uid: str
) -> tuple[list[NetworkPolicy], list[NetworkPolicy]]:
    """Part a namespace's policies into ours and those of others."""
    ours: list[NetworkPolicy] = []
    foreign: list[NetworkPolicy] = []
    for policy in policies:
        (ours if is_ours(policy, intent_uid) else foreign).append(policy)
    return ours, foreign


def is_ours(policy: NetworkPolicy, intent_uid: str) -> bool:
    """Say whether a policy is one that the operator made and may change.

    What the intent owns is ours, whatever was done to its labels. Our label counts where the
    owner is another SecurityIntent, deleted since, or nobody (docs/decisions/0003).
    """
    if any(owner.uid == intent_uid for owner in policy.owners):
        return True
    return policy.labels.get(MANAGED_BY_LABEL) == MANAGED_BY and all(
        owner.kind == SECURITY_INTENTS.kind for owner in policy.owners
    )
