"""What attested statements excuse: what they are about, by the newest that is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from bailiwick.policy.exceptions.attested import excused_by_attestations, with_attestations
from bailiwick.policy.images.attestations import Attestations, AttestedStatement, Key, VexStatus
from bailiwick.policy.images.deadlines import Excuse, Remediation
from bailiwick.policy.images.findings import Finding, ScanReport, Severity
from bailiwick.policy.images.state import Known, ScanTerms, Verdict, assess

NOW: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)
PURL: Final = "pkg:deb/debian/libssl3@3.0.11?arch=amd64"
FINDING: Final = Finding(
    "CVE-1", "libssl3", "3.0.11", Severity.HIGH, purl=PURL, aliases=("GHSA-x",)
)
TEAM, VENDOR = Key("team", "1"), Key("vendor", "2")


def said(
    status: VexStatus = "not_affected",
    *packages: str,
    vulnerability: str = "CVE-1",
    key: Key = TEAM,
    at: datetime = NOW,
    aliases: tuple[str, ...] = (),
) -> AttestedStatement:
    return AttestedStatement(vulnerability, status, key, at, aliases, packages)


def excused(*statements: AttestedStatement, problem: str = "") -> tuple[str, ...]:
    """The keys by which the finding is excused."""
    found = excused_by_attestations(
        [FINDING], Attestations(1, statements=statements, problem=problem)
    )
    return found.get(FINDING.identity, ())


@pytest.mark.parametrize(
    "status, excuses",
    [("not_affected", True), ("fixed", True), ("affected", False), ("under_investigation", False)],
)
def test_only_what_says_that_nothing_is_wrong_excuses(status: VexStatus, excuses: bool) -> None:
    assert excused(said(status)) == (("team",) if excuses else ())


@pytest.mark.parametrize(
    "statement, fits",
    [
        (said(), True),
        (said(vulnerability="cve-1"), True),
        (said(vulnerability="CVE-2"), False),
        (said(vulnerability="GHSA-X"), True),
        (said(vulnerability="CVE-2", aliases=("CVE-1",)), True),
        (said(vulnerability="CVE-2", aliases=("ghsa-x",)), True),
        (said("not_affected", "pkg:deb/debian/libssl3"), True),
        (said("not_affected", "pkg:deb/debian/libssl3@3.0.11"), True),
        (said("not_affected", "pkg:deb/debian/libssl3@3.0.12"), False),
        (said("not_affected", "pkg:deb/debian/openssl"), False),
        (said("not_affected", "pkg:apk/alpine/libssl3"), False),
        (said("not_affected", "pkg:deb/debian/other", "pkg:deb/debian/libssl3"), True),
        (said("not_affected", "pkg:deb/debian/libssl3?arch=arm64"), False),
    ],
)
def test_a_statement_excuses_what_it_is_about(statement: AttestedStatement, fits: bool) -> None:
    assert bool(excused(statement)) is fits


def test_of_several_the_newest_decides_whoever_signed_it() -> None:
    good, bad = said(at=NOW - DAY), said("affected", at=NOW, key=VENDOR)
    assert excused(good, bad) == ()
    assert excused(replace(good, at=NOW + DAY), bad) == ("team",)
    # One about something else takes nothing back.
    assert excused(good, replace(bad, packages=("pkg:deb/debian/other",))) == ("team",)


def test_of_the_same_instant_none_may_say_otherwise() -> None:
    assert excused(said(), said("under_investigation", key=VENDOR)) == ()
    assert excused(said(), said("fixed", key=VENDOR)) == ("team", "vendor")


def test_what_was_read_in_part_excuses_nothing() -> None:
    assert excused(said(), problem="the registry stalled") == ()
    assert excused_by_attestations([FINDING], None) == {}


def test_what_is_excepted_as_well_is_named_by_both() -> None:
    by_hand = {FINDING.identity: Excuse(("openssl",), NOW + DAY)}
    both = with_attestations(by_hand, {FINDING.identity: ("team",)})[FINDING.identity]
    assert both == Excuse(("openssl",), NOW + DAY, ("team",))
    assert both.names == ("openssl", "attestation by team")
    assert with_attestations(by_hand, {}) is by_hand


def test_what_is_attested_is_neither_overdue_nor_counted_as_excepted() -> None:
    report = ScanReport.of("sha256:" + "a" * 64, NOW, [FINDING])
    terms = ScanTerms(max_age=DAY, remediation=Remediation({"high": timedelta(0)}))
    attested = {FINDING.identity: Excuse((), attested_by=("team",))}
    state = assess(Known(report), terms, NOW, excuses=attested)
    assert (state.verdict, state.overdue) == (Verdict.CLEAN, 0)
    assert (state.excepted, state.attested, state.excepted_overdue) == (0, 1, 1)
    assert state.excused == ("attestation by team",)
    assert "attestation by team" in state.message
    # It is as old as the scan that found it, and nothing else ends it.
    assert state.changes_at == NOW + DAY
    old = assess(Known(report), terms, NOW + DAY, excuses=attested)
    assert (old.verdict, old.overdue) == (Verdict.STALE, 0)
