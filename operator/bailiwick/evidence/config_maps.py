"""Evidence as compressed ConfigMaps in the operator's namespace.

A report is one ConfigMap where it fits, and otherwise an index naming its chunks. Chunks are
named by what is in them and written before their index, and old ones are removed after it: at
every moment the index leads to one whole report, the old or the new.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from bailiwick.evidence import codec
from bailiwick.evidence.codec import Damaged, Sightings
from bailiwick.evidence.store import EvidenceError

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Finding, FindingKey, ScanReport

Json = dict[str, Any]

CORRUPT = "EvidenceCorrupt"
LABEL = "bailiwick.dev/evidence"
REPORT, SEEN, CHUNK = "report", "first-seen", "chunk"
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

    async def apply(self, body: Json) -> None:
        """Make or change one; `body` has no namespace."""

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
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def load(self, digest: str) -> ScanReport | None:
        """Return the last good report of a digest; None where none was ever saved."""
        name = _report_name(digest)
        try:
            content = await self._read(name)
            return None if content is None else codec.unpack_report(content, digest)
        except Damaged as error:
            raise EvidenceError(
                CORRUPT,
                f"The findings of {digest}, in ConfigMap {name} of the operator's namespace, "
                f"cannot be used: {error}. A rescan makes them anew.",
            ) from error

    async def save(self, report: ScanReport) -> None:
        """Keep a report in place of the one before it, wholly or not at all."""
        name = _report_name(report.digest)
        async with self._lock(name):
            await self._write(name, REPORT, report.digest, codec.pack(report))

    async def delete(self, digest: str) -> None:
        """Forget a digest, its index first: what is left of a crash then belongs to nobody."""
        name = _report_name(digest)
        async with self._lock(name):
            index = await self._config_maps.get(name)
            self._cache.pop(name, None)
            if index is None:
                return
            await self._config_maps.delete(name)
            for chunk in _chunks_of(index):
                await self._config_maps.delete(chunk)

    async def digests(self) -> frozenset[str]:
        """Return every digest that there is a report of."""
        found = await self._config_maps.list(f"{LABEL}={REPORT}")
        subjects = (_data(index).get("subject", "") for index in found)
        return frozenset(subject for subject in subjects if subject)

    async def first_seen(self, repository: str) -> Mapping[FindingKey, datetime]:
        """Return when each finding was first seen in a repository's images."""
        return (await self._sightings(repository)).first_seen()

    async def record_seen(
        self, repository: str, findings: Iterable[Finding], at: datetime
    ) -> Mapping[FindingKey, datetime]:
        """Note that findings were seen at an instant, and return `first_seen` after that."""
        name = _seen_name(repository)
        async with self._lock(name):
            before = await self._sightings(repository)
            after = before.seen(findings, at, step=_SEEN_STEP, keep=self._keep_seen)
            if after != before:
                await self._write(name, SEEN, repository, codec.pack(after))
        return after.first_seen()

    async def sweep(self, now: datetime) -> int:
        """Remove chunks that no index names; those of a write in hand are too young for it."""
        # Chunks first: one that is written after this list has its index written later still.
        chunks = await self._config_maps.list(f"{LABEL}={CHUNK}")
        indexes = await self._config_maps.list(f"{LABEL} in ({REPORT},{SEEN})")
        named = {chunk for index in indexes for chunk in _chunks_of(index)}
        removed = 0
        for chunk in chunks:
            metadata = chunk["metadata"]
            created = datetime.fromisoformat(metadata["creationTimestamp"])
            if metadata["name"] not in named and now - created > _ORPHAN_AGE:
                await self._config_maps.delete(metadata["name"])
                removed += 1
        return removed

    def forget(self) -> None:
        """Empty the cache: somebody else may have written meanwhile."""
        self._cache.clear()

    async def _sightings(self, repository: str) -> Sightings:
        name = _seen_name(repository)
        try:
            content = await self._read(name)
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

    async def _read(self, name: str) -> bytes | None:
        if name in self._cache:
            self._cache.move_to_end(name)
            return self._cache[name]
        index = await self._config_maps.get(name)
        if index is None:
            return None
        content = b""
        parts = _chunks_of(index)
        for chunk in parts:
            found = await self._config_maps.get(chunk)
            if found is None:
                raise Damaged(f"its part in ConfigMap {chunk} is missing")
            content += _content(found)
        if not parts:
            content = _content(index)
        data = _data(index)
        if data.get("format") != codec.FORMAT:
            raise Damaged("another version of Bailiwick wrote it")
        if data.get("sha256") != codec.checksum(content):
            raise Damaged("its checksum is another one")
        self._remember(name, content)
        return content

    async def _write(self, name: str, kind: str, subject: str, content: bytes) -> None:
        before = await self._config_maps.get(name)
        pieces = [
            content[start : start + self._chunk_bytes]
            for start in range(0, len(content), self._chunk_bytes)
        ]
        chunks = {_chunk_name(name, piece): piece for piece in pieces} if len(pieces) > 1 else {}
        data = {
            "subject": subject,
            "format": codec.FORMAT,
            "sha256": codec.checksum(content),
            # In the order of the content, in which equal pieces may come twice.
            "chunks": " ".join(_chunk_name(name, p) for p in pieces) if chunks else "",
        }
        for chunk, piece in chunks.items():
            await self._config_maps.apply(_object(chunk, CHUNK, {"subject": subject}, piece))
        await self._config_maps.apply(_object(name, kind, data, b"" if chunks else content))
        self._remember(name, content)
        for chunk in set(_chunks_of(before or {})) - set(chunks):
            await self._config_maps.delete(chunk)

    def _remember(self, name: str, content: bytes) -> None:
        self._cache.pop(name, None)
        self._cache[name] = content
        size = sum(map(len, self._cache.values()))
        while size > self._cache_bytes:
            size -= len(self._cache.popitem(last=False)[1])

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())


def _object(name: str, kind: str, data: Mapping[str, str], content: bytes) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "labels": {LABEL: kind, "app.kubernetes.io/managed-by": "bailiwick"},
        },
        "data": dict(data),
        "binaryData": {"content": base64.b64encode(content).decode()} if content else {},
    }


def _content(found: Json) -> bytes:
    encoded = (found.get("binaryData") or {}).get("content")
    if not encoded:
        raise Damaged(f"ConfigMap {found['metadata']['name']} has no content")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Damaged(str(error)) from error


def _data(found: Json) -> Mapping[str, str]:
    return found.get("data") or {}


def _chunks_of(index: Json) -> list[str]:
    return _data(index).get("chunks", "").split()


def _report_name(digest: str) -> str:
    return f"evidence-{digest.replace(':', '-')}"


def _seen_name(repository: str) -> str:
    return f"evidence-seen-{hashlib.sha256(repository.encode()).hexdigest()[:40]}"


def _chunk_name(name: str, piece: bytes) -> str:
    return f"evidence-chunk-{hashlib.sha256(name.encode() + piece).hexdigest()[:56]}"
