"""The reconciler of one digest: its ImageScan, whether it is due for a scan, and its end.

Images are scanned once, whoever runs them. The last good result is kept until the next is in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.resources import IMAGE_SCANS
from bailiwick.policy.images.registries import Refusal
from bailiwick.policy.images.state import Failure
from bailiwick.reports.scans import scan_status

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.images.digest import Knowledge
    from bailiwick.engine.images.freshness import TagWatch
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.schedule import Schedule
    from bailiwick.engine.images.uses import ImageUses
    from bailiwick.engine.notices import Notices
    from bailiwick.engine.options import ScannerOptions
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client
    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.reports.freshness import Facts

logger = logging.getLogger(__name__)

_EVIDENCE_RETRY = timedelta(minutes=1)
_INVENTORY_RETRY = timedelta(minutes=1)
_LEAST_WAIT = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the status of an ImageScan is made of, but for the status before."""

    generation: int
    report: ScanReport | None
    scanning: bool
    failure: Failure | None
    aliases: frozenset[str]
    requested_at: datetime | None
    started_at: datetime | None
    next_scan_at: datetime | None
    ongoing: tuple[str, str] | None
    freshness: Facts


class ImageReconciler:
    """Brings one digest to where it should be, and says when to look at it again.

    `scan` is told the digests that are due, `tell` those whose namespaces have something new
    to say. `complete` says whether it is known what every namespace runs.
    """

    def __init__(
        self,
        *,
        client: Client,
        schedule: Schedule,
        served: Served,
        scans: DeclaredStore,
        uses: ImageUses,
        images: Images,
        tags: TagWatch,
        options: ScannerOptions,
        scan: Callable[[str], None],
        tell: Callable[[str], None],
        complete: Callable[[], bool],
        notices: Notices,
        clock: Callable[[], datetime],
    ) -> None:
        self._notices = notices
        self._client = client
        self._schedule = schedule
        self._served = served
        self._scans = scans
        self._uses = uses
        self._images = images
        self._tags = tags
        self._options = options
        self._scan = scan
        self._tell = tell
        self._complete = complete
        self._clock = clock
        self._told: dict[str, tuple[_Told, Mapping[str, Any]]] = {}

    async def reconcile(self, digest: str) -> timedelta | None:
        """Look at a digest once; returns how long until it has to be looked at again."""
        if not self._uses.of(digest):
            return await self._retire(digest)
        known = self._images.knowledge(digest)
        known.unused_since = None
        await self._remember(digest, known)
        # First, so that an image is scanned also where its ImageScan cannot be written.
        wait = self._decide(digest, known)
        await self._write(digest, await self._ensure(digest), known)
        if known.lost:
            return min(wait or _EVIDENCE_RETRY, _EVIDENCE_RETRY)
        return wait

    def notice(self, digest: str) -> None:
        """Know at once whether a digest whose use changed may be scanned at all.

        Whoever runs it then says so, and not first that it was not scanned yet.
        """
        if self._uses.of(digest):
            target = self._schedule.target(digest)
            refusal = target if isinstance(target, Refusal) else None
            self._refuse(digest, self._images.knowledge(digest), refusal)

    async def _remember(self, digest: str, known: Knowledge) -> None:
        """Have the evidence store and what is known here agree; raises where it cannot."""
        repositories = self._uses.repositories(digest)
        if known.unsaved is not None:
            await self._images.save(digest, repositories)
            self._tell(digest)
        if await self._images.recall(
            digest, repositories, scanned=was_scanned(self._scans, digest)
        ):
            self._tell(digest)

    def _decide(self, digest: str, known: Knowledge) -> timedelta | None:
        """Have a digest scanned where it is due, or know why not; returns how long to wait."""
        target = self._schedule.target(digest)
        self._refuse(digest, known, target if isinstance(target, Refusal) else None)
        if isinstance(target, Refusal) or known.scanning:
            return None
        due = self._schedule.due(digest)
        if due is None:
            return None
        wait = due.at - self._clock()
        if wait > timedelta():
            return max(wait, _LEAST_WAIT)
        down = target.scanner.down
        if down is None:
            self._scan(digest)
        elif known.failure is None or known.failure.message != down.message:
            # It is due again when the scanner answers.
            known.failure = Failure(down.reason, down.message, self._clock(), scanner_fault=True)
            self._tell(digest)
        return None

    def _refuse(self, digest: str, known: Knowledge, refusal: Refusal | None) -> None:
        """Say why an image is not scanned; a change of who runs it, or how, looks again."""
        if (refusal and refusal.message) == (known.refusal and known.refusal.message):
            return
        known.refusal = None
        if refusal is not None:
            known.refusal = Failure(refusal.reason, refusal.message, self._clock(), permanent=True)
            logger.warning("%s is not scanned: %s", digest, refusal.message)
        self._tell(digest)

    async def _ensure(self, digest: str) -> DeclaredObject:
        """Return the ImageScan of a digest, made or completed where it was missing."""
        name = scan_name(digest)
        found = self._scans.objects.get("", name)
        architecture = self._images.architecture_of(digest)
        platform = f"linux/{architecture}" if architecture else None
        if found is not None and platform in (None, found.spec.get("platform")):
            return found
        reference = min(r for use in self._uses.of(digest).values() for r in use.references)
        spec = {
            "digest": digest,
            "registry": reference.registry,
            "repository": reference.repository,
            **(found.spec if found else {}),
            **({"platform": platform} if platform else {}),
        }
        body = await self._client.apply(IMAGE_SCANS, {"metadata": {"name": name}, "spec": spec})
        made = DeclaredObject.from_json(self._scans.kind, body)
        self._scans.learn(made)
        return made

    async def _write(self, digest: str, scan: DeclaredObject, known: Knowledge) -> None:
        """Write the ImageScan's status, where it changed."""
        latest = self._scans.objects.get("", scan.name) or scan
        due = self._schedule.due(digest) if known.failure and not known.refusal else None
        told = _Told(
            latest.generation,
            known.report,
            known.scanning,
            known.refusal or known.failure,
            self._images.indexes_of(digest),
            self._schedule.requested(digest),
            known.started,
            due.at if due and due.at > self._clock() else None,
            (known.ongoing.source, known.ongoing.id) if known.ongoing else None,
            self._tags.facts_of(digest, self._uses.repositories(digest)),
        )
        # Of the many looks that a newer database causes, most have nothing new to write.
        if self._told.get(digest) == (told, latest.status):
            return
        status = self._served.known(
            IMAGE_SCANS,
            scan_status(
                generation=told.generation,
                report=told.report,
                scanning=told.scanning,
                failure=told.failure,
                previous=latest.status,
                now=self._clock(),
                aliases=told.aliases,
                requested_at=told.requested_at,
                started_at=told.started_at,
                next_scan_at=told.next_scan_at,
                ongoing=told.ongoing,
                freshness=told.freshness,
            ),
        )
        if status == latest.status:
            self._told[digest] = told, latest.status
            return
        body = await self._client.apply_status(
            IMAGE_SCANS, {"metadata": {"name": scan.name}, "status": status}
        )
        self._scans.learn(DeclaredObject.from_json(self._scans.kind, body))
        self._notices.scan(
            latest, told.failure, succeeded=status.get("phase") == "Scanned" and not told.failure
        )

    async def _retire(self, digest: str) -> timedelta | None:
        """Remove what is known of a digest that nobody has run for the grace time.

        That of an index goes at once: its manifest is what is kept.
        """
        known = self._images.knowledge(digest)
        now = self._clock()
        if self._uses.is_held(digest):
            known.unused_since = None
            return None
        if not self._images.is_index(digest):
            if not self._complete():
                return _INVENTORY_RETRY
            known.unused_since = known.unused_since or now
            left = known.unused_since + self._options.grace - now
            if left > timedelta():
                return left
        self._told.pop(digest, None)
        # The ImageScan last: as long as it is there, somebody comes back here.
        await self._images.forget(digest)
        await self._client.delete(IMAGE_SCANS, scan_name(digest))
        return None


def scan_name(digest: str) -> str:
    """Return the name of the ImageScan of a digest: `sha256-…`."""
    return digest.replace(":", "-", 1)


def was_scanned(scans: DeclaredStore, digest: str) -> bool:
    """Say whether the ImageScan of a digest tells of a result."""
    found = scans.objects.get("", scan_name(digest))
    return found is not None and bool(found.status.get("scannedAt"))
