"""What `bailiwick images` and `bailiwick image` say of statuses as the operator writes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bailiwick.offline.images_report import in_namespace, of_digest, of_namespace
from bailiwick.policy.images.attestations import (
    Attestations,
    AttestedStatement,
    Ignoring,
    Key,
)
from bailiwick.policy.images.findings import (
    Advisory,
    Epss,
    Exploitation,
    Finding,
    HygieneFacts,
    Rating,
    ScanReport,
    Severity,
)
from bailiwick.policy.images.state import Failure
from bailiwick.reports.images import images_status
from bailiwick.reports.scans import scan_status
from tests.unit.controls.make import NOW, digest, image

DAY = timedelta(days=1)
OPENSSL = Finding(
    "CVE-1",
    "openssl",
    "3.0.11",
    Severity.CRITICAL,
    "3.0.13",
    known_exploited=True,
    purl="pkg:deb/debian/openssl@3.0.11",
    advisory=Advisory(
        Epss(0.5, 0.9),
        Exploitation(ransomware=True),
        ratings=(Rating("debian", Severity.CRITICAL, own=True), Rating("nvd", Severity.LOW)),
    ),
)
TAR = Finding("CVE-2", "tar", "1.34", Severity.LOW)


def words(lines: Any) -> str:
    return " ".join(" ".join(lines).split())


def status() -> dict[str, Any]:
    return {"images": images_status([image(OPENSSL, TAR, seen=20 * DAY), image(number=2)])}


def scan(**changes: Any) -> dict[str, Any]:
    report = ScanReport.of(
        digest(),
        NOW,
        [OPENSSL, TAR],
        scanner="Grype",
        hygiene=HygieneFacts(user="", os="Debian GNU/Linux 12", shells=("/bin/sh",)),
        attestations=changes.pop("attestations", None),
    )
    told: dict[str, Any] = {"report": report, "failure": None, **changes}
    made = scan_status(generation=1, scanning=False, previous={}, now=NOW, **told)
    spec = {"registry": "registry.example.com", "repository": "shop/cart", "digest": digest()}
    return {"spec": spec, "status": made}


def test_a_namespace_is_told_what_is_due_what_to_do_and_who_runs_it() -> None:
    said = words(of_namespace("shop", status()))
    assert "shop: 2 images: 1 violating, 1 clean" in said
    assert "1 overdue" in said
    assert "1 known to be exploited" in said
    assert "Deployment/cart" in said
    assert "openssl fixed in" in said
    assert "EPSS 0.50000; rated debian Critical, nvd Low" in words(of_digest(scan()))


def test_a_namespace_without_problems_is_one_line() -> None:
    quiet = {"images": images_status([image()])}
    assert list(of_namespace("shop", quiet)) == ["shop: 1 image: 1 clean"]


def test_all_that_is_known_of_an_image_is_said() -> None:
    said = words(of_digest(scan()))
    assert f"registry.example.com/shop/cart@{digest()}" in said
    assert "1 critical (1 fixable), 1 low (0 fixable)" in said
    assert "user: none is set, root" in said
    assert "shells: /bin/sh" in said
    assert "package managers: not known" in said
    assert "CVE-2 tar 1.34 no fix known" in said


def test_why_a_scan_failed_is_said_and_that_nothing_is_known() -> None:
    failure = Failure("RegistryUnreachable", "The registry cannot be reached.", NOW, count=3)
    said = words(of_digest(scan(report=None, failure=failure)))
    assert "RegistryUnreachable (3 attempts): The registry cannot be reached." in said
    assert "scanned: never" in said


def test_a_scanner_that_tells_no_hygiene_is_said_so() -> None:
    report = replace(ScanReport.of(digest(), NOW, []), scanner="Trivy")
    said = words(of_digest(scan(report=report)))
    assert "what is in it: not known: the scanner did not tell" in said
    assert "vulnerabilities: none" in said


def test_what_an_image_means_for_a_namespace_is_said_beside_it() -> None:
    said = words(in_namespace(digest(), "shop", status()))
    assert "in shop: Violating." in said
    assert "run by: Deployment/cart" in said
    other = words(in_namespace(digest(9), "shop", status()))
    assert other == "in shop: nothing that its status lists as a problem"


def test_what_is_attested_of_an_image_is_said_and_what_is_ignored() -> None:
    assert "attested" not in words(of_digest(scan()))
    assert "attested: nothing that is trusted" in words(
        of_digest(scan(attestations=Attestations()))
    )
    team = Key("security-team", "0a")
    found = Attestations(
        trusted=1,
        statements=(
            AttestedStatement("CVE-1", "not_affected", team, NOW),
            AttestedStatement("CVE-2", "affected", team, NOW),
        ),
        ignored=((Ignoring.UNSIGNED, 2),),
    )
    said = words(of_digest(scan(attestations=found)))
    assert "attested: 1 not affected, 1 affected, signed by security-team" in said
    assert "ignored: 2 Unsigned: It is not signed." in said
    assert "incomplete" not in said
    partly = words(of_digest(scan(attestations=replace(found, problem="It stalled."))))
    assert "incomplete: It stalled. Nothing is excused by any." in partly


def test_who_attested_that_a_finding_does_not_matter_is_said_beside_it() -> None:
    due = {"vulnerability": "CVE-1", "package": "openssl", "severity": "High", "digest": digest()}
    told = {"worst": [{**due, "attestedBy": ["security-team"], "attestedByOmitted": 0}]}
    said = words(in_namespace(digest(), "shop", {"images": told}))
    assert "attested by security-team" in said
