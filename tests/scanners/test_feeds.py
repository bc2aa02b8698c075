"""Lists from files and from a real HTTP server, and everything that such a server may do."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bailiwick.scanners.feeds import FeedError, fetch
from tests.loopback import served

CONTENT = b"CVE-2026-1000,0.5,0.5\n" * 100
LIMIT = 10_000


@asynccontextmanager
async def serving(answer: web.Response) -> AsyncIterator[str]:
    async def handle(_: web.Request) -> web.Response:
        return answer

    async with served(handle) as host:
        yield f"http://{host}/list"


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)])
async def test_a_file_is_read_plain_or_packed(
    content: bytes, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    (tmp_path / "list").write_bytes(content)
    assert await fetch(str(tmp_path / "list"), http, LIMIT) == CONTENT


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)])
async def test_an_address_is_fetched_plain_or_packed(
    content: bytes, http: aiohttp.ClientSession
) -> None:
    async with serving(web.Response(body=content)) as url:
        assert await fetch(url, http, LIMIT) == CONTENT


@pytest.mark.parametrize(
    "content, why",
    [
        (b"x" * (LIMIT + 1), "larger than"),
        (gzip.compress(b"x" * 1_000_000), "larger than"),
        (gzip.compress(CONTENT)[:-9], "ends too early"),
        (b"\x1f\x8b and no more", "not valid gzip"),
    ],
)
async def test_what_is_too_large_or_damaged_is_refused(
    content: bytes, why: str, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(FeedError, match=why):
        await fetch(str(tmp_path / "list"), http, LIMIT)
    async with serving(web.Response(body=content)) as url:
        with pytest.raises(FeedError, match=why):
            await fetch(url, http, LIMIT)


async def test_a_list_that_is_not_there_is_told_so(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(FeedError, match="No such file"):
        await fetch(str(tmp_path / "list"), http)
    async with serving(web.Response(status=503)) as url:
        with pytest.raises(FeedError, match="503"):
            await fetch(url, http)
    with pytest.raises(FeedError, match="cannot be reached"):
        await fetch(url, http)
