"""The reconciler of one digest: whether it is due for a scan, the scan, and what came of it.

Images are scanned once, whoever runs them. The last good result is kept until the next is in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.engine.objects import DeclaredObject
from bailiwick.evidence.store import EvidenceError
from bailiwick.kube.resources import IMAGE_SCANS
from bailiwick.policy.images.references import Reference
from bailiwick.policy.images.registries import Refusal, contactable, host_of
from bailiwick.policy.images.rescan import NextScan, Pace, next_scan
from bailiwick.policy.images.state import Failure, Known
from bailiwick.reports.scans import scan_status
from bailiwick.scanners.errors import ScanError

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.options import ScannerOptions
    from bailiwick.engine.served import Served
    from bailiwick.engine.uses import ImageUses, Use
    from bailiwick.evidence.store import EvidenceStore
    from bailiwick.kube.client import Client
    from bailiwick.policy.images.findings import FindingKey, ScanReport
    from bailiwick.scanners.adapter import Adapter

logger = logging.getLogger(__name__)

NO_SCANNER = "NoScanner"
REFUSALS = frozenset({NO_SCANNER, "RegistryNotListed", "RegistryRefused"})


@dataclass(slots=True)
class Knowledge:
    """What the operator knows of one digest beyond its report."""

    report: ScanReport | None = None
    first_seen: Mapping[str, Mapping[FindingKey, datetime]] = field(default_factory=dict)
    failure: Failure | None = None
    scanning: bool = False
    unused_since: datetime | None = None
    loaded: bool = False
    evidence_error: str = ""


class Images:
    """Everything known of every digest; read by the namespaces' reconciles."""

    def __init__(self) -> None:
        self._known: dict[str, Knowledge] = {}

    def knowledge(self, digest: str) -> Knowledge:
        """Return what is known of a digest, to be changed by its reconciler only."""
        return self._known.setdefault(digest, Knowledge())

    def known(self, digest: str, repository: str) -> Known:
        """Return what is known of a digest in one repository."""
        found = self._known.get(digest)
        if found is None:
            return Known()
        return Known(
            found.report, found.scanning, found.failure, found.first_seen.get(repository, {})
        )

    def evidence_error(self, digest: str) -> str:
        """Say why the findings of a digest could not be read; empty where they could."""
        found = self._known.get(digest)
        return found.evidence_error if found else ""

    def forget(self, digest: str) -> None:
        """Drop a digest."""
        self._known.pop(digest, None)


class ImageReconciler:
    """Brings one digest to where it should be, and says when to look at it again."""

    def __init__(
        self,
        *,
        client: Client,
        adapter: Adapter | None,
        evidence: EvidenceStore,
        served: Served,
        scans: DeclaredStore,
        uses: ImageUses,
        images: Images,
        options: ScannerOptions,
        allow_loopback: bool,
        metrics: Metrics,
        tell_namespace: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self.adapter = adapter
        self._evidence = evidence
        self._served = served
        self._scans = scans
        self._uses = uses
        self._images = images
        self._options = options
        self._allow_loopback = allow_loopback
        self._metrics = metrics
        self._tell_namespace = tell_namespace
        self._clock = clock
        self._running = asyncio.Semaphore(options.parallel)
        self._pace = Pace(min_interval=options.minimum_interval)
        self.database_built: datetime | None = None

    async def reconcile(self, digest: str) -> timedelta | None:
        """Scan the digest if it is due; returns how long until it has to be looked at again."""
        known = self._images.knowledge(digest)
        users = self._uses.of(digest)
        if not users:
            return await self._retire(digest, known)
        known.unused_since = None
        await self._recall(digest, known, users)
        reference = _reference_of(users)
        scan = await self._ensure(digest, reference)
        use = self._contact(users)
        if isinstance(use, Refusal):
            await self._refused(scan, known, use)
            return None
        if known.failure and known.failure.reason in REFUSALS:
            known.failure = None
        due = self._due(digest, known, users)
        if due is None:
            return None
        wait = due.at - self._clock()
        if wait > timedelta():
            return wait
        await self._scan(scan, known, use)
        return self._wait(digest, known, users)

    def _due(self, digest: str, known: Knowledge, users: Mapping[str, Use]) -> NextScan | None:
        now = self._clock()
        intervals = [u.terms.rescan_every for u in users.values() if u.terms.rescan_every]
        asked = [instant for use in users.values() for instant in use.asked]
        return next_scan(
            digest,
            known.report,
            now,
            failure=known.failure,
            asked=asked,
            rescan_every=min(intervals, default=None),
            database_built=self.database_built,
            pace=self._pace,
        )

    def _wait(self, digest: str, known: Knowledge, users: Mapping[str, Use]) -> timedelta | None:
        due = self._due(digest, known, users)
        return max(due.at - self._clock(), timedelta(seconds=1)) if due else None

    def _contact(self, users: Mapping[str, Use]) -> Use | Refusal:
        """Find a use whose profile lists its registry, or say why there is none."""
        if self.adapter is None:
            return Refusal(NO_SCANNER, "No scanner is set up: set --scanner-url.")
        refusal = None
        for _, use in sorted(users.items(), key=lambda item: item[0]):
            refusal = contactable(
                use.reference, use.terms.registries, allow_loopback=self._allow_loopback
            )
            if refusal is None:
                return use
        return refusal or Refusal("NotInUse", "Nobody runs this image.")

    async def _refused(self, scan: DeclaredObject, known: Knowledge, refusal: Refusal) -> None:
        """Say why an image is not scanned; a change of who runs it, or how, looks again."""
        if known.failure and known.failure.message == refusal.message:
            return
        await self._failed(
            scan, known, Failure(refusal.reason, refusal.message, self._clock(), permanent=True)
        )

    async def _scan(self, scan: DeclaredObject, known: Knowledge, use: Use) -> None:
        assert self.adapter is not None  # `reconcile` returned before
        async with self._running:
            known.scanning = True
            self._tell(scan.spec["digest"])
            begun = self._clock()
            await self._write(scan, known)
            try:
                report = await self.adapter.scan(
                    use.reference,
                    architecture=use.architecture,
                    plain_http=self._allow_loopback and _is_loopback(use.reference),
                )
            except ScanError as error:
                known.scanning = False
                count = known.failure.count + 1 if known.failure else 1
                await self._failed(
                    scan,
                    known,
                    Failure(error.reason, error.message, self._clock(), count, error.permanent),
                )
                return
            finally:
                known.scanning = False
        await self._succeeded(scan, known, report)
        logger.info(
            "scanned %s in %.1f s, findings: %d",
            use.reference,
            (self._clock() - begun).total_seconds(),
            len(report.findings),
        )

    async def _succeeded(self, scan: DeclaredObject, known: Knowledge, report: ScanReport) -> None:
        digest = scan.spec["digest"]
        repositories = {use.reference.name for use in self._uses.of(digest).values()}
        await self._evidence.save(report)
        known.first_seen = {
            each: await self._evidence.record_seen(each, report.findings, report.scanned_at)
            for each in sorted(repositories)
        }
        known.report, known.failure, known.evidence_error = report, None, ""
        await self._write(scan, known)
        self._metrics.scans.labels("succeeded").inc()
        self._tell(digest)

    async def _failed(self, scan: DeclaredObject, known: Knowledge, failure: Failure) -> None:
        changed = known.failure is None or known.failure.message != failure.message
        known.failure = failure
        await self._write(scan, known)
        self._metrics.scans.labels(failure.reason).inc()
        if changed:
            logger.warning("could not scan %s: %s", scan.spec["digest"], failure.message)
        self._tell(scan.spec["digest"])

    async def _ensure(self, digest: str, reference: Reference) -> DeclaredObject:
        """Return the ImageScan of a digest, made if it was missing."""
        name = scan_name(digest)
        found = self._scans.objects.get("", name)
        if found is not None:
            return found
        body = await self._client.apply(
            IMAGE_SCANS,
            {
                "metadata": {"name": name},
                "spec": {
                    "digest": digest,
                    "registry": reference.registry,
                    "repository": reference.repository,
                },
            },
        )
        made = DeclaredObject.from_json(self._scans.kind, body)
        self._scans.learn(made)
        return made

    async def _write(self, scan: DeclaredObject, known: Knowledge) -> None:
        """Write the ImageScan's status, where it changed."""
        latest = self._scans.objects.get("", scan.name) or scan
        status = scan_status(
            generation=latest.generation,
            report=known.report,
            scanning=known.scanning,
            failure=known.failure,
            previous=latest.status,
            now=self._clock(),
        )
        status = self._served.known(IMAGE_SCANS, status)
        if status == latest.status:
            return
        body = await self._client.apply_status(
            IMAGE_SCANS, {"metadata": {"name": scan.name}, "status": status}
        )
        self._scans.learn(DeclaredObject.from_json(self._scans.kind, body))

    async def _recall(self, digest: str, known: Knowledge, users: Mapping[str, Use]) -> None:
        """Read the evidence of an earlier process, and of repositories that are new here.

        Evidence that cannot be read is told as such, and a scan makes it anew.
        """
        repositories = {use.reference.name for use in users.values()}
        missing = repositories - known.first_seen.keys()
        if known.loaded and not missing:
            return
        try:
            if not known.loaded:
                known.report = await self._evidence.load(digest)
            if known.report is not None:
                seen = {each: await self._evidence.first_seen(each) for each in sorted(missing)}
                known.first_seen = {**known.first_seen, **seen}
        except EvidenceError as error:
            known.report, known.evidence_error = None, error.message
        known.loaded = True
        if known.report is not None or known.evidence_error:
            self._tell(digest)

    async def _retire(self, digest: str, known: Knowledge) -> timedelta | None:
        """Remove what is known of a digest that nobody has run for the grace time."""
        now = self._clock()
        known.unused_since = known.unused_since or now
        left = known.unused_since + self._options.grace - now
        if left > timedelta():
            return left
        await self._client.delete(IMAGE_SCANS, scan_name(digest))
        await self._evidence.delete(digest)
        self._images.forget(digest)
        return None

    def _tell(self, digest: str) -> None:
        for namespace in self._uses.of(digest):
            self._tell_namespace(namespace)


def scan_name(digest: str) -> str:
    """Return the name of the ImageScan of a digest: `sha256-…`."""
    return digest.replace(":", "-", 1)


def unused_scans(scans: DeclaredStore, uses: ImageUses) -> Iterable[str]:
    """Return the digests that have an ImageScan and that nobody runs."""
    used = uses.digests()
    return [
        str(scan.spec["digest"])
        for scan in scans.objects.all()
        if scan.spec.get("digest") not in used and scan.spec.get("digest")
    ]


def _reference_of(users: Mapping[str, Use]) -> Reference:
    return min(use.reference for use in users.values())


def _is_loopback(reference: Reference) -> bool:
    return host_of(reference.registry) in ("127.0.0.1", "localhost", "::1")
