"""Evidence as compressed ConfigMaps in the operator's namespace.

A report is one ConfigMap where it fits, and otherwise an index naming its chunks. Chunks are
named by what is in them and written before their index, and old ones are removed after it: at
every moment the index leads to one whole report, the old or the new.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from bailiwick.evidence import codec, layout
from bailiwick.evidence.codec import Damaged, Sightings
from bailiwick.evidence.layout import Json
from bailiwick.evidence.store import Changes, EvidenceError

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Finding, FindingKey, ScanReport

CORRUPT = "EvidenceCorrupt"
CHUNK_BYTES = 900_000
KEEP_SEEN = timedelta(days=180)
_SEEN_STEP = timedelta(days=1)
_ORPHAN_AGE = timedelta(minutes=15)
_CACHE_BYTES = 32 * 1024 * 1024


class ConfigMaps(Protocol):
    """The ConfigMaps of one namespace, as plain dictionaries of the API."""

    async def get(self, name: str) -> Json | None:
        """Return one; None where there is none."""

    async def list(self, label_selector: str) -> list[Json]:
        """Return those with these labels."""

    async def metadata(self, label: str) -> Sequence[Json]:
        """Return the metadata of those that have this label, whatever its value."""

    async def apply(self, body: Json) -> Json:
        """Make or change one, and return it; `body` has no namespace."""

    async def delete(self, name: str) -> None:
        """Delete one; no error where there is none."""


class ConfigMapEvidence:
    """The first form of the evidence store.

    What was read or written is kept in memory, compressed, up to `cache_bytes`: nobody else
    writes these objects while we hold the Lease, and `forget` empties it when we got it anew.
    """

    def __init__(
        self,
        config_maps: ConfigMaps,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        keep_seen: timedelta = KEEP_SEEN,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        self._config_maps = config_maps
        self._chunk_bytes = chunk_bytes
        self._keep_seen = keep_seen
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._versions: dict[str, Mapping[str, str]] = {}
        self._subjects: dict[str, str] = {}
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def load(self, digest: str) -> ScanReport | None:
        """Return the last good report of a digest; None where none was ever saved."""
        name = layout.report_name(digest)
        try:
            content = await self._read(name, digest)
            return None if content is None else codec.unpack_report(content, digest)
        except Damaged as error:
            raise EvidenceError(
                CORRUPT,
                f"The findings of {digest}, in ConfigMap {name} of the operator's namespace, "
                f"cannot be used: {error}. A rescan makes them anew.",
            ) from error

    async def save(self, report: ScanReport) -> None:
        """Keep a report in place of the one before it, wholly or not at all."""
        name = layout.report_name(report.digest)
        async with self._lock(name):
            await self._write(name, layout.REPORT, report.digest, codec.pack(report))

    async def delete(self, digest: str) -> None:
        """Forget a digest, its index first: what is left of a crash then belongs to nobody."""
        name = layout.report_name(digest)
        async with self._lock(name):
            index = await self._config_maps.get(name)
            self._let_go(name)
            if index is None:
                return
            await self._config_maps.delete(name)
            for chunk in layout.chunks_of(index):
                await self._config_maps.delete(chunk)

    async def look_over(self) -> Changes:
        """Compare what is stored with what was read and written here, by resourceVersion."""
        before = dict(self._versions)
        listed = {each["name"]: each for each in await self._config_maps.metadata(layout.LABEL)}
        stored = {name: each.get("resourceVersion", "") for name, each in listed.items()}
        touched = {
            name
            for name, parts in before.items()
            # What we wrote ourselves meanwhile is not in the list.
            if self._versions.get(name) is parts and not parts.items() <= stored.items()
        }
        subjects = {name: self._subjects[name] for name in touched}
        for name in touched:
            self._let_go(name)
        return Changes(
            digests=frozenset(s for n, s in subjects.items() if n == layout.report_name(s)),
            repositories=frozenset(s for n, s in subjects.items() if n == layout.seen_name(s)),
            held=frozenset(
                layout.digest_of(name)
                for name, each in listed.items()
                if (each.get("labels") or {}).get(layout.LABEL) == layout.REPORT
            ),
        )

    async def first_seen(self, repository: str) -> Mapping[FindingKey, datetime]:
        """Return when each finding was first seen in a repository's images."""
        return (await self._sightings(repository)).first_seen()

    async def record_seen(
        self, repository: str, findings: Iterable[Finding], at: datetime
    ) -> Mapping[FindingKey, datetime]:
        """Note that findings were seen at an instant, and return `first_seen` after that."""
        name = layout.seen_name(repository)
        async with self._lock(name):
            before = await self._sightings(repository)
            after = before.seen(findings, at, step=_SEEN_STEP, keep=self._keep_seen)
            if after != before:
                await self._write(name, layout.SEEN, repository, codec.pack(after))
        return after.first_seen()

    async def sweep(self, now: datetime) -> int:
        """Remove chunks that no index names; those of a write in hand are too young for it."""
        # Chunks first: one that is written after this list has its index written later still.
        metadata = await self._config_maps.metadata(layout.LABEL)
        chunks = [each for each in metadata if each["labels"][layout.LABEL] == layout.CHUNK]
        if not chunks:
            return 0
        indexes = await self._config_maps.list(f"{layout.LABEL} in ({layout.REPORT},{layout.SEEN})")
        named = {chunk for index in indexes for chunk in layout.chunks_of(index)}
        removed = 0
        for chunk in chunks:
            created = datetime.fromisoformat(chunk["creationTimestamp"])
            if chunk["name"] not in named and now - created > _ORPHAN_AGE:
                await self._config_maps.delete(chunk["name"])
                removed += 1
        return removed

    def forget(self) -> None:
        """Empty the cache: somebody else may have written meanwhile."""
        self._cache.clear()
        self._versions.clear()
        self._subjects.clear()

    async def _sightings(self, repository: str) -> Sightings:
        name = layout.seen_name(repository)
        try:
            content = await self._read(name, repository)
            return (
                Sightings(repository)
                if content is None
                else codec.unpack_sightings(content, repository)
            )
        except Damaged as error:
            # Beginning anew by itself would move every deadline of the repository.
            raise EvidenceError(
                CORRUPT,
                f"When the findings in {repository} were first seen, in ConfigMap {name} of the "
                f"operator's namespace, cannot be read: {error}. Restore it from a backup, or "
                "delete it; deadlines then count from the next scan.",
            ) from error

    async def _read(self, name: str, subject: str) -> bytes | None:
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        index = await self._config_maps.get(name)
        if index is None:
            return None
        content = b""
        versions = layout.version(index)
        parts = layout.chunks_of(index)
        for chunk in parts:
            found = await self._config_maps.get(chunk)
            if found is None:
                raise Damaged(f"its part in ConfigMap {chunk} is missing")
            content += layout.content(found)
            versions |= layout.version(found)
        if not parts:
            content = layout.content(index)
        data = layout.data(index)
        if data.get("format") != codec.FORMAT:
            raise Damaged("another version of Bailiwick wrote it")
        if data.get("sha256") != codec.checksum(content):
            raise Damaged("its checksum is another one")
        self._remember(name, content, subject, versions)
        return content

    async def _write(self, name: str, kind: str, subject: str, content: bytes) -> None:
        before = await self._config_maps.get(name)
        pieces = [
            content[start : start + self._chunk_bytes]
            for start in range(0, len(content), self._chunk_bytes)
        ]
        names = [layout.chunk_name(name, piece) for piece in pieces] if len(pieces) > 1 else []
        chunks = dict(zip(names, pieces, strict=False))
        data = {
            "subject": subject,
            "format": codec.FORMAT,
            "sha256": codec.checksum(content),
            # In the order of the content, in which equal pieces may come twice.
            "chunks": " ".join(names),
        }
        versions: dict[str, str] = {}
        for chunk, piece in chunks.items():
            made = layout.config_map(chunk, layout.CHUNK, {"subject": subject}, piece)
            versions |= layout.version(await self._config_maps.apply(made))
        made = layout.config_map(name, kind, data, b"" if chunks else content)
        versions |= layout.version(await self._config_maps.apply(made))
        self._remember(name, content, subject, versions)
        for chunk in set(layout.chunks_of(before or {})) - set(chunks):
            await self._config_maps.delete(chunk)

    def _remember(
        self, name: str, content: bytes, subject: str, versions: Mapping[str, str]
    ) -> None:
        self._versions[name] = versions
        self._subjects[name] = subject
        self._cache.pop(name, None)
        self._cache[name] = content
        size = sum(map(len, self._cache.values()))
        while size > self._cache_bytes:
            size -= len(self._cache.popitem(last=False)[1])

    def _let_go(self, name: str) -> None:
        self._cache.pop(name, None)
        self._versions.pop(name, None)
        self._subjects.pop(name, None)

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())
