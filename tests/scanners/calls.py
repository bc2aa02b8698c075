"""Scanning one image with our client and a fake scanner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest

from bailiwick.policy.images.findings import ScanReport
from bailiwick.policy.images.references import Reference
from bailiwick.scanners.adapter import Adapter
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.http import Api
from bailiwick.scanners.source import Limits, Order, carry_out
from tests.scanners.fake import DIGEST, FakeScanner, serving

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
IMAGE = Reference("registry.example.com", "shop/cart", "", DIGEST)
MIB = 1024 * 1024
NEVER = 3600.0
# Generous where time passes, so that only what a test is about can run out of it.
LIMITS = Limits(request_seconds=20, scan_seconds=60, poll_default=0.01, poll_least=0.01)


def adapter_at(
    http: aiohttp.ClientSession,
    url: str,
    limits: Limits = LIMITS,
    token: Callable[[], str] | None = None,
) -> Adapter:
    bearer = (lambda: f"Bearer {token()}") if token else None
    return Adapter(Api(http, url, limits, authorization=bearer), clock=lambda: NOW)


@asynccontextmanager
async def client_of(
    scanner: FakeScanner, limits: Limits = LIMITS, token: str = ""
) -> AsyncIterator[Adapter]:
    async with serving(scanner), aiohttp.ClientSession() as http:
        yield adapter_at(http, scanner.url, limits, (lambda: token) if token else None)


async def scan(scanner: FakeScanner, limits: Limits = LIMITS) -> ScanReport:
    async with client_of(scanner, limits) as adapter:
        return await carry_out(adapter, Order(IMAGE))


async def failed_scan(scanner: FakeScanner, limits: Limits = LIMITS) -> ScanError:
    with pytest.raises(ScanError) as caught:
        await scan(scanner, limits)
    return caught.value
