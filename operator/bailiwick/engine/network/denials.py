"""One ClusterNetworkPolicy for each profile: what no policy of a namespace may open.

A policy names the enforced namespaces of its profile. What allows is combined with what denies by
"and", so that no order of these writes and those of NetworkPolicies ever opens more than before
or after.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bailiwick.api.meta import API_VERSION, BUILT_IN, MANAGED_BY, MANAGED_BY_LABEL
from bailiwick.engine.queueing.work import in_seconds
from bailiwick.kube import projections
from bailiwick.kube.resources import CLUSTER_NETWORK_POLICIES, SECURITY_PROFILES
from bailiwick.policy.network import cluster_policy
from bailiwick.policy.network.cluster_policy import PREFIX, Bound
from bailiwick.policy.network.reading import Reading, Unreadable
from bailiwick.policy.reach.addresses import NONE

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.queueing.queue import WorkQueue
    from bailiwick.engine.world import World
    from bailiwick.kube.client import Client
    from bailiwick.policy.facts import ClusterPolicy
    from bailiwick.policy.settings import Settings

logger = logging.getLogger(__name__)

_SETTLING = timedelta(seconds=1)
_PAUSE = 0.3


@dataclass(slots=True)
class ClusterDenials:
    """Writes what profiles deny where the API server serves ClusterNetworkPolicy.

    What is there is known by the watch alone: an answer may be older than what it told meanwhile.
    `concerns` says whether a namespace has an intent, or a label that asks for one. The queue is
    of profiles: many namespaces that change together are one write.
    """

    client: Client
    world: World
    profiles: DeclaredStore
    settings: Settings
    concerns: Callable[[str], bool]
    queue: WorkQueue[str]
    _bound: dict[str, Bound | None] = field(default_factory=dict)

    def start(self) -> None:
        """Begin to write."""
        self.cluster_changed()
        self.queue.start(in_seconds(self.reconcile), workers=1)

    def tell(self, profile: str) -> None:
        """Have a profile looked at soon."""
        self.queue.add_after(profile, _PAUSE)

    def bind(self, namespace: str, bound: Bound | None) -> None:
        """Take note of what a namespace is held to; None: of nothing, or in Audit."""
        before = self._bound.get(namespace)
        if namespace in self._bound and before == bound:
            return
        self._bound[namespace] = bound
        for each in (before, bound):
            if each is not None:
                self.tell(each.profile)

    def forget(self, namespace: str) -> None:
        """Drop a namespace that is gone, or that has no intent any more."""
        self.bind(namespace, None)
        if self.world.namespace(namespace) is None:
            del self._bound[namespace]

    def keep(self, namespace: str) -> None:
        """Leave a namespace as it is, of which it cannot be told what it is held to."""
        if namespace in self._bound:
            return
        self._bound[namespace] = next(
            (
                Bound(name.removeprefix(PREFIX), _denies_internet(policy), NONE)
                for name, policy in self.world.cluster_policies.items()
                if _is_ours(policy) and namespace in cluster_policy.namespaces_of(policy.spec)
            ),
            None,
        )

    def policy_changed(self, name: str) -> None:
        """Have the profile looked at whose policy somebody, perhaps we, changed."""
        if name.startswith(PREFIX):
            self.tell(name.removeprefix(PREFIX))

    def cluster_changed(self) -> None:
        """Have all profiles looked at: the cluster's own addresses, or what is served, changed."""
        names = {each.profile for each in self._bound.values() if each is not None}
        names.update(
            name.removeprefix(PREFIX)
            for name, policy in self.world.cluster_policies.items()
            if name.startswith(PREFIX) and _is_ours(policy)
        )
        for name in names:
            self.tell(name)

    def denied(self, namespace: str) -> frozenset[str]:
        """Return what no policy of a namespace can open now, by the names of the rules."""
        bound = self._bound.get(namespace)
        if bound is None or CLUSTER_NETWORK_POLICIES.plural not in self.world.served:
            return frozenset()
        there = self.world.cluster_policies.get(cluster_policy.policy_name(bound.profile))
        if there is None or namespace not in cluster_policy.namespaces_of(there.spec):
            return frozenset()
        return frozenset(rule.get("name", "") for rule in there.spec.get("egress") or ())

    async def reconcile(self, profile: str) -> timedelta | None:
        """Bring the policy of one profile to what its namespaces need.

        Nothing is changed while one of the namespaces that it names was not looked at yet since
        the start: it would be let out.
        """
        if CLUSTER_NETWORK_POLICIES.plural not in self.world.served:
            return None
        name = cluster_policy.policy_name(profile)
        there = self.world.cluster_policies.get(name)
        if there is not None and not _is_ours(there):
            logger.warning(
                "ClusterNetworkPolicy %s is somebody else's: what profile %s denies can be opened "
                "by other policies until it has another name",
                name,
                profile,
            )
            return None
        named = cluster_policy.namespaces_of(there.spec) if there else frozenset()
        if any(self._is_awaited(each) for each in named):
            return _SETTLING
        members = {n: b for n, b in self._bound.items() if b and b.profile == profile}
        if not members or not self._is_there(profile):
            await self._remove(there)
            return None
        try:
            denials = cluster_policy.denied(
                tuple(members.values()), Reading(self.world, self.settings)
            )
        except Unreadable:
            return None  # told again once it can be read
        if denials:
            await self._write(profile, there, cluster_policy.spec(members, denials))
        else:
            await self._remove(there)
        return None

    def _is_awaited(self, namespace: str) -> bool:
        return namespace not in self._bound and self.concerns(namespace)

    def _is_there(self, profile: str) -> bool:
        return profile == BUILT_IN or self.profiles.objects.get("", profile) is not None

    async def _remove(self, there: ClusterPolicy | None) -> None:
        if there is None:
            return
        await self.client.delete(CLUSTER_NETWORK_POLICIES, there.name, uid=there.uid)
        logger.info("ClusterNetworkPolicy %s was removed", there.name)

    async def _write(self, profile: str, there: ClusterPolicy | None, spec: dict[str, Any]) -> None:
        owners = list(self._owners(profile))
        if there is not None and _is_as(there, spec, owners):
            return
        name = cluster_policy.policy_name(profile)
        metadata: dict[str, Any] = {
            "name": name,
            "labels": cluster_policy.labels(),
            "ownerReferences": owners,
        }
        if there is not None:
            metadata["uid"] = there.uid
        body = {"metadata": metadata, "spec": spec}
        answer = await self.client.apply(CLUSTER_NETWORK_POLICIES, body, force=there is not None)
        found = projections.CLUSTER_POLICIES.from_json(answer)
        if not _is_as(found, spec, owners):
            # Server-side apply leaves fields of others inside ours alone; putting does not.
            metadata |= {"uid": found.uid, "resourceVersion": found.resource_version}
            whole = {
                "apiVersion": CLUSTER_NETWORK_POLICIES.api_version,
                "kind": CLUSTER_NETWORK_POLICIES.kind,
                **body,
            }
            await self.client.replace(CLUSTER_NETWORK_POLICIES, whole)
        logger.info("ClusterNetworkPolicy %s was written", name)

    def _owners(self, profile: str) -> Iterable[dict[str, Any]]:
        found = self.profiles.objects.get("", profile)
        if found is not None:
            yield {
                "apiVersion": API_VERSION,
                "kind": SECURITY_PROFILES.kind,
                "name": found.name,
                "uid": found.uid,
            }


def _is_as(there: ClusterPolicy, spec: dict[str, Any], owners: list[dict[str, Any]]) -> bool:
    return (
        cluster_policy.same(there.spec, spec)
        and there.labels.items() >= cluster_policy.labels().items()
        and [each.uid for each in there.owners] == [each["uid"] for each in owners]
    )


def _denies_internet(policy: ClusterPolicy) -> bool:
    rules = policy.spec.get("egress") or ()
    return any(rule.get("name") == cluster_policy.INTERNET for rule in rules)


def _is_ours(policy: ClusterPolicy) -> bool:
    """Say whether the operator made a policy: by its label, or by its owner, a profile."""
    kinds = {owner.kind for owner in policy.owners}
    labelled = policy.labels.get(MANAGED_BY_LABEL) == MANAGED_BY
    return kinds == {SECURITY_PROFILES.kind} or (labelled and not kinds)
