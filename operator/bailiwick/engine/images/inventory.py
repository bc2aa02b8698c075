"""What runs in each namespace: told to those who scan, and judged by what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bailiwick.engine.images.knowledge import OUT_OF_REACH
from bailiwick.engine.images.reconciler import was_scanned
from bailiwick.engine.images.uses import uses_of
from bailiwick.policy.assessment.evidence import ImageFact
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.exceptions.attested import with_attestations
from bailiwick.policy.images.deadlines import NoFix, Remediation
from bailiwick.policy.images.inventory import RunningImage, inventory
from bailiwick.policy.images.requests import Rescan
from bailiwick.policy.images.rescan import asked_at
from bailiwick.policy.images.state import ScanTerms, assess
from bailiwick.scanners.source import Place

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.images.freshness import TagWatch
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.uses import ImageUses
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.world import World
    from bailiwick.policy.effective import ImageTerms
    from bailiwick.policy.exceptions.matching import Coverage, ImageKey, RunElsewhere
    from bailiwick.policy.facts import Pod
    from bailiwick.policy.selectors import Selector

SCANNED_AFTER = "spec.images.scannedAfter"


@dataclass(slots=True)
class Inventory:
    """The images of every namespace that has an intent.

    `enqueue` is told each digest whose use changed, `concerned` gives the namespaces that have
    an intent or ask for one, `stale_lists` what is told of lists that are not fresh.
    """

    world: World
    scans: DeclaredStore
    requests: DeclaredStore
    uses: ImageUses
    images: Images
    enqueue: Callable[[str], None]
    concerned: Callable[[], Iterable[str]]
    tags: TagWatch
    stale_lists: Callable[[], tuple[str, ...]] = tuple
    _running: dict[str, tuple[RunningImage, ...]] = field(default_factory=dict)
    _noticed: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    _looked_at: set[str] = field(default_factory=set)

    async def look(
        self,
        intent: DeclaredObject,
        pods: Iterable[Pod],
        terms: ImageTerms,
        coverage: Coverage,
        now: datetime,
    ) -> tuple[ImageFact, ...] | None:
        """Return the images of a namespace with what is known of each; None if unreadable.

        `coverage` is asked for each of them, so that it knows afterwards what matched.
        """
        if "pods" in self.world.unreadable:
            return None
        running = self._inventory(pods)
        namespace = intent.namespace
        self._running[namespace] = running
        self._looked_at.add(namespace)
        wished = self._wished(intent, terms, now)
        uses = uses_of(
            running, terms, lambda image: [r.requested for r in wished if r.covers(image)]
        )
        for digest in self.uses.record(namespace, uses):
            self.enqueue(digest)
        self.tags.record(namespace, running, terms)
        after = self._scanned_after(intent, terms, now)
        scan_terms = ScanTerms(
            terms.scan_max_age, after, Remediation(terms.remediate_within, NoFix(terms.no_fix))
        )
        trusted = terms.exceptions.attestations_trusted
        return tuple(
            [await self._fact(image, scan_terms, coverage, now, trusted) for image in running]
        )

    def hold(self, namespace: str, pods: Iterable[Pod]) -> None:
        """Keep what is known of the images of a namespace whose profile is not known."""
        if "pods" not in self.world.unreadable:
            digests = [image.digest for image in self._inventory(pods) if image.digest]
            self.uses.hold(namespace, digests)
            self._looked_at.add(namespace)

    def running(self, namespace: str) -> tuple[RunningImage, ...]:
        """Return the images of a namespace as they were at the last look."""
        return self._running.get(namespace, ())

    def places(self, digest: str) -> tuple[Place, ...]:
        """Return where a digest runs, in every namespace, sorted."""
        found = []
        for namespace in self.uses.of(digest):
            running = self.running(namespace)
            others = {
                (use.workload, use.container)
                for image in running
                if image.digest != digest
                for use in image.containers
            }
            found += [
                Place(
                    namespace,
                    use.workload,
                    use.container,
                    image.declared,
                    others=(use.workload, use.container) in others,
                )
                for image in running
                if image.digest == digest
                for use in image.containers
            ]
        return tuple(sorted(found))

    def complete(self) -> bool:
        """Say whether it is known what every namespace runs: what is not seen then is not run."""
        return "pods" not in self.world.unreadable and all(
            namespace in self._looked_at for namespace in self.concerned()
        )

    def forget(self, namespace: str) -> None:
        """Drop a namespace."""
        self._running.pop(namespace, None)
        self._noticed.pop(namespace, None)
        self._looked_at.add(namespace)
        self.tags.forget(namespace)
        for digest in self.uses.record(namespace, {}):
            self.enqueue(digest)

    def last_wish(self, intent: DeclaredObject, terms: ImageTerms, now: datetime) -> Rescan | None:
        """Return the newest rescan that anybody asked for in a namespace."""
        return max(self._wished(intent, terms, now), key=lambda r: r.requested, default=None)

    def run_elsewhere(self, pods: Sequence[Pod]) -> RunElsewhere:
        """Return what finds the images that pods run which a selector does not select."""
        known: dict[Selector, frozenset[ImageKey]] = {}

        def find(selector: Selector) -> frozenset[ImageKey]:
            if selector not in known:
                others = [pod for pod in pods if not selector.matches(pod.labels)]
                known[selector] = frozenset(
                    (image.reference.name, image.digest)
                    for image in self._inventory(others)
                    if image.reference and image.digest
                )
            return known[selector]

        return find

    def _inventory(self, pods: Iterable[Pod]) -> tuple[RunningImage, ...]:
        return inventory(pods, self.world.architectures(), self.images.manifest_of)

    def _wished(self, intent: DeclaredObject, terms: ImageTerms, now: datetime) -> list[Rescan]:
        wishes = [as_rescan(each) for each in self.requests.objects.within(intent.namespace)]
        after = self._scanned_after(intent, terms, now)
        if after is not None:
            wishes.append(Rescan(after, reason=SCANNED_AFTER))
        return wishes

    def _scanned_after(
        self, intent: DeclaredObject, terms: ImageTerms, now: datetime
    ) -> datetime | None:
        """Return `scannedAfter`; an instant in the future counts as when it was first noticed."""
        if terms.scanned_after is None:
            return None
        wanted = terms.scanned_after.astimezone(UTC)
        known, noticed = self._noticed.get(intent.namespace, (None, now))
        if known == wanted:
            return asked_at(wanted, noticed)
        if wanted <= now:
            return wanted
        noticed = _noticed_before(intent) or now
        self._noticed[intent.namespace] = (wanted, noticed)
        return noticed

    async def _fact(
        self,
        image: RunningImage,
        terms: ScanTerms,
        coverage: Coverage,
        now: datetime,
        attestations_trusted: bool,
    ) -> ImageFact:
        if image.digest is None or image.reference is None:
            return ImageFact(image)
        repository = image.reference.name
        if was_scanned(self.scans, image.digest):
            # What goes wrong is told as evidence that cannot be read, and tried again by others.
            with suppress(*OUT_OF_REACH):
                await self.images.recall(image.digest, {repository}, scanned=True)
        known = self.images.known(image.digest, repository)
        report = known.report
        excuses = coverage.excuses(image, report.findings if report else None)
        if report and attestations_trusted:
            attested = self.images.knowledge(image.digest).attested()
            excuses = with_attestations(excuses, attested)
        return ImageFact(
            image,
            assess(known, terms, now, excuses=excuses),
            report.hygiene if report else None,
            self.images.evidence_error(image.digest, repository),
            scanner=f"{report.scanner} {report.scanner_version}".strip() if report else "",
            database_built=report.database_built if report else None,
            freshness=self.tags.of(image),
        )


def as_rescan(request: DeclaredObject) -> Rescan:
    """Read a RescanRequest."""
    return Rescan(
        request.created,
        tuple(request.spec.get("images") or ()),
        request.spec.get("reason") or f"RescanRequest {request.name}",
    )


def _noticed_before(intent: DeclaredObject) -> datetime | None:
    """Return when an earlier process noticed the `scannedAfter` that the intent still has."""
    rescan = intent.status.get("rescan") or {}
    same = intent.status.get("observedGeneration") == intent.generation
    return (
        instant(rescan.get("requested")) if same and rescan.get("reason") == SCANNED_AFTER else None
    )
