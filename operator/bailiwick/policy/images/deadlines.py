"""By when each finding of a report must be gone, which of them are late, and what excuses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from bailiwick.policy.images.findings import Severity, likelihood
from bailiwick.policy.images.seen import Seen

if TYPE_CHECKING:
    from bailiwick.policy.images.ages import Ages
    from bailiwick.policy.images.findings import Finding, FindingIdentity, FindingKey, ScanReport

KNOWN_EXPLOITED = "knownExploited"
DUE_SOON = timedelta(days=7)


class NoFix(StrEnum):
    """What becomes of a finding for which no fix is known."""

    DEADLINE = "Deadline"
    NO_DEADLINE = "NoDeadline"


@dataclass(frozen=True, slots=True)
class Remediation:
    """How long findings may stay from when they were first seen.

    `within` has the keys knownExploited, critical, high, medium, low, negligible and unknown. A
    deadline is soon that is no further ahead than `due_soon`.
    """

    within: Mapping[str, timedelta] = field(default_factory=dict)
    no_fix: NoFix = NoFix.DEADLINE
    due_soon: timedelta = DUE_SOON

    def allowances(self) -> dict[tuple[Severity, bool, bool], timedelta | None]:
        """Return the time of each kind of finding; None is without limit.

        A kind is a severity, whether it is known to be exploited, and whether a fix is known.
        What is exploited has the shorter of its own time and its severity's, also without a fix:
        it can be taken out of use, or excepted in writing.
        """
        exploited = self.within.get(KNOWN_EXPLOITED)
        found: dict[tuple[Severity, bool, bool], timedelta | None] = {}
        for severity in Severity:
            plain = self.within.get(severity.name.lower())
            shortest = min((e for e in (plain, exploited) if e is not None), default=None)
            found[severity, True, True] = found[severity, True, False] = shortest
            found[severity, False, True] = plain
            found[severity, False, False] = plain if self.no_fix is NoFix.DEADLINE else None
        return found


@dataclass(frozen=True, slots=True)
class Excuse:
    """The exceptions in force for a finding, by name, and when the first of them ends.

    `attested_by` are names of trusted keys, with which it is attested not to matter. That is
    evidence of the scan, which ends with the scan: where nothing else excuses, `until` is None.
    """

    by: tuple[str, ...]
    until: datetime | None = None
    attested_by: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What excuses, as it is named in sentences."""
        return *self.by, *(f"attestation by {key}" for key in self.attested_by)


@dataclass(frozen=True, slots=True)
class Due:
    """A finding with the instant by which it must be gone; None where none is set.

    `overdue` says that this has passed, and that nothing excuses it.
    """

    finding: Finding
    seen: Seen
    due_by: datetime | None
    overdue: bool
    excuse: Excuse | None = None


def urgency(due: Due) -> tuple[bool, bool, bool, int, bool, float]:
    """Return what sorts findings by what to mend first; excepted ones come last."""
    finding = due.finding
    return (
        due.excuse is not None,
        not finding.known_exploited,
        not due.overdue,
        -finding.severity,
        finding.fixed_version is None,
        -likelihood(finding),
    )


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Where all findings of an image stand at an instant.

    `excepted` counts those that an exception is in force for, `attested` those that only
    attestations excuse. `first_overdue` is the one that is overdue the longest, `late` are the
    excuses of findings past their deadline. `overdue_by` counts overdue ones by severity,
    `due_soon` those whose deadline is near, `known_exploited` and `no_fix` those that are, of
    whatever deadline; excused ones are in none. `worst` are the most urgent ones, see `urgency`.
    `next_due` is the earliest deadline that has not passed, `changes_at` the next instant at
    which time alone changes any of this; None if never.
    """

    overdue: tuple[Finding, ...]
    overdue_by: Mapping[Severity, int]
    due_soon: int
    known_exploited: int
    no_fix: int
    excepted: int
    attested: int
    late: tuple[Excuse, ...]
    first_overdue: Due | None
    worst: tuple[Due, ...]
    worst_omitted: int
    next_due: datetime | None
    changes_at: datetime | None


def deadlines(
    report: ScanReport,
    ages: Ages,
    first_seen: Mapping[FindingKey, Seen],
    remediation: Remediation,
    now: datetime,
    *,
    excuses: Mapping[FindingIdentity, Excuse],
    worst_limit: int,
) -> Deadlines:
    """Judge the findings of a report; `ages` are theirs, with the same `first_seen`.

    `excuses` are in force at `now`.
    """
    allowed = remediation.allowances()
    excepted = _excepted(report, excuses)
    overdue: set[int] = set()
    exploited: set[int] = set()
    oldest: tuple[datetime, int] | None = None
    coming: list[datetime] = []
    late: list[Excuse] = []
    waits = [each.until for each in excepted.values() if each.until]
    overdue_by: Counter[Severity] = Counter()
    soon = no_fix = 0
    for group in ages.groups:
        tolerated = [excepted[p] for p in group.places if p in excepted] if excepted else []
        counted = group.places
        if tolerated:
            counted = tuple(place for place in group.places if place not in excepted)
        if group.exploited:
            exploited.update(counted)
        no_fix += 0 if group.fixable else len(counted)
        within = allowed[group.severity, group.exploited, group.fixable]
        if within is None:
            continue
        due_by = group.since + within
        if now < due_by:
            coming += [due_by] if counted else []
            if now >= due_by - remediation.due_soon:
                soon += len(counted)
            elif counted:
                waits.append(due_by - remediation.due_soon)
            # What is excused becomes excused of something when its deadline passes.
            waits += [due_by] if tolerated else []
            continue
        late += tolerated
        overdue.update(counted)
        overdue_by[group.severity] += len(counted)
        if counted and (oldest is None or (due_by, counted[0]) < oldest):
            oldest = due_by, counted[0]

    def due(place: int) -> Due:
        finding = report.findings[place]
        seen = first_seen.get(finding.key) or Seen(report.scanned_at)
        within = allowed[
            finding.severity, bool(finding.known_exploited), finding.fixed_version is not None
        ]
        due_by = seen.since + within if within is not None else None
        excuse = excepted.get(place)
        is_overdue = due_by is not None and excuse is None and now >= due_by
        return Due(finding, seen, due_by, is_overdue, excuse)

    order = _most_urgent(len(report.findings), overdue, exploited, excepted.keys())
    worst = tuple(due(place) for place in islice(order, worst_limit))
    return Deadlines(
        overdue=tuple(report.findings[place] for place in sorted(overdue)),
        overdue_by=+overdue_by,
        due_soon=soon,
        known_exploited=len(exploited),
        no_fix=no_fix,
        excepted=sum(bool(each.by) for each in excepted.values()),
        attested=sum(not each.by for each in excepted.values()),
        late=tuple(late),
        first_overdue=due(oldest[1]) if oldest else None,
        worst=worst,
        worst_omitted=len(report.findings) - len(worst),
        next_due=min(coming, default=None),
        changes_at=min([*coming, *waits], default=None),
    )


def _excepted(
    report: ScanReport, excuses: Mapping[FindingIdentity, Excuse]
) -> Mapping[int, Excuse]:
    """Return the excuses by the places of their findings."""
    if not excuses:
        return {}
    found = ((place, excuses.get(each.identity)) for place, each in enumerate(report.findings))
    return {place: excuse for place, excuse in found if excuse is not None}


def _most_urgent(
    findings: int, overdue: Set[int], exploited: Set[int], excepted: Set[int]
) -> Iterator[int]:
    """Go through the places of findings in the order of `urgency`.

    That of the report is the same but for deadlines and excuses.
    """
    yield from sorted(exploited & overdue)
    yield from sorted(exploited - overdue)
    yield from sorted(overdue - exploited)
    for place in range(findings):
        if not (place in overdue or place in exploited or place in excepted):
            yield place
    yield from sorted(excepted)
