"""Clocks, registries and scanners that misbehave over time: what is kept, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bailiwick.policy.images.state import Verdict
from bailiwick.scanners.errors import ScanError
from tests.unit.engine.imaging import CART, TERMS, A, Bench, verdicts

IMAGE = f"{CART}@{A}"
GONE = ScanError("ImageNotFound", "The registry does not have it (any more).", permanent=True)
DAILY = replace(TERMS, rescan_every=timedelta(hours=12), scan_max_age=timedelta(hours=24))


async def set_clock(bench: Bench, **by: float) -> None:
    """Set the clock, which has everything looked at again."""
    bench.clock.advance(**by)
    bench.imaging.look_at_everything()
    await bench.settled()


async def scanned_daily() -> Bench:
    bench = Bench()
    bench.declare(terms=DAILY)
    await bench.scanned(IMAGE)
    return bench


async def test_an_image_that_is_gone_while_it_runs_keeps_its_result_and_is_stale_in_time() -> None:
    bench = await scanned_daily()
    before = bench.status(A)
    bench.adapter.failing = GONE
    assert verdicts(await bench.after(hours=13)) == [Verdict.CLEAN]
    told = bench.status(A)
    assert (told["phase"], told["reason"]) == ("Failed", "ImageNotFound")
    assert (told["scannedAt"], told["counts"]) == (before["scannedAt"], before["counts"])
    facts = await bench.after(hours=11)
    assert verdicts(facts) == [Verdict.STALE]
    assert facts[0].state is not None
    assert "does not have it" in facts[0].state.message


async def test_what_comes_next_after_a_failure_is_told_and_when() -> None:
    bench = Bench()
    bench.adapter.failing = ScanError("RegistryUnreachable", "The registry cannot be reached.")
    await bench.scanned(IMAGE)
    (ready,) = [c for c in bench.status(A)["conditions"] if c["type"] == "Ready"]
    assert "The next attempt is at 2026-11-24T12:00:15Z." in ready["message"]
    assert bench.status(A)["nextScanAt"] == "2026-11-24T12:00:15Z"


async def test_a_clock_that_was_a_day_ahead_leaves_no_result_that_looks_fresh_for_a_day() -> None:
    bench = await scanned_daily()
    await bench.after(days=1)
    assert len(bench.adapter.asked) == 2
    await set_clock(bench, days=-1)
    assert len(bench.adapter.asked) == 3, "what is dated tomorrow is made anew"
    assert bench.status(A)["scannedAt"] == "2026-11-24T12:00:00Z"
    await bench.after(hours=1)
    assert len(bench.adapter.asked) == 3, "and only once"


async def test_a_failure_that_is_dated_tomorrow_is_not_waited_for_until_then() -> None:
    bench = Bench()
    bench.adapter.failing = GONE
    bench.clock.advance(days=1)
    await bench.scanned(IMAGE)
    bench.adapter.failing = None
    bench.clock.advance(days=-1)
    bench.imaging.image_queue.add(A)
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]


async def test_a_clock_that_goes_forth_and_back_makes_the_mass_of_scans_end() -> None:
    bench = await scanned_daily()
    for _ in range(5):
        await set_clock(bench, days=1)
        await set_clock(bench, days=-1)
    assert len(bench.adapter.asked) == 11


async def test_a_database_of_the_year_9999_is_scanned_with_once() -> None:
    bench = Bench()
    (watch,) = bench.imaging.sources.watches
    await bench.scanned(IMAGE)
    bench.adapter.database = datetime(9999, 12, 31, tzinfo=UTC)
    await watch.ask()
    await bench.after(hours=1)
    await bench.after(hours=1)
    assert len(bench.adapter.asked) == 2


async def test_two_thousand_pods_with_one_digest_are_one_scan() -> None:
    bench = Bench()
    for number in range(20):
        bench.declare(f"team-{number}")
        for pod in range(100):
            bench.run(IMAGE, namespace=f"team-{number}", pod=f"web-{pod}")
    bench.declare()
    await bench.scanned(IMAGE)
    assert bench.adapter.asked == [(A, "")]
