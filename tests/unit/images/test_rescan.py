from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.findings import ScanReport
from bailiwick.policy.images.rescan import (
    Database,
    NextScan,
    Pace,
    RescanReason,
    asked_at,
    next_scan,
    retry_delay,
)
from bailiwick.policy.images.state import Failure

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
STEADY = Pace(jitter=0.0)


def report(age: timedelta, database: timedelta | None = timedelta(days=1)) -> ScanReport:
    built = NOW - age - database if database is not None else None
    return ScanReport.of(DIGEST, NOW - age, [], database_built=built)


def database(built: datetime, noticed: datetime | None = None) -> Database:
    return Database(built, noticed or built)


def test_a_new_digest_is_scanned_at_once() -> None:
    assert next_scan(DIGEST, None, NOW) == NextScan(RescanReason.NEW_DIGEST, NOW)


def test_a_scanned_digest_that_nobody_asks_for_is_never_scanned_again() -> None:
    assert next_scan(DIGEST, report(HOUR * 1000), NOW) is None


def test_a_report_is_renewed_when_it_is_older_than_the_profile_says() -> None:
    due = next_scan(DIGEST, report(HOUR), NOW, rescan_every=12 * HOUR, pace=STEADY)
    assert due == NextScan(RescanReason.AGE, NOW + 11 * HOUR)


def test_what_was_scanned_together_comes_due_apart_but_never_late() -> None:
    digests = [f"sha256:{n:064x}" for n in range(200)]
    reports = [ScanReport.of(digest, NOW, []) for digest in digests]
    found = [
        next_scan(d, r, NOW, rescan_every=10 * HOUR) for d, r in zip(digests, reports, strict=True)
    ]
    instants = sorted(due.at for due in found if due)
    assert instants[0] > NOW + 9 * HOUR
    assert instants[-1] <= NOW + 10 * HOUR
    assert instants[-1] - instants[0] > 50 * MINUTE


@pytest.mark.parametrize(
    "asked, due",
    [
        (NOW - 2 * HOUR, False),
        (NOW - HOUR, False),
        (NOW - HOUR + SECOND, True),
        (NOW, True),
        (NOW + 1000 * HOUR, True),
    ],
)
def test_a_rescan_is_due_when_it_was_asked_for_after_the_report(asked: datetime, due: bool) -> None:
    found = next_scan(DIGEST, report(HOUR), NOW, asked=[asked])
    assert (found is not None and found.at <= NOW) is due
    if found is not None:
        assert found.reason is RescanReason.REQUESTED


def test_an_instant_in_the_future_counts_as_when_it_was_noticed() -> None:
    assert asked_at(NOW + HOUR, NOW) == NOW
    assert asked_at(NOW - HOUR, NOW) == NOW - HOUR


def test_a_digest_is_not_scanned_more_often_than_the_minimum_interval() -> None:
    found = next_scan(DIGEST, report(MINUTE), NOW, asked=[NOW], pace=Pace(min_interval=5 * MINUTE))
    assert found == NextScan(RescanReason.REQUESTED, NOW + 4 * MINUTE)


def test_a_newer_database_of_the_scanner_makes_a_rescan_due() -> None:
    last = report(HOUR, database=HOUR)
    newer = next_scan(DIGEST, last, NOW, database=database(NOW - MINUTE), pace=STEADY)
    assert newer == NextScan(RescanReason.DATABASE_NEWER, NOW - MINUTE)
    assert last.database_built is not None
    assert next_scan(DIGEST, last, NOW, database=database(last.database_built)) is None
    assert next_scan(DIGEST, last, NOW, database=None) is None


def test_a_report_that_tells_no_database_is_compared_by_its_own_instant() -> None:
    last = report(HOUR, database=None)
    assert next_scan(DIGEST, last, NOW, database=database(NOW - 2 * HOUR)) is None
    newer = database(NOW - MINUTE)
    assert next_scan(DIGEST, last, NOW, database=newer, pace=STEADY) is not None


def test_rescans_for_a_newer_database_are_due_from_when_it_was_noticed() -> None:
    last = report(HOUR, database=24 * HOUR)
    # It was built hours ago, and the scanner has it only now.
    newer = database(NOW - 6 * HOUR, noticed=NOW)
    found = next_scan(DIGEST, last, NOW, database=newer, pace=Pace())
    assert found == NextScan(RescanReason.DATABASE_NEWER, NOW)


@pytest.mark.parametrize(
    "count, permanent, delay",
    [
        (1, False, timedelta(seconds=15)),
        (2, False, timedelta(seconds=30)),
        (5, False, timedelta(minutes=4)),
        (8, False, timedelta(minutes=30)),
        (100000, False, timedelta(minutes=30)),
        (0, False, timedelta(seconds=15)),
        (1, True, timedelta(minutes=30)),
    ],
)
def test_failures_are_retried_ever_more_slowly(
    count: int, permanent: bool, delay: timedelta
) -> None:
    failure = Failure("X", "x", NOW, count, permanent)
    assert retry_delay(failure, Pace()) == delay
    found = next_scan(DIGEST, None, NOW, failure=failure)
    assert found == NextScan(RescanReason.NEW_DIGEST, NOW + delay)


def test_who_asks_after_a_failure_does_not_wait_for_its_back_off() -> None:
    failure = Failure("ImageNotFound", "x", NOW - MINUTE, permanent=True)
    pace = Pace(min_interval=5 * MINUTE)
    pushed_again = next_scan(DIGEST, None, NOW, failure=failure, asked=[NOW], pace=pace)
    assert pushed_again == NextScan(RescanReason.NEW_DIGEST, failure.at + 5 * MINUTE)
    same_second = replace(failure, at=NOW + timedelta(milliseconds=700))
    found = next_scan(DIGEST, None, NOW + SECOND, failure=same_second, asked=[NOW], pace=pace)
    assert found == NextScan(RescanReason.NEW_DIGEST, same_second.at + 5 * MINUTE)
    before = next_scan(DIGEST, None, NOW, failure=failure, asked=[NOW - HOUR], pace=pace)
    assert before == NextScan(RescanReason.NEW_DIGEST, failure.at + pace.retry_most)


def test_a_scanner_that_asks_to_be_left_alone_is() -> None:
    failure = Failure("ScannerBusy", "x", NOW, retry_after=10 * MINUTE)
    found = next_scan(DIGEST, None, NOW, failure=failure, asked=[NOW + SECOND])
    assert found == NextScan(RescanReason.NEW_DIGEST, NOW + 10 * MINUTE)


@given(
    age=st.integers(0, 100),
    asked=st.lists(st.integers(-100, 100), max_size=3),
    every=st.none() | st.integers(1, 48),
    built=st.none() | st.integers(-100, 50),
    later=st.integers(0, 60),
)
def test_the_next_scan_does_not_move_away_as_time_passes(
    age: int, asked: list[int], every: int | None, built: int | None, later: int
) -> None:
    def at(now: datetime) -> NextScan | None:
        return next_scan(
            DIGEST,
            report(age * MINUTE),
            now,
            asked=[NOW + n * MINUTE for n in asked if n <= 0],
            rescan_every=every * HOUR if every is not None else None,
            database=database(NOW + built * MINUTE) if built is not None else None,
        )

    assert at(NOW) == at(NOW + later * MINUTE)
