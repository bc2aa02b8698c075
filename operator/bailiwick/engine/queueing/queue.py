"""Work by key, with the semantics of client-go's workqueue.

A key that is added while it waits is there once. A key that is added while it is being
worked on is worked on again, afterwards. No key is ever in the hands of two workers.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bailiwick.engine.queueing.keys import Keys, Waiting

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays after failures: doubling from `first` to `cap` seconds, longer by up to `jitter`."""

    first: float = 0.2
    cap: float = 60.0
    jitter: float = 0.25

    def delay(self, failures: int, chance: float) -> float:
        """Return the seconds after this many failures in a row; `chance` is in [0, 1)."""
        # The exponent is bounded since a key may fail for weeks and floats end at 2**1023.
        plain = min(self.cap, self.first * 2.0 ** min(failures - 1, 60))
        return plain * (1 + self.jitter * chance)


class Observer(Protocol):
    """What a queue tells its metrics; times are in seconds."""

    def waited(self, seconds: float) -> None:
        """Take note of how long a key was due before a worker took it."""

    def worked(self, seconds: float, error: BaseException | None) -> None:
        """Take note of how long a worker had a key, and of how it ended."""


class WorkQueue(Generic[K]):
    """Keys, their delays and failures, and the workers that take them.

    Keys are taken in the order in which they came due, unless `waiting` has one of its own.
    All methods are to be called from the event loop's thread.
    """

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        observer: Observer | None = None,
        chance: Callable[[], float] = random.random,
        waiting: Waiting[K] | None = None,
    ) -> None:
        self._keys: Keys[K] = Keys(waiting)
        self._backoff = backoff or Backoff()
        self._observer = observer
        self._chance = chance
        self._failures: dict[K, int] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: tuple[float, asyncio.TimerHandle] | None = None
        self._stopped = False
        self._workers: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many keys wait for a worker now."""
        return len(self._keys)

    @property
    def in_hand(self) -> int:
        """How many keys are being worked on."""
        return self._keys.in_hand

    @property
    def delayed(self) -> int:
        """How many keys come due later."""
        return self._keys.delayed

    @property
    def idle(self) -> bool:
        """Whether nothing is due and nothing is in hand; what is delayed does not count."""
        return not len(self._keys) and not self._keys.in_hand

    @property
    def workers_ended(self) -> bool:
        """Whether a worker ended by itself."""
        return not self._stopped and any(task.done() for task in self._workers)

    def add(self, key: K) -> None:
        """Make a key due now; ignored after `stop`."""
        if not self._stopped:
            self._keys.add(key, _now())
            self._wake()

    def add_after(self, key: K, seconds: float) -> None:
        """Make a key due after some seconds, or earlier where it already was to be."""
        if seconds <= 0:
            self.add(key)
        elif not self._stopped:
            self._keys.add_at(key, _now() + seconds)
            self._set_timer()

    def retry(self, key: K, at_least: float = 0.0) -> float:
        """Make a key due after its back-off, and return the seconds until then.

        It is never due earlier than `at_least` seconds from now, whoever adds it meanwhile.
        """
        self._failures[key] = self._failures.get(key, 0) + 1
        delay = max(at_least, self._backoff.delay(self._failures[key], self._chance()))
        if at_least > 0 and not self._stopped:
            self._keys.hold(key, _now() + at_least)
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Let the key's next back-off begin anew."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Return how often the key failed in a row."""
        return self._failures.get(key, 0)

    async def get(self) -> K | None:
        """Wait for a key and take it into hand; None once the queue is stopped.

        The caller must call `done` for it.
        """
        while not self._stopped:
            taken = self._keys.take(_now())
            if taken is not None:
                if self._observer is not None:
                    self._observer.waited(taken[1])
                self._wake()
                return taken[0]
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            self._set_timer()
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self._wake()  # the key that woke us is another worker's then
                raise
        return None

    def done(self, key: K) -> None:
        """Take a key out of hand."""
        self._keys.done(key)
        self._wake()

    def start(self, work: Callable[[K], Awaitable[float | None]], *, workers: int = 8) -> None:
        """Start workers.

        `work` returns the seconds after which its key is to be looked at again, or None. An
        exception is logged and becomes a retry, not earlier than its `retry_after` says.
        """
        loop = asyncio.get_running_loop()
        self._workers |= {
            loop.create_task(self._work(work), name=f"worker-{number}") for number in range(workers)
        }

    async def stop(self, timeout: float = 4.0) -> bool:
        """Take nothing more into hand, finish what is, and say whether that was in time.

        After `timeout` seconds the work in hand is cancelled.
        """
        self._stopped = True
        if self._timer is not None:
            self._timer[1].cancel()
            self._timer = None
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        if not self._workers:
            return True
        _, pending = await asyncio.wait(self._workers, timeout=timeout)
        for task in pending:
            task.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        return not pending

    async def _work(self, work: Callable[[K], Awaitable[float | None]]) -> None:
        while (key := await self.get()) is not None:
            begun = _now()
            failure: BaseException | None = None
            try:
                again = await work(key)
                self.forget(key)
                if again is not None:
                    self.add_after(key, again)
            except Exception as error:
                failure = error
                delay = self.retry(key, float(getattr(error, "retry_after", None) or 0.0))
                logger.warning("%s failed and is tried again in %.1f s: %s", key, delay, error)
                logger.debug("The failure of %s", key, exc_info=error)
            finally:
                self.done(key)
                if self._observer is not None:
                    self._observer.worked(_now() - begun, failure)
            # Work that waits for nothing would keep the loop for as long as there are keys.
            await asyncio.sleep(0)

    def _wake(self) -> None:
        """Wake one worker where a key is due; that worker wakes the next."""
        while len(self._keys) and self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return

    def _set_timer(self) -> None:
        due = self._keys.next_due()
        if due is None or (self._timer is not None and self._timer[0] <= due):
            return
        if self._timer is not None:
            self._timer[1].cancel()
        self._timer = (due, asyncio.get_running_loop().call_at(due, self._ripen, due))

    def _ripen(self, due: float) -> None:
        self._timer = None
        # A loop's timer may fire a clock's tick early; what it was set for is due all the same.
        self._keys.ripen(max(_now(), due))
        self._wake()
        self._set_timer()


def _now() -> float:
    return asyncio.get_running_loop().time()
