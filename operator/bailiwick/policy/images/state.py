"""The verdict on each image: what its last scan says, whether that still counts, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bailiwick.policy.images.findings import (
    Finding,
    Severity,
    Tally,
    bounded,
    likelihood,
    tallies,
)

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import FindingIdentity, FindingKey, ScanReport

WORST_LIMIT = 10
KNOWN_EXPLOITED = "knownExploited"


class Verdict(StrEnum):
    """What is known of an image; only Clean is good news."""

    UNSCANNED = "Unscanned"
    SCANNING = "Scanning"
    FAILED = "Failed"
    STALE = "Stale"
    VIOLATING = "Violating"
    CLEAN = "Clean"


@dataclass(frozen=True, slots=True)
class Failure:
    """The last attempts to scan an image failed: a reason code, words, and how often in a row.

    `permanent` where trying again soon cannot help, as for a digest the registry does not have.
    `retry_after` is what the scanner asked to be left alone for, and `scanner_fault` says that
    the failure is not about this image.
    """

    reason: str
    message: str
    at: datetime
    count: int = 1
    permanent: bool = False
    retry_after: timedelta = timedelta()
    scanner_fault: bool = False


@dataclass(frozen=True, slots=True)
class ScanTerms:
    """What an effective intent asks of scans; None and absent keys where it asks nothing.

    `remediate_within` has the keys knownExploited, critical, high, medium, low, negligible and
    unknown. `scanned_after` is never in the future: see `rescan.asked_at`.
    """

    max_age: timedelta | None = None
    scanned_after: datetime | None = None
    remediate_within: Mapping[str, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one image in one repository.

    `report` is the last good one, kept while a rescan runs or fails. `failure` is None once a
    scan succeeded. `first_seen` is when each finding was first seen in this repository; one
    that is missing there counts from the report's own scan.
    """

    report: ScanReport | None = None
    scanning: bool = False
    failure: Failure | None = None
    first_seen: Mapping[FindingKey, datetime] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class ImageState:
    """The verdict on one image, with why.

    `overdue` counts findings past their deadline, from all findings and never from `worst`.
    `excepted` counts those that an exception is in force for, `attested` those that only
    attestations excuse; neither are overdue or due next, and of both together
    `excepted_overdue` are past their deadline. `excused` names what excuses those.
    `next_due` is the earliest deadline that has not passed, and `changes_at` the next instant at
    which time alone changes this value; None if never. Counts are None where there is no report.
    """

    verdict: Verdict
    reason: str
    message: str
    counts: Mapping[Severity, Tally] | None = None
    overdue: int = 0
    excepted: int = 0
    attested: int = 0
    excepted_overdue: int = 0
    excused: tuple[str, ...] = ()
    worst: tuple[Due, ...] = ()
    worst_omitted: int = 0
    scanned_at: datetime | None = None
    fresh: bool = False
    next_due: datetime | None = None
    changes_at: datetime | None = None


def assess(
    known: Known,
    terms: ScanTerms,
    now: datetime,
    *,
    excuses: Mapping[FindingIdentity, Excuse] | None = None,
    worst_limit: int = WORST_LIMIT,
) -> ImageState:
    """Judge an image by its last good report; `excuses` are in force at `now`.

    Findings that are overdue outweigh a report's age: it can only have become worse. A report
    that is too old is never Clean.
    """
    report = known.report
    if report is None:
        return _without_report(known)
    within, seen, excused = _deadlines(terms), known.first_seen, excuses or {}
    dues = [
        _due(
            each,
            seen.get(each.key, report.scanned_at),
            within[each.severity, bool(each.known_exploited)],
            now,
            excused.get(each.identity) if excused else None,
        )
        for each in report.findings
    ]
    overdue = [each for each in dues if each.overdue]
    excepted = [each for each in dues if each.excuse]
    late = [each for each in excepted if each.due_by and now >= each.due_by]
    coming = [e.due_by for e in dues if e.due_by and not e.overdue and not e.excuse]
    stale = _staleness(report, terms, now)
    worst, omitted = bounded(sorted(dues, key=urgency), worst_limit)
    expires = report.scanned_at + terms.max_age if terms.max_age is not None else None
    waits = [*coming, *([expires] if expires and not stale else [])]
    waits += [each.excuse.until for each in excepted if each.excuse and each.excuse.until]
    # What is excused becomes excused of something when its deadline passes.
    waits += [each.due_by for each in excepted if each.due_by and now < each.due_by]
    verdict, reason, message = _verdict(known, overdue, late, stale)
    return ImageState(
        verdict=verdict,
        reason=reason,
        message=message,
        counts=tallies(report.findings),
        overdue=len(overdue),
        excepted=sum(bool(each.excuse and each.excuse.by) for each in excepted),
        attested=sum(bool(each.excuse and not each.excuse.by) for each in excepted),
        excepted_overdue=len(late),
        excused=_names(late),
        worst=worst,
        worst_omitted=omitted,
        scanned_at=report.scanned_at,
        fresh=not stale,
        next_due=min(coming, default=None),
        changes_at=min(waits, default=None),
    )


def _without_report(known: Known) -> ImageState:
    if known.scanning:
        message = "The first scan of this image is running."
        return ImageState(Verdict.SCANNING, "FirstScan", message)
    if known.failure:
        return ImageState(Verdict.FAILED, known.failure.reason, known.failure.message)
    return ImageState(Verdict.UNSCANNED, "NeverScanned", "This image was never scanned.")


def _verdict(
    known: Known, overdue: list[Due], late: list[Due], stale: str
) -> tuple[Verdict, str, str]:
    if overdue:
        first = min(overdue, key=lambda d: d.due_by or d.first_seen)
        more = f", and {len(overdue) - 1} more" if len(overdue) > 1 else ""
        return Verdict.VIOLATING, "Overdue", f"{_sentence(first)}{more}."
    if stale:
        why = f" The last rescan failed: {known.failure.message}" if known.failure else ""
        why = " A rescan is running." if known.scanning else why
        return Verdict.STALE, "ScanTooOld", stale + why
    if late:
        but = f"but for {len(late)} that are excepted by {', '.join(_names(late))}"
        return Verdict.CLEAN, "WithinPolicy", f"No finding is past its deadline, {but}."
    return Verdict.CLEAN, "WithinPolicy", "No finding is past its deadline."


def _names(dues: list[Due]) -> tuple[str, ...]:
    return tuple(sorted({name for due in dues if due.excuse for name in due.excuse.names}))


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


def _sentence(due: Due) -> str:
    finding = due.finding
    fix = f"update it to {finding.fixed_version}" if finding.fixed_version else "no fix is known"
    by = f"{due.due_by:%Y-%m-%d %H:%M} UTC" if due.due_by else "an unknown date"
    return f"{finding.id} in {finding.package} {finding.version} was due by {by} ({fix})"


def _staleness(report: ScanReport, terms: ScanTerms, now: datetime) -> str:
    """Say why the report no longer counts; empty where it does."""
    if terms.scanned_after is not None and report.scanned_at < terms.scanned_after:
        return (
            f"The last scan is of {report.scanned_at:%Y-%m-%d %H:%M} UTC, before the rescan that "
            f"was asked for at {terms.scanned_after:%Y-%m-%d %H:%M} UTC."
        )
    if terms.max_age is not None and now >= report.scanned_at + terms.max_age:
        return (
            f"The last scan is of {report.scanned_at:%Y-%m-%d %H:%M} UTC and older than "
            f"images.scan.maxAge allows."
        )
    return ""


def _deadlines(terms: ScanTerms) -> dict[tuple[Severity, bool], timedelta | None]:
    """Return how long findings may stay, by severity and whether they are known to be exploited."""
    exploited = terms.remediate_within.get(KNOWN_EXPLOITED)
    found: dict[tuple[Severity, bool], timedelta | None] = {}
    for severity in Severity:
        within = terms.remediate_within.get(severity.name.lower())
        found[severity, False] = within
        shortest = [each for each in (within, exploited) if each is not None]
        found[severity, True] = min(shortest, default=None)
    return found


def _due(
    finding: Finding, seen: datetime, within: timedelta | None, now: datetime, excuse: Excuse | None
) -> Due:
    due_by = seen + within if within is not None else None
    overdue = due_by is not None and excuse is None and now >= due_by
    return Due(finding, seen, due_by, overdue, excuse)
