"""The keys of a work queue: which are due, in hand and to come, without a clock or workers."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)


class Waiting(Protocol[K]):
    """Keys that are due, in the order in which they are taken into hand."""

    def __len__(self) -> int:
        """Return how many wait."""
        ...

    def add(self, key: K) -> None:
        """Let a key wait that does not yet."""
        ...

    def again(self, key: K) -> None:
        """Take note that a key was added that waits already."""
        ...

    def take(self) -> K | None:
        """Give out the next key; None where none may be taken now."""
        ...

    def done(self, key: K) -> None:
        """Take note that a key is in hand no longer."""
        ...


class InTurn(Generic[K]):
    """Keys in the order in which they came due."""

    def __init__(self) -> None:
        self._keys: deque[K] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._keys)

    def add(self, key: K) -> None:
        """Let a key wait behind the others."""
        self._keys.append(key)

    def again(self, key: K) -> None:
        """Leave a key where it is."""

    def take(self) -> K | None:
        """Give out the key that waited longest."""
        return self._keys.popleft() if self._keys else None

    def done(self, key: K) -> None:
        """Nothing depends on what is in hand."""


class Keys(Generic[K]):
    """Which keys are due, in hand and to come: the queue without its clock and its workers.

    Instants are seconds of any monotonic clock, given by the caller.
    """

    def __init__(self, ready: Waiting[K] | None = None) -> None:
        self._ready: Waiting[K] = InTurn() if ready is None else ready
        self._since: dict[K, float] = {}  # waiting keys, in `_ready` or behind a worker
        self._in_hand: set[K] = set()
        self._due: dict[K, float] = {}
        self._held: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._sequence = 0  # keys need no order of their own

    def __len__(self) -> int:
        """Return how many keys wait for a worker now, those in hand not counted."""
        return len(self._ready)

    @property
    def in_hand(self) -> int:
        """How many keys are being worked on."""
        return len(self._in_hand)

    @property
    def delayed(self) -> int:
        """How many keys have an instant at which they come due."""
        return len(self._due)

    def add(self, key: K, now: float) -> None:
        """Make a key due now, or when it is no longer held."""
        if key in self._held:
            if now < self._held[key]:
                self.add_at(key, self._held[key])
                return
            del self._held[key]
        if key in self._since:
            if key not in self._in_hand:
                self._ready.again(key)
            return
        self._since[key] = now
        if key not in self._in_hand:
            self._ready.add(key)

    def add_at(self, key: K, due: float) -> None:
        """Make a key due at an instant; of several instants the earliest counts."""
        if due >= self._due.get(key, float("inf")):
            return
        self._due[key] = due
        self._sequence += 1
        heapq.heappush(self._heap, (due, self._sequence, key))

    def hold(self, key: K, until: float) -> None:
        """Let a key that is in hand not be due before an instant, though it was added since."""
        self._held[key] = until
        if self._since.pop(key, None) is not None:
            self.add_at(key, until)

    def next_due(self) -> float | None:
        """Return the earliest instant at which a delayed key comes due."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def ripen(self, now: float) -> None:
        """Add the delayed keys whose instant has come."""
        while (due := self.next_due()) is not None and due <= now:
            key = heapq.heappop(self._heap)[2]
            del self._due[key]
            self.add(key, now)

    def take(self, now: float) -> tuple[K, float] | None:
        """Give the next key into hand, with the seconds that it waited."""
        self.ripen(now)
        key = self._ready.take()
        if key is None:
            return None
        self._in_hand.add(key)
        return key, now - self._since.pop(key)

    def done(self, key: K) -> None:
        """Take a key out of hand; it is due again at once where it was added meanwhile."""
        self._in_hand.remove(key)
        self._ready.done(key)
        if key in self._since:
            self._ready.add(key)
