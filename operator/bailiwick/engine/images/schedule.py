"""When each digest is to be scanned, from which registry, or why it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bailiwick.engine.images.lanes import Rank
from bailiwick.engine.images.sources import NO_SCANNER
from bailiwick.policy.images.priority import Lane, Risk, lane_of, risk_of
from bailiwick.policy.images.registries import Refusal, contactable, host_of
from bailiwick.policy.images.rescan import NextScan, Pace, next_scan

if TYPE_CHECKING:
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.scanner_watch import ScannerWatch
    from bailiwick.engine.images.sources import Sources
    from bailiwick.engine.images.uses import ImageUses, Use
    from bailiwick.engine.options import ScannerOptions
    from bailiwick.policy.images.references import Reference

_NOT_IN_USE = Refusal("NotInUse", "Nobody runs this image.")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Target:
    """Who scans a digest, where it is fetched from, for which platform, with whose pull secrets.

    The platform matters where the digest is an index's.
    """

    scanner: ScannerWatch
    reference: Reference
    architecture: str
    plain_http: bool
    namespace: str
    pull_secrets: tuple[str, ...]


@dataclass(slots=True)
class Schedule:
    """Decides from who runs a digest, what is known of it, and what the scanner says."""

    uses: ImageUses
    images: Images
    sources: Sources
    options: ScannerOptions
    allow_loopback: bool
    clock: Callable[[], datetime]

    def target(self, digest: str) -> Target | Refusal:
        """Find a use whose profile lists its registry, or say why there is none."""
        if not self.sources.watches:
            return NO_SCANNER
        refusal = _NOT_IN_USE
        uses = self.uses.of(digest)
        architectures = self._unresolved(digest)
        # Who has no pull secret may run what a node has from somebody who has one.
        for namespace in sorted(uses, key=lambda each: (not uses[each].pull_secrets, each)):
            for reference in uses[namespace].references:
                refused = contactable(
                    reference, uses[namespace].terms.registries, allow_loopback=self.allow_loopback
                )
                scanner = refused or self.sources.choose(reference)
                if not isinstance(scanner, Refusal):
                    plain = self.allow_loopback and host_of(reference.registry) in _LOOPBACK
                    return Target(
                        scanner,
                        reference,
                        min(architectures, default=""),
                        plain,
                        namespace,
                        uses[namespace].pull_secrets,
                    )
                refusal = scanner
        return refusal

    def due(self, digest: str, *, whatever_failed: bool = False) -> NextScan | None:
        """Say when a digest is to be scanned next; None: not until something happens.

        With `whatever_failed` the wait after a failure is not counted.
        """
        known = self.images.knowledge(digest)
        if known.unsaved is not None or not self._unresolved(digest):
            return None
        users = self.uses.of(digest).values()
        options = self.options
        target = self.target(digest)
        return next_scan(
            digest,
            known.report,
            self.clock(),
            failure=None if known.retry or whatever_failed else known.failure,
            asked=[instant for use in users for instant in use.asked],
            rescan_every=min(
                (u.terms.rescan_every for u in users if u.terms.rescan_every), default=None
            ),
            database=(
                self.sources.database(target.reference) if isinstance(target, Target) else None
            ),
            notified=known.notified,
            pace=Pace(min_interval=options.minimum_interval),
        )

    def rank(self, digest: str) -> Rank:
        """Say where a digest stands among those that wait for a scan."""
        target = self.target(digest)
        lane, order = self._place(digest)
        if isinstance(target, Refusal):
            return Rank(lane, order)
        return Rank(lane, order, target.reference.registry, target.scanner.name)

    def _place(self, digest: str) -> tuple[Lane, tuple[float, ...]]:
        known = self.images.knowledge(digest)
        due = self.due(digest)
        if due is None:
            return Lane.RENEWAL, ()
        if known.ongoing is not None:
            # Its scanner is at work already, or done.
            return Lane.REQUESTED, ()
        lane = lane_of(due.reason)
        if lane is not Lane.RENEWAL:
            return lane, (due.at.timestamp(),)
        return lane, self._risk(digest).order

    def _risk(self, digest: str) -> Risk:
        """Return the worst that the last result is in any of the repositories it is run from."""
        return max(
            (
                risk_of(known.ages, use.terms.remediate_within, self.clock())
                for reference, use in self._kinds_of_use(digest)
                for known in (self.images.known(digest, reference.name),)
            ),
            default=Risk(),
        )

    def _kinds_of_use(self, digest: str) -> Iterable[tuple[Reference, Use]]:
        """Return the uses of a digest that differ: most namespaces use it as the others do."""
        seen = set()
        for use in self.uses.of(digest).values():
            for reference in use.references:
                kind = (reference.name, *sorted(use.terms.remediate_within.items()))
                if kind not in seen:
                    seen.add(kind)
                    yield reference, use

    def requested(self, digest: str) -> datetime | None:
        """Return when a rescan of a digest was last asked for."""
        users = self.uses.of(digest).values()
        return max((instant for use in users for instant in use.asked), default=None)

    def _unresolved(self, digest: str) -> list[str]:
        """Return the architectures that a digest is run on, but for those it is an index for."""
        used = {a for use in self.uses.of(digest).values() for a in use.architectures} or {""}
        return [a for a in used if self.images.manifest_of(digest, a) == digest]
