"""The sources of scans in their order, and which of them an image goes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bailiwick.engine.images.scanner_watch import ScannerWatch
from bailiwick.policy.images.registries import Refusal
from bailiwick.scanners.tags import TagSource

if TYPE_CHECKING:
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.uses import ImageUses
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.options import ScannerOptions
    from bailiwick.policy.images.references import Reference
    from bailiwick.policy.images.rescan import Database
    from bailiwick.scanners.source import NamedSource

NO_SCANNER = Refusal("NoScanner", "No scanner is set up: set --scanner-url or --scanners-file.")


class Sources:
    """Every source, each watched by itself: one that is down does not stop the others."""

    def __init__(
        self,
        entries: Iterable[NamedSource],
        options: ScannerOptions,
        uses: ImageUses,
        images: Images,
        metrics: Metrics,
        look_again: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.watches = tuple(
            ScannerWatch(entry, options, uses, images, metrics, look_again, clock)
            for entry in entries
        )

    async def run(self) -> None:
        """Watch every source until cancelled."""
        async with asyncio.TaskGroup() as group:
            for each in self.watches:
                group.create_task(each.run(), name=f"the questions to the scanner {each.name}")

    def choose(self, image: Reference) -> ScannerWatch | Refusal:
        """Return the first source that takes an image and answers, or else the first of them."""
        taking = [each for each in self.watches if each.takes(image)]
        if taking:
            return next((each for each in taking if each.down is None), taking[0])
        if not self.watches:
            return NO_SCANNER
        names = ", ".join(each.name for each in self.watches)
        return Refusal(
            "NoScannerForRegistry",
            f"No scanner takes images of {image.name} (set up: {names}). List its registry in "
            "`registries` of one of them, or add a source without `registries` as the last one.",
        )

    def teller(self, image: Reference) -> TagSource | Refusal:
        """Return the first source for an image that can say what tags lead to, or why none can."""
        for each in self.watches:
            if each.takes(image) and isinstance(each.source, TagSource):
                return each.source
        return Refusal(
            "NobodyTellsTags",
            f"No scanner for {image.name} can say what its tags lead to: only Bailiwick's own "
            "does.",
        )

    def database(self, image: Reference) -> Database | None:
        """Return what is known of the database that an image is to be scanned with.

        It is that of the first source for it, also while that is down: else each failure of a
        source would make every result look outdated by another's database.
        """
        return next((each.database for each in self.watches if each.takes(image)), None)
