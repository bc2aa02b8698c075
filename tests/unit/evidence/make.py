"""Reports and findings for tests of the store."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from bailiwick.policy.images.findings import Finding, HygieneFacts, ScanReport, Severity

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
A, B = ("sha256:" + letter * 64 for letter in "ab")
REPOSITORY = "registry.example.com/shop/cart"
OPENSSL = Finding("CVE-1", "openssl", "3.0", Severity.HIGH, "3.1", True, "pkg:deb/x", ("G-1",))


def report(digest: str = A, findings: int = 3, at: datetime = NOW, seed: int = 1) -> ScanReport:
    noise = random.Random(seed)
    return ScanReport.of(
        digest,
        at,
        [
            Finding(f"CVE-{n}", f"p{n}", "1", Severity.LOW, title=noise.randbytes(40).hex())
            for n in range(findings)
        ],
        scanner="s",
        database_built=NOW,
        hygiene=HygieneFacts(user="", shells=("/bin/sh",)),
    )
