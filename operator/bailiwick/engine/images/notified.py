"""What registries tell us: which of the digests that run here are to be looked at because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bailiwick.scanners.notifications import Happened

if TYPE_CHECKING:
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.uses import ImageUses
    from bailiwick.scanners.notifications import Notification


@dataclass(slots=True)
class Notified:
    """Makes digests due; what does not run here is of no interest, and nothing is contacted.

    `moved` is told repositories in which a tag may lead to another image now.
    """

    uses: ImageUses
    images: Images
    look_again: Callable[[str], None]
    moved: Callable[[str], None]
    clock: Callable[[], datetime]

    def take(self, notifications: Iterable[Notification]) -> int:
        """Take notifications into account; returns how many concern what runs here."""
        paths = self._paths()
        concerned = 0
        for each in notifications:
            names = paths.get(each.repository, frozenset())
            digests = self._running(each)
            concerned += bool(names or digests)
            for digest in digests:
                self._mark(digest, each.happened)
            if each.happened is not Happened.SCANNED:
                for name in sorted(names):
                    self.moved(name)
        return concerned

    def _mark(self, digest: str, happened: Happened) -> None:
        known = self.images.knowledge(digest)
        if happened is Happened.SCANNED:
            known.notified = self.clock()
        elif happened is Happened.PUSHED and known.failure is not None:
            # It may be there now, and need not wait for the end of the back-off.
            known.retry = True
        self.look_again(digest)

    def _running(self, notification: Notification) -> list[str]:
        """Return the digests that run here which a notification speaks of, by an index too."""
        if not notification.digest:
            return []
        return [
            digest
            for digest in (notification.digest, *self.images.manifests_of(notification.digest))
            if self.uses.of(digest)
        ]

    def _paths(self) -> dict[str, frozenset[str]]:
        """Return the repositories that run here, whole, by their path in whichever registry."""
        found: dict[str, set[str]] = {}
        for digest in self.uses.digests():
            for name in self.uses.repositories(digest):
                found.setdefault(name.partition("/")[2], set()).add(name)
        return {path: frozenset(names) for path, names in found.items()}
