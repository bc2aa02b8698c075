"""How far a round of scans is, in figures and in a sentence."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from bailiwick.engine.images.lanes import Lanes, Rank
from bailiwick.engine.images.progress import ScanProgress
from bailiwick.policy.images.findings import Severity
from bailiwick.policy.images.priority import Lane
from tests.unit.engine.doubles import FINDING, START, Clock
from tests.unit.engine.imaging import CART, A, B, Bench, C


class Round:
    """Renewals that wait, and a clock."""

    def __init__(self, renewals: int) -> None:
        self.clock = Clock()
        self.lanes: Lanes[str] = Lanes(
            lambda key: Rank(Lane[key.partition("-")[0].upper()]), parallel=10, per_registry=10
        )
        self.progress = ScanProgress(self.lanes, self.clock)
        for number in range(renewals):
            self.lanes.add(f"renewal-{number}")

    def scan(self, *, failed: bool = False) -> None:
        key = self.lanes.take()
        assert key is not None
        self.lanes.done(key)
        self.progress.ended(failed=failed)


def test_the_end_is_told_from_the_pace() -> None:
    found = Round(100)
    for number in range(40):
        found.scan(failed=number < 3)
        found.clock.advance(seconds=3)
    found.lanes.add("requested-1")
    told = found.progress.now()
    assert (told.done, told.failed, told.left, told.total) == (40, 3, 61, 101)
    assert told.ends == found.clock() + timedelta(seconds=183)
    assert told.sentence() == (
        "image scans: 40 of 101 done, 3 of them failed; 61 to go, 1 asked for first; "
        "20 a minute, so done at about 12:05 UTC"
    )


def test_before_a_scan_has_ended_nobody_knows_when_the_rest_will_have() -> None:
    assert "not known" in Round(5).progress.now().sentence()


def test_what_is_waited_for_is_told_and_what_is_over_forgotten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = Round(2)
    with caplog.at_level(logging.INFO):
        found.scan()
        found.progress.tell()
        assert "image scans: 1 of 2 done" in caplog.text
        caplog.clear()
        found.scan()
        found.progress.tell()
        assert caplog.text == ""
    assert found.progress.now().total == 0


def test_the_figures_are_there_for_an_alert() -> None:
    found = Round(2)
    found.scan()
    found.clock.advance(seconds=30)
    assert dict(found.progress.figures()) == {
        "done": 1,
        "failed": 0,
        "left": 1,
        "seconds_left": 30,
    }
    assert dict(found.progress.waiting()) == {"requested": 0, "new": 0, "renewal": 1}


async def test_after_a_move_of_the_database_the_worst_image_is_scanned_first() -> None:
    bench = Bench()
    bench.adapter.database = START - timedelta(days=2)
    (watch,) = bench.imaging.sources.watches
    await watch.ask()
    bench.adapter.findings = {
        A: [FINDING],
        B: [replace(FINDING, known_exploited=True)],
        C: [replace(FINDING, severity=Severity.CRITICAL)],
    }
    await bench.scanned(*(f"{CART}@{digest}" for digest in (A, B, C)))
    bench.adapter.asked.clear()
    bench.clock.advance(hours=1)
    bench.adapter.database = START - timedelta(days=1)
    await watch.ask()
    await bench.work()
    assert [digest for digest, _ in bench.adapter.asked] == [B, C, A]
