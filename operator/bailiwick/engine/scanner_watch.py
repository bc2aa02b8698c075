"""Whether the scanner answers, and how old its database is: asked every so often."""

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
    from bailiwick.engine.knowledge import Images
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.options import ScannerOptions
    from bailiwick.engine.uses import ImageUses
    from bailiwick.scanners.adapter import Adapter

logger = logging.getLogger(__name__)

_DOWN_SECONDS = 10.0
_LEAST_SECONDS = 1.0


class ScannerWatch:
    """The state of the scanner.

    While it does not answer, nothing is sent to it but this question; once it does, everything
    that failed by its fault is due again. `look_again` is told digests.
    """

    def __init__(
        self,
        adapter: Adapter,
        options: ScannerOptions,
        uses: ImageUses,
        images: Images,
        metrics: Metrics,
        look_again: Callable[[str], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.adapter = adapter
        self.down: ScanError | None = None
        self.database: Database | None = None
        self._every = options.metadata_every.total_seconds()
        self._uses = uses
        self._images = images
        self._metrics = metrics
        self._look_again = look_again
        self._clock = clock
        self._doubted = asyncio.Event()

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
            metadata = await self.adapter.metadata()
        except ScanError as error:
            self._fell_silent(error)
            return
        recovered, self.down = self.down is not None, None
        self._metrics.scanner_answers.set(1)
        built = metadata.database_built
        newer = built != (self.database.built if self.database else None)
        if newer:
            self.database = Database(built, self._clock()) if built else None
            age = f"of {built:%Y-%m-%d %H:%M} UTC" if built else "not known"
            logger.info("the scanner's database is %s", age)
        if recovered:
            logger.info("the scanner answers again")
        if newer or recovered:
            self._look_at_everything(retry=True)

    def _fell_silent(self, error: ScanError) -> None:
        self._metrics.scanner_answers.set(0)
        before, self.down = self.down, error
        if before is None or before.message != error.message:
            logger.warning("the scanner cannot be used: %s", error.message)
            self._look_at_everything(retry=False)

    def _look_at_everything(self, *, retry: bool) -> None:
        for digest in self._uses.digests():
            known = self._images.knowledge(digest)
            if retry and known.failure is not None and known.failure.scanner_fault:
                known.retry = True
            self._look_again(digest)
