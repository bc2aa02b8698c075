from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from bailiwick.policy.images.findings import (
    Advisory,
    Epss,
    Exploitation,
    Finding,
    ScanReport,
    Severity,
)
from bailiwick.policy.images.intelligence import Intelligence
from bailiwick.scanners.lists import Malformed, read_epss, read_known_exploited

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY = date(2026, 11, 23)
LOG4J = {
    "cveID": "CVE-2021-44228",
    "vendorProject": "Apache",
    "product": "Log4j2",
    "dateAdded": "2021-12-10",
    "dueDate": "2021-12-24",
    "knownRansomwareCampaignUse": "Known",
}
SCORES = b"""#model_version:v2026.03.14,score_date:2026-11-23T00:00:00+0000
cve,epss,percentile
CVE-2021-44228,0.94358,0.99957
CVE-2026-1,0.00043,0.08
not,a line
CVE-2026-22222,0.00051,0.12
CVE-2026-33333,7.5,0.99
CVE-2026-44444,nan,0.99
"""


def catalogue(*entries: object, released: str = "2026-11-23T15:00:11.1234Z") -> bytes:
    return json.dumps({"dateReleased": released, "vulnerabilities": entries}).encode()


def test_cisa_s_catalogue_gives_the_days_and_whether_ransomware_uses_it() -> None:
    unknown = {**LOG4J, "cveID": "CVE-2026-1000", "knownRansomwareCampaignUse": "Unknown"}
    found = read_known_exploited(catalogue(LOG4J, unknown))
    days = date(2021, 12, 10), date(2021, 12, 24)
    assert found.entries == {
        "CVE-2021-44228": Exploitation(*days, ransomware=True),
        "CVE-2026-1000": Exploitation(*days, ransomware=None),
    }
    assert found.as_of == datetime(2026, 11, 23, 15, 0, 11, 123400, tzinfo=UTC)


def test_entries_that_cannot_be_read_are_counted_and_the_others_count() -> None:
    bad = [{"cveID": "CVE-2026-1000"}, {**LOG4J, "cveID": "log4j"}, "CVE-2026-1000", None]
    found = read_known_exploited(catalogue(LOG4J, *bad))
    assert (list(found.entries), found.bad) == (["CVE-2021-44228"], len(bad))


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", catalogue(), catalogue({}), b"\xff\xfe{}"]
)
def test_what_holds_no_known_exploited_vulnerability_is_no_list(content: bytes) -> None:
    with pytest.raises(Malformed):
        read_known_exploited(content)


def test_first_s_scores_are_found_by_their_cve_and_bad_lines_are_counted() -> None:
    found = read_epss(SCORES)
    assert found.as_of == datetime(2026, 11, 23, tzinfo=UTC)
    assert found.of("CVE-2021-44228") == Epss(0.94358, 0.99957, DAY)
    assert found.of("CVE-2026-22222") == Epss(0.00051, 0.12, DAY)
    for unknown in ("CVE-2026-33333", "CVE-2026-44444", "CVE-2020-1000", "GHSA-35jh-r3h4-6jhm"):
        assert found.of(unknown) is None
    assert (len(found), found.bad) == (2, 4)


@pytest.mark.parametrize("content", [b"", b"cve,epss,percentile\n", b"<html></html>", b"\xff"])
def test_what_holds_no_score_is_no_list(content: bytes) -> None:
    with pytest.raises(Malformed):
        read_epss(content)


INTELLIGENCE = Intelligence(read_known_exploited(catalogue(LOG4J)), read_epss(SCORES))


def enriched(finding: Finding) -> Finding:
    report = ScanReport.of("sha256:" + "a" * 64, NOW, [finding])
    return INTELLIGENCE.enrich(report).findings[0]


def test_a_finding_is_known_exploited_by_any_of_its_ids() -> None:
    found = enriched(Finding("GHSA-x", "log4j", "2.14", Severity.HIGH, aliases=("CVE-2021-44228",)))
    assert found.known_exploited
    assert found.advisory == Advisory(
        epss=Epss(0.94358, 0.99957, DAY),
        exploitation=Exploitation(date(2021, 12, 10), date(2021, 12, 24), ransomware=True),
    )


def test_what_the_list_does_not_have_is_not_known_to_be_exploited_unless_the_scanner_says_so() -> (
    None
):
    finding = Finding("CVE-2026-5000", "openssl", "3", Severity.HIGH)
    assert enriched(finding).known_exploited is False
    told = Finding("CVE-2026-5000", "openssl", "3", Severity.HIGH, known_exploited=True)
    assert enriched(told).known_exploited


def test_a_finding_without_a_cve_stays_as_the_scanner_told_it() -> None:
    finding = Finding("GHSA-x", "lodash", "4", Severity.HIGH)
    assert enriched(finding) == finding


def test_what_the_lists_add_decides_what_comes_first() -> None:
    plain = Finding("CVE-2026-5000", "a", "1", Severity.CRITICAL)
    exploited = Finding("CVE-2021-44228", "b", "1", Severity.LOW)
    report = ScanReport.of("sha256:" + "a" * 64, NOW, [plain, exploited])
    assert [each.id for each in report.findings] == ["CVE-2026-5000", "CVE-2021-44228"]
    assert [each.id for each in INTELLIGENCE.enrich(report).findings] == [
        "CVE-2021-44228",
        "CVE-2026-5000",
    ]


def test_without_lists_a_report_stays_what_it_is() -> None:
    report = ScanReport.of("sha256:" + "a" * 64, NOW, [])
    assert Intelligence().enrich(report) is report
