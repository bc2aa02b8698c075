"""A small API server in the test's own loop, for what a real one does not do on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bailiwick.kube.client import Client
from bailiwick.kube.credentials import Credentials, Fixed
from bailiwick.kube.session import Session

Json = dict[str, Any]
Handler = Callable[[web.Request], Any]


@dataclass
class Fault:
    """An answer given instead of the true one, `times` times."""

    matches: Callable[[web.Request], bool]
    respond: Handler
    times: int


@dataclass
class FakeApi:
    """Lists in pages, watches, and writes with resource versions, for any kind."""

    objects: dict[str, dict[tuple[str, str], Json]] = field(default_factory=dict)
    history: list[tuple[int, str, str, Json]] = field(default_factory=list)
    version: int = 100
    oldest: int = 0
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    server: str = ""
    watchers: set[asyncio.Queue[bytes | None]] = field(default_factory=set)
    filters: dict[asyncio.Queue[bytes | None], str] = field(default_factory=dict)
    snapshots: dict[str, tuple[int, list[Json]]] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)

    def put(
        self, plural: str, name: str, namespace: str = "shop", *, silent: bool = False, **rest: Any
    ) -> Json:
        """Make or change an object; a silent change is one that no watch tells of."""
        self.version += 1
        held = self.objects.setdefault(plural, {})
        kind = "MODIFIED" if (namespace, name) in held else "ADDED"
        meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
        meta |= rest.pop("metadata", {}) | {"resourceVersion": str(self.version)}
        body = {"metadata": meta, **rest}
        held[(namespace, name)] = body
        self._tell(plural, kind, body, silent=silent)
        return body

    def remove(
        self, plural: str, name: str, namespace: str = "shop", *, silent: bool = False
    ) -> None:
        """Delete an object."""
        self.version += 1
        body = self.objects[plural].pop((namespace, name))
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        self._tell(plural, "DELETED", body, silent=silent)

    def compact(self) -> None:
        """Forget all history: older resource versions are gone."""
        self.oldest = self.version
        self.snapshots.clear()

    def cut(self) -> None:
        """End every watch as a broken connection does."""
        for queue in list(self.watchers):
            queue.put_nowait(None)

    def send(self, raw: bytes) -> None:
        """Write bytes to every watch."""
        for queue in self.watchers:
            queue.put_nowait(raw)

    def fail(
        self, matches: str, status: int, reason: str = "", times: int = 1, **more: Any
    ) -> None:
        """Answer requests whose `METHOD path?query` has this text with a Status."""
        headers = more.pop("headers", {})
        body = {"kind": "Status", "code": status, "reason": reason, **more}
        body.setdefault("message", f"told to fail with {status}")

        def respond(_: web.Request) -> web.Response:
            return web.json_response(body, status=status, headers=headers)

        self.answer(matches, respond, times)

    def answer(self, matches: str, respond: Handler, times: int = 1) -> None:
        """Answer such requests by a function."""

        def match(request: web.Request) -> bool:
            return matches in f"{request.method} {request.path_qs}"

        self.faults.append(Fault(match, respond, times))

    def _tell(self, plural: str, kind: str, body: Json, *, silent: bool) -> None:
        if silent:
            return
        self.history.append((self.version, plural, kind, body))
        for queue in self.watchers:
            if self.filters[queue] == plural:
                queue.put_nowait(event(kind, body))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path, dict(request.query)))
        self.headers.append(dict(request.headers))
        raw = await request.read()
        body: Json = json.loads(raw) if raw else {}
        if raw:
            self.bodies.append(body)
        for fault in self.faults:
            if fault.times and fault.matches(request):
                fault.times -= 1
                answer = fault.respond(request)
                found = await answer if asyncio.iscoroutine(answer) else answer
                assert isinstance(found, web.StreamResponse)
                return found
        parts = request.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if not parts:
            known = "/".join(request.path.split("/")[2:]) in self.groups
            return web.json_response({}) if known else status(404, "NotFound", "not served")
        namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces":
            namespace, parts = parts[1], parts[2:]
        plural, name = parts[0], parts[1] if len(parts) > 1 else ""
        if request.method == "GET" and not name:
            watch = request.query.get("watch") == "true"
            if watch:
                return await self._watch(request, plural)
            return await self._list(request, plural, namespace)
        return self._object(request.method, plural, namespace, name, body)

    async def _list(self, request: web.Request, plural: str, namespace: str) -> web.StreamResponse:
        limit = int(request.query.get("limit") or 0)
        token = request.query.get("continue", "")
        if token:
            identity, _, offset_text = token.partition("/")
            if identity not in self.snapshots:
                return gone("the provided continue parameter is too old")
            version, items = self.snapshots[identity]
            offset = int(offset_text)
        else:
            identity, offset = f"s{len(self.snapshots)}-{self.version}", 0
            held = self.objects.get(plural, {}).items()
            items = [body for (own, _), body in held if namespace in ("", own)]
            version = self.version
            self.snapshots[identity] = (version, items)
        end = offset + limit if limit else len(items)
        more = f"{identity}/{end}" if end < len(items) else ""
        meta = {"resourceVersion": str(version), "continue": more}
        return web.json_response({"metadata": meta, "items": items[offset:end]})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        if since < self.oldest:
            return gone("too old resource version")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for version, of, kind, body in self.history:
            if version > since and of == plural:
                queue.put_nowait(event(kind, body))
        self.watchers.add(queue)
        self.filters[queue] = plural
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while (raw := await queue.get()) is not None:
                await response.write(raw)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            pass
        finally:
            self.watchers.discard(queue)
        return response

    def _object(
        self, method: str, plural: str, namespace: str, name: str, body: Json
    ) -> web.StreamResponse:
        name = name or body["metadata"]["name"]
        held = self.objects.setdefault(plural, {}).get((namespace, name))
        if method == "POST" and held is not None:
            return status(409, "AlreadyExists", f'{plural} "{name}" already exists')
        if method in ("GET", "PUT", "DELETE") and held is None:
            return status(404, "NotFound", f'{plural} "{name}" not found')
        if method == "GET":
            return web.json_response(held)
        if method == "DELETE":
            self.remove(plural, name, namespace)
            return web.json_response({})
        wanted = body.get("metadata", {}).get("resourceVersion")
        if held is not None and wanted not in (None, held["metadata"]["resourceVersion"]):
            return status(409, "Conflict", "the object has been modified")
        rest = {k: v for k, v in body.items() if k != "metadata"}
        merged = {**(held or {}), **rest} if method == "PATCH" else rest
        merged.pop("metadata", None)
        return web.json_response(self.put(plural, name, namespace, **merged))


def event(kind: str, body: Json) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def status(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code)


def gone(message: str) -> web.Response:
    return status(410, "Expired", message)


@asynccontextmanager
async def serving() -> AsyncIterator[FakeApi]:
    """Serve a fake API on a free port of the loopback address."""
    api = FakeApi()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.server = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        api.cut()
        await runner.cleanup()


@asynccontextmanager
async def client_of(api: FakeApi, **options: Any) -> AsyncIterator[Client]:
    """A client of a fake API, as somebody with a token."""
    async with await Session.open(Fixed(Credentials(api.server, "Bearer first"))) as session:
        yield Client(session, **options)


async def until(condition: Callable[[], object], timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  # no event of ours tells of it
            await asyncio.sleep(0.002)
