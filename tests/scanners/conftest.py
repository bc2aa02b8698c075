"""A registry with real images, a scanner with a real database, and our client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bailiwick.policy.images.findings import ScanReport
from bailiwick.policy.images.references import Reference
from bailiwick.scanners.adapter import Adapter
from bailiwick.scanners.http import Api
from bailiwick.scanners.source import Limits, Order, carry_out
from tests.controlplane import binaries
from tests.images.build import DEBIAN_12_VULNERABLE, layout_of
from tests.images.registry import Registry, running_registry
from tests.images.scanner import Scanner, running_scanner

Scan = Callable[..., Coroutine[Any, Any, ScanReport]]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build before the first test, with progress to be seen and outside of any test's timeout."""
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if "scanner" in names and not session.config.option.collectonly:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            binaries.ensure_all([binaries.SYFT, binaries.GRYPE])


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    with running_registry() as running:
        yield running


@pytest.fixture(scope="session")
def vulnerable(registry: Registry) -> str:
    """The digest of an image in `shop/cart` that has vulnerabilities."""
    return registry.push(layout_of(DEBIAN_12_VULNERABLE), "shop/cart")


@pytest.fixture(scope="session")
def scanner() -> Iterator[Scanner]:
    """One for the tests that do nothing to it."""
    with running_scanner() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def scan(http: aiohttp.ClientSession) -> Scan:
    """Scans an image with a scanner: scan(scanner, "127.0.0.1:5000/shop/cart", digest, …)."""

    async def call(scanner: Scanner, name: str, digest: str, **options: object) -> ScanReport:
        image = Reference.parse(f"{name}@{digest}")
        adapter = client_of(http, scanner)
        order = replace(Order(image, plain_http=True), **options)  # type: ignore[arg-type]  # its fields
        return await carry_out(adapter, order)

    return call


def client_of(http: aiohttp.ClientSession, scanner: Scanner, token: str = "") -> Adapter:
    """The operator's client, with the scanner's token or another one."""
    limits = Limits(scan_seconds=120, poll_default=0.1, poll_most=1)
    header = f"Bearer {token or scanner.token}"
    return Adapter(Api(http, scanner.url, limits, authorization=lambda: header))
