"""When an image is to be scanned again, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.policy.images.state import Failure


_CLOCKS_DIFFER = timedelta(minutes=1)


class RescanReason(StrEnum):
    """Why a scan is due; in this order where there are several reasons at once."""

    NEW_DIGEST = "NewDigest"
    REQUESTED = "Requested"
    NOTIFIED = "Notified"
    DATABASE_NEWER = "DatabaseNewer"
    AGE = "Age"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one digest may be scanned at most, whoever asks.

    After a failure the wait doubles from `retry_first` to `retry_most`; one that trying again
    cannot mend waits `retry_most` at once, unless somebody asks after it. A share `jitter` of
    `rescan_every`, other for each digest, spreads what would come due together. What a newer
    database makes due is due at once: it is scanned in the order of risk, a few at a time.
    """

    min_interval: timedelta = timedelta(minutes=5)
    retry_first: timedelta = timedelta(seconds=15)
    retry_most: timedelta = timedelta(minutes=30)
    jitter: float = 0.1


@dataclass(frozen=True, slots=True)
class NextScan:
    """The next scan of a digest: why, and from when on. Due now where `at` is not after now."""

    reason: RescanReason
    at: datetime


@dataclass(frozen=True, slots=True)
class Database:
    """The scanner's database: when it was built, and since when we know that it is in use."""

    built: datetime
    noticed: datetime


def asked_at(instant: datetime, noticed: datetime) -> datetime:
    """Return when a rescan was asked for: an instant in the future counts as when it was noticed.

    Without that, results would be older than the instant however often they were renewed.
    """
    return min(instant, noticed)


def next_scan(
    digest: str,
    report: ScanReport | None,
    now: datetime,
    *,
    failure: Failure | None = None,
    asked: Iterable[datetime] = (),
    rescan_every: timedelta | None = None,
    database: Database | None = None,
    notified: datetime | None = None,
    pace: Pace | None = None,
) -> NextScan | None:
    """Say when a digest is to be scanned next; None: never, unless something happens.

    `asked` are the instants of every `scannedAfter` and RescanRequest that covers the digest,
    `rescan_every` the shortest of those who run it, `database` what the scanner tells of its
    own now, `notified` when its registry told of a newer result. A scan that runs already is the
    caller's to know.
    """
    pace = pace or Pace()
    asked = tuple(min(each, now) for each in asked)
    wish = _wish(digest, report, now, asked, rescan_every, database, notified, pace)
    if wish is None:
        return None
    earliest = [wish.at]
    # What happened in the future was dated by a clock that was wrong: it is not waited for.
    if failure is not None and not ahead_of(failure.at, now):
        delay = retry_delay(failure, pace)
        # Requests are in whole seconds: one of the same second may well be later.
        if any(each >= failure.at.replace(microsecond=0) for each in asked):
            delay = min(delay, pace.min_interval)
        earliest.append(failure.at + max(delay, failure.retry_after))
    if report is not None and not ahead_of(report.scanned_at, now):
        earliest.append(report.scanned_at + pace.min_interval)
    return NextScan(wish.reason, max(earliest))


def ahead_of(instant: datetime, now: datetime) -> bool:
    """Say whether an instant is in the future by more than clocks differ that are right."""
    return instant > now + _CLOCKS_DIFFER


def retry_delay(failure: Failure, pace: Pace) -> timedelta:
    """Return how long to wait after a failure before the next attempt."""
    if failure.permanent:
        return pace.retry_most
    doublings = min(max(failure.count, 1) - 1, 30)
    return min(pace.retry_first * float(2**doublings), pace.retry_most)


def _wish(
    digest: str,
    report: ScanReport | None,
    now: datetime,
    asked: tuple[datetime, ...],
    rescan_every: timedelta | None,
    database: Database | None,
    notified: datetime | None,
    pace: Pace,
) -> NextScan | None:
    if report is None:
        return NextScan(RescanReason.NEW_DIGEST, now)
    pending = [each for each in asked if each > report.scanned_at]
    if pending:
        return NextScan(RescanReason.REQUESTED, min(pending))
    if ahead_of(report.scanned_at, now):
        # Else it would look fresh for as long as the clock was ahead.
        return NextScan(RescanReason.AGE, now)
    share = spread(digest)
    wishes = []
    if notified is not None and notified > report.scanned_at:
        wishes.append(NextScan(RescanReason.NOTIFIED, min(notified, now)))
    if database is not None and _is_newer(database, report):
        # Counted from when it was noticed, not from now: the instant must not move as time passes.
        soon = max(database.noticed, report.scanned_at)
        wishes.append(NextScan(RescanReason.DATABASE_NEWER, soon))
    if rescan_every is not None:
        early = rescan_every * pace.jitter * share
        wishes.append(NextScan(RescanReason.AGE, report.scanned_at + rescan_every - early))
    return min(wishes, key=lambda wish: wish.at, default=None)


def _is_newer(database: Database, report: ScanReport) -> bool:
    # A scanner that tells no age in its report is judged by when it scanned.
    return database.built > (report.database_built or report.scanned_at)


def spread(digest: str) -> float:
    """Return a number from 0 to 1 (not included), always the same for a digest."""
    return int.from_bytes(hashlib.sha256(digest.encode()).digest()[:6], "big") / 2**48
