"""What an image may cost the real scanner: one that wants more ends its own scan and no other."""

from __future__ import annotations

import asyncio

import pytest

from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from tests.images.build import Image, layout_of
from tests.images.registry import Registry
from tests.images.scanner import running_scanner
from tests.scanners.conftest import Scan

MIB = 1024 * 1024
SMALL = Image(programs=("/app",), user="1000")


async def test_an_image_that_unpacks_to_more_than_a_scan_may_write_ends_that_scan_alone(
    registry: Registry, vulnerable: str, scan: Scan
) -> None:
    bomb = Image(files={"/zeros": "0" * (400 * MIB)}, programs=("/app",))
    digest = registry.push(layout_of(bomb), "shop/flood")
    assert sum(path.stat().st_size for path in registry.layers("shop/flood", digest)) < 2 * MIB
    with running_scanner("--scan-bytes", str(50 * MIB), "--parallel", "2") as scanner:
        hostile = asyncio.create_task(scan(scanner, f"{registry.host}/shop/flood", digest))
        report = await scan(scanner, f"{registry.host}/shop/cart", vulnerable)
        assert report.findings
        with pytest.raises(ScanError) as caught:
            await hostile
        assert caught.value.reason == failures.TOO_LARGE, caught.value.message
        assert caught.value.permanent
        assert "unpacks to more than 50 MiB" in caught.value.message
        assert "--scan-bytes" in caught.value.message
        assert list(scanner.work.glob("*/scan-*")) == []


async def test_an_image_that_takes_more_memory_than_a_scan_may_ends_that_scan_alone(
    registry: Registry, vulnerable: str, scan: Scan
) -> None:
    entry = (
        "Package: p{0}\nStatus: install ok installed\nMaintainer: {1}\nArchitecture: amd64\n"
        "Version: 1.{0}\nDescription: {1}\n"
    )
    status = "\n".join(entry.format(n, "x" * 200) for n in range(150_000))
    greedy = Image(debian="12", files={"/var/lib/dpkg/status": status}, programs=("/app",))
    digest = registry.push(layout_of(greedy), "shop/greedy")
    with running_scanner("--scan-memory", str(350 * MIB), "--parallel", "2") as scanner:
        hostile = asyncio.create_task(scan(scanner, f"{registry.host}/shop/greedy", digest))
        assert (await scan(scanner, f"{registry.host}/shop/cart", vulnerable)).findings
        with pytest.raises(ScanError) as caught:
            await hostile
        assert caught.value.reason == failures.TOO_LARGE, caught.value.message
        assert "used more memory" in caught.value.message
        assert "--scan-memory" in caught.value.message
        assert scanner.ready()[0]
