"""By when each finding of a report must be gone, which of them are late, and what excuses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from bailiwick.policy.images.findings import Severity, likelihood

if TYPE_CHECKING:
    from bailiwick.policy.images.ages import Ages
    from bailiwick.policy.images.findings import Finding, FindingIdentity, FindingKey, ScanReport

KNOWN_EXPLOITED = "knownExploited"


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
    first_seen: datetime
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
    excuses of findings past their deadline. `worst` are the most urgent ones, see `urgency`.
    `next_due` is the earliest deadline that has not passed, `changes_at` the next instant at
    which time alone changes any of this; None if never.
    """

    overdue: int
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
    first_seen: Mapping[FindingKey, datetime],
    remediate_within: Mapping[str, timedelta],
    now: datetime,
    *,
    excuses: Mapping[FindingIdentity, Excuse],
    worst_limit: int,
) -> Deadlines:
    """Judge the findings of a report; `ages` are theirs, with the same `first_seen`.

    `remediate_within` has the keys of `ScanTerms`, and `excuses` are in force at `now`.
    """
    allowed = allowances(remediate_within)
    excepted = _excepted(report, excuses)
    overdue: set[int] = set()
    exploited: set[int] = set()
    oldest: tuple[datetime, int] | None = None
    coming: list[datetime] = []
    late: list[Excuse] = []
    waits = [each.until for each in excepted.values() if each.until]
    for group in ages.groups:
        tolerated = [excepted[p] for p in group.places if p in excepted] if excepted else []
        counted = group.places
        if tolerated:
            counted = tuple(place for place in group.places if place not in excepted)
        if group.exploited:
            exploited.update(counted)
        within = allowed[group.severity, group.exploited]
        if within is None:
            continue
        due_by = group.first_seen + within
        if now < due_by:
            coming += [due_by] if counted else []
            # What is excused becomes excused of something when its deadline passes.
            waits += [due_by] if tolerated else []
            continue
        late += tolerated
        overdue.update(counted)
        if counted and (oldest is None or (due_by, counted[0]) < oldest):
            oldest = due_by, counted[0]

    def due(place: int) -> Due:
        finding = report.findings[place]
        since = first_seen.get(finding.key, report.scanned_at)
        within = allowed[finding.severity, bool(finding.known_exploited)]
        due_by = since + within if within is not None else None
        excuse = excepted.get(place)
        is_overdue = due_by is not None and excuse is None and now >= due_by
        return Due(finding, since, due_by, is_overdue, excuse)

    order = _most_urgent(len(report.findings), overdue, exploited, excepted.keys())
    worst = tuple(due(place) for place in islice(order, worst_limit))
    return Deadlines(
        overdue=len(overdue),
        excepted=sum(bool(each.by) for each in excepted.values()),
        attested=sum(not each.by for each in excepted.values()),
        late=tuple(late),
        first_overdue=due(oldest[1]) if oldest else None,
        worst=worst,
        worst_omitted=len(report.findings) - len(worst),
        next_due=min(coming, default=None),
        changes_at=min([*coming, *waits], default=None),
    )


def allowances(
    remediate_within: Mapping[str, timedelta],
) -> dict[tuple[Severity, bool], timedelta | None]:
    """Return how long findings may stay, by severity and whether they are known to be exploited."""
    exploited = remediate_within.get(KNOWN_EXPLOITED)
    found: dict[tuple[Severity, bool], timedelta | None] = {}
    for severity in Severity:
        within = remediate_within.get(severity.name.lower())
        found[severity, False] = within
        shortest = [each for each in (within, exploited) if each is not None]
        found[severity, True] = min(shortest, default=None)
    return found


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
