"""What runs in each namespace: told to those who scan, and judged by what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bailiwick.policy.assessment.evidence import ImageFact
from bailiwick.policy.images.inventory import RunningImage, inventory
from bailiwick.policy.images.requests import Rescan
from bailiwick.policy.images.rescan import asked_at
from bailiwick.policy.images.state import ScanTerms, assess

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.images import Images
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.uses import ImageUses
    from bailiwick.engine.world import World
    from bailiwick.policy.effective import ImageTerms
    from bailiwick.policy.facts import Pod


@dataclass(slots=True)
class Inventory:
    """The images of every namespace that has an intent.

    `enqueue` is told each digest whose use changed.
    """

    world: World
    requests: DeclaredStore
    uses: ImageUses
    images: Images
    enqueue: Callable[[str], None]
    _running: dict[str, tuple[RunningImage, ...]] = field(default_factory=dict)
    _noticed: dict[tuple[str, datetime], datetime] = field(default_factory=dict)

    def look(
        self, namespace: str, pods: Iterable[Pod], terms: ImageTerms, now: datetime
    ) -> tuple[ImageFact, ...] | None:
        """Return the images of a namespace with what is known of each; None if unreadable."""
        if "pods" in self.world.unreadable:
            return None
        running = inventory(pods, self.world.architectures())
        self._running[namespace] = running
        wished = self._wished(namespace, terms, now)
        asked = {
            image.digest: tuple(sorted(r.requested for r in wished if r.covers(image)))
            for image in running
            if image.digest
        }
        for digest in self.uses.record(namespace, running, terms, asked):
            self.enqueue(digest)
        after = self._scanned_after(namespace, terms, now)
        scan_terms = ScanTerms(terms.scan_max_age, after, terms.remediate_within)
        return tuple(self._fact(image, scan_terms, now) for image in running)

    def running(self, namespace: str) -> tuple[RunningImage, ...]:
        """Return the images of a namespace as they were at the last look."""
        return self._running.get(namespace, ())

    def forget(self, namespace: str) -> None:
        """Drop a namespace."""
        self._running.pop(namespace, None)
        for digest in self.uses.record(namespace, (), None, {}):
            self.enqueue(digest)

    def last_wish(self, namespace: str, terms: ImageTerms, now: datetime) -> Rescan | None:
        """Return the newest rescan that anybody asked for in a namespace."""
        return max(self._wished(namespace, terms, now), key=lambda r: r.requested, default=None)

    def _wished(self, namespace: str, terms: ImageTerms, now: datetime) -> list[Rescan]:
        wishes = [as_rescan(each) for each in self.requests.objects.within(namespace)]
        after = self._scanned_after(namespace, terms, now)
        if after is not None:
            wishes.append(Rescan(after, reason="spec.images.scannedAfter"))
        return wishes

    def _scanned_after(self, namespace: str, terms: ImageTerms, now: datetime) -> datetime | None:
        """Return `scannedAfter`; an instant in the future counts as when it was first noticed."""
        if terms.scanned_after is None:
            return None
        instant = terms.scanned_after.astimezone(UTC)
        if instant <= now:
            return self._noticed.get((namespace, instant), instant)
        return asked_at(instant, self._noticed.setdefault((namespace, instant), now))

    def _fact(self, image: RunningImage, terms: ScanTerms, now: datetime) -> ImageFact:
        if image.digest is None or image.reference is None:
            return ImageFact(image)
        known = self.images.known(image.digest, image.reference.name)
        report = known.report
        return ImageFact(
            image,
            assess(known, terms, now),
            report.hygiene if report else None,
            self.images.evidence_error(image.digest),
            scanner=f"{report.scanner} {report.scanner_version}".strip() if report else "",
            database_built=report.database_built if report else None,
        )


def as_rescan(request: DeclaredObject) -> Rescan:
    """Read a RescanRequest."""
    return Rescan(
        request.created,
        tuple(request.spec.get("images") or ()),
        request.spec.get("reason") or f"RescanRequest {request.name}",
    )
