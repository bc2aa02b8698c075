"""A proxy between a client and the API server that does harm when it is told to.

It listens on 127.0.0.1 in plain HTTP and speaks TLS to the API server. What a client sends goes
through unchanged, its token too, and watches are passed on event by event.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

from tests.controlplane.identity import Identity

_HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_REASONS: Final = {
    401: "Unauthorized",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request for an object or a collection, as its path tells."""

    at: datetime  # UTC
    method: str
    resource: str  # with its subresource: securityintents/status
    namespace: str
    name: str
    is_watch: bool
    token: str = field(repr=False)  # what follows Bearer

    @property
    def is_write(self) -> bool:
        """Whether it could change something."""
        return self.method != "GET"

    @property
    def is_list(self) -> bool:
        """Whether it asks for a whole collection, once."""
        return self.method == "GET" and not self.name and not self.is_watch

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.at:%H:%M:%S.%f} {self.method} {self.resource} {where}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The proxy answers by itself, and the API server never hears of the request."""

    status: int
    retry_after: int | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks: before the API server hears of the request, or after it did it.

    `seconds` of silence go before that. `then` is called right before the connection breaks.
    """

    after: bool = False
    seconds: float = 0.0
    then: Callable[[], object] | None = None


Fault = Answer | Cut
Rule = Callable[[Call], Fault | None]


class Proxy:
    """A running proxy; a context manager that stops it.

    `kubeconfig` names it as the server, for the same user. `rule` is asked about each request, in
    a thread of its own: it may wait. `calls` has every request, `forwarded` those that the API
    server got, at that time, and `answered` those that the client got an answer to.
    """

    def __init__(self, identity: Identity) -> None:
        self.rule: Rule | None = None
        self.calls: list[Call] = []
        self.forwarded: list[Call] = []
        self.answered: list[tuple[Call, int]] = []  # with the HTTP status
        self._identity = identity
        self._held: frozenset[str] | None = None
        self._watches: list[tuple[web.BaseRequest, Call]] = []
        self._threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="proxy-rule")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.server: Final = self._wait(self._start())
        self.kubeconfig: Final = self._write_kubeconfig()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Break every connection and stop listening."""
        self.rule = None
        self._wait(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._threads.shutdown()

    def hold_watches(self, *resources: str) -> None:
        """Let no event of watches through, or none of these resources, though they stay open."""
        self._wait(self._hold(frozenset(resources)))

    def release_watches(self) -> None:
        """Let through what was held back."""
        self._wait(self._hold(None))

    def cut_watches(self) -> None:
        """Break every watch; what was held back of it is lost."""
        self._wait(self._cut_watches())

    def watched(self) -> set[str]:
        """The resources that are being watched now."""
        return {call.resource for _, call in list(self._watches)}

    # What goes on in the proxy's own thread

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> str:
        self._flow = asyncio.Condition()
        context = ssl.create_default_context(cafile=str(self._identity.ca_file))
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=context),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        # A client that goes away ends what it asked for, as it does at the API server.
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _stop(self) -> None:
        await self._cut_watches()
        await self._runner.cleanup()
        await self._http.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _hold(self, resources: frozenset[str] | None) -> None:
        async with self._flow:
            self._held = resources
            self._flow.notify_all()

    async def _cut_watches(self) -> None:
        for request, _ in self._watches:
            _break(request)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        call = _read(request)
        self.calls.append(call)
        fault = await self._fault(call)
        if isinstance(fault, Answer):
            self.answered.append((call, fault.status))
            return _status(fault)
        if fault is not None and not fault.after:
            return await self._cut(request, fault)
        body = await request.content.read()
        self.forwarded.append(replace(call, at=datetime.now(UTC)))
        try:
            async with self._http.request(
                request.method,
                URL(self._identity.server + request.raw_path, encoded=True),
                headers=[h for h in request.headers.items() if h[0].lower() not in _HOP_BY_HOP],
                data=body or None,
            ) as answer:
                if fault is None and call.is_watch and answer.status == 200:
                    return await self._stream(request, call, answer)
                payload = await answer.read()
        except aiohttp.ClientError:
            return await self._cut(request, Cut())
        if fault is not None:
            return await self._cut(request, fault)
        self.answered.append((call, answer.status))
        return web.Response(status=answer.status, body=payload, headers=_kept(answer))

    async def _fault(self, call: Call) -> Fault | None:
        if self.rule is None:
            return None
        return await self._loop.run_in_executor(self._threads, self.rule, call)

    async def _stream(
        self, request: web.BaseRequest, call: Call, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        stream = web.StreamResponse(status=answer.status, headers=_kept(answer))
        stream.enable_chunked_encoding()
        self._watches.append((request, call))
        try:
            await stream.prepare(request)
            async for chunk in answer.content.iter_any():
                async with self._flow:
                    await self._flow.wait_for(lambda: not self._holds(call))
                await stream.write(chunk)
            await stream.write_eof()
        except aiohttp.ClientError:
            _break(request)
        finally:
            self._watches.remove((request, call))
        return stream

    def _holds(self, call: Call) -> bool:
        held = self._held
        return held is not None and (not held or call.resource in held)

    async def _cut(self, request: web.BaseRequest, fault: Cut) -> web.Response:
        await asyncio.sleep(fault.seconds)
        if fault.then is not None:
            await self._loop.run_in_executor(self._threads, fault.then)
        _break(request)
        return web.Response()

    def _write_kubeconfig(self) -> Path:
        original = self._identity.kubeconfig
        config = yaml.safe_load(original.read_text())
        config["clusters"][0]["cluster"] = {"server": self.server}
        path = original.with_name(f"proxy-{urlsplit(self.server).port}.kubeconfig")
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path


def _read(request: web.BaseRequest) -> Call:
    address = urlsplit(request.raw_path)
    # /api/v1/… or /apis/group/version/…
    _, *parts = address.path.strip("/").split("/")
    parts = parts[1:] if address.path.startswith("/api/") else parts[2:]
    namespace = ""
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    resource, name, subresource = [*parts, "", "", ""][:3]
    return Call(
        at=datetime.now(UTC),
        method=request.method,
        resource=f"{resource}/{subresource}" if subresource else resource,
        namespace=namespace,
        name=name,
        is_watch=parse_qs(address.query).get("watch") in (["true"], ["1"]),
        token=request.headers.get("Authorization", "").removeprefix("Bearer "),
    )


def _status(fault: Answer) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": _REASONS[fault.status],
        "message": f"the proxy of the tests answers {fault.status}",
        "code": fault.status,
    }
    waiting = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web.json_response(body, status=fault.status, headers=waiting)


def _kept(answer: aiohttp.ClientResponse) -> list[tuple[str, str]]:
    return [pair for pair in answer.headers.items() if pair[0].lower() not in _HOP_BY_HOP]


def _break(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
