"""Evidence as bytes: JSON, compressed, and read back with a bound on what it may become."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import msgspec
import zstandard

from bailiwick.policy.images.findings import ScanReport

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import Finding, FindingKey

T = TypeVar("T")

FORMAT = "1"
_DECOMPRESSED_BYTES = 256 * 1024 * 1024
_LEVEL = 6


class Damaged(Exception):
    """Content that is not what was written; the text says why, without a subject."""


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """A finding of a repository: which, and from when to when it was seen."""

    id: str
    package: str
    first: datetime
    last: datetime


class Sightings(msgspec.Struct, frozen=True):
    """Everything that was seen in one repository's images."""

    repository: str
    entries: tuple[Sighting, ...] = ()

    def first_seen(self) -> dict[FindingKey, datetime]:
        """Return the first instant of each finding."""
        return {(each.id, each.package): each.first for each in self.entries}

    def joined(self, other: Sightings) -> Sightings:
        """Return what either knows: of each finding the earliest first and the latest last."""
        known = {(each.id, each.package): each for each in self.entries}
        for each in other.entries:
            key = each.id, each.package
            mine = known.get(key, each)
            known[key] = Sighting(*key, min(mine.first, each.first), max(mine.last, each.last))
        return Sightings(self.repository, _ordered(known.values()))

    def last_seen(self) -> datetime | None:
        """Return the newest instant at which anything was seen; None where nothing is known."""
        return max((each.last for each in self.entries), default=None)

    def seen(
        self, findings: Iterable[Finding], at: datetime, *, step: timedelta, keep: timedelta
    ) -> Sightings:
        """Add findings seen at an instant, and drop what was not seen for longer than `keep`.

        The last instant of a finding moves in steps, so that equal scans write nothing new.
        """
        known = {(each.id, each.package): each for each in self.entries}
        for key in {finding.key for finding in findings}:
            old = known.get(key)
            if old is None:
                known[key] = Sighting(*key, at, at)
            elif at - old.last >= step or at < old.first:
                known[key] = Sighting(*key, min(old.first, at), max(old.last, at))
        kept = (each for each in known.values() if at - each.last < keep)
        return Sightings(self.repository, _ordered(kept))


def _ordered(entries: Iterable[Sighting]) -> tuple[Sighting, ...]:
    return tuple(sorted(entries, key=lambda each: (each.id, each.package)))


def pack(value: ScanReport | Sightings) -> bytes:
    """Write a value; equal values give equal bytes."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.json.encode(value))


def unpack_report(content: bytes, digest: str) -> ScanReport:
    """Read the report of a digest; raises Damaged."""
    report = _unpack(content, ScanReport)
    if report.digest != digest:
        raise Damaged(f"it is that of {report.digest}")
    return report


def unpack_sightings(content: bytes, repository: str) -> Sightings:
    """Read what was seen in a repository; raises Damaged."""
    sightings = _unpack(content, Sightings)
    if sightings.repository != repository:
        raise Damaged(f"it is that of {sightings.repository}")
    return sightings


def check(content: bytes, written_as: str | None, sha256: str | None) -> None:
    """Hold content against what was noted beside it; raises Damaged."""
    if written_as != FORMAT:
        raise Damaged("another version of Bailiwick wrote it")
    if sha256 != checksum(content):
        raise Damaged("its checksum is another one")


def checksum(content: bytes) -> str:
    """Return the SHA-256 of content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _unpack(content: bytes, kind: type[T]) -> T:
    try:
        reader = zstandard.ZstdDecompressor().stream_reader(content)
        raw = reader.read(_DECOMPRESSED_BYTES + 1)
        if len(raw) > _DECOMPRESSED_BYTES:
            raise Damaged("it is larger than any report can be")
        return msgspec.json.decode(raw, type=kind)
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from error
