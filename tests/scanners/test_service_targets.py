"""What the real scanner is asked to scan, and where it does not go for that."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
import pytest

from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from tests.images.registry import Registry
from tests.images.scanner import Scanner, running_scanner
from tests.scanners.conftest import Scan
from tests.scanners.hostile import Fault, hostile_registry

NO_SUCH = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "change, words",
    [
        ({"registry": {"url": "ftp://registry.example.com"}}, "not the address of a registry"),
        ({"registry": {"url": "https://u:p@registry.example.com"}}, "not the address"),
        ({"registry": {"url": "https://registry.example.com/path"}}, "not the address"),
        ({"registry": {"url": "http://registry.example.com"}}, "without TLS"),
        ({"artifact": {"repository": "a", "tag": "latest"}}, "not named by digest"),
        ({"artifact": {"repository": "a", "digest": "sha256:00"}}, "not named by digest"),
        ({"artifact": {"repository": "../a", "digest": NO_SUCH}}, "not an image reference"),
        ({"artifact": {"repository": "a --help", "digest": NO_SUCH}}, "not an image reference"),
        ({"registry": {"url": "https://a.example.com", "authorization": "Negotiate x"}}, "Basic"),
    ],
)
async def test_a_request_that_names_no_image_is_refused(
    http: aiohttp.ClientSession, scanner: Scanner, change: dict[str, object], words: str
) -> None:
    request = {
        "registry": {"url": "https://registry.example.com"},
        "artifact": {"repository": "shop/cart", "digest": NO_SUCH},
        **change,
    }
    status, message = await submit(http, scanner, request)
    assert status == 422
    assert words in message


async def submit(http: aiohttp.ClientSession, scanner: Scanner, request: object) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {scanner.token}"}
    async with http.post(f"{scanner.url}/scan", json=request, headers=headers) as answer:
        body = await answer.json(content_type=None)
        return answer.status, body.get("error", {}).get("message", "")


# Where it does not go


@pytest.fixture(scope="module")
def careful() -> Iterator[Scanner]:
    """A scanner as in a cluster: without the option that opens loopback."""
    with running_scanner(allow_loopback=False) as running:
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:5000",
        "localhost:5000",
        "registry.localhost",
        "[::1]:5000",
        "[::ffff:127.0.0.1]:5000",
        "127.1",
        "2130706433:80",
        "0x7f000001:80",
        "0.0.0.0:5000",
        "169.254.169.254",
        "169.254.10.20:5000",
        "metadata.google.internal",
        "[fe80::1]:5000",
        "[fd00:ec2::254]:80",
        "100.100.100.200",
    ],
)
async def test_no_address_of_the_machine_or_its_cloud_is_contacted(
    http: aiohttp.ClientSession, careful: Scanner, host: str
) -> None:
    request = {
        "registry": {"url": f"https://{host}"},
        "artifact": {"repository": "shop/cart", "digest": NO_SUCH},
    }
    status, message = await submit(http, careful, request)
    assert status == 422, message


async def test_a_real_registry_on_loopback_hears_nothing(
    careful: Scanner, registry: Registry, vulnerable: str, scan: Scan
) -> None:
    before = registry.log.read_text()
    with pytest.raises(ScanError) as caught:
        await scan(careful, f"{registry.host}/shop/cart", vulnerable)
    assert caught.value.reason == "RegistryRefused"
    assert registry.log.read_text() == before


@pytest.mark.parametrize("at", ["manifests", "blobs", "token"])
async def test_a_registry_cannot_send_it_on_to_the_metadata_service(
    scanner: Scanner, scan: Scan, at: Fault
) -> None:
    async with hostile_registry(at, "http://169.254.169.254/latest/") as registry:
        with pytest.raises(ScanError) as caught:
            await scan(scanner, f"{registry.host}/shop/cart", registry.digest)
    assert caught.value.reason == failures.REGISTRY_REFUSED
    assert "never contacts" in caught.value.message
    assert caught.value.permanent
