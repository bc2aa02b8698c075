"""The denominator: a client that only sends, without a cache, a queue or a second thought."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec

from tests.controlplane.api import APPLY, MERGE
from tests.controlplane.identity import Identity

CONNECTIONS: Final = 32
_JSON: Final = "application/json"
_ENCODER: Final = msgspec.json.Encoder()


class Refused(Exception):
    """The API server said no to a write of the benchmark's own."""


@dataclass(frozen=True, slots=True)
class Request:
    """One write; `body` is encoded when it is sent, as any client must do."""

    method: str
    path: str
    body: Any
    content_type: str = _JSON


def apply(path: str, body: Any) -> Request:
    """A server-side apply, as the operator's field manager."""
    return Request("PATCH", f"{path}?fieldManager=bailiwick&force=true", body, APPLY)


def merge(path: str, body: Any) -> Request:
    """A merge patch."""
    return Request("PATCH", path, body, MERGE)


class Bare:
    """Requests as one identity over some connections; an async context manager."""

    def __init__(self, identity: Identity, connections: int = CONNECTIONS) -> None:
        self._server = identity.server
        self._connections = connections
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=ssl.create_default_context(cafile=str(identity.ca_file))
            ),
            headers={
                "Authorization": f"Bearer {identity.token}",
                "Accept": _JSON,
                "Accept-Encoding": "identity",
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def send(self, request: Request) -> bytes:
        """Send one request and read its answer.

        Raises:
            Refused: The answer is not a success.
        """
        async with self._session.request(
            request.method,
            self._server + request.path,
            data=_ENCODER.encode(request.body),
            headers={"Content-Type": request.content_type},
        ) as answer:
            body = await answer.read()
            if answer.status >= 400:
                raise Refused(f"{request.method} {request.path}: {body.decode(errors='replace')}")
            return body

    async def send_all(self, requests: Iterable[Request]) -> float:
        """Send all of them as fast as the connections can; returns the seconds it took."""
        rest = iter(requests)

        async def work() -> None:
            for request in rest:
                await self.send(request)

        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._connections):
                group.create_task(work())
        return time.monotonic() - begun

    async def get(self, path: str) -> Any:
        """Read an object or a list."""
        async with self._session.get(self._server + path) as answer:
            body = await answer.read()
            if answer.status >= 400:
                raise Refused(f"GET {path}: {body.decode(errors='replace')}")
            return msgspec.json.decode(body)

    def watch(self, path: str, resource_version: str) -> Any:
        """Open a watch: a context manager that gives the streamed response."""
        url = f"{self._server}{path}?watch=true&resourceVersion={resource_version}"
        return self._session.get(url, timeout=aiohttp.ClientTimeout(total=None))
