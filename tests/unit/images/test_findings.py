from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.findings import (
    Advisory,
    Epss,
    Finding,
    HygieneFacts,
    ScanReport,
    Severity,
    Tally,
    bounded,
    tallies,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FINDINGS = st.lists(
    st.builds(
        Finding,
        id=st.sampled_from(["CVE-1", "CVE-2", "CVE-3"]),
        package=st.sampled_from(["a", "b"]),
        version=st.sampled_from(["1", "2"]),
        severity=st.sampled_from(Severity),
        fixed_version=st.sampled_from([None, "9"]),
        known_exploited=st.sampled_from([None, False, True]),
    ),
    max_size=12,
)


def report(findings: list[Finding]) -> ScanReport:
    return ScanReport.of("sha256:" + "a" * 64, NOW, findings)


@pytest.mark.parametrize(
    "word, severity",
    [
        ("Critical", Severity.CRITICAL),
        ("high", Severity.HIGH),
        (" NEGLIGIBLE ", Severity.NEGLIGIBLE),
        ("", Severity.UNKNOWN),
        ("None", Severity.UNKNOWN),
        ("apocalyptic", Severity.UNKNOWN),
    ],
)
def test_a_scanner_s_word_becomes_a_severity(word: str, severity: Severity) -> None:
    assert Severity.parse(word) is severity


def test_severities_are_ordered_and_have_words() -> None:
    assert [s.label for s in sorted(Severity)] == [
        "Unknown",
        "Negligible",
        "Low",
        "Medium",
        "High",
        "Critical",
    ]


def test_the_worst_come_first_exploited_before_severe_before_fixable() -> None:
    low = Finding("CVE-1", "a", "1", Severity.LOW)
    exploited = Finding("CVE-9", "a", "1", Severity.LOW, known_exploited=True)
    high = Finding("CVE-3", "a", "1", Severity.HIGH)
    fixable = Finding("CVE-4", "a", "1", Severity.HIGH, fixed_version="2")
    assert report([low, high, fixable, exploited]).findings == (exploited, fixable, high, low)


def test_among_equals_the_likelier_one_comes_first() -> None:
    plain = Finding("CVE-1", "a", "1", Severity.HIGH)
    likely = replace(plain, id="CVE-2", advisory=Advisory(epss=Epss(0.9, 0.99)))
    unlikely = replace(plain, id="CVE-3", advisory=Advisory(epss=Epss(0.001, 0.1)))
    assert report([plain, unlikely, likely]).findings == (likely, unlikely, plain)


@given(FINDINGS, st.randoms())
def test_a_report_does_not_depend_on_the_order_of_what_was_found(
    findings: list[Finding], random: object
) -> None:
    shuffled = findings[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random of Hypothesis
    assert report(shuffled) == report(findings)


@given(FINDINGS)
def test_a_vulnerability_of_a_package_version_counts_once_and_as_the_worse(
    findings: list[Finding],
) -> None:
    kept = {(f.id, f.package, f.version): f for f in report(findings).findings}
    assert len(kept) == len(report(findings).findings)
    assert kept.keys() == {(f.id, f.package, f.version) for f in findings}
    for key, each in kept.items():
        twins = [f for f in findings if (f.id, f.package, f.version) == key]
        assert each.severity == max(f.severity for f in twins)
        assert bool(each.known_exploited) == any(f.known_exploited for f in twins)


@given(FINDINGS)
def test_counts_are_exact_and_name_every_severity(findings: list[Finding]) -> None:
    counted = tallies(findings)
    assert list(counted) == sorted(Severity, reverse=True)
    assert sum(t.total for t in counted.values()) == len(findings)
    assert sum(t.fixable for t in counted.values()) == sum(
        f.fixed_version is not None for f in findings
    )


def test_an_empty_report_counts_zero_of_each() -> None:
    assert set(tallies([]).values()) == {Tally(0, 0)}


@given(FINDINGS, st.integers(0, 5))
def test_what_is_left_out_of_a_list_is_counted(findings: list[Finding], limit: int) -> None:
    shown, omitted = bounded(findings, limit)
    assert len(shown) + omitted == len(findings)
    assert len(shown) <= limit


@pytest.mark.parametrize(
    "user, root",
    [
        (None, None),
        ("", True),
        ("0", True),
        ("root", True),
        ("0:0", True),
        ("00:5", True),
        ("root:root", True),
        ("1000", False),
        ("65532:65532", False),
        ("node", False),
        ("1000:0", False),
    ],
)
def test_root_is_the_user_that_an_image_names_or_leaves_out(
    user: str | None, root: bool | None
) -> None:
    assert replace(HygieneFacts(), user=user).runs_as_root is root
