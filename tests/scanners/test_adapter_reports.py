"""What our client makes of the adapter API's other reports: raw ones, and SBOMs."""

from __future__ import annotations

import json

import pytest

from bailiwick.policy.images.findings import Severity
from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Limits, Order, finish
from tests.scanners.calls import IMAGE, LIMITS, client_of, failed_scan, scan
from tests.scanners.fake import (
    DIGEST,
    FakeScanner,
    Json,
    answer,
    metadata,
    report,
    sbom_metadata,
    vulnerability,
)

OTHER = "sha256:" + "c3" * 32
TRIVY = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-23T10:00:00Z",
    "ArtifactName": "registry.example.com/shop/cart",
    "Metadata": {"RepoDigests": [f"registry.example.com/shop/cart@{DIGEST}"]},
    "Results": [
        {"Target": "app", "Class": "lang-pkgs"},
        {
            "Target": "debian 12.4",
            "Class": "os-pkgs",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2026-0001",
                    "PkgName": "openssl",
                    "PkgIdentifier": {"PURL": "pkg:deb/debian/openssl@3.0.11"},
                    "InstalledVersion": "3.0.11",
                    "FixedVersion": "3.0.12",
                    "Severity": "HIGH",
                    "Title": "openssl: something",
                    "PrimaryURL": "https://avd.aquasec.com/nvd/cve-2026-0001",
                }
            ],
        },
    ],
}

# Raw reports, where a scanner gives nothing else


def giving_raw(body: object, mime_type: str = wire.RAW_REPORT) -> FakeScanner:
    told = answer(body=metadata(report=mime_type))
    return FakeScanner(metadata=[told], report=[answer(body=body)])


@pytest.mark.parametrize("mime_type", [wire.RAW_REPORT, f"{wire.RAW_REPORT}; version=1.0"])
async def test_trivy_s_own_json_is_read(mime_type: str) -> None:
    scanner = giving_raw(TRIVY, mime_type)
    found = await scan(scanner)
    (finding,) = found.findings
    assert (finding.id, finding.package, finding.version) == ("CVE-2026-0001", "openssl", "3.0.11")
    assert (finding.severity, finding.fixed_version) == (Severity.HIGH, "3.0.12")
    assert finding.purl == "pkg:deb/debian/openssl@3.0.11"
    assert found.scanner == "Fake"
    assert scanner.asked[2][2]["Accept"] == mime_type


async def test_a_raw_report_in_the_api_s_own_shape_is_read() -> None:
    assert (await scan(giving_raw(report(vulnerability())))).findings


async def test_a_raw_report_is_not_asked_for_where_there_is_another() -> None:
    told = metadata()
    told["capabilities"][0]["produces_mime_types"].insert(0, wire.RAW_REPORT)
    scanner = FakeScanner(metadata=[answer(body=told)])
    await scan(scanner)
    assert scanner.asked[2][2]["Accept"] == wire.REPORT


@pytest.mark.parametrize(
    "body, told",
    [
        ({"matches": [], "descriptor": {"name": "grype"}}, "its fields: descriptor, matches"),
        ({}, "its fields: none"),
        ({"SchemaVersion": 2, "ArtifactName": "x"}, "its fields: ArtifactName, SchemaVersion"),
    ],
)
async def test_a_raw_report_of_another_format_is_no_image_without_findings(
    body: Json, told: str
) -> None:
    error = await failed_scan(giving_raw(body))
    assert error.reason == errors.NOT_SUITABLE
    assert told in error.message
    assert f"Use an adapter that produces {wire.REPORT}" in error.message


@pytest.mark.parametrize("digests", [None, [], [f"registry.example.com/shop/cart@{OTHER}"]])
async def test_a_raw_report_of_another_image_or_of_none_is_not_used(
    digests: list[str] | None,
) -> None:
    error = await failed_scan(giving_raw({**TRIVY, "Metadata": {"RepoDigests": digests}}))
    assert error.reason == errors.OTHER_DIGEST


# SBOMs


def sbom(media_type: str = wire.SPDX, digest: str = DIGEST, document: object = None) -> Json:
    return {
        "generated_at": "2026-11-23T10:00:00Z",
        "artifact": {"repository": "shop/cart", "digest": digest},
        "scanner": {"name": "Fake"},
        "media_type": media_type,
        "sbom": document or {"spdxVersion": "SPDX-2.3", "packages": []},
    }


async def fetch(scanner: FakeScanner, media_type: str, limits: Limits = LIMITS) -> bytes:
    async with client_of(scanner, limits) as adapter:
        return await finish(adapter.start_sbom(Order(IMAGE), media_type), adapter.limits)


@pytest.mark.parametrize("media_type", wire.SBOM_FORMATS)
async def test_an_sbom_is_asked_for_in_a_format_and_is_the_document(media_type: str) -> None:
    scanner = FakeScanner(
        metadata=[answer(body=sbom_metadata())],
        report=[answer(302), answer(body=sbom(media_type))],
    )
    document = json.loads(await fetch(scanner, media_type))
    assert document["spdxVersion"] == "SPDX-2.3"
    assert json.loads(scanner.asked[1][3])["enabled_capabilities"] == [
        {
            "type": "sbom",
            "produces_mime_types": [wire.SBOM_REPORT],
            "parameters": {"sbom_media_types": [media_type]},
        }
    ]
    assert scanner.asked[2][2]["Accept"] == wire.SBOM_REPORT
    assert scanner.queries[-1] == {"sbom_media_type": media_type}


async def test_a_scanner_without_sboms_is_not_asked_for_one() -> None:
    scanner = FakeScanner()
    with pytest.raises(ScanError, match='The scanner "Fake" gives no SBOMs'):
        await fetch(scanner, wire.SPDX)
    assert scanner.count("/scan") == 0


@pytest.mark.parametrize(
    "body, reason",
    [
        (sbom(digest=OTHER), errors.OTHER_DIGEST),
        (sbom(wire.CYCLONEDX), errors.INVALID_ANSWER),
        ({**sbom(), "artifact": None}, errors.OTHER_DIGEST),
        ({"media_type": wire.SPDX}, errors.INVALID_ANSWER),
        ("<html>", errors.INVALID_ANSWER),
    ],
)
async def test_what_is_not_the_sbom_that_was_asked_for_is_not_used(
    body: object, reason: str
) -> None:
    scanner = FakeScanner(metadata=[answer(body=sbom_metadata())], report=[answer(body=body)])
    with pytest.raises(ScanError) as caught:
        await fetch(scanner, wire.SPDX)
    assert caught.value.reason == reason
