"""Lists that the platform mirrors, read from a file or fetched by HTTP, within bounds."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from pathlib import Path

import aiohttp

from bailiwick.scanners.answers import read, words
from bailiwick.scanners.errors import ScanError

FEED_BYTES = 64 * 1024 * 1024
"""Of EPSS's CSV there are about 10 MiB, of CISA's catalogue 2."""
_GZIP = b"\x1f\x8b"
_SECONDS = 60.0


class FeedError(Exception):
    """A list that cannot be had; the text is a clause that says why."""


async def fetch(source: str, http: aiohttp.ClientSession, limit: int = FEED_BYTES) -> bytes:
    """Return what a file or an address holds, unpacked where it is gzip; raises FeedError.

    `limit` holds for what is read and for what it becomes.
    """
    if source.startswith(("http://", "https://")):
        content = await _download(source, http, limit)
    else:
        content = _read(Path(source), limit)
    return _unpacked(content, limit) if content.startswith(_GZIP) else content


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise FeedError(f"the file cannot be read: {error.strerror}") from error
    if len(content) > limit:
        raise _too_large(limit)
    return content


async def _download(url: str, http: aiohttp.ClientSession, limit: int) -> bytes:
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with http.get(url, timeout=timeout, auto_decompress=False) as response:
            if response.status != HTTPStatus.OK:
                raise FeedError(f"the server answered {response.status}")
            return await read(response, limit, strict=True)
    except ScanError as error:
        raise _too_large(limit) from error
    except TimeoutError as error:
        raise FeedError(f"the server did not answer within {_SECONDS:.0f} seconds") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise FeedError(f"the server cannot be reached ({words(error)})") from error


def _unpacked(content: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(content, limit + 1)
    except zlib.error as error:
        raise FeedError("it is not valid gzip") from error
    if len(plain) > limit:
        raise _too_large(limit)
    if not unpacker.eof:
        raise FeedError("its gzip ends too early")
    return plain


def _too_large(limit: int) -> FeedError:
    return FeedError(f"it is larger than {limit // (1024 * 1024)} MiB")
