"""What is scanned of what runs, and how many at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bailiwick.engine.options import ScannerOptions
from bailiwick.policy.images.state import Verdict
from tests.unit.engine.imaging import CART, TERMS, A, B, Bench, C, verdicts

IMAGE = f"{CART}@{A}"


async def test_an_index_is_scanned_once_for_each_kind_of_node_and_kept_by_its_manifests() -> None:
    bench = Bench()
    bench.adapter.manifests = {(A, "amd64"): B, (A, "arm64"): C}
    bench.declare()
    for number, architecture in enumerate(("amd64", "arm64", "amd64")):
        bench.node(f"n{number}", architecture)
        bench.run(IMAGE, pod=f"p{number}", node=f"n{number}")
    facts = await bench.settled()
    assert sorted(bench.adapter.asked) == [(A, "amd64"), (A, "arm64")]
    assert [fact.running.digest for fact in facts] == [B, C]
    assert verdicts(facts) == [Verdict.CLEAN] * 2
    assert not bench.has_scan(A)
    for manifest, architecture in ((B, "amd64"), (C, "arm64")):
        assert bench.status(manifest)["aliases"] == [A]
        spec = bench.client.objects["imagescans", manifest.replace(":", "-")]["spec"]
        assert spec["platform"] == f"linux/{architecture}"


async def test_what_an_index_leads_to_is_known_after_a_restart() -> None:
    bench = Bench()
    bench.adapter.manifests = {(A, "arm64"): B}
    bench.node("n", "arm64")
    await bench.scanned(IMAGE, node="n")
    bench.start()
    bench.declare()
    bench.node("n", "arm64")
    bench.run(IMAGE, node="n")
    facts = await bench.look()
    assert verdicts(facts) == [Verdict.CLEAN], "at the first look, before any work"
    await bench.settled()
    assert bench.adapter.asked == [(A, "arm64")]


async def test_an_index_that_was_scanned_before_its_pod_had_a_node_is_not_scanned_again() -> None:
    bench = Bench()
    bench.adapter.manifests = {(A, "amd64"): B}
    await bench.scanned(IMAGE)
    bench.node("n", "amd64")
    bench.run(IMAGE, node="n")
    facts = await bench.settled()
    assert [fact.running.digest for fact in facts] == [B]
    assert bench.adapter.asked == [(A, "")]


async def test_a_scanner_that_contradicts_itself_is_not_believed() -> None:
    bench = Bench()
    bench.adapter.manifests = {(A, "amd64"): B, (B, "amd64"): A}
    bench.declare()
    bench.run(IMAGE)
    await bench.settled()
    bench.run(f"{CART}@{B}", pod="by-manifest")
    bench.terms["shop"] = replace(TERMS, scanned_after=bench.clock.advance(hours=1))
    facts = await bench.settled()
    assert [fact.running.digest for fact in facts] == [B]
    assert bench.status(B)["reason"] == "ManifestContradictory"


async def test_scans_run_side_by_side_up_to_the_limit_and_never_two_of_a_digest() -> None:
    bench = Bench(scanner=ScannerOptions(parallel=2))
    bench.adapter.gate = asyncio.Event()
    bench.declare()
    for name in ("one", "two"):
        bench.declare(name)
        bench.run(IMAGE, f"{CART}@{B}", f"{CART}@{C}", namespace=name)
        await bench.look(name)
    bench.imaging.start()
    await bench.adapter.until(lambda: bench.adapter.at_a_time == 2)
    bench.adapter.gate.set()
    await bench.adapter.until(lambda: len(bench.adapter.asked) == 3 and not bench.adapter.at_a_time)
    await bench.imaging.stop(5)
    assert bench.adapter.most_at_a_time == 2
    assert sorted(digest for digest, _ in bench.adapter.asked) == [A, B, C]


async def test_what_is_known_already_does_not_wait_for_scans_that_run() -> None:
    bench = Bench(scanner=ScannerOptions(parallel=1))
    await bench.scanned(IMAGE)
    bench.start()
    bench.adapter.gate = asyncio.Event()
    bench.declare("busy")
    bench.run(f"{CART}@{B}", f"{CART}@{C}", namespace="busy")
    await bench.look("busy")
    bench.imaging.start()
    await bench.adapter.until(lambda: bench.adapter.at_a_time == 1)
    bench.declare()
    bench.run(IMAGE)
    assert verdicts(await bench.look()) == [Verdict.CLEAN]
    await bench.imaging.stop(5)
