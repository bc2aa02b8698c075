"""A scanner as the adapter API documents it, that does what a test tells it to do wrong."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bailiwick.scanners import wire
from tests.loopback import served

DIGEST = "sha256:" + "a1" * 32
SCAN_ID = "3fa85f64-5717"
Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Answer = web.Response | Handler


def answer(
    status: int = 200, body: object = None, headers: dict[str, str] | None = None
) -> web.Response:
    """Make an answer; a body that is no text becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return web.Response(status=status, text="" if body is None else text, headers=headers)


def failure(message: str, **ours: object) -> Json:
    """The body of an error; Harbor's has a message, our own scanner's has more."""
    return {"error": {"message": message, **ours}}


def metadata(*, facts: bool = False, report: str = wire.REPORT, built: str = "") -> Json:
    produced = [report, *([wire.FACTS] if facts else [])]
    return {
        "scanner": {"name": "Fake", "vendor": "Example", "version": "1.2.3"},
        "capabilities": [
            {
                "type": "vulnerability",
                "consumes_mime_types": [wire.OCI_MANIFEST],
                "produces_mime_types": produced,
            }
        ],
        "properties": {wire.DATABASE_UPDATED_AT: built} if built else {},
    }


def sbom_metadata() -> Json:
    """The metadata of a scanner that gives SBOMs, as v1.2 has them."""
    whole = metadata()
    whole["capabilities"].append(
        {
            "type": wire.SBOM,
            "consumes_mime_types": [wire.OCI_MANIFEST],
            "produces_mime_types": [wire.SBOM_REPORT],
            "additional_attributes": {"sbom_media_types": [wire.SPDX, wire.CYCLONEDX]},
        }
    )
    return whole


def vulnerability(number: int = 1, **fields: object) -> Json:
    return {
        "id": f"CVE-2026-{number:04}",
        "package": "openssl",
        "version": "3.0.11",
        "fix_version": "3.0.12",
        "severity": "High",
        **fields,
    }


def report(*vulnerabilities: Json, digest: str = DIGEST, **fields: object) -> Json:
    return {
        "generated_at": "2026-11-23T10:00:00Z",
        "artifact": {"repository": "shop/cart", "digest": digest},
        "scanner": {"name": "Fake", "vendor": "Example", "version": "1.2.3"},
        "severity": "High",
        "vulnerabilities": list(vulnerabilities),
        **fields,
    }


@dataclass
class FakeScanner:
    """Answers each path with what stands in its list, in order; the last one for ever."""

    url: str = ""
    token: str = ""
    metadata: Sequence[Answer] = field(default_factory=lambda: [answer(body=metadata())])
    scan: Sequence[Answer] = field(
        default_factory=lambda: [answer(202, {"id": SCAN_ID}, {"Content-Type": wire.SCAN_RESPONSE})]
    )
    report: Sequence[Answer] = field(default_factory=lambda: [answer(body=report())])
    asked: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    def count(self, path: str) -> int:
        """Return how often a path that contains this was asked for."""
        return sum(path in each[1] for each in self.asked)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        where = request.path.removeprefix("/api/v1")
        name = {"/metadata": "metadata", "/scan": "scan"}.get(where, "report")
        body = await request.text()
        self.asked.append((request.method, where, dict(request.headers), body))
        self.queries.append(dict(request.query))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return answer(401, failure("unauthorized"))
        answers: Sequence[Answer] = getattr(self, name)
        wanted = answers[min(self.count(where) - 1, len(answers) - 1)]
        if not isinstance(wanted, web.Response):
            return await wanted(request)
        # A response can be sent once only.
        return web.Response(status=wanted.status, body=wanted.body, headers=_without_length(wanted))


def _without_length(response: web.Response) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k.lower() != "content-length"}


@asynccontextmanager
async def serving(scanner: FakeScanner) -> AsyncIterator[FakeScanner]:
    """Serve it on a free port of loopback."""
    async with served(scanner.handle, drop_given_up=True) as host:
        scanner.url = f"http://{host}/api/v1"
        yield scanner


async def take(request: web.Request) -> web.StreamResponse:
    """Take any scan, under its digest as its id."""
    return answer(202, {"id": (await request.json())["artifact"]["digest"]})


async def scanned(request: web.Request) -> web.StreamResponse:
    """Give a new report without findings for whatever was asked for."""
    made = datetime.now(UTC).isoformat()
    return answer(body=report(digest=request.path.split("/")[-2], generated_at=made))


@contextmanager
def in_background(scanner: FakeScanner) -> Iterator[FakeScanner]:
    """Serve it in a thread of its own, for tests that wait for a process."""
    with background(serving(scanner)):
        yield scanner


@contextmanager
def background(server: AbstractAsyncContextManager[object]) -> Iterator[None]:
    """Serve something in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake-scanner")
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(30)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Flood:
    """Sends 200 MB, and knows how much of it was taken."""

    size = 200 * 1024 * 1024

    def __init__(self, status: int = 200, *, announced: bool = False) -> None:
        self.status = status
        self.announced = announced
        self.sent = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Length": str(self.size)} if self.announced else {}
        response = web.StreamResponse(status=self.status, headers=headers)
        await response.prepare(request)
        chunk = b" " * 65536
        while self.sent < self.size:
            await response.write(chunk)
            self.sent += len(chunk)
        return response


async def hold(_request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(3600)
    raise AssertionError("unreachable")
