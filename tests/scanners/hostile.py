"""A registry that answers with one image, but not as it should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from aiohttp import web

from tests.images.registry import MANIFEST, digest_of
from tests.loopback import served

Fault = Literal["manifests", "blobs", "token", "stall"]

_CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "config": {}}).encode()
_LAYER = b"no layer is ever read"
_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(_CONFIG),
            "size": len(_CONFIG),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": digest_of(_LAYER),
                "size": len(_LAYER),
            }
        ],
    }
).encode()


class HostileRegistry:
    """`fault` is what is redirected to `target`, or "stall" for an answer that never comes."""

    def __init__(self, fault: Fault, target: str = "") -> None:
        self.host = ""
        self.digest = digest_of(_MANIFEST)
        self.asked = asyncio.Event()
        self._fault = fault
        self._target = target

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/v2/":
            challenge = {"WWW-Authenticate": f'Bearer realm="{self._target}",service="x"'}
            token = self._fault == "token"
            return web.Response(status=401 if token else 200, headers=challenge if token else {})
        self.asked.set()
        if self._fault == "stall":
            await asyncio.sleep(3600)
        if f"/{self._fault}/" in request.path:
            return web.Response(status=307, headers={"Location": self._target})
        manifest = "/manifests/" in request.path
        kind = MANIFEST if manifest else "application/octet-stream"
        return web.Response(body=_MANIFEST if manifest else _CONFIG, content_type=kind)


@asynccontextmanager
async def hostile_registry(fault: Fault, target: str = "") -> AsyncIterator[HostileRegistry]:
    """Serve one on a free port of loopback."""
    registry = HostileRegistry(fault, target)
    async with served(registry.handle, drop_given_up=True) as host:
        registry.host = host
        yield registry
