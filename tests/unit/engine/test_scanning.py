"""When images are scanned and what is done with the result, with a clock that a test holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bailiwick.engine.options import ScannerOptions
from bailiwick.policy.images.state import Verdict
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from tests.unit.engine.doubles import START
from tests.unit.engine.imaging import CART, TERMS, A, B, Bench, C, verdicts

DOWN = ScanError(errors.UNREACHABLE, "The scanner cannot be reached.", scanner_fault=True)
GONE = ScanError("ImageNotFound", "The registry does not have it.", permanent=True)
FAILED = ScanError("RegistryUnreachable", "The registry cannot be reached.")
IMAGE = f"{CART}@{A}"


async def test_a_new_digest_is_scanned_at_once_and_then_left_alone() -> None:
    bench = Bench()
    facts = await bench.scanned(IMAGE)
    assert verdicts(facts) == [Verdict.CLEAN]
    assert bench.status(A)["phase"] == "Scanned"
    await bench.after(days=400)
    assert bench.adapter.asked == [(A, "")]


async def test_results_are_renewed_when_the_profile_says_so() -> None:
    bench = Bench()
    bench.declare(terms=replace(TERMS, rescan_every=timedelta(hours=12)))
    await bench.scanned(IMAGE)
    await bench.after(hours=10)
    assert len(bench.adapter.asked) == 1
    await bench.after(hours=2)
    assert len(bench.adapter.asked) == 2


async def test_the_namespace_that_asks_for_the_freshest_results_is_followed() -> None:
    bench = Bench()
    bench.declare("slow", replace(TERMS, rescan_every=timedelta(days=7)))
    bench.declare("shop", replace(TERMS, rescan_every=timedelta(hours=1)))
    bench.run(IMAGE, namespace="slow")
    await bench.scanned(IMAGE)
    await bench.after(hours=1)
    assert len(bench.adapter.asked) == 2


async def test_a_digest_is_not_scanned_more_often_than_the_minimum_interval() -> None:
    bench = Bench(scanner=ScannerOptions(minimum_interval=timedelta(minutes=5)))
    await bench.scanned(IMAGE)
    bench.clock.advance(minutes=1)
    bench.terms["shop"] = replace(TERMS, scanned_after=bench.clock())
    await bench.settled()
    assert len(bench.adapter.asked) == 1
    assert verdicts(await bench.look()) == [Verdict.STALE]
    await bench.after(minutes=4)
    assert len(bench.adapter.asked) == 2
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]


async def test_an_instant_in_the_future_counts_as_when_it_was_noticed_also_after_a_restart() -> (
    None
):
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.clock.advance(minutes=10)
    terms = replace(TERMS, scanned_after=START + timedelta(days=1000))
    bench.terms["shop"] = terms
    noticed = bench.clock()
    await bench.settled()
    assert len(bench.adapter.asked) == 2
    bench.clock.advance(hours=1)
    await bench.settled()
    assert len(bench.adapter.asked) == 2
    rescan = {"requested": noticed.isoformat(), "reason": "spec.images.scannedAfter"}
    bench.start()
    bench.declare(terms=terms, status={"observedGeneration": 1, "rescan": rescan})
    bench.clock.advance(minutes=10)
    await bench.scanned(IMAGE)
    assert len(bench.adapter.asked) == 2
    # Another instant, written while no operator ran, is another wish.
    bench.start()
    bench.declare(terms=terms, status={"observedGeneration": 0, "rescan": rescan})
    await bench.scanned(IMAGE)
    assert len(bench.adapter.asked) == 3


async def test_a_newer_database_renews_every_result_once() -> None:
    bench = Bench()
    bench.adapter.database = START - timedelta(days=2)
    (watch,) = bench.imaging.sources.watches
    await watch.ask()
    await bench.scanned(IMAGE, f"{CART}@{B}", f"{CART}@{C}")
    bench.clock.advance(hours=1)
    bench.adapter.database = START - timedelta(days=1)
    await watch.ask()
    await bench.work()
    assert len(bench.adapter.asked) == 6
    await watch.ask()
    await bench.after(days=1)
    assert len(bench.adapter.asked) == 6


async def test_a_result_that_the_scanner_had_already_counts_from_when_it_was_made() -> None:
    bench = Bench()
    bench.declare(terms=replace(TERMS, scan_max_age=timedelta(hours=24)))
    bench.adapter.cached = START - timedelta(hours=20)
    assert verdicts(await bench.scanned(IMAGE)) == [Verdict.CLEAN]
    assert verdicts(await bench.after(hours=4)) == [Verdict.STALE]


async def test_a_scanner_that_only_has_an_old_result_is_not_asked_without_end() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    bench.adapter.cached = START
    bench.terms["shop"] = replace(TERMS, scanned_after=bench.clock.advance(hours=1))
    facts = await bench.settled()
    assert len(bench.adapter.asked) == 2
    assert verdicts(facts) == [Verdict.STALE]
    assert facts[0].state is not None
    assert "a result that it had from 2026-11-24 12:00 UTC" in facts[0].state.message
    await bench.after(seconds=15)
    await bench.after(seconds=15)
    assert len(bench.adapter.asked) == 3, "each attempt waits longer than the one before"
    bench.adapter.cached = None
    await bench.after(seconds=15)
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]


# Failures


async def test_a_failure_is_tried_again_ever_later_and_told_meanwhile() -> None:
    bench = Bench()
    bench.adapter.failing = FAILED
    facts = await bench.scanned(IMAGE)
    assert verdicts(facts) == [Verdict.FAILED]
    assert bench.status(A)["nextScanAt"] == "2026-11-24T12:00:15Z"
    await bench.after(seconds=14)
    assert len(bench.adapter.asked) == 1
    await bench.after(seconds=1)
    await bench.after(seconds=30)
    assert len(bench.adapter.asked) == 3
    assert bench.status(A)["attempts"] == 3
    bench.adapter.failing = None
    facts = await bench.after(seconds=60)
    assert verdicts(facts) == [Verdict.CLEAN]
    assert "attempts" not in bench.status(A)


async def test_the_old_result_is_kept_while_a_rescan_runs_and_when_it_fails() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    before = bench.status(A)
    bench.clock.advance(hours=1)
    bench.adapter.failing = FAILED
    bench.adapter.gate = asyncio.Event()
    bench.terms["shop"] = replace(TERMS, scanned_after=bench.clock())
    await bench.look()
    await bench.imaging.reconciler.reconcile(A)
    scan = asyncio.create_task(bench.imaging.scanning.scan(A))
    await bench.adapter.until(lambda: bench.adapter.at_a_time == 1)
    await bench.imaging.reconciler.reconcile(A)
    during = bench.status(A)
    assert (during["phase"], during["high"]) == ("Scanning", 1)
    bench.adapter.gate.set()
    await scan
    facts = await bench.settled()
    assert verdicts(facts) == [Verdict.STALE]
    assert facts[0].state is not None
    assert "The last rescan failed" in facts[0].state.message
    after = bench.status(A)
    assert after["phase"] == "Failed"
    for key in ("scannedAt", "counts", "worst", "high"):
        assert after[key] == before[key]


async def test_who_pushed_an_image_again_need_not_wait_for_the_back_off() -> None:
    bench = Bench()
    bench.adapter.failing = GONE
    await bench.scanned(IMAGE)
    await bench.after(minutes=5)
    assert len(bench.adapter.asked) == 1
    bench.adapter.failing = None
    bench.terms["shop"] = replace(TERMS, scanned_after=bench.clock())
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]


async def test_what_the_scanner_refuses_is_not_sent_to_it_at_every_look() -> None:
    bench = Bench()
    bench.adapter.failing = ScanError("RegistryRefused", "It leads to loopback.", permanent=True)
    await bench.scanned(IMAGE)
    for _ in range(5):
        bench.imaging.image_queue.add(A)
        await bench.work()
    assert len(bench.adapter.asked) == 1


async def test_while_the_scanner_is_down_nothing_is_sent_and_then_everything_at_once() -> None:
    bench = Bench()
    (watch,) = bench.imaging.sources.watches
    bench.adapter.silent = DOWN
    bench.declare()
    bench.run(IMAGE, f"{CART}@{B}")
    await bench.look()
    await bench.work()
    await watch.ask()
    sent = len(bench.adapter.asked)
    bench.run(f"{CART}@{C}", pod="another")
    facts = await bench.settled()
    assert verdicts(facts) == [Verdict.FAILED] * 3
    assert bench.status(C)["message"] == DOWN.message
    await bench.after(hours=5)
    assert len(bench.adapter.asked) == sent
    bench.adapter.silent = None
    await watch.ask()
    assert verdicts(await bench.settled()) == [Verdict.CLEAN] * 3


async def test_what_failed_by_the_scanner_s_fault_is_due_when_it_is_back_and_not_later() -> None:
    bench = Bench()
    (watch,) = bench.imaging.sources.watches
    bench.adapter.silent = DOWN
    await bench.scanned(IMAGE)
    await watch.ask()
    bench.clock.advance(seconds=1)
    bench.adapter.silent = None
    await watch.ask()
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]


async def test_what_was_due_when_the_scanner_fell_silent_is_not_sent_to_it() -> None:
    bench = Bench()
    (watch,) = bench.imaging.sources.watches
    bench.declare()
    bench.run(IMAGE)
    await bench.look()
    await bench.imaging.reconciler.reconcile(A)
    bench.adapter.silent = DOWN
    await watch.ask()
    assert verdicts(await bench.settled()) == [Verdict.FAILED]
    assert bench.adapter.asked == []


async def test_without_a_scanner_it_is_said_how_to_have_one() -> None:
    bench = Bench(with_scanner=False)
    facts = await bench.scanned(IMAGE)
    assert facts[0].state is not None
    assert facts[0].state.message == "No scanner is set up: set --scanner-url or --scanners-file."


async def test_an_image_that_somebody_else_has_not_scanned_yet_is_unscanned_and_says_why() -> None:
    bench = Bench()
    bench.adapter.failing = ScanError(errors.PENDING, "There is no report of it yet.")
    (fact,) = await bench.scanned(IMAGE)
    assert fact.state is not None
    assert (fact.state.verdict, fact.state.reason) == (Verdict.UNSCANNED, errors.PENDING)
    status = bench.status(A)
    assert (status["phase"], status["message"]) == ("Queued", "There is no report of it yet.")
    assert status["nextScanAt"]
    bench.adapter.failing = None
    assert verdicts(await bench.after(seconds=15)) == [Verdict.CLEAN]


async def test_a_first_result_that_is_old_is_shown_and_renewed_at_once() -> None:
    bench = Bench()
    bench.declare(terms=replace(TERMS, rescan_every=timedelta(hours=12)))
    bench.adapter.cached = START - timedelta(days=3)
    bench.run(IMAGE)
    await bench.look()
    await bench.imaging.reconciler.reconcile(A)
    await bench.imaging.scanning.scan(A)
    status = bench.status(A)
    assert (status.get("reason"), bench.adapter.orders[0].newer_than) == (None, None)
    bench.adapter.cached = None
    await bench.settled()
    assert bench.adapter.orders[1].newer_than == START - timedelta(days=3)
    assert len(bench.adapter.asked) == 2
    assert bench.status(A)["phase"] == "Scanned"


async def test_a_failed_scan_and_its_recovery_are_each_told_by_one_event() -> None:
    bench = Bench()
    bench.adapter.failing = FAILED
    bench.declare()
    bench.run(IMAGE)
    await bench.settled()
    await bench.after(hours=2)
    assert bench.events.told == [("ScanFailed", FAILED.message)]
    bench.adapter.failing = None
    await bench.after(hours=12)
    assert [reason for reason, _ in bench.events.told] == ["ScanFailed", "ScanRecovered"]


async def test_what_is_the_scanner_s_fault_is_not_told_of_each_image() -> None:
    bench = Bench()
    bench.adapter.failing = DOWN
    bench.declare()
    bench.run(IMAGE)
    await bench.settled()
    assert bench.events.told == []
