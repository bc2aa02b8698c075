"""The verdict on each image: what its last scan says, whether that still counts, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bailiwick.policy.images.ages import Ages
from bailiwick.policy.images.deadlines import Deadlines, Due, Excuse, Remediation, deadlines
from bailiwick.policy.images.remedy import remedy

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import (
        FindingIdentity,
        FindingKey,
        ScanReport,
        Severity,
        Tally,
    )
    from bailiwick.policy.images.seen import Seen

WORST_LIMIT = 10


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
    the failure is not about this image. `waiting` where nothing failed, but somebody else who
    scans by himself has not come to the image yet.
    """

    reason: str
    message: str
    at: datetime
    count: int = 1
    permanent: bool = False
    retry_after: timedelta = timedelta()
    scanner_fault: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class ScanTerms:
    """What an effective intent asks of scans; None and absent keys where it asks nothing.

    `scanned_after` is never in the future: see `rescan.asked_at`.
    """

    max_age: timedelta | None = None
    scanned_after: datetime | None = None
    remediation: Remediation = field(default_factory=Remediation)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one image in one repository.

    `report` is the last good one, kept while a rescan runs or fails. `failure` is None once a
    scan succeeded. `first_seen` is since when each finding is known in this repository; one
    that is missing there counts from the report's own scan. `ages` are the same in groups, where
    they are at hand.
    """

    report: ScanReport | None = None
    scanning: bool = False
    failure: Failure | None = None
    first_seen: Mapping[FindingKey, Seen] = field(default_factory=dict)
    ages: Ages | None = None


@dataclass(frozen=True, slots=True)
class ImageState:
    """The verdict on one image, with why.

    `overdue` counts findings past their deadline, from all findings and never from `worst`.
    `excepted` counts those that an exception is in force for, `attested` those that only
    attestations excuse; neither are overdue or due next, and of both together
    `excepted_overdue` are past their deadline. `excused` names what excuses those.
    `overdue_by` counts overdue ones by severity, `due_soon` those whose deadline is near,
    `known_exploited` and `no_fix` those that are, of whatever deadline; excused ones are in none.
    `remedy` says what to do about the overdue ones.
    `next_due` is the earliest deadline that has not passed, and `changes_at` the next instant at
    which time alone changes this value; None if never. Counts are None where there is no report.
    """

    verdict: Verdict
    reason: str
    message: str
    counts: Mapping[Severity, Tally] | None = None
    overdue: int = 0
    overdue_by: Mapping[Severity, int] = field(default_factory=dict)
    due_soon: int = 0
    known_exploited: int = 0
    no_fix: int = 0
    remedy: str = ""
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
    ages = known.ages or Ages.of(report, known.first_seen)
    found = deadlines(
        report,
        ages,
        known.first_seen,
        terms.remediation,
        now,
        excuses=excuses or {},
        worst_limit=worst_limit,
    )
    stale = _staleness(report, terms, now)
    expires = report.scanned_at + terms.max_age if terms.max_age is not None else None
    waits = [each for each in (found.changes_at, None if stale else expires) if each]
    verdict, reason, message = _verdict(known, found, stale)
    return ImageState(
        verdict=verdict,
        reason=reason,
        message=message,
        counts=ages.counts,
        overdue=len(found.overdue),
        overdue_by=found.overdue_by,
        due_soon=found.due_soon,
        known_exploited=found.known_exploited,
        no_fix=found.no_fix,
        remedy=remedy(found.overdue, report.hygiene),
        excepted=found.excepted,
        attested=found.attested,
        excepted_overdue=len(found.late),
        excused=_names(found.late),
        worst=found.worst,
        worst_omitted=found.worst_omitted,
        scanned_at=report.scanned_at,
        fresh=not stale,
        next_due=found.next_due,
        changes_at=min(waits, default=None),
    )


def _without_report(known: Known) -> ImageState:
    if known.scanning:
        message = "The first scan of this image is running."
        return ImageState(Verdict.SCANNING, "FirstScan", message)
    if known.failure:
        verdict = Verdict.UNSCANNED if known.failure.waiting else Verdict.FAILED
        return ImageState(verdict, known.failure.reason, known.failure.message)
    return ImageState(Verdict.UNSCANNED, "NeverScanned", "This image was never scanned.")


def _verdict(known: Known, found: Deadlines, stale: str) -> tuple[Verdict, str, str]:
    if found.first_overdue is not None:
        others = len(found.overdue) - 1
        more = f", and {others} more" if others else ""
        return Verdict.VIOLATING, "Overdue", f"{_sentence(found.first_overdue)}{more}."
    if stale:
        why = f" The last rescan failed: {known.failure.message}" if known.failure else ""
        why = " A rescan is running." if known.scanning else why
        return Verdict.STALE, "ScanTooOld", stale + why
    if found.late:
        names = ", ".join(_names(found.late))
        but = f"but for {len(found.late)} that are excepted by {names}"
        return Verdict.CLEAN, "WithinPolicy", f"No finding is past its deadline, {but}."
    return Verdict.CLEAN, "WithinPolicy", "No finding is past its deadline."


def _names(excuses: Iterable[Excuse]) -> tuple[str, ...]:
    return tuple(sorted({name for excuse in excuses for name in excuse.names}))


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
