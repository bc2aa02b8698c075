"""Whether a source of scans answers, and how old its database is: asked every so often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bailiwick.policy.images.rescan import Database
from bailiwick.scanners.errors import ScanError

if TYPE_CHECKING:
    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.images.uses import ImageUses
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.options import ScannerOptions
    from bailiwick.policy.images.references import Reference
    from bailiwick.scanners.source import NamedSource, Source

logger = logging.getLogger(__name__)

_DOWN_SECONDS = 10.0
_LEAST_SECONDS = 1.0


class ScannerWatch:
    """The state of one source of scans.

    While it does not answer, nothing is sent to it but this question. Once it does, everything
    that failed by its fault is due again, and when it falls silent as well, since another source
    may be there for it. `look_again` is told digests.
    """

    def __init__(
        self,
        entry: NamedSource,
        options: ScannerOptions,
        uses: ImageUses,
        images: Images,
        metrics: Metrics,
        look_again: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.entry = entry
        self.down: ScanError | None = None
        self.database: Database | None = None
        self._every = options.metadata_every.total_seconds()
        self._uses = uses
        self._images = images
        self._answers = metrics.scanner_answers.labels(entry.name)
        self._answers.set(0)
        self._look_again = look_again
        self._clock = clock
        self._doubted = asyncio.Event()

    @property
    def source(self) -> Source:
        """What is watched."""
        return self.entry.source

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.entry.name

    def takes(self, image: Reference) -> bool:
        """Say whether images of this repository are for this source."""
        return self.entry.takes(image)

    async def run(self) -> None:
        """Ask until cancelled; sooner while it does not answer, or somebody doubts that it does."""
        while True:
            await self.ask()
            await asyncio.sleep(min(_LEAST_SECONDS, self._every))
            pause = min(self._every, _DOWN_SECONDS) if self.down else self._every
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause - _LEAST_SECONDS)):
                    await self._doubted.wait()

    def doubt(self) -> None:
        """Have it asked now: a scan failed by its fault."""
        self._doubted.set()

    async def ask(self) -> None:
        """Ask once, and have digests looked at that the answer matters to."""
        self._doubted.clear()
        try:
            capabilities = await self.source.capabilities()
        except ScanError as error:
            self._fell_silent(error)
            return
        recovered, self.down = self.down is not None, None
        self._answers.set(1)
        built = capabilities.database_built
        newer = built != (self.database.built if self.database else None)
        if newer:
            self.database = Database(built, self._clock()) if built else None
            age = f"of {built:%Y-%m-%d %H:%M} UTC" if built else "not known"
            logger.info("the database of the scanner %s is %s", self.name, age)
        if recovered:
            logger.info("the scanner %s answers again", self.name)
        if newer or recovered:
            self._look_at_everything()

    def _fell_silent(self, error: ScanError) -> None:
        self._answers.set(0)
        before, self.down = self.down, error
        if before is None or before.message != error.message:
            logger.warning("the scanner %s cannot be used: %s", self.name, error.message)
            self._look_at_everything()

    def _look_at_everything(self) -> None:
        for digest in self._uses.digests():
            references = (r for use in self._uses.of(digest).values() for r in use.references)
            if not any(map(self.takes, references)):
                continue
            known = self._images.knowledge(digest)
            if known.failure is not None and known.failure.scanner_fault:
                known.retry = True
            self._look_again(digest)
