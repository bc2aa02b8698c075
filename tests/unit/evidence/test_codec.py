from __future__ import annotations

from datetime import UTC, date, datetime

import zstandard

from bailiwick.evidence.codec import pack, unpack_report
from bailiwick.policy.images.findings import (
    UNTOLD,
    Advisory,
    Cvss,
    Epss,
    Exploitation,
    Finding,
    FixState,
    Rating,
    ScanReport,
    Severity,
)

DIGEST = "sha256:" + "a" * 64
NOW = datetime(2026, 11, 24, tzinfo=UTC)
# As the first version wrote it, before findings had a state of their fix or anything of EPSS.
OLDER = (
    '{"digest":"DIGEST","scanned_at":"2026-11-24T00:00:00Z","scanner":"Bailiwick",'
    '"scanner_version":"","database_built":null,"manifest_digest":null,"findings":[{"id":'
    '"CVE-2023-4911","package":"glibc","version":"2.36","severity":4,"fixed_version":"2.37",'
    '"known_exploited":true,"purl":"","aliases":["GHSA-x"],"title":"Overflow","link":""}],'
    '"hygiene":{"user":"","created":null,"os":null,"os_end_of_life":null,"architecture":null,'
    '"shells":["/bin/sh"],"package_managers":null,"debug_tools":null,"build_tools":null}}'
).replace("DIGEST", DIGEST)


def test_everything_that_is_known_of_a_finding_comes_back() -> None:
    finding = Finding(
        "CVE-2023-4911",
        "glibc",
        "2.36",
        Severity.HIGH,
        known_exploited=True,
        fix_state=FixState.WONT_FIX,
        advisory=Advisory(
            Epss(0.75, 0.99, date(2026, 11, 23)),
            Exploitation(date(2023, 11, 21), date(2023, 12, 12), ransomware=True),
            Cvss(7.8, "CVSS:3.1/AV:L"),
            (Rating("debian", Severity.HIGH, own=True), Rating("nvd", Severity.CRITICAL)),
        ),
    )
    report = ScanReport.of(DIGEST, NOW, [finding])
    assert unpack_report(pack(report), DIGEST) == report


def test_what_an_older_version_stored_is_read_and_what_it_did_not_know_is_not_told() -> None:
    report = unpack_report(zstandard.ZstdCompressor().compress(OLDER.encode()), DIGEST)
    (finding,) = report.findings
    assert finding.known_exploited
    assert finding.fixed_version == "2.37"
    assert finding.fix_state is None
    assert finding.advisory == UNTOLD
    assert report.hygiene is not None
    assert report.hygiene.shells == ("/bin/sh",)
