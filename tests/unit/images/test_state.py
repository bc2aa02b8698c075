from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.deadlines import Excuse, NoFix, Remediation
from bailiwick.policy.images.findings import Finding, ScanReport, Severity
from bailiwick.policy.images.seen import Seen
from bailiwick.policy.images.state import (
    Failure,
    Known,
    ScanTerms,
    Verdict,
    assess,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TERMS = ScanTerms(
    max_age=DAY,
    remediation=Remediation({"knownExploited": 3 * DAY, "critical": 15 * DAY, "high": 30 * DAY}),
)
DOWN = Failure("RegistryUnreachable", "The registry cannot be reached.", NOW - HOUR)


def finding(
    identity: str = "CVE-1",
    severity: Severity = Severity.HIGH,
    *,
    exploited: bool | None = None,
    fixed: str | None = None,
) -> Finding:
    return Finding(identity, "openssl", "3.0", severity, fixed, exploited)


def report(*findings: Finding, age: timedelta = HOUR) -> ScanReport:
    return ScanReport.of(DIGEST, NOW - age, findings)


def known(
    *findings: Finding,
    age: timedelta = HOUR,
    seen: timedelta | None = None,
    failure: Failure | None = None,
    scanning: bool = False,
) -> Known:
    first = {f.key: Seen(NOW - seen) for f in findings} if seen is not None else {}
    return Known(report(*findings, age=age), scanning, failure, first)


@pytest.mark.parametrize(
    "what, verdict, reason",
    [
        (Known(), Verdict.UNSCANNED, "NeverScanned"),
        (Known(scanning=True), Verdict.SCANNING, "FirstScan"),
        (Known(failure=DOWN), Verdict.FAILED, "RegistryUnreachable"),
        (Known(failure=DOWN, scanning=True), Verdict.SCANNING, "FirstScan"),
        (known(), Verdict.CLEAN, "WithinPolicy"),
        (known(failure=DOWN), Verdict.CLEAN, "WithinPolicy"),
        (known(scanning=True), Verdict.CLEAN, "WithinPolicy"),
        (known(finding(), seen=29 * DAY), Verdict.CLEAN, "WithinPolicy"),
        (known(finding(), seen=30 * DAY), Verdict.VIOLATING, "Overdue"),
        (known(age=DAY), Verdict.STALE, "ScanTooOld"),
        (known(age=DAY, failure=DOWN), Verdict.STALE, "ScanTooOld"),
        (known(age=DAY, scanning=True), Verdict.STALE, "ScanTooOld"),
        (known(finding(), seen=40 * DAY, age=2 * DAY), Verdict.VIOLATING, "Overdue"),
    ],
)
def test_what_is_known_of_an_image_gives_its_verdict(
    what: Known, verdict: Verdict, reason: str
) -> None:
    state = assess(what, TERMS, NOW)
    assert (state.verdict, state.reason) == (verdict, reason)
    assert state.message.endswith(".")


@pytest.mark.parametrize(
    "each, within",
    [
        (finding(severity=Severity.CRITICAL), 15 * DAY),
        (finding(severity=Severity.HIGH), 30 * DAY),
        (finding(severity=Severity.HIGH, exploited=True), 3 * DAY),
        (finding(severity=Severity.LOW, exploited=True), 3 * DAY),
        (finding(severity=Severity.HIGH, exploited=False), 30 * DAY),
        (finding(severity=Severity.MEDIUM), None),
        (finding(severity=Severity.UNKNOWN), None),
    ],
)
def test_a_deadline_counts_from_first_seen_and_the_shorter_one_holds(
    each: Finding, within: timedelta | None
) -> None:
    seen = NOW - 2 * DAY
    state = assess(known(each, seen=2 * DAY), TERMS, NOW)
    due = state.worst[0]
    assert due.seen == Seen(seen)
    assert due.due_by == (seen + within if within else None)
    assert state.next_due == due.due_by
    assert not due.overdue


def test_a_deadline_of_no_time_at_all_is_one() -> None:
    at_once = ScanTerms(remediation=Remediation({"knownExploited": timedelta(), "high": 30 * DAY}))
    assert assess(known(finding(exploited=True), seen=DAY), at_once, NOW).overdue == 1
    assert assess(known(finding(), seen=DAY), at_once, NOW).overdue == 0


def test_a_finding_that_nobody_has_noted_yet_counts_from_its_scan() -> None:
    state = assess(known(finding(), age=HOUR), TERMS, NOW)
    assert state.worst[0].due_by == NOW - HOUR + 30 * DAY


def test_a_rescan_that_was_asked_for_makes_older_results_stale_and_newer_ones_not() -> None:
    def at(asked: datetime) -> Verdict:
        return assess(known(age=HOUR), ScanTerms(scanned_after=asked), NOW).verdict

    assert at(NOW - HOUR + timedelta(seconds=1)) is Verdict.STALE
    assert at(NOW - HOUR) is Verdict.CLEAN


def test_a_stale_verdict_says_why_the_rescan_does_not_help() -> None:
    assert DOWN.message in assess(known(age=2 * DAY, failure=DOWN), TERMS, NOW).message


def test_where_nothing_is_asked_nothing_becomes_stale_or_due() -> None:
    state = assess(known(finding(), age=1000 * DAY, seen=1000 * DAY), ScanTerms(), NOW)
    assert state.verdict is Verdict.CLEAN
    assert state.changes_at is None
    assert state.next_due is None


def test_counts_come_from_all_findings_whatever_the_list_leaves_out() -> None:
    many = [finding(f"CVE-{n}", Severity.CRITICAL, fixed="4" if n % 2 else None) for n in range(50)]
    state = assess(known(*many, seen=20 * DAY), TERMS, NOW, worst_limit=7)
    assert state.counts is not None
    assert state.counts[Severity.CRITICAL].total == 50
    assert state.counts[Severity.CRITICAL].fixable == 25
    assert state.overdue == 50
    assert len(state.worst) == 7
    assert state.worst_omitted == 43


def test_an_overdue_finding_is_listed_before_a_worse_one_that_has_time() -> None:
    late, worse = finding("CVE-LATE"), finding("CVE-WORSE", Severity.CRITICAL)
    what = Known(
        report(late, worse), first_seen={late.key: Seen(NOW - 40 * DAY), worse.key: Seen(NOW)}
    )
    assert [d.finding.id for d in assess(what, TERMS, NOW).worst] == ["CVE-LATE", "CVE-WORSE"]


def test_the_message_of_a_violation_says_what_to_update_to() -> None:
    state = assess(known(finding(fixed="3.1"), seen=31 * DAY), TERMS, NOW)
    assert "CVE-1 in openssl 3.0" in state.message
    assert "update it to 3.1" in state.message


def test_without_a_report_there_are_no_counts_rather_than_zeros() -> None:
    state = assess(Known(failure=DOWN), TERMS, NOW)
    assert state.counts is None
    assert not state.fresh
    assert state.changes_at is None


@given(
    age=st.integers(0, 100),
    seen=st.integers(0, 2000),
    severity=st.sampled_from(Severity),
    exploited=st.booleans(),
    steps=st.integers(0, 48),
)
def test_nothing_changes_by_itself_before_the_instant_that_was_told(
    age: int, seen: int, severity: Severity, exploited: bool, steps: int
) -> None:
    what = known(finding(severity=severity, exploited=exploited), age=age * HOUR, seen=seen * HOUR)
    state = assess(what, TERMS, NOW)
    later = NOW + steps * HOUR
    if state.changes_at is None or later < state.changes_at:
        unchanged = assess(what, TERMS, later)
        assert (unchanged.verdict, unchanged.due_soon) == (state.verdict, state.due_soon)
    if state.changes_at is not None:
        assert state.changes_at > NOW
        after = assess(what, TERMS, state.changes_at)
        assert (after.verdict, after.overdue, after.due_soon, after.fresh) != (
            state.verdict,
            state.overdue,
            state.due_soon,
            state.fresh,
        )


@given(age=st.integers(0, 100), seen=st.integers(0, 2000), hours=st.integers(1, 1000))
def test_only_a_new_report_makes_a_bad_verdict_good_again(age: int, seen: int, hours: int) -> None:
    what = known(finding(), age=age * HOUR, seen=seen * HOUR)
    if assess(what, TERMS, NOW).verdict is not Verdict.CLEAN:
        assert assess(what, TERMS, NOW + hours * HOUR).verdict is not Verdict.CLEAN


def test_a_deadline_is_soon_for_the_week_before_it() -> None:
    what = known(finding(), seen=DAY)
    states = {days: assess(what, TERMS, NOW + days * DAY) for days in (21, 22, 28, 29)}
    counts = {days: (state.due_soon, state.overdue) for days, state in states.items()}
    assert counts == {21: (0, 0), 22: (1, 0), 28: (1, 0), 29: (0, 1)}


def test_what_has_no_fix_has_a_count_of_its_own_and_no_deadline_where_the_profile_says_so() -> None:
    terms = replace(TERMS, remediation=replace(TERMS.remediation, no_fix=NoFix.NO_DEADLINE))
    what = known(finding("CVE-1"), finding("CVE-2", fixed="2"), seen=40 * DAY)
    state = assess(what, terms, NOW)
    assert (state.overdue, state.no_fix) == (1, 1)
    dues = {each.finding.id: each.due_by for each in state.worst}
    assert dues["CVE-1"] is None
    assert dues["CVE-2"] == NOW - 10 * DAY
    assert assess(what, TERMS, NOW).overdue == 2


def test_what_is_known_to_be_exploited_has_a_deadline_without_a_fix_too() -> None:
    terms = replace(TERMS, remediation=replace(TERMS.remediation, no_fix=NoFix.NO_DEADLINE))
    assert assess(known(finding(exploited=True), seen=3 * DAY), terms, NOW).overdue == 1


def test_known_exploited_ones_come_before_overdue_ones_and_excepted_ones_last() -> None:
    overdue = finding("CVE-1", Severity.CRITICAL)
    exploited = finding("CVE-2", Severity.LOW, exploited=True)
    excepted = finding("CVE-3", Severity.CRITICAL, exploited=True)
    what = Known(
        report(overdue, exploited, excepted),
        first_seen={overdue.key: Seen(NOW - 20 * DAY), excepted.key: Seen(NOW - 20 * DAY)},
    )
    excuses = {excepted.identity: Excuse(("accepted",), NOW + DAY)}
    state = assess(what, TERMS, NOW, excuses=excuses)
    assert [each.finding.id for each in state.worst] == ["CVE-2", "CVE-1", "CVE-3"]
    assert state.overdue_by == {Severity.CRITICAL: 1}
    assert state.known_exploited == 1
