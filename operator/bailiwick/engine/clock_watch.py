"""Whether the machine's clock jumps: what waits for an instant has to be looked at again then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 15.0
_JUMP_SECONDS = 60.0


class ClockWatch:
    """Compares the clock that tells the date with one that only goes forward.

    `jumped` is called when the first was set by more than a minute: queues wait by the second.
    """

    def __init__(
        self,
        jumped: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jumped = jumped
        self._clock = clock
        self._steady = steady
        self._apart = self._now_apart()

    async def run(self) -> None:
        """Compare them until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            self.check()

    def check(self) -> None:
        """Compare them once."""
        before, self._apart = self._apart, self._now_apart()
        jump = self._apart - before
        if abs(jump) > _JUMP_SECONDS:
            logger.warning("the clock was set by %+.0f s: everything is looked at again", jump)
            self._jumped()

    def _now_apart(self) -> float:
        return self._clock().timestamp() - self._steady()
