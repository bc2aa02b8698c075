"""What the real scanner keeps of images by digest: SBOMs, and no need to pull again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from bailiwick.policy.images.references import Reference
from bailiwick.scanners import wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.source import Order, finish
from tests.images.build import DEBIAN_12_VULNERABLE, layout_of
from tests.images.database import OPENSSL
from tests.images.registry import Registry, running_registry
from tests.images.scanner import Scanner, running_scanner
from tests.scanners.conftest import Scan, client_of

PACKAGES = {"libssl3", "libc6", "tar"}


@pytest.fixture(scope="module")
def own_registry() -> Iterator[Registry]:
    """A registry that these tests may stop."""
    with running_registry() as running:
        yield running


async def sbom(
    http: aiohttp.ClientSession, scanner: Scanner, name: str, digest: str, media_type: str
) -> dict[str, object]:
    adapter = client_of(http, scanner)
    order = Order(Reference.parse(f"{name}@{digest}"), plain_http=True)
    found: dict[str, object] = json.loads(
        await finish(adapter.start_sbom(order, media_type), adapter.limits)
    )
    return found


async def test_it_gives_an_sbom_in_both_formats(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry, vulnerable: str
) -> None:
    metadata = await client_of(http, scanner).metadata()
    (capability,) = [each for each in metadata.capabilities if each.type == wire.SBOM]
    assert capability.additional_attributes is not None
    assert set(capability.additional_attributes.sbom_media_types) == set(wire.SBOM_FORMATS)
    name = f"{registry.host}/shop/cart"
    spdx = await sbom(http, scanner, name, vulnerable, wire.SPDX)
    cyclonedx = await sbom(http, scanner, name, vulnerable, wire.CYCLONEDX)
    assert str(spdx["spdxVersion"]).startswith("SPDX-2.")
    assert cyclonedx["bomFormat"] == "CycloneDX"
    for packages in (spdx["packages"], cyclonedx["components"]):
        assert isinstance(packages, list)
        assert {each["name"] for each in packages} >= PACKAGES


async def test_an_sbom_needs_no_vulnerability_database(
    http: aiohttp.ClientSession, registry: Registry, vulnerable: str
) -> None:
    with running_scanner(with_database=False) as bare:
        found = await sbom(http, bare, f"{registry.host}/shop/cart", vulnerable, wire.SPDX)
    assert found["packages"]


async def test_an_sbom_in_another_format_is_refused(
    http: aiohttp.ClientSession, scanner: Scanner, registry: Registry, vulnerable: str
) -> None:
    adapter = client_of(http, scanner)
    order = Order(Reference.parse(f"{registry.host}/shop/cart@{vulnerable}"), plain_http=True)
    with pytest.raises(ScanError, match="SBOMs are given as"):
        await finish(adapter.start_sbom(order, "text/spdx"), adapter.limits)


async def test_an_image_is_pulled_once_and_scanned_again_with_each_newer_database(
    own_registry: Registry, scan: Scan
) -> None:
    digest = own_registry.push(layout_of(DEBIAN_12_VULNERABLE), "shop/cart")
    name = f"{own_registry.host}/shop/cart"
    with running_scanner(advisories=(), built=datetime.now(UTC) - timedelta(days=1)) as scanner:
        assert (await scan(scanner, name, digest)).findings == ()
        own_registry.stop()
        try:
            scanner.import_advisories([OPENSSL], datetime.now(UTC))
            report = await scan(scanner, name, digest)
            assert [each.id for each in report.findings] == [OPENSSL.id]
            assert report.hygiene is not None
            with pytest.raises(ScanError) as caught:
                await scan(scanner, name, "sha256:" + "1" * 64)
            assert caught.value.reason == failures.REGISTRY_UNREACHABLE
        finally:
            own_registry.start()


async def test_a_scan_that_is_forgotten_has_no_sbom(
    http: aiohttp.ClientSession, scanner: Scanner
) -> None:
    headers = {"Authorization": f"Bearer {scanner.token}", "Accept": wire.SBOM_REPORT}
    async with http.get(f"{scanner.url}/scan/gone/report", headers=headers) as answer:
        assert answer.status == 404
