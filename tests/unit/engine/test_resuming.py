"""What a restart finds: nothing fresh is scanned again, and a scan that runs goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bailiwick.policy.images.state import Verdict
from tests.unit.engine.imaging import CART, TERMS, A, B, Bench, C, verdicts

IMAGE = f"{CART}@{A}"


async def given_up_in_the_middle() -> Bench:
    """An operator that ended while the scanner was at work."""
    bench = Bench()
    bench.declare()
    bench.run(IMAGE)
    bench.adapter.gate = asyncio.Event()
    await bench.look()
    await bench.imaging.reconciler.reconcile(A)
    scan = asyncio.create_task(bench.imaging.scanning.scan(A))
    await bench.adapter.until(lambda: bench.adapter.at_a_time == 1)
    await bench.imaging.reconciler.reconcile(A)
    scan.cancel()
    await asyncio.gather(scan, return_exceptions=True)
    await bench.imaging.reconciler.reconcile(A)
    bench.adapter.gate.set()
    return bench


async def restarted(bench: Bench) -> None:
    bench.clock.advance(minutes=1)
    bench.start()
    await bench.scanned(IMAGE)


async def test_after_a_restart_nothing_is_scanned_again_that_is_fresh() -> None:
    bench = Bench()
    bench.declare(terms=replace(TERMS, rescan_every=timedelta(hours=12)))
    images = [f"{CART}@{digest}" for digest in (A, B, C)]
    await bench.scanned(*images)
    bench.clock.advance(hours=1)
    bench.start()
    bench.declare(terms=replace(TERMS, rescan_every=timedelta(hours=12)))
    assert verdicts(await bench.scanned(*images)) == [Verdict.CLEAN] * 3
    assert len(bench.adapter.asked) == 3


async def test_the_image_scan_tells_by_what_id_the_scanner_knows_the_scan_that_runs() -> None:
    bench = await given_up_in_the_middle()
    status = bench.status(A)
    assert status["phase"] == "Scanning"
    assert status["ongoing"] == {"source": "fake", "id": "scan-1"}


async def test_a_scan_that_runs_is_found_again_and_its_result_is_as_old_as_it_is() -> None:
    bench = await given_up_in_the_middle()
    begun = bench.status(A)["startedAt"]
    await restarted(bench)
    assert (bench.adapter.resumed, len(bench.adapter.asked)) == (["scan-1"], 1)
    status = bench.status(A)
    assert (status["phase"], status["startedAt"]) == ("Scanned", begun)
    assert "ongoing" not in status


async def test_a_scan_that_the_scanner_forgot_is_begun_anew() -> None:
    bench = await given_up_in_the_middle()
    bench.adapter.remembers.clear()
    await restarted(bench)
    assert (bench.adapter.resumed, len(bench.adapter.asked)) == ([], 2)
    assert bench.status(A)["startedAt"] == "2026-11-24T12:01:00Z"
    assert verdicts(await bench.look()) == [Verdict.CLEAN]


async def test_a_scan_that_cannot_run_any_more_is_not_looked_for() -> None:
    bench = await given_up_in_the_middle()
    bench.clock.advance(days=1)
    await restarted(bench)
    assert (bench.adapter.resumed, len(bench.adapter.asked)) == ([], 2)


async def test_a_scan_from_the_future_is_none_of_ours() -> None:
    bench = await given_up_in_the_middle()
    bench.clock.advance(days=-1)
    await restarted(bench)
    assert (bench.adapter.resumed, len(bench.adapter.asked)) == ([], 2)
