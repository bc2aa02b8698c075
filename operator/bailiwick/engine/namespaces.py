"""The reconciler of one namespace: from its intent to policies, images, and a status.

Each look starts from what is known now, does what is missing, says what was found, and when
time alone would change the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.api.meta import INTENT_NAME, Reason
from bailiwick.engine import opting
from bailiwick.engine.network import dialects
from bailiwick.engine.network.enforcement import Enforced, Enforcer, compare
from bailiwick.engine.statuses import EXEMPT
from bailiwick.kube.errors import NamespaceTerminating
from bailiwick.kube.resources import NAMESPACES, NETWORK_POLICIES, SECURITY_INTENTS
from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.assessment.readiness import cannot_read
from bailiwick.policy.binding import Problem
from bailiwick.policy.controls.result import count
from bailiwick.policy.dialects import in_words
from bailiwick.policy.effective import Enforcement
from bailiwick.policy.facts import Namespace
from bailiwick.policy.network import cluster_policy

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.exceptions.coverage import Exceptions
    from bailiwick.engine.images.inventory import Inventory
    from bailiwick.engine.images.rescans import Rescans
    from bailiwick.engine.meaning import Meaning, Reader
    from bailiwick.engine.network.denials import ClusterDenials
    from bailiwick.engine.network.reachability import Reachability
    from bailiwick.engine.network.records import Records
    from bailiwick.engine.notices import Notices
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.statuses import Statuses
    from bailiwick.engine.world import World
    from bailiwick.kube.client import Client
    from bailiwick.policy.network.model import Policy
    from bailiwick.policy.settings import Settings

logger = logging.getLogger(__name__)

NOT_OPTED_IN = (
    "This namespace has no SecurityIntent, so its images are not scanned. Apply one named default, "
    "or label the namespace bailiwick.dev/profile."
)

_SOON = timedelta(seconds=0.2)


class WriteFailed(Exception):
    """A policy could not be written: the status says so, and it is to be tried again.

    `retry_after` are the seconds that the API server asked to wait.
    """

    def __init__(self, enforced: Enforced) -> None:
        failed = enforced.failed[0]
        super().__init__(f"{in_words(failed.name)}: {failed.words}")
        self.retry_after = enforced.retry_after


@dataclass(slots=True)
class NamespaceReconciler:
    """Brings one namespace to where its intent says it should be."""

    client: Client
    world: World
    intents: DeclaredStore
    reader: Reader
    enforcer: Enforcer
    reachability: Reachability
    records: Records
    denials: ClusterDenials
    inventory: Inventory
    exceptions: Exceptions
    rescans: Rescans
    statuses: Statuses
    notices: Notices
    settings: Settings
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def reconcile(self, name: str) -> timedelta | None:
        """Look at a namespace once; returns how long until it has to be looked at again.

        Raises WriteFailed where a policy could not be written, after the status said so.
        """
        try:
            return await self._look(name)
        except NamespaceTerminating:
            self._forget(name)  # the watch has not told us yet
            return None
        finally:
            self.reachability.seen_to(name)

    async def _look(self, name: str) -> timedelta | None:
        namespace = self.world.namespace(name)
        intent = self.intents.objects.get(name, INTENT_NAME)
        unreadable = self.world.unreadable
        if intent is None and SECURITY_INTENTS.plural in unreadable:
            return None  # there may be one
        if namespace is None and intent is not None and NAMESPACES.plural in unreadable:
            return await self._say_unreadable(intent, unreadable)
        if namespace is None or namespace.terminating or (intent and intent.deleting):
            self._forget(name)
            return None
        opted_in = opting.is_opted_in(namespace)
        if self.settings.is_exempt(name):
            return await self._refuse(namespace, intent)
        if intent is None and not opted_in:
            self._forget(name)
            self.exceptions.leave(name, NOT_OPTED_IN)
            await self.rescans.wait(name, NOT_OPTED_IN, self.clock())
            return None
        if intent is None:
            intent = await opting.write_intent(self.client, self.intents, namespace)
            logger.info("%s: opted in by its label; its intent was written", name)
        elif not opted_in and opting.is_written_by_operator(intent):
            return await self._opt_out(intent)
        return await self._hold(namespace, intent)

    async def _say_unreadable(
        self, intent: DeclaredObject, unreadable: Mapping[str, str]
    ) -> timedelta:
        """Tell an intent that what its namespace is like cannot be known, and change nothing."""
        problem = Problem(Reason.UNREADABLE, cannot_read(unreadable))
        stand_in = Namespace(intent.namespace, "")
        return await self.statuses.tell(stand_in, intent, problem, self.clock())

    async def _hold(self, namespace: Namespace, intent: DeclaredObject) -> timedelta | None:
        now = self.clock()
        meaning = await self.reader.read(namespace, intent, now)
        if isinstance(meaning, Problem):
            self.denials.keep(namespace.name)
            self.inventory.hold(namespace.name, self.world.pods(namespace.name))
            wake = await self.statuses.tell(namespace, intent, meaning, now)
            self.exceptions.leave(namespace.name, meaning.message)
            await self.rescans.wait(namespace.name, meaning.message, now)
            return wake
        wanted = meaning.compiled.policies if _is_enforced(meaning) else ()
        self.denials.bind(
            namespace.name,
            cluster_policy.bound(meaning.effective, meaning.compiled) if wanted else None,
        )
        enforced = await self.enforcer.enforce(intent, wanted, meaning.compiled.frozen)
        self._report_repairs(intent, enforced)
        if enforced.written:
            self.reachability.changed(namespace.name)
        if not enforced.failed and self.reachability.waits_for_others(meaning):
            return _SOON
        evidence = await self._evidence(namespace, intent, meaning, wanted, enforced, now)
        rescan, ends = await self.rescans.advance(intent, meaning.effective.images, now)
        wake = await self.statuses.tell(namespace, intent, evidence, now, rescan)
        self.records.keep(intent, evidence.reach)
        if enforced.failed:
            raise WriteFailed(enforced)
        return min(wake, ends) if ends is not None else wake

    async def _evidence(
        self,
        namespace: Namespace,
        intent: DeclaredObject,
        meaning: Meaning,
        wanted: tuple[Policy, ...],
        enforced: Enforced,
        now: datetime,
    ) -> Evidence:
        ours, foreign = dialects.known(self.world, namespace.name, intent.uid)
        pods = [pod for pod in self.world.pods(namespace.name) if not pod.finished]
        terms = meaning.effective.images
        elsewhere = self.inventory.run_elsewhere(pods)
        coverage = self.exceptions.coverage(namespace.name, terms.exceptions, elsewhere, now)
        images = await self.inventory.look(intent, pods, terms, coverage, now)
        if images is not None:
            self.exceptions.record(namespace.name, terms.exceptions, coverage)
        return Evidence(
            effective=meaning.effective,
            settings=self.settings,
            now=now,
            plan=meaning.compiled,
            live=compare(ours, wanted, enforced),
            reach=self.reachability.look(
                meaning, dialects.live(self.world, namespace.name), foreign
            ),
            images=images,
            exceptions=self.exceptions.facts(coverage),
            unreadable=self.world.unreadable,
            stale_lists=self.inventory.stale_lists(),
        )

    async def _opt_out(self, intent: DeclaredObject) -> timedelta | None:
        """Release a namespace whose label went, and remove the intent that we wrote for it."""
        if NETWORK_POLICIES.plural in self.world.unreadable:
            return None  # without the intent they would go in any order
        enforced = await self.enforcer.enforce(intent, ())
        if enforced.failed:
            raise WriteFailed(enforced)
        await opting.remove_intent(self.client, self.intents, intent)
        self._forget(intent.namespace)
        logger.info(
            "%s: opted out by its label; policies and intent were removed", intent.namespace
        )
        return None

    async def _refuse(
        self, namespace: Namespace, intent: DeclaredObject | None
    ) -> timedelta | None:
        """An exempt namespace is never isolated; whoever asked for it is told."""
        if intent is not None or opting.is_opted_in(namespace):
            self.notices.exempt(namespace)
        else:
            self.notices.exempt_no_longer(namespace)
        now = self.clock()
        self.exceptions.leave(namespace.name, EXEMPT.message)
        await self.rescans.wait(namespace.name, EXEMPT.message, now)
        if intent is None:
            self._forget(namespace.name)
            return None
        self.inventory.forget(namespace.name)
        self.denials.forget(namespace.name)
        await self.enforcer.enforce(intent, ())
        return await self.statuses.tell(namespace, intent, EXEMPT, now)

    def _report_repairs(self, intent: DeclaredObject, enforced: Enforced) -> None:
        if enforced.repaired:
            self.notices.repaired(intent, enforced.repaired)
            logger.warning(
                "%s: mended network policies that somebody else changed: %s",
                intent.namespace,
                ", ".join(enforced.repaired),
            )
        elif enforced.written:
            changed = count(len(enforced.written), "policy", "policies")
            logger.info("%s: applied or removed %s", intent.namespace, changed)

    def _forget(self, name: str) -> None:
        self.reader.forget(name)
        self.enforcer.forget(name)
        self.reachability.forget(name)
        self.records.forget(name)
        self.denials.forget(name)
        self.inventory.forget(name)
        self.exceptions.forget(name)
        self.statuses.forget(name)


def _is_enforced(meaning: Meaning) -> bool:
    return meaning.effective.enforcement is Enforcement.ENFORCE
