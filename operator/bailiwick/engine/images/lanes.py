"""In which order digests are scanned that are due, and how many of one registry at a time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

from bailiwick.policy.images.priority import Lane

K = TypeVar("K", bound=Hashable)

# Of five scans the mass of renewals gets one even where requests and new images never end.
_TURNS = (Lane.REQUESTED, Lane.NEW, Lane.REQUESTED, Lane.NEW, Lane.RENEWAL)


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a digest stands: its lane, its place there (smaller is sooner), registry and source."""

    lane: Lane
    order: tuple[float, ...] = ()
    registry: str = ""
    source: str = ""


class Lanes(Generic[K]):
    """Digests that wait for a scan, as `engine.keys.Waiting`.

    `rank` is asked when a digest is added, and again when it is added once more. Of one registry
    `per_registry` are in hand at a time at most, of one source of scans `per_source`: one that
    takes scans and does not end them stops no other. Of the `parallel` scans one is never given
    to renewals, so that who asks does not wait for a scan of the mass to end.
    """

    def __init__(
        self,
        rank: Callable[[K], Rank],
        *,
        parallel: int = 4,
        per_registry: int = 4,
        per_source: int = 4,
    ) -> None:
        self._rank = rank
        self._per_registry = max(1, per_registry)
        self._per_source = max(1, per_source)
        self._renewals = max(1, parallel - 1)
        self._ranks: dict[K, Rank] = {}
        self._heaps: dict[tuple[Lane, str, str], list[tuple[tuple[float, ...], int, K]]] = {}
        self._sequence = count()
        self._entries: dict[K, int] = {}
        self._in_hand: dict[K, Rank] = {}
        self._busy: Counter[str] = Counter()
        self._busy_sources: Counter[str] = Counter()
        self._waiting: Counter[Lane] = Counter()
        self._turn = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._ranks)

    def add(self, key: K) -> None:
        """Let a digest wait, in the place that it has now."""
        rank = self._rank(key)
        before = self._ranks.get(key)
        if before == rank:
            return
        if before is not None:
            self._waiting[before.lane] -= 1
        self._waiting[rank.lane] += 1
        self._ranks[key] = rank
        self._entries[key] = number = next(self._sequence)
        heap = self._heaps.setdefault((rank.lane, rank.registry, rank.source), [])
        heapq.heappush(heap, (rank.order, number, key))

    again = add

    def take(self) -> K | None:
        """Give out the next digest that may be scanned now; None where none may be."""
        turn = _TURNS[self._turn]
        for lane in (turn, *(each for each in Lane if each is not turn)):
            found = self._first_of(lane)
            if found is not None:
                self._turn = (self._turn + 1) % len(_TURNS)
                return found
        return None

    def done(self, key: K) -> None:
        """Take a digest out of hand."""
        rank = self._in_hand.pop(key, None)
        if rank is not None:
            self._busy[rank.registry] -= 1
            self._busy_sources[rank.source] -= 1

    def waiting(self) -> dict[Lane, int]:
        """Return how many wait in each lane."""
        return {lane: self._waiting[lane] for lane in Lane}

    @property
    def in_hand(self) -> int:
        """How many are being scanned."""
        return len(self._in_hand)

    def _first_of(self, lane: Lane) -> K | None:
        if lane is Lane.RENEWAL and self._renewing() >= self._renewals:
            return None
        heaps = [
            heap
            for (of, registry, source), heap in self._heaps.items()
            if of is lane
            and self._busy[registry] < self._per_registry
            and self._busy_sources[source] < self._per_source
            and self._settled(heap)
        ]
        if not heaps:
            return None
        _, _, key = heapq.heappop(min(heaps))
        rank = self._ranks.pop(key)
        del self._entries[key]
        self._waiting[rank.lane] -= 1
        self._in_hand[key] = rank
        self._busy[rank.registry] += 1
        self._busy_sources[rank.source] += 1
        return key

    def _renewing(self) -> int:
        return sum(rank.lane is Lane.RENEWAL for rank in self._in_hand.values())

    def _settled(self, heap: list[tuple[tuple[float, ...], int, K]]) -> bool:
        """Drop what was given another place since; says whether anything is left."""
        while heap and self._entries.get(heap[0][2]) != heap[0][1]:
            heapq.heappop(heap)
        return bool(heap)
