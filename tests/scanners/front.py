"""A real registry behind one that has the referrers API of OCI 1.1, which Debian's has not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.images.attestations import Json
from tests.images.registry import INDEX, Registry
from tests.loopback import served


@dataclass
class Front:
    """Answers for a registry: `referrers` by digest in pages, and blobs by a redirect to it.

    `fails` are parts of paths that it answers with 500. `asked` are the paths that were asked
    for, `told` the Authorization headers that came with blobs.
    """

    behind: Registry
    referrers: Mapping[str, Sequence[Sequence[Json]]] = field(default_factory=dict)
    fails: tuple[str, ...] = ()
    blobs_at: str = ""
    host: str = ""
    asked: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, mostly with what the registry behind says."""
        self.asked.append(request.path)
        if any(part in request.path for part in self.fails):
            return web.Response(status=500)
        name, _, digest = request.path.partition("/referrers/")
        if digest:
            return self._page(name, digest, int(request.query.get("page", "0")))
        if "/blobs/" in request.path and self.blobs_at:
            where = {"Location": f"http://{self.blobs_at}{request.path}"}
            return web.Response(status=307, headers=where)
        return await self._forward(request)

    def _page(self, name: str, digest: str, page: int) -> web.Response:
        pages = self.referrers.get(digest) or [[]]
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": pages[page]})
        more = f'<{name}/referrers/{digest}?page={page + 1}>; rel="next"'
        headers = {"Link": more} if page + 1 < len(pages) else {}
        return web.Response(text=body, content_type=INDEX, headers=headers)

    async def _forward(self, request: web.Request) -> web.Response:
        passed = {k: v for k, v in request.headers.items() if k in ("Accept", "Authorization")}
        url = f"http://{self.behind.host}{request.path_qs}"
        async with (
            aiohttp.ClientSession(auto_decompress=False) as http,
            http.request(request.method, url, headers=passed, allow_redirects=False) as answer,
        ):
            kept = ("Content-Type", "Docker-Content-Digest", "WWW-Authenticate")
            headers = {name: answer.headers[name] for name in kept if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=headers)


@asynccontextmanager
async def in_front(behind: Registry, **options: object) -> AsyncIterator[Front]:
    """Serve one on a free port of loopback."""
    front = Front(behind, **options)  # type: ignore[arg-type]  # its fields
    async with served(front.handle) as host:
        front.host = host
        yield front
