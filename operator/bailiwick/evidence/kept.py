"""The evidence store over a shelf of either form."""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.evidence import codec
from bailiwick.evidence.codec import Damaged
from bailiwick.evidence.shelf import Key, Kind, Shelf, Versions
from bailiwick.evidence.sightings import Elsewhere, Sightings
from bailiwick.evidence.store import Changes, EvidenceError

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Finding, FindingKey, ScanReport
    from bailiwick.policy.images.seen import Seen

CORRUPT = "EvidenceCorrupt"
KEEP_SEEN = timedelta(days=180)
_CACHE_BYTES = 32 * 1024 * 1024


class KeptEvidence:
    """The evidence store: an `EvidenceStore`.

    What was read or written is kept in memory, compressed, up to `cache_bytes`: nobody else
    writes it while we hold the Lease, and `look_over` lets go of what somebody did write.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        keep_seen: timedelta = KEEP_SEEN,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        self._shelf = shelf
        self._keep_seen = keep_seen
        self._cache: OrderedDict[Key, bytes] = OrderedDict()
        self._cached = 0
        self._cache_bytes = cache_bytes
        self._versions: dict[Key, Versions] = {}
        self._locks: weakref.WeakValueDictionary[Key, asyncio.Lock] = weakref.WeakValueDictionary()

    async def load(self, digest: str) -> ScanReport | None:
        """Return the last good report of a digest; None where none was ever saved."""
        key = Key(Kind.REPORT, digest)
        try:
            content = await self._read(key)
            return None if content is None else codec.unpack_report(content, digest)
        except Damaged as error:
            raise EvidenceError(
                CORRUPT,
                f"The findings of {digest}, in {self._shelf.place(key)}, cannot be used: {error}. "
                "A rescan makes them anew.",
            ) from error

    async def save(self, report: ScanReport) -> None:
        """Keep a report in place of the one before it, wholly or not at all."""
        key = Key(Kind.REPORT, report.digest)
        async with self._lock(key):
            await self._write(key, codec.pack(report))

    async def delete(self, digest: str) -> None:
        """Forget a digest."""
        key = Key(Kind.REPORT, digest)
        async with self._lock(key):
            self._let_go(key)
            await self._shelf.delete(key)

    async def look_over(self) -> Changes:
        """Compare what is stored with what was read and written here, by versions."""
        before = dict(self._versions)
        stored = await self._shelf.inventory()
        touched = {
            key
            for key, versions in before.items()
            # What we wrote ourselves meanwhile is not in the inventory.
            if self._versions.get(key) is versions
            and any(stored.versions.get(part) != each for part, each in versions.items())
        }
        for key in touched:
            self._let_go(key)
        return Changes(
            digests=frozenset(key.subject for key in touched if key.kind is Kind.REPORT),
            repositories=frozenset(key.subject for key in touched if key.kind is Kind.SEEN),
            held=stored.digests,
        )

    async def first_seen(self, repository: str) -> Mapping[FindingKey, Seen]:
        """Return since when each finding is known in a repository's images."""
        return (await self._sightings(repository)).first_seen()

    async def record_seen(
        self,
        repository: str,
        findings: Iterable[Finding],
        at: datetime,
        elsewhere: Elsewhere | None = None,
    ) -> Mapping[FindingKey, Seen]:
        """Note that findings were seen at an instant, and return `first_seen` after that."""
        key = Key(Kind.SEEN, repository)
        async with self._lock(key):
            before = await self._sightings(repository)
            after = before.seen(findings, at, keep=self._keep_seen, elsewhere=elsewhere)
            if after != before:
                await self._write(key, codec.pack(after), after.last_seen() or at)
        return after.first_seen()

    async def sweep(self, now: datetime, used: Collection[str] | None) -> int:
        """Remove what an interrupted write left behind, and repositories not seen for long."""
        return await self._shelf.sweep(now, now - self._keep_seen, used)

    def forget(self) -> None:
        """Empty the cache: somebody else may have written meanwhile."""
        self._cache.clear()
        self._cached = 0
        self._versions.clear()

    async def _sightings(self, repository: str) -> Sightings:
        key = Key(Kind.SEEN, repository)
        try:
            content = await self._read(key)
            if content is None:
                return Sightings(repository)
            return codec.unpack_sightings(content, repository)
        except Damaged as error:
            # Beginning anew by itself would move every deadline of the repository.
            raise EvidenceError(
                CORRUPT,
                f"When the findings in {repository} were first seen, in {self._shelf.place(key)}, "
                f"cannot be read: {error}. Restore it from a backup, or delete it; deadlines then "
                "count from the next scan.",
            ) from error

    async def _read(self, key: Key) -> bytes | None:
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        found = await self._shelf.get(key)
        if found is None:
            return None
        self._remember(key, found.content, found.versions)
        return found.content

    async def _write(self, key: Key, content: bytes, last_seen: datetime | None = None) -> None:
        self._remember(key, content, await self._shelf.put(key, content, last_seen))

    def _remember(self, key: Key, content: bytes, versions: Versions) -> None:
        self._let_go(key)
        self._versions[key] = versions
        self._cache[key] = content
        self._cached += len(content)
        while self._cached > self._cache_bytes:
            self._cached -= len(self._cache.popitem(last=False)[1])

    def _let_go(self, key: Key) -> None:
        self._cached -= len(self._cache.pop(key, b""))
        self._versions.pop(key, None)

    def _lock(self, key: Key) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())
