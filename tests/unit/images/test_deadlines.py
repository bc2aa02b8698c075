"""Deadlines by groups say what a look at each finding by itself says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.ages import Ages
from bailiwick.policy.images.deadlines import Due, Excuse, NoFix, Remediation, deadlines, urgency
from bailiwick.policy.images.findings import (
    Advisory,
    Epss,
    Finding,
    ScanReport,
    Severity,
    tallies,
)
from bailiwick.policy.images.seen import Seen

NOW = datetime(2026, 11, 25, tzinfo=UTC)
DAY = timedelta(days=1)
KEYS = ("knownExploited", *(each.name.lower() for each in Severity))

findings = st.lists(
    st.builds(
        Finding,
        id=st.sampled_from([f"CVE-{number}" for number in range(8)]),
        package=st.sampled_from(["openssl", "zlib"]),
        version=st.just("1"),
        severity=st.sampled_from(Severity),
        fixed_version=st.sampled_from([None, "2"]),
        known_exploited=st.sampled_from([None, False, True]),
        advisory=st.builds(Advisory, epss=st.none() | st.just(Epss(0.9, 0.99))),
    ),
    max_size=12,
)
days = st.integers(0, 40)
any_excuse = st.one_of(
    st.none(),
    days.map(lambda n: Excuse((f"exception-{n}",), NOW + (1 + n) * DAY)),
    days.map(lambda n: Excuse((), attested_by=(f"key-{n}",))),
)
terms = st.builds(
    Remediation,
    st.dictionaries(st.sampled_from(KEYS), days.map(lambda n: n * DAY), max_size=5),
    st.sampled_from(NoFix),
    days.map(lambda n: n * DAY),
)


@given(findings, terms, st.data())
def test_groups_say_the_same_as_each_finding_by_itself(
    found: list[Finding], remediation: Remediation, data: st.DataObject
) -> None:
    report = ScanReport.of("sha256:" + "a" * 64, NOW, found)
    seen = {
        each.key: Seen(NOW - (data.draw(days) + 9) * DAY, NOW - data.draw(days) * DAY)
        for each in report.findings
        if data.draw(days)
    }
    drawn = {each.identity: data.draw(any_excuse) for each in report.findings}
    excuses = {identity: excuse for identity, excuse in drawn.items() if excuse is not None}
    ages = Ages.of(report, seen)
    limit = data.draw(st.integers(1, 6))
    result = deadlines(report, ages, seen, remediation, NOW, excuses=excuses, worst_limit=limit)

    allowed = remediation.allowances()
    dues = []
    for each in report.findings:
        since = seen.get(each.key, Seen(NOW))
        fixable = each.fixed_version is not None
        within = allowed[each.severity, bool(each.known_exploited), fixable]
        due_by = None if within is None else since.since + within
        excuse = excuses.get(each.identity)
        late = due_by is not None and due_by <= NOW and excuse is None
        dues.append(Due(each, since, due_by, late, excuse))
    overdue = [each for each in dues if each.overdue]
    excepted = [each for each in dues if each.excuse]
    ahead = [each for each in dues if each.due_by and each.due_by > NOW]
    coming = [each.due_by for each in ahead if each.due_by and not each.excuse]
    waits = [each.due_by for each in ahead if each.due_by]
    near = [each for each in coming if each - remediation.due_soon <= NOW]
    waits += [each - remediation.due_soon for each in coming if each not in near]
    waits += [each.excuse.until for each in excepted if each.excuse and each.excuse.until]

    assert ages.counts == tallies(report.findings)
    assert result.overdue == tuple(each.finding for each in overdue)
    assert result.overdue_by == Counter(each.finding.severity for each in overdue)
    standing = [each for each in dues if not each.excuse]
    soon = [each for each in standing if each.due_by and each.due_by in near]
    assert result.due_soon == len(soon)
    assert result.known_exploited == sum(bool(each.finding.known_exploited) for each in standing)
    assert result.no_fix == sum(each.finding.fixed_version is None for each in standing)
    assert result.excepted == sum(bool(each.excuse and each.excuse.by) for each in excepted)
    assert result.excepted + result.attested == len(excepted)
    assert sorted(each.names for each in result.late) == sorted(
        each.excuse.names for each in excepted if each.excuse and each.due_by and each.due_by <= NOW
    )
    assert result.worst == tuple(sorted(dues, key=urgency)[:limit])
    assert result.worst_omitted == max(0, len(dues) - limit)
    assert result.next_due == min(coming, default=None)
    assert result.changes_at == min(waits, default=None)
    oldest = min((each.due_by for each in overdue if each.due_by), default=None)
    assert (result.first_overdue and result.first_overdue.due_by) == oldest
