"""Bringing the policies of one namespace from what is live to what is to be.

The plan's order keeps what is allowed between before and after at every moment. So nothing is
written after a write that failed: the next reconcile reads the namespace and plans anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bailiwick.api.meta import API_VERSION
from bailiwick.engine.network import dialects
from bailiwick.engine.network.policies import version
from bailiwick.engine.objects import version_number
from bailiwick.kube.errors import ApiError, Conflict, NamespaceTerminating, NotLeader
from bailiwick.kube.resources import NETWORK_POLICIES
from bailiwick.kube.store import Key
from bailiwick.policy.assessment.evidence import LivePolicies, WriteFailure
from bailiwick.policy.network.edits import Step, apply, waves
from bailiwick.policy.network.naming import BRIDGE_PREFIX
from bailiwick.policy.network.plan import plan
from bailiwick.policy.network.specs import same, text
from bailiwick.policy.rules import Direction

if TYPE_CHECKING:
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.world import World
    from bailiwick.kube.client import Client
    from bailiwick.policy.dialects import Dialect
    from bailiwick.policy.facts import NetworkPolicy
    from bailiwick.policy.network.model import Frozen, Policy

OWNER_KIND = "SecurityIntent"


@dataclass(frozen=True, slots=True)
class Enforced:
    """What came of one attempt.

    `repaired` are policies that somebody else had changed or deleted since they were last as
    they should be. `taken` are names of ours that objects of somebody else have. `retry_after`
    are the seconds that the server asked to wait.
    """

    failed: tuple[WriteFailure, ...] = ()
    taken: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    retry_after: float = 0.0


@dataclass(slots=True)
class Enforcer:
    """Writes the policies of namespaces.

    `throttle` is awaited before each write. `project` reads what the server answers.
    `look_again` is told a namespace where somebody else wrote right after us.
    """

    client: Client
    world: World
    project: Callable[[Mapping[str, Any], Dialect], NetworkPolicy]
    throttle: Callable[[], Awaitable[None]]
    look_again: Callable[[str], None]
    _settled: dict[str, bytes] = field(default_factory=dict)
    _unsure: set[str] = field(default_factory=set)

    async def enforce(
        self,
        intent: DeclaredObject,
        desired: Iterable[Policy],
        frozen: frozenset[Frozen] = frozenset(),
    ) -> Enforced:
        """Plan and carry out what is missing; an empty `desired` releases the namespace.

        Nothing is written while policies cannot be read: nobody knows whose there are.
        Raises ApiError where the namespace has to be read anew and that fails, where it is being
        deleted, or, as NotLeader, where nothing may be written.
        """
        if NETWORK_POLICIES.plural in self.world.unreadable:
            return Enforced()
        namespace = intent.namespace
        if namespace in self._unsure:
            await self._read(namespace)
        wanted = tuple(desired)
        ours, others = dialects.known(self.world, namespace, intent.uid)
        names = {p.key for p in others}
        possible = tuple(p for p in wanted if p.key not in names)
        taken = tuple(p.key for p in wanted if p.key in names)
        live = {p.key: p for p in ours}
        foreign = dialects.isolating(self.world, namespace, others)
        steps = [*plan(live, possible, foreign, frozen), *_claims(live, possible, intent)]
        fingerprint = _fingerprint(possible)
        drifted = bool(steps) and self._settled.get(namespace) == fingerprint
        written: list[str] = []
        failed: tuple[WriteFailure, ...] = ()
        retry_after = 0.0
        for wave in waves(steps):
            errors = await asyncio.gather(*(self._attempt(intent, step, live) for step in wave))
            if any(errors):
                self._unsure.add(namespace)
            for error in errors:
                if isinstance(error, (NamespaceTerminating, NotLeader)):
                    raise error
            done = [step.name for step, error in zip(wave, errors, strict=True) if not error]
            written += [name for name in done if name not in written]
            if any(errors):
                failed = tuple(
                    WriteFailure(step.name, str(error))
                    for step, error in zip(wave, errors, strict=True)
                    if error
                )
                retry_after = max(error.retry_after or 0.0 for error in errors if error)
                break
        if not failed:
            self._settled[namespace] = fingerprint
        elif not drifted:
            self._settled.pop(namespace, None)
        # What holds the namespace open meanwhile was not there before, so nobody changed it.
        repaired = [name for name in written if drifted and not name.startswith(BRIDGE_PREFIX)]
        return Enforced(failed, taken, tuple(repaired), tuple(written), retry_after)

    def doubt(self, namespaces: Iterable[str]) -> None:
        """Have namespaces read anew before they are planned for: others may have written there."""
        self._unsure.update(namespaces)

    def forget(self, namespace: str) -> None:
        """Drop what is remembered of a namespace."""
        self._settled.pop(namespace, None)
        self._unsure.discard(namespace)

    async def _read(self, namespace: str) -> None:
        """Ask what is there: a write that failed may have gone through, or have met a surprise."""
        for dialect in dialects.readable(self.world):
            found = await self.client.list(dialects.RESOURCES[dialect], namespace)
            listed = [self.project(item, dialect) for item in found.items]
            at = version_number(found.resource_version)
            self.world.policies.take(namespace, listed, at, dialect)
        self._unsure.discard(namespace)

    async def _attempt(
        self, intent: DeclaredObject, step: Step, live: dict[str, NetworkPolicy]
    ) -> ApiError | None:
        """Do one step, and return why it could not be done."""
        await self.throttle()
        try:
            await self._carry_out(intent, step, live)
        except ApiError as error:
            return error
        return None

    async def _carry_out(
        self, intent: DeclaredObject, step: Step, live: dict[str, NetworkPolicy]
    ) -> None:
        """Do one step upon what was there when it was planned; anything else there is a Conflict.

        `live` is kept as the steps leave it.
        """
        there = live.get(step.name)
        if step.policy is not None:
            live[step.name] = await self._apply(intent, step.policy, there)
        elif there is not None:
            resource = dialects.RESOURCES[there.dialect]
            await self.client.delete(resource, there.name, there.namespace, uid=there.uid)
            self.world.policies.bury(live.pop(step.name))

    async def _apply(
        self,
        intent: DeclaredObject,
        policy: Policy,
        there: NetworkPolicy | None,
        attempts: int = 3,
    ) -> NetworkPolicy:
        whole = policy.manifest(intent.namespace, [owner_reference(intent)])
        resource = dialects.RESOURCES[policy.dialect]
        if there is not None:
            whole["metadata"]["uid"] = there.uid
        # Where nothing was there, what somebody else made meanwhile is not to be taken over.
        found = await self._answer(
            intent.namespace,
            policy,
            self.client.apply(resource, whole, force=there is not None),
        )
        if same(found.spec, policy.spec) and _is_claimed(found, policy, intent):
            return found
        # Server-side apply leaves fields of others inside ours alone; putting does not.
        whole["metadata"]["resourceVersion"] = found.resource_version
        try:
            return await self._answer(
                intent.namespace, policy, self.client.replace(resource, whole)
            )
        except Conflict:
            if attempts <= 1:
                raise
            return await self._apply(intent, policy, found, attempts - 1)

    async def _answer(
        self, namespace: str, policy: Policy, write: Awaitable[Mapping[str, Any]]
    ) -> NetworkPolicy:
        """Send a write, and keep what it is answered with."""
        with self.world.policies.writing(Key(namespace, policy.key)) as meanwhile:
            found = self.project(await write, policy.dialect)
            self.world.policies.observe(found)
        if meanwhile.latest > version(found):
            self.look_again(namespace)
        return dialects.as_planned(found)


def _fingerprint(policies: Iterable[Policy]) -> bytes:
    """Return what is the same for equal policies in equal order, and small enough to keep."""
    whole = text([[policy.key, policy.spec] for policy in policies])
    return hashlib.blake2b(whole.encode(), digest_size=16).digest()


def owner_reference(intent: DeclaredObject) -> dict[str, Any]:
    """Return the reference by which policies go when their intent goes.

    Without `blockOwnerDeletion`: a namespace must never wait for us to be deleted.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": OWNER_KIND,
        "name": intent.name,
        "uid": intent.uid,
    }


def compare(
    live: Iterable[NetworkPolicy], desired: Iterable[Policy], enforced: Enforced
) -> LivePolicies:
    """Say how a namespace's policies of ours compare with what they are to be."""
    found = {p.key: p for p in live}
    applied, pending = [], []
    isolated: set[Direction] = set()
    wanted = tuple(desired)
    for policy in wanted:
        there = found.get(policy.key)
        if there is None or not same(there.spec, policy.spec):
            pending.append(policy.key)
            continue
        applied.append(policy.key)
        if policy.half == "isolation":
            isolated.update(map(Direction, policy.spec["policyTypes"]))
    pending += sorted(found.keys() - {p.key for p in wanted})
    return LivePolicies(
        tuple(applied),
        tuple(pending),
        enforced.failed,
        enforced.taken,
        frozenset(isolated),
    )


def _claims(
    live: Mapping[str, NetworkPolicy], desired: Iterable[Policy], intent: DeclaredObject
) -> list[Step]:
    """Return what mends the labels and owner of policies whose spec is as it should be."""
    steps = []
    for policy in desired:
        there = live.get(policy.key)
        if there is None or not same(there.spec, policy.spec):
            continue
        if not _is_claimed(there, policy, intent):
            steps.append(apply(policy, "relabelled, or of another owner"))
    return steps


def _is_claimed(there: NetworkPolicy, policy: Policy, intent: DeclaredObject) -> bool:
    """Say whether a policy carries our labels, and has the intent for its only owner."""
    labelled = all(there.labels.get(key) == value for key, value in policy.labels.items())
    return labelled and [owner.uid for owner in there.owners] == [intent.uid]
