"""Whether the evidence still is what was read and written, and whether all of it is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.uses import ImageUses
    from bailiwick.evidence.store import EvidenceStore

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class EvidenceCheck:
    """Has digests looked at whose evidence was touched, or that nobody runs any more.

    `complete` says whether it is known what every namespace runs.
    """

    evidence: EvidenceStore
    scans: DeclaredStore
    uses: ImageUses
    images: Images
    complete: Callable[[], bool]
    look_again: Callable[[str], None]

    async def once(self, now: datetime) -> None:
        """Check everything once; raises what OUT_OF_REACH names where it cannot be."""
        found = await self.evidence.look_over()
        doubted = set(found.digests)
        for digest in found.digests:
            self.images.doubt(digest)
        for repository in found.repositories:
            doubted |= set(self.images.doubt_repository(repository))
        if doubted:
            logger.warning("the evidence of %d images was changed by somebody else", len(doubted))
        used = self.uses.digests()
        there = {str(scan.spec["digest"]) for scan in self.scans.objects.all()} | found.held
        for digest in doubted | (there - used):
            self.look_again(digest)
        await self.evidence.sweep(now, self._repositories() if self.complete() else None)

    def _repositories(self) -> frozenset[str]:
        digests = self.uses.digests()
        return frozenset(name for digest in digests for name in self.uses.repositories(digest))
