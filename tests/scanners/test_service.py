"""The real `bailiwick scanner`, with real syft and grype, on real images of a real registry."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta

import aiohttp
import pytest

from bailiwick.policy.images.findings import Cvss, Exploitation, FixState, Rating, Severity
from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from tests.images.build import (
    DEBIAN_12_FAT,
    DEBIAN_12_FIXED,
    NODE_VULNERABLE,
    Image,
    layout_of,
)
from tests.images.registry import (
    HTPASSWD,
    TEAM,
    Registry,
    digest_of,
    free_port,
    running_registry,
)
from tests.images.scanner import Scanner
from tests.scanners.conftest import Scan, client_of

NO_SUCH = "sha256:" + "0" * 64
ARM = Image(programs=("/app",), architecture="arm64", user="1000")
AMD = Image(programs=("/app",), user="1000")


# What it says of itself, and to whom


async def test_its_metadata_are_those_of_the_adapter_api(
    http: aiohttp.ClientSession, scanner: Scanner
) -> None:
    metadata = await client_of(http, scanner).metadata()
    assert metadata.scanner.vendor == "bailiwick.dev"
    assert metadata.produces(wire.REPORT)
    assert metadata.produces(wire.OLDER_REPORT)
    assert metadata.database_built is not None
    assert datetime.now(UTC) - metadata.database_built < timedelta(hours=1)


@pytest.mark.parametrize("path", ["metadata", "scan/x/report"])
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic test-token"])
async def test_nobody_is_answered_without_the_token(
    http: aiohttp.ClientSession, scanner: Scanner, path: str, header: str | None
) -> None:
    headers = {"Authorization": header} if header else {}
    async with http.get(f"{scanner.url}/{path}", headers=headers) as answer:
        assert answer.status == 401
        assert "token" in (await answer.json(content_type=None))["error"]["message"]


async def test_the_token_is_asked_for_before_a_scan_is_looked_at(
    http: aiohttp.ClientSession, scanner: Scanner
) -> None:
    async with http.post(f"{scanner.url}/scan", data=b"{") as answer:
        assert answer.status == 401


# What it finds


async def test_a_vulnerability_in_a_real_package_version_is_found(
    scanner: Scanner, registry: Registry, vulnerable: str, scan: Scan
) -> None:
    report = await scan(scanner, f"{registry.host}/shop/cart", vulnerable)
    found = {each.id: each for each in report.findings}
    assert set(found) == {"CVE-2023-4911", "CVE-2023-5363", "CVE-2005-2541"}
    openssl = found["CVE-2023-5363"]
    assert openssl.severity is Severity.HIGH
    assert openssl.version == "3.0.11-1~deb12u1"
    assert openssl.fixed_version == "3.0.11-1~deb12u2"
    assert openssl.link == "https://security-tracker.debian.org/tracker/CVE-2023-5363"
    assert found["CVE-2023-4911"].known_exploited
    assert not openssl.known_exploited
    assert found["CVE-2005-2541"].fixed_version is None
    assert report.manifest_digest == vulnerable
    assert report.database_built is not None


async def test_what_tells_which_finding_to_mend_first_comes_with_it(
    scanner: Scanner, registry: Registry, vulnerable: str, scan: Scan
) -> None:
    report = await scan(scanner, f"{registry.host}/shop/cart", vulnerable)
    glibc = report.findings[0]
    assert glibc.id == "CVE-2023-4911"
    assert glibc.advisory.exploitation == Exploitation(
        date(2023, 11, 21), date(2023, 12, 12), ransomware=True
    )
    epss = glibc.advisory.epss
    assert epss is not None
    assert (epss.score, epss.percentile) == (0.75, 0.99)
    assert epss.day is not None
    assert glibc.advisory.cvss == Cvss(9.8, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    fixes = {each.id: each.fix_state for each in report.findings}
    assert fixes["CVE-2023-5363"] is FixState.FIXED
    assert fixes["CVE-2005-2541"] is FixState.NOT_FIXED


async def test_the_distribution_s_own_rating_counts_before_that_of_others(
    scanner: Scanner, registry: Registry, vulnerable: str, scan: Scan
) -> None:
    report = await scan(scanner, f"{registry.host}/shop/cart", vulnerable)
    glibc = report.findings[0]
    assert glibc.advisory.ratings == (
        Rating("debian", Severity.HIGH, own=True),
        Rating("nvd", Severity.CRITICAL),
    )
    assert glibc.severity is Severity.HIGH


async def test_an_image_whose_packages_are_fixed_has_no_findings(
    scanner: Scanner, registry: Registry, scan: Scan
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_FIXED), "shop/fixed")
    report = await scan(scanner, f"{registry.host}/shop/fixed", digest)
    assert report.findings == ()
    assert report.hygiene is not None
    assert report.hygiene.os == "Debian GNU/Linux 12"
    assert report.hygiene.os_end_of_life is False


async def test_a_package_of_a_language_is_found_under_both_names(
    scanner: Scanner, registry: Registry, scan: Scan
) -> None:
    digest = registry.push(layout_of(NODE_VULNERABLE), "shop/frontend")
    report = await scan(scanner, f"{registry.host}/shop/frontend", digest)
    (lodash,) = report.findings
    assert {lodash.id, *lodash.aliases} == {"GHSA-35jh-r3h4-6jhm", "CVE-2021-23337"}


async def test_what_lies_in_an_image_is_told_whether_a_package_owns_it_or_not(
    scanner: Scanner, registry: Registry, scan: Scan
) -> None:
    digest = registry.push(layout_of(DEBIAN_12_FAT), "shop/fat")
    report = await scan(scanner, f"{registry.host}/shop/fat", digest)
    facts = report.hygiene
    assert facts is not None
    assert facts.shells == ("/bin/dash", "/bin/sh")
    assert facts.package_managers == ("/usr/bin/apt-get", "/usr/bin/dpkg", "package apt")
    assert facts.debug_tools == ("/usr/bin/curl", "/usr/bin/strace")
    assert facts.build_tools == ("/usr/bin/gcc",)
    assert facts.runs_as_root
    assert facts.created == datetime(2026, 11, 1, tzinfo=UTC)
    assert facts.architecture == "amd64"


async def test_of_an_index_the_platform_that_was_asked_for_is_scanned(
    scanner: Scanner, registry: Registry, scan: Scan
) -> None:
    manifests = {
        "linux/amd64": registry.push(layout_of(AMD), "shop/multi", "amd64"),
        "linux/arm64": registry.push(layout_of(ARM), "shop/multi", "arm64"),
    }
    index = registry.push_index("shop/multi", "latest", manifests)
    for architecture in ("amd64", "arm64"):
        report = await scan(
            scanner, f"{registry.host}/shop/multi", index, architecture=architecture
        )
        assert report.digest == index
        assert report.manifest_digest == manifests[f"linux/{architecture}"]
        assert report.hygiene is not None
        assert report.hygiene.architecture == architecture
    with pytest.raises(ScanError) as caught:
        await scan(scanner, f"{registry.host}/shop/multi", index, architecture="s390x")
    assert caught.value.reason == failures.NO_SUCH_PLATFORM


# What cannot be scanned is told, and is never an image without findings


async def test_a_digest_that_the_registry_does_not_have(
    scanner: Scanner, registry: Registry, scan: Scan
) -> None:
    with pytest.raises(ScanError) as caught:
        await scan(scanner, f"{registry.host}/shop/cart", NO_SUCH)
    assert caught.value.reason == failures.NOT_FOUND
    assert caught.value.permanent
    assert "does not have" in caught.value.message
    assert f"{registry.host}/shop/cart@{NO_SUCH}" in caught.value.message


async def test_a_registry_that_is_down(scanner: Scanner, scan: Scan) -> None:
    where = f"127.0.0.1:{free_port()}"
    with pytest.raises(ScanError) as caught:
        await scan(scanner, f"{where}/shop/cart", NO_SUCH)
    assert caught.value.reason == failures.REGISTRY_UNREACHABLE
    assert not caught.value.permanent
    assert where in caught.value.message


async def test_a_registry_that_asks_for_credentials(scanner: Scanner, scan: Scan) -> None:
    with running_registry(htpasswd=HTPASSWD) as closed:
        digest = closed.push(layout_of(AMD), "shop/secret", credentials=TEAM)
        name = f"{closed.host}/shop/secret"
        wrong = base64.b64encode(b"team:wrong").decode()
        for authorization in ("", f"Basic {wrong}"):
            with pytest.raises(ScanError) as caught:
                await scan(scanner, name, digest, authorization=authorization)
            assert caught.value.reason == errors.REGISTRY_UNAUTHORIZED
            assert "pull secret" in caught.value.message
        right = base64.b64encode(TEAM.encode()).decode()
        report = await scan(scanner, name, digest, authorization=f"Basic {right}")
        assert report.manifest_digest == digest
    assert wrong not in scanner.log
    assert right not in scanner.log


@pytest.mark.parametrize("damage", ["cut", "changed", "missing"])
async def test_an_image_with_a_broken_layer(
    scanner: Scanner, registry: Registry, scan: Scan, damage: str
) -> None:
    image = Image(files={"/data": damage * 100_000}, programs=("/app",))
    digest = registry.push(layout_of(image), f"shop/{damage}")
    layer = registry.layers(f"shop/{damage}", digest)[0]
    content = layer.read_bytes()
    if damage == "missing":
        layer.unlink()
    else:
        layer.write_bytes(content[:-20] if damage == "cut" else content[:-20] + b"x" * 20)
    with pytest.raises(ScanError) as caught:
        await scan(scanner, f"{registry.host}/shop/{damage}", digest)
    assert caught.value.reason == failures.CORRUPT, caught.value.message


async def test_a_chart_is_no_image(scanner: Scanner, registry: Registry, scan: Scan) -> None:
    config, chart = b"{}", b"a chart"
    manifest = {
        "schemaVersion": 2,
        "config": _descriptor("application/vnd.cncf.helm.config.v1+json", config),
        "layers": [_descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", chart)],
    }
    digest = registry.put("charts/shop", manifest, [config, chart])
    with pytest.raises(ScanError) as caught:
        await scan(scanner, f"{registry.host}/charts/shop", digest)
    assert caught.value.reason == failures.NOT_AN_IMAGE, caught.value.message


def _descriptor(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


async def test_a_scan_that_no_longer_is_known(
    http: aiohttp.ClientSession, scanner: Scanner
) -> None:
    headers = {"Authorization": f"Bearer {scanner.token}"}
    async with http.get(f"{scanner.url}/scan/gone/report", headers=headers) as answer:
        assert answer.status == 404
