"""One scan of one digest, and what becomes of its result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.engine.images.digest import Ongoing
from bailiwick.engine.images.knowledge import OUT_OF_REACH, under_digest
from bailiwick.engine.images.pull_secrets import credentials
from bailiwick.engine.images.schedule import Target
from bailiwick.policy.images.rescan import ahead_of
from bailiwick.policy.images.state import Failure
from bailiwick.scanners.errors import PENDING, REGISTRY_UNAUTHORIZED, ScanError
from bailiwick.scanners.source import Begun, Order, carry_out

if TYPE_CHECKING:
    from bailiwick.engine.images.digest import Knowledge
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.progress import ScanProgress
    from bailiwick.engine.images.schedule import Schedule
    from bailiwick.engine.images.uses import ImageUses
    from bailiwick.engine.metrics import Metrics
    from bailiwick.kube.client import Client
    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.scanners.source import Place

logger = logging.getLogger(__name__)

_LONGEST_PAUSE = timedelta(hours=1)


class Scanning:
    """Scans digests, each in the hands of one worker at a time.

    It writes nothing to the cluster but evidence: `look_again` has a digest's ImageScan
    written, and `tell` is told the digests whose namespaces have something new to say. `places`
    gives where a digest runs.
    """

    def __init__(
        self,
        *,
        client: Client,
        schedule: Schedule,
        uses: ImageUses,
        images: Images,
        metrics: Metrics,
        places: Callable[[str], tuple[Place, ...]],
        progress: ScanProgress,
        look_again: Callable[[str], None],
        tell: Callable[[str], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._places = places
        self._progress = progress
        self._schedule = schedule
        self._uses = uses
        self._images = images
        self._metrics = metrics
        self._look_again = look_again
        self._tell = tell
        self._clock = clock

    async def scan(self, digest: str) -> None:
        """Scan a digest, if it still is due."""
        target = self._schedule.target(digest)
        due = self._schedule.due(digest)
        if not isinstance(target, Target) or due is None or due.at > self._clock():
            return
        known = self._images.knowledge(digest)
        resumed = self._resumable(known, target)
        begun = resumed.at if resumed else self._clock()
        known.scanning, known.started, known.retry = True, begun, False
        self._look_again(digest)
        if known.report is None:
            # Where there is a result, its namespaces have nothing new to say before the next.
            self._tell(digest)
        given_up = False
        try:
            report = await self._ask(digest, target, known)
            await self._succeeded(digest, target, report, begun)
        except ScanError as error:
            self._failed(known, target, error)
            self._progress.ended(failed=True)
        except asyncio.CancelledError:
            # The scanner goes on: whoever comes after us finds its scan in the ImageScan.
            given_up = True
            raise
        else:
            self._progress.ended(failed=False)
            logger.info(
                "scanned %s in %.1f s, findings: %d",
                target.reference,
                (self._clock() - begun).total_seconds(),
                len(report.findings),
            )
        finally:
            if not given_up:
                known.scanning, known.ongoing = False, None
                self._look_again(digest)
                self._tell(digest)

    def _resumable(self, known: Knowledge, target: Target) -> Ongoing | None:
        """Return the scan that an earlier process began, where it may still be of use."""
        found, known.ongoing = known.ongoing, None
        if found is None or found.source != target.scanner.name:
            return None
        age = (self._clock() - found.at).total_seconds()
        if not 0 <= age <= target.scanner.source.limits.scan_seconds:
            return None
        known.ongoing = found
        return found

    async def _ask(self, digest: str, target: Target, known: Knowledge) -> ScanReport:
        ongoing = known.ongoing

        def taken(scan_id: str) -> None:
            if ongoing is not None or known.started is None:
                known.started = self._clock()
            known.ongoing = Ongoing(target.scanner.name, scan_id, known.started)
            self._look_again(digest)

        found = await credentials(
            self._client, target.namespace, target.pull_secrets, target.reference
        )
        order = Order(
            target.reference,
            authorization=found.authorization,
            plain_http=target.plain_http,
            architecture=target.architecture,
            newer_than=self._newer_than(digest),
            aliases=self._images.indexes_of(digest),
            places=self._places(digest),
            begun=Begun(ongoing.id, ongoing.at) if ongoing else None,
            taken=taken,
        )
        try:
            return await carry_out(target.scanner.source, order)
        except ScanError as error:
            if error.reason == REGISTRY_UNAUTHORIZED and found.problem:
                error.message = f"{error.message} {found.problem}"
            raise

    def _newer_than(self, digest: str) -> datetime | None:
        """Say what a result must be newer than to be of use; None where any is."""
        report = self._images.knowledge(digest).report
        if report is None:
            return None
        requested = self._schedule.requested(digest) or report.scanned_at
        # An instant in the future can only be waited for.
        return max(report.scanned_at, min(requested, self._clock()))

    async def _succeeded(
        self, digest: str, target: Target, report: ScanReport, begun: datetime
    ) -> None:
        manifest = self._manifest(digest, target, report)
        known = self._images.knowledge(manifest)
        known.started = self._images.knowledge(digest).started
        kept = known.report
        if (
            kept is None
            or kept.scanned_at <= report.scanned_at
            or ahead_of(kept.scanned_at, self._clock())
        ):
            known.unsaved = under_digest(report, manifest)
            repositories = self._uses.repositories(digest) | self._uses.repositories(manifest)
            # What the store does not take now is kept, and given to it again by who looks at it.
            with suppress(*OUT_OF_REACH):
                await self._images.save(manifest, repositories)
        for each in {digest, manifest}:
            # A registry's own result is older than what it tells of it: that it was read counts.
            self._images.knowledge(each).notified = None
        due = self._schedule.due(manifest, whatever_failed=True)
        # A first result is worth having whatever its age: it is scanned again at once.
        no_newer = kept is not None and report.scanned_at <= kept.scanned_at
        if no_newer and report.scanned_at < begun and due and due.at <= self._clock():
            raise ScanError(
                "ResultNotNew",
                f"The scanner did not scan, but answered with a result that it had from "
                f"{report.scanned_at:%Y-%m-%d %H:%M} UTC, which is too old. Have it keep results "
                "for a shorter time.",
            )
        for each in {digest, manifest}:
            self._images.knowledge(each).failure = None
        self._metrics.scans.labels("succeeded").inc()

    def _manifest(self, digest: str, target: Target, report: ScanReport) -> str:
        """Return the digest that a report is kept by: that of the platform's manifest."""
        told = report.manifest_digest
        if told is None or told == digest:
            return digest
        hygiene = report.hygiene
        # Where no node was known yet, the scanner chose.
        architecture = target.architecture or (hygiene and hygiene.architecture) or ""
        if self._images.learn_index(digest, architecture, told):
            return told
        raise ScanError(
            "ManifestContradictory",
            f"The scanner says that {digest} leads to {told}, which contradicts what it said "
            "before, so its report was not used. Look at the scanner's own log.",
            scanner_fault=True,
        )

    def _failed(self, known: Knowledge, target: Target, error: ScanError) -> None:
        before, count = known.failure, 1
        if before is not None:
            count += before.count
        pause = min(timedelta(seconds=error.retry_after or 0.0), _LONGEST_PAUSE)
        known.failure = Failure(
            error.reason,
            error.message,
            self._clock(),
            count,
            error.permanent,
            pause,
            error.scanner_fault,
            waiting=error.reason == PENDING,
        )
        self._metrics.scans.labels(error.reason).inc()
        if before is None or before.message != error.message:
            logger.warning("could not scan %s: %s", target.reference, error.message)
        if error.scanner_fault:
            target.scanner.doubt()
