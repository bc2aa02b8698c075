"""How far the scans that wait are, and when they will be done: for metrics, and a line a minute."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.policy.images.priority import Lane

if TYPE_CHECKING:
    from bailiwick.engine.images.lanes import Lanes

logger = logging.getLogger(__name__)

_EVERY = timedelta(minutes=1)
_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a round of scans stands: from when something waited until nothing does.

    `left` counts those in hand too. `per_minute` is the pace of the last ten minutes, `ends` when
    the rest is done at that pace; None while no scan of the round has ended.
    """

    done: int
    failed: int
    waiting: dict[Lane, int]
    left: int
    per_minute: float | None = None
    ends: datetime | None = None

    @property
    def total(self) -> int:
        """How many scans the round has, as far as is known now."""
        return self.done + self.left

    def sentence(self) -> str:
        """Say it for a person who reads the log at night."""
        first = [
            f"{self.waiting[lane]} {words}"
            for lane, words in ((Lane.REQUESTED, "asked for"), (Lane.NEW, "of new images"))
            if self.waiting[lane]
        ]
        before = f", {' and '.join(first)} first" if first else ""
        failed = f", {self.failed} of them failed" if self.failed else ""
        pace = "no scan has ended yet, so when it will be done is not known"
        if self.ends is not None and self.per_minute is not None:
            pace = f"{self.per_minute:.0f} a minute, so done at about {self.ends:%H:%M} UTC"
        return (
            f"image scans: {self.done} of {self.total} done{failed}; {self.left} to go{before}; "
            f"{pace}"
        )


class ScanProgress:
    """Counts scans as they end. All methods are to be called from the event loop's thread."""

    def __init__(self, lanes: Lanes[str], clock: Callable[[], datetime]) -> None:
        self._lanes = lanes
        self._clock = clock
        self._done = self._failed = 0
        self._since = clock()
        self._ends: deque[datetime] = deque()

    def ended(self, *, failed: bool) -> None:
        """Take note that a scan ended, well or not."""
        if self._done == 0:
            self._since = self._clock()
        self._done += 1
        self._failed += failed
        self._ends.append(self._clock())

    def now(self) -> Snapshot:
        """Return where the scans stand. A round that is over is told once more, and forgotten."""
        now, waiting = self._clock(), self._lanes.waiting()
        left = sum(waiting.values()) + self._lanes.in_hand
        while self._ends and self._ends[0] < now - _WINDOW:
            self._ends.popleft()
        span = min(now - self._since, _WINDOW).total_seconds()
        if not self._ends or span <= 0:
            return Snapshot(self._done, self._failed, waiting, left)
        pace = len(self._ends) / span
        ends = now + timedelta(seconds=left / pace)
        return Snapshot(self._done, self._failed, waiting, left, pace * 60, ends)

    async def run(self) -> None:
        """Say every minute how far it is, while more waits than is being scanned."""
        while True:
            await asyncio.sleep(_EVERY.total_seconds())
            self.tell()

    def tell(self) -> None:
        """Say how far it is, if there is anything to say; begin to count anew where it is over."""
        found = self.now()
        if sum(found.waiting.values()):
            logger.info("%s", found.sentence())
        elif not found.left:
            self._done = self._failed = 0
            self._ends.clear()

    def waiting(self) -> Iterable[tuple[str, float]]:
        """Return how many scans wait, by lane."""
        return [(lane.label, float(n)) for lane, n in self._lanes.waiting().items()]

    def figures(self) -> Iterable[tuple[str, float]]:
        """Return the figures of the round: done, failed, left, and the seconds until its end."""
        found = self.now()
        figures = [("done", found.done), ("failed", found.failed), ("left", found.left)]
        told = [(name, float(number)) for name, number in figures]
        if found.ends is not None:
            told.append(("seconds_left", (found.ends - self._clock()).total_seconds()))
        return told
