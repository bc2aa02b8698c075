"""The parts of an operator and how they are joined."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bailiwick.api.meta import INTENT_NAME, PROFILE_LABEL
from bailiwick.engine.changes import Changes
from bailiwick.engine.declared import DeclaredStore, told
from bailiwick.engine.dependents import Dependents
from bailiwick.engine.exceptions.assembly import Excepting
from bailiwick.engine.images.assembly import Imaging
from bailiwick.engine.meaning import Reader
from bailiwick.engine.metrics import Metrics
from bailiwick.engine.namespaces import NamespaceReconciler
from bailiwick.engine.network.denials import ClusterDenials
from bailiwick.engine.network.enforcement import Enforcer
from bailiwick.engine.network.reachability import Reachability
from bailiwick.engine.network.records import Records
from bailiwick.engine.notices import Notices
from bailiwick.engine.objects import DeclaredObject
from bailiwick.engine.profiles.generations import Profiles, Standing, standing
from bailiwick.engine.profiles.reconciler import ProfileReconciler
from bailiwick.engine.profiles.revisions import Revisions
from bailiwick.engine.queueing.queue import WorkQueue
from bailiwick.engine.queueing.work import in_seconds
from bailiwick.engine.rendering import Renderer
from bailiwick.engine.resync import Resync
from bailiwick.engine.served import Served
from bailiwick.engine.statuses import Statuses
from bailiwick.engine.throttle import Throttle
from bailiwick.engine.watches import Watches
from bailiwick.engine.world import World
from bailiwick.kube import resources
from bailiwick.kube.resources import Resource
from bailiwick.policy.binding import asked_for
from bailiwick.policy.facts import Namespace

if TYPE_CHECKING:
    from bailiwick.engine.options import Options
    from bailiwick.evidence.store import EvidenceStore
    from bailiwick.kube.client import Client
    from bailiwick.kube.events import Recorder
    from bailiwick.scanners.source import NamedSource

logger = logging.getLogger(__name__)

# A rollout is looked at when its namespaces tell something, but not for each of them. A look goes
# through all intents, so that the pause grows with them: else the cost would with their square.
_ROLLOUT_PAUSE = 0.5
_ROLLOUT_PAUSE_OF_AN_INTENT = 0.001


_REACH_PAUSE = 0.3


class Operator:
    """Stores, watches, queues and reconcilers, joined; nothing runs until it is started."""

    def __init__(
        self,
        client: Client,
        options: Options,
        metrics: Metrics,
        recorder: Recorder,
        sources: Sequence[NamedSource],
        evidence: EvidenceStore,
    ) -> None:
        settings = options.settings
        self.options = options
        self.metrics = metrics
        self.namespace_queue: WorkQueue[str] = WorkQueue(observer=metrics.queue("namespaces"))
        self.profile_queue: WorkQueue[str] = WorkQueue(observer=metrics.queue("profiles"))
        self.reach_queue: WorkQueue[str] = WorkQueue()
        self.dependents = Dependents()
        self.intents = DeclaredStore("SecurityIntent", self._intent_changed)
        self.profiles_known = DeclaredStore("SecurityProfile", self._profile_changed)
        self.scans = DeclaredStore("ImageScan", self._scan_changed)
        self.requests = DeclaredStore("RescanRequest", self._request_changed)
        self.namespaces = DeclaredStore("Namespace", self._namespace_changed)
        self.served = Served(client)
        notices = Notices(recorder, metrics)
        self.excepting = Excepting(
            client=client,
            served=self.served,
            warning=settings.exception_warning,
            notices=notices,
            metrics=metrics,
            look=self.namespace_queue.add,
            look_everywhere=self.enqueue_all,
            complete=lambda: self.imaging.inventory.complete(),
        )
        self.stores: dict[Resource, DeclaredStore] = {
            resources.SECURITY_PROFILES: self.profiles_known,
            resources.SECURITY_INTENTS: self.intents,
            resources.IMAGE_SCANS: self.scans,
            resources.RESCAN_REQUESTS: self.requests,
            resources.VULNERABILITY_EXCEPTIONS: self.excepting.namespaced,
            resources.CLUSTER_VULNERABILITY_EXCEPTIONS: self.excepting.cluster,
            resources.NAMESPACES: self.namespaces,
        }
        self.resync = Resync(client, self.stores, self._readable_changed)
        self.world = World(self._read_problems, lambda: self.watches.served())
        self.reachability = Reachability(
            self.world,
            settings,
            self.concerns,
            self.namespace_queue.add,
            lambda namespace: self.reach_queue.add_after(namespace, _REACH_PAUSE),
        )
        self.denials = ClusterDenials(
            client,
            self.world,
            self.profiles_known,
            settings,
            self.concerns,
            WorkQueue(observer=metrics.queue("denials")),
        )
        self.changes = Changes(
            self.namespace_queue.add,
            self.concerns,
            self.dependents,
            settings,
            self.reachability,
            self.denials,
        )
        self.watches = Watches(
            client, self.world, self.changes, settings.operator_namespace, self._readable_changed
        )
        self.imaging = Imaging(
            client=client,
            sources=sources,
            evidence=evidence,
            world=self.world,
            served=self.served,
            scans=self.scans,
            requests=self.requests,
            options=options,
            metrics=metrics,
            notices=notices,
            tell=self.namespace_queue.add_after,
            concerned=self.concerned,
            look_everywhere=self.enqueue_all,
        )
        self.revisions = Revisions(client, settings.operator_namespace, self.enqueue_all)
        self.profiles = Profiles(self.revisions, self._members)
        throttle = Throttle(options.writes_per_second, options.write_burst)
        self.renderer = Renderer(self.world, self.namespace_queue.add_after)
        self.reader = Reader(
            self.world,
            self.profiles_known,
            self.profiles,
            self.renderer,
            self.dependents,
            settings,
        )
        self.statuses = Statuses(client, self.intents, self.served, notices, settings)
        self.records = Records(
            client,
            lambda: not self.namespace_queue.idle,
            WorkQueue(observer=metrics.queue("records")),
        )
        project = self.watches.project_policy
        self.namespace_reconciler = NamespaceReconciler(
            client=client,
            world=self.world,
            intents=self.intents,
            reader=self.reader,
            enforcer=Enforcer(
                client, self.world, project, throttle.acquire, self.namespace_queue.add
            ),
            reachability=self.reachability,
            records=self.records,
            denials=self.denials,
            inventory=self.imaging.inventory,
            exceptions=self.excepting.exceptions,
            rescans=self.imaging.rescans,
            statuses=self.statuses,
            notices=notices,
            settings=settings,
        )
        self.profile_reconciler = ProfileReconciler(
            client, self.profiles_known, self.profiles, self.served, self.namespace_queue.add
        )

    def concerns(self, namespace: str) -> bool:
        """Say whether a namespace has an intent, or a label that asks for one."""
        if self.intents.objects.get(namespace, INTENT_NAME) is not None:
            return True
        found = self.world.namespace(namespace)
        return found is not None and PROFILE_LABEL in found.labels

    def concerned(self) -> list[str]:
        """Return the namespaces that have an intent, or a label that asks for one."""
        return [each for each in self.world.all_namespaces if self.concerns(each)]

    def clock_jumped(self) -> None:
        """Look at everything that waits for an instant."""
        self.enqueue_all()
        self.imaging.look_at_everything()

    def enqueue_all(self) -> None:
        """Have every namespace that concerns us looked at."""
        for namespace in self.concerned():
            self.namespace_queue.add(namespace)

    async def read_anew(self) -> None:
        """Read what another replica may have written last, and nobody has told us of yet."""
        await self.resync.once()
        self.namespace_reconciler.enforcer.doubt(self.world.all_namespaces)

    async def begin(self) -> None:
        """Begin to work: what rolls out first, then everything else."""
        await self.served.read()
        await self.records.start()
        for profile in self.profiles_known.objects.all():
            if not await self.profile_reconciler.begin(profile.name):
                self.profile_queue.add(profile.name)
        self.enqueue_all()
        workers = self.options.workers
        self.namespace_queue.start(in_seconds(self._reconcile_namespace), workers=workers)
        self.reach_queue.start(self._settle, workers=1)
        self.imaging.start()
        self.denials.start()
        self.profile_queue.start(in_seconds(self.profile_reconciler.reconcile), workers=1)
        self.excepting.start()

    async def finish(self, seconds: float) -> None:
        """Finish what is in hand and take nothing more."""
        await asyncio.gather(
            self.namespace_queue.stop(seconds),
            self.reach_queue.stop(seconds),
            self.imaging.stop(seconds),
            self.denials.queue.stop(seconds),
            self.records.queue.stop(seconds),
            self.profile_queue.stop(seconds),
            self.excepting.queue.stop(seconds),
        )
        await self.renderer.stop()

    def stuck(self) -> str | None:
        """Name the queues whose workers ended, which only a restart mends."""
        ended = [name for name, queue in self.queues().items() if queue.workers_ended]
        return f"the workers of {', '.join(ended)} ended" if ended else None

    def queues(self) -> Mapping[str, WorkQueue[Any]]:
        """Return the queues by their names."""
        return {
            "namespaces": self.namespace_queue,
            "images": self.imaging.image_queue,
            "scans": self.imaging.scan_queue,
            "profiles": self.profile_queue,
            "denials": self.denials.queue,
            "records": self.records.queue,
            "exceptions": self.excepting.queue,
        }

    async def _reconcile_namespace(self, name: str) -> timedelta | None:
        before = self._standing(name)
        try:
            return await self.namespace_reconciler.reconcile(name)
        finally:
            # Also where a write failed: that is what stops a rollout.
            after = self._standing(name)
            for profile in {each.profile for each in (before, after) if each}:
                if before != after or self.profiles.rolling_out(profile):
                    self._look_at_rollout(profile)

    async def _settle(self, namespace: str) -> None:
        self.reachability.settle(namespace)

    def _look_at_rollout(self, profile: str) -> None:
        pause = len(self.intents.objects) * _ROLLOUT_PAUSE_OF_AN_INTENT
        self.profile_queue.add_after(profile, max(_ROLLOUT_PAUSE, pause))

    def _standing(self, namespace: str) -> Standing | None:
        intent = self.intents.objects.get(namespace, INTENT_NAME)
        return standing(intent) if intent else None

    def _readable_changed(self) -> None:
        self.enqueue_all()
        self.denials.cluster_changed()
        for profile in self.profiles_known.objects.all():
            self.profile_queue.add(profile.name)

    def _read_problems(self) -> Mapping[str, str]:
        return {**self.watches.problems(), **self.resync.problems, **self.served.problems}

    def _members(self, profile: str) -> Iterable[DeclaredObject]:
        """The intents that a profile decides about; those of exempt namespaces have no effect."""
        exempt = self.options.settings.is_exempt
        terms = self.reader.terms()
        for intent in self.intents.objects.all():
            namespace = self.world.namespace(intent.namespace)
            if namespace is None or namespace.terminating or exempt(namespace.name):
                continue
            if self.reader.bind(namespace, intent, terms).profile == profile:
                yield intent

    def _namespace_changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        before, after = _as_namespace(old), _as_namespace(new)
        if before != after:
            self.world.keep_namespace(before, after)
            self.changes.namespace(before, after)

    def _intent_changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        self.namespace_queue.add(told(old, new).namespace)
        if old is None or new is None:
            for profile in self.profiles_known.objects.all():
                self._look_at_rollout(profile.name)

    def _profile_changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        if old and new and (old.uid, old.generation) == (new.uid, new.generation):
            return
        name = told(old, new).name
        self.profile_queue.add(name)
        if old is None or new is None:
            self.denials.tell(name)
        keys = ("default", "usableBy")
        if old is None or new is None or any(old.spec.get(k) != new.spec.get(k) for k in keys):
            self._bind_anew(name, default=any(p and p.spec.get("default") for p in (old, new)))

    def _bind_anew(self, profile: str, *, default: bool) -> None:
        """Have those namespaces looked at that may be bound to a profile now, or no longer."""
        known = {each.name for each in self.profiles_known.objects.all()}
        for intent in self.intents.objects.all():
            namespace = self.world.namespace(intent.namespace)
            asked = asked_for(namespace, intent.spec.get("profile")) if namespace else None
            # What names no profile that is there lists those that are.
            if default if asked is None else asked == profile or asked not in known:
                self.namespace_queue.add(intent.namespace)

    def _scan_changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        self.imaging.scan_changed(old, new)

    def _request_changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        self.namespace_queue.add(told(old, new).namespace)


def _as_namespace(found: DeclaredObject | None) -> Namespace | None:
    if found is None:
        return None
    return Namespace(found.name, found.uid, found.labels, found.deleting)
