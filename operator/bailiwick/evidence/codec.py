"""Evidence as bytes: JSON, compressed, and read back with a bound on what it may become."""

from __future__ import annotations

import hashlib
from typing import TypeVar

import msgspec
import zstandard

from bailiwick.evidence.sightings import Sightings
from bailiwick.policy.images.findings import ScanReport

T = TypeVar("T")

FORMAT = "1"
_DECOMPRESSED_BYTES = 256 * 1024 * 1024
_LEVEL = 6


class Damaged(Exception):
    """Content that is not what was written; the text says why, without a subject."""


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
