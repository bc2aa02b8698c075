"""One token bucket for the writes of the whole process, first come, first served."""

from __future__ import annotations

import asyncio


class Throttle:
    """At most `rate` acquisitions a second over time, and `burst` of them at once.

    A `rate` of 0 stands for no limit.
    """

    def __init__(self, rate: float, burst: int = 1) -> None:
        if rate < 0 or burst < 1:
            raise ValueError(f"rate {rate} must not be negative, and burst {burst} at least 1")
        self._interval = 1.0 / rate if rate else 0.0
        self._allowance = self._interval * (burst - 1)
        # The instant at which the bucket is as full as its burst allows (GCRA's "theoretical
        # arrival time"): one number is the whole state, so reservations are fair by themselves.
        self._next = float("-inf")

    def reserve(self, now: float) -> float:
        """Take a place in the queue, and return the seconds to wait until it is served."""
        self._next = max(self._next, now) + self._interval
        return max(0.0, self._next - self._interval - self._allowance - now)

    async def acquire(self) -> None:
        """Wait for this caller's turn; a caller that is cancelled leaves its turn unused."""
        if not self._interval:
            return
        delay = self.reserve(asyncio.get_running_loop().time())
        if delay > 0:
            await asyncio.sleep(delay)
