"""Everything about images, joined: who runs what, when it is scanned, and what was found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bailiwick.engine.declared import told
from bailiwick.engine.images.evidence_check import EvidenceCheck
from bailiwick.engine.images.feeds import Feeds
from bailiwick.engine.images.freshness import TagWatch
from bailiwick.engine.images.inventory import Inventory
from bailiwick.engine.images.knowledge import Images
from bailiwick.engine.images.lanes import Lanes
from bailiwick.engine.images.notified import Notified
from bailiwick.engine.images.progress import ScanProgress
from bailiwick.engine.images.reconciler import ImageReconciler
from bailiwick.engine.images.rescans import Rescans
from bailiwick.engine.images.scanning import Scanning
from bailiwick.engine.images.schedule import Schedule
from bailiwick.engine.images.sources import Sources
from bailiwick.engine.images.uses import ImageUses
from bailiwick.engine.queueing.queue import WorkQueue
from bailiwick.engine.queueing.work import in_seconds

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.notices import Notices
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.options import Options
    from bailiwick.engine.served import Served
    from bailiwick.engine.world import World
    from bailiwick.evidence.store import EvidenceStore
    from bailiwick.kube.client import Client
    from bailiwick.scanners.source import NamedSource

_LOOKING = 8
# Seconds. A namespace has several images, and what is new of them often comes at the same time.
_PAUSE_FOR_MORE = 0.5


class Imaging:
    """The parts that know of images.

    `tell` is told namespaces that have something new to say, and how many seconds to wait for more.

    Looking at a digest is quick and has a queue of its own, so that what is known already never
    waits for a scan that runs.
    """

    def __init__(
        self,
        *,
        client: Client,
        sources: Sequence[NamedSource],
        evidence: EvidenceStore,
        world: World,
        served: Served,
        scans: DeclaredStore,
        requests: DeclaredStore,
        options: Options,
        metrics: Metrics,
        notices: Notices,
        tell: Callable[[str, float], None],
        concerned: Callable[[], Iterable[str]],
        look_everywhere: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tell_namespace = tell
        self._clock = clock
        self._parallel = options.scanner.parallel
        self.image_queue: WorkQueue[str] = WorkQueue(observer=metrics.queue("images"))
        self.uses = ImageUses()
        self.images = Images(evidence, self._running)
        self.sources = Sources(
            sources,
            options.scanner,
            self.uses,
            self.images,
            metrics,
            self.image_queue.add,
            clock,
        )
        self.tags = TagWatch(
            client,
            self.sources,
            lambda namespace: tell(namespace, _PAUSE_FOR_MORE),
            self.image_queue.add,
            clock,
            allow_loopback=options.settings.allow_loopback_registries,
        )
        self.feeds = Feeds(
            options.feeds,
            self.images,
            look_again=self._learned,
            look_everywhere=look_everywhere,
            clock=clock,
        )
        self.inventory = Inventory(
            world,
            scans,
            requests,
            self.uses,
            self.images,
            self._use_changed,
            concerned,
            self.tags,
            self.feeds.problems,
        )
        self.rescans = Rescans(client, requests, self.inventory, self.images, served)
        self.check = EvidenceCheck(
            evidence,
            scans,
            self.uses,
            self.images,
            self.inventory.complete,
            self.image_queue.add,
        )
        schedule = Schedule(
            self.uses,
            self.images,
            self.sources,
            options.scanner,
            options.settings.allow_loopback_registries,
            clock,
        )
        self.lanes: Lanes[str] = Lanes(
            schedule.rank,
            parallel=options.scanner.parallel,
            per_registry=options.scanner.per_registry,
            per_source=options.scanner.parallel - (len(sources) > 1),
        )
        self.scan_queue: WorkQueue[str] = WorkQueue(
            observer=metrics.queue("scans"), waiting=self.lanes
        )
        self.progress = ScanProgress(self.lanes, clock)
        self.reconciler = ImageReconciler(
            client=client,
            schedule=schedule,
            served=served,
            scans=scans,
            uses=self.uses,
            images=self.images,
            tags=self.tags,
            options=options.scanner,
            scan=self.scan_queue.add,
            tell=self.tell,
            complete=self.inventory.complete,
            notices=notices,
            clock=clock,
        )
        self.scanning = Scanning(
            client=client,
            schedule=schedule,
            uses=self.uses,
            images=self.images,
            metrics=metrics,
            places=self.inventory.places,
            progress=self.progress,
            look_again=self.image_queue.add,
            tell=self.tell,
            clock=clock,
        )

        self.notified = Notified(
            self.uses, self.images, self.image_queue.add, self.tags.moved, clock
        )

    def start(self) -> None:
        """Begin to look at digests, and to scan them."""
        self.image_queue.start(in_seconds(self.reconciler.reconcile), workers=_LOOKING)
        self.tags.start()
        self.scan_queue.start(_once(self.scanning.scan), workers=self._parallel)

    async def stop(self, seconds: float) -> None:
        """Give up the scans in hand, and finish what else is."""
        await self.scan_queue.stop(0)
        await self.tags.queue.stop(0)
        await self.image_queue.stop(seconds)

    async def resync(self) -> None:
        """Check the evidence; raises where it is out of reach."""
        await self.check.once(self._clock())

    def scan_changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        """Look at the digest of an ImageScan that somebody made, changed or deleted."""
        if new is not None:
            self.images.learn_scan(new)
            self.tags.learn_scan(new)
        self.image_queue.add(str(told(old, new).spec["digest"]))

    def look_at_everything(self) -> None:
        """Look at every digest that somebody runs."""
        for digest in self.uses.digests():
            self.image_queue.add(digest)

    def _running(self, repository: str) -> frozenset[str] | None:
        return self.uses.in_repository(repository) if self.inventory.complete() else None

    def _use_changed(self, digest: str) -> None:
        self.reconciler.notice(digest)
        self.image_queue.add(digest)

    def _learned(self, digest: str) -> None:
        self.image_queue.add(digest)
        self.tell(digest)

    def tell(self, digest: str) -> None:
        """Have the namespaces that run a digest look at it."""
        for namespace in self.uses.of(digest):
            self._tell_namespace(namespace, _PAUSE_FOR_MORE)


def _once(work: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[float | None]]:
    async def wrapped(digest: str) -> float | None:
        await work(digest)
        return None

    return wrapped
