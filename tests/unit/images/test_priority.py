"""Which scans go first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bailiwick.policy.images.ages import Ages
from bailiwick.policy.images.findings import Finding, ScanReport, Severity
from bailiwick.policy.images.priority import Lane, Risk, lane_of, risk_of
from bailiwick.policy.images.rescan import RescanReason
from bailiwick.policy.images.seen import Seen

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
WITHIN = {"critical": timedelta(days=15), "knownExploited": timedelta(days=3)}


def finding(number: int, severity: Severity, *, exploited: bool | None = None) -> Finding:
    return Finding(f"CVE-2026-{number}", "openssl", "3.0.11", severity, known_exploited=exploited)


def risk(*findings: Finding, seen: dict[int, int] | None = None) -> Risk:
    """The risk of findings that were first seen so many days ago, by number; else just now."""
    days = {
        (f"CVE-2026-{n}", "openssl"): Seen(NOW - timedelta(days=d)) for n, d in (seen or {}).items()
    }
    return risk_of(Ages.of(ScanReport.of(DIGEST, NOW, findings), days), WITHIN, NOW)


def test_what_is_exploited_overdue_critical_and_high_is_counted() -> None:
    found = risk(
        finding(1, Severity.CRITICAL, exploited=True),
        finding(2, Severity.CRITICAL),
        finding(3, Severity.HIGH),
        finding(4, Severity.LOW),
        seen={1: 4, 2: 14, 3: 400},
    )
    assert found == Risk(known_exploited=1, overdue=1, critical=2, high=1)


def test_a_known_exploited_one_of_low_severity_has_the_deadline_of_those() -> None:
    assert risk(finding(1, Severity.LOW, exploited=True), seen={1: 3}).overdue == 1
    assert risk(finding(1, Severity.LOW, exploited=None), seen={1: 3}).overdue == 0


def test_the_worst_goes_first_known_exploited_before_overdue_before_critical() -> None:
    ranked = [Risk(1), Risk(0, 1), Risk(0, 0, 9, 9), Risk(0, 0, 1, 9), Risk(0, 0, 0, 9), Risk()]
    assert sorted(ranked, key=lambda each: each.order) == ranked


def test_an_image_without_a_result_has_no_risk_that_is_known() -> None:
    assert risk_of(None, WITHIN, NOW) == Risk()


@pytest.mark.parametrize(
    "reason, lane",
    [
        (RescanReason.REQUESTED, Lane.REQUESTED),
        (RescanReason.NEW_DIGEST, Lane.NEW),
        (RescanReason.DATABASE_NEWER, Lane.RENEWAL),
        (RescanReason.AGE, Lane.RENEWAL),
    ],
)
def test_what_people_wait_for_is_apart_from_the_mass(reason: RescanReason, lane: Lane) -> None:
    assert lane_of(reason) is lane
