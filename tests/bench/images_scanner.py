"""A scanner that knows the benchmark's images, as the adapter API documents it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from bailiwick.policy.images.findings import Finding
from bailiwick.scanners import wire
from tests.bench.images_cluster import Cluster
from tests.loopback import served
from tests.scanners import fake


@dataclass
class KnowingScanner:
    """Answers at once; `built` is how old its database is."""

    given: Cluster
    built: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=1))
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        where = request.path.removeprefix("/api/v1")
        if where == "/metadata":
            return fake.answer(body=fake.metadata(built=self.built.isoformat()))
        if where == "/scan":
            return await fake.take(request)
        return self._report(where.split("/")[-2])

    def _report(self, digest: str) -> web.Response:
        found = [_vulnerability(each) for each in self.given.report(digest).findings]
        now = datetime.now(UTC).isoformat()
        body = fake.report(*found, digest=digest, generated_at=now)
        return web.Response(
            body=msgspec.json.encode(body), content_type=wire.REPORT.partition(";")[0]
        )


@asynccontextmanager
async def serving(scanner: KnowingScanner) -> AsyncIterator[KnowingScanner]:
    """Serve it on a free port of loopback."""
    async with served(scanner.handle) as host:
        scanner.url = f"http://{host}/api/v1"
        yield scanner


def _vulnerability(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "package": finding.package,
        "version": finding.version,
        "fix_version": finding.fixed_version or "",
        "severity": finding.severity.label,
        "description": finding.title,
        "links": [finding.link],
    }
