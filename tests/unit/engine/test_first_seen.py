"""Since when findings are known, through rebuilds, rollouts, removals and returns."""

from __future__ import annotations

from datetime import datetime, timedelta

from bailiwick.engine.images.reconciler import scan_name
from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.images.findings import Finding, Severity
from bailiwick.policy.images.seen import Seen
from bailiwick.policy.images.state import Verdict
from tests.unit.engine.doubles import FINDING, START
from tests.unit.engine.imaging import CART, A, B, Bench, verdicts

TERMS = ImageTerms(
    registries=("registry.example.com",),
    remediate_within={"high": timedelta(days=10)},
    rescan_every=timedelta(hours=12),
    scan_max_age=timedelta(days=2),
)
OLD, NEW = f"{CART}@{A}", f"{CART}@{B}"
OTHER = Finding("CVE-2026-2", "zlib", "1.2", Severity.HIGH)


def days(number: float) -> datetime:
    return START + timedelta(days=number)


def bench_of(**findings: list[Finding]) -> Bench:
    bench = Bench()
    bench.declare(terms=TERMS)
    bench.adapter.findings = {A: findings.get("old", [FINDING]), B: findings.get("new", [FINDING])}
    return bench


async def live(bench: Bench, number: float) -> None:
    """Let days pass with the scans that come due meanwhile."""
    for _ in range(round(number * 4)):
        bench.clock.advance(hours=6)
        await bench.settled()


def seen(bench: Bench, digest: str, finding: Finding = FINDING) -> Seen | None:
    return bench.imaging.images.known(digest, CART).first_seen.get(finding.key)


async def replace(bench: Bench, image: str) -> None:
    bench.stop_pod()
    bench.run(image)
    await bench.settled()


async def test_a_rebuilt_image_keeps_since_when_what_stayed_is_known() -> None:
    bench = bench_of(new=[FINDING, OTHER])
    await bench.scanned(OLD)
    await live(bench, 3)
    await replace(bench, NEW)
    assert seen(bench, B) == Seen(START)
    assert seen(bench, B, OTHER) == Seen(days(3))


async def test_a_rebuilt_image_does_not_begin_a_deadline_anew() -> None:
    bench = bench_of()
    await bench.scanned(OLD)
    await live(bench, 9)
    await replace(bench, NEW)
    await live(bench, 1)
    assert verdicts(await bench.look()) == [Verdict.VIOLATING]


async def test_what_was_mended_and_came_back_has_a_new_deadline_and_shows_the_first_instant() -> (
    None
):
    bench = bench_of(new=[OTHER])
    await bench.scanned(OLD)
    await live(bench, 3)
    await replace(bench, NEW)
    await live(bench, 5)
    await replace(bench, OLD)
    assert seen(bench, A) == Seen(START, returned=days(8), absent=days(3.5))
    (fact,) = await bench.look()
    assert fact.state is not None
    (due,) = [each for each in fact.state.worst if each.finding.key == FINDING.key]
    assert due.due_by == days(18)
    await live(bench, 9.5)
    assert verdicts(await bench.look()) == [Verdict.CLEAN]
    await live(bench, 0.5)
    assert verdicts(await bench.look()) == [Verdict.VIOLATING]


async def test_what_was_rolled_back_within_a_day_was_never_gone() -> None:
    bench = bench_of(new=[OTHER])
    await bench.scanned(OLD)
    await live(bench, 3)
    await replace(bench, NEW)
    await live(bench, 0.5)
    await replace(bench, OLD)
    assert seen(bench, A) == Seen(START)


async def test_a_new_image_without_it_does_not_make_it_gone_while_the_old_one_runs() -> None:
    bench = bench_of(new=[OTHER])
    await bench.scanned(OLD)
    await live(bench, 1)
    bench.run(NEW, pod="canary")
    await live(bench, 5)
    assert seen(bench, A) == Seen(START)


async def test_while_another_image_of_the_repository_was_never_scanned_nothing_is_gone() -> None:
    bench = bench_of()
    await bench.scanned(OLD)
    bench.adapter.unscannable = {B}
    bench.run(NEW, pod="canary")
    await bench.settled()
    bench.adapter.findings[A] = []
    await live(bench, 3)
    bench.adapter.findings[A] = [FINDING]
    await live(bench, 1)
    assert seen(bench, A) == Seen(START)


async def test_it_survives_a_restart_and_the_deletion_of_what_is_known_of_the_image() -> None:
    bench = bench_of()
    await bench.scanned(OLD)
    await live(bench, 3)
    del bench.client.objects["imagescans", scan_name(A)]
    bench.start()
    bench.declare(terms=TERMS)
    bench.run(OLD)
    await bench.settled()
    assert seen(bench, A) == Seen(START)


async def test_after_a_restart_nothing_is_gone_before_every_image_was_looked_at() -> None:
    bench = bench_of(old=[FINDING], new=[OTHER])
    await bench.scanned(OLD)
    bench.run(NEW, pod="canary")
    await live(bench, 2)
    bench.start()
    bench.declare(terms=TERMS)
    bench.run(NEW, pod="canary")
    bench.run(OLD)
    bench.clock.advance(days=2)
    await bench.settled()
    assert seen(bench, A) == Seen(START)


async def test_another_scanner_that_names_it_otherwise_keeps_since_when_it_is_known() -> None:
    bench = bench_of()
    await bench.scanned(OLD)
    renamed = Finding("GHSA-aaaa", FINDING.package, "3.0.11", Severity.HIGH, aliases=(FINDING.id,))
    bench.adapter.findings[A] = [renamed]
    await live(bench, 3)
    assert seen(bench, A, renamed) == Seen(START)
    assert seen(bench, A, FINDING) == Seen(START)


async def test_what_only_another_repository_mended_is_not_gone_here() -> None:
    bench = bench_of(new=[OTHER])
    await bench.scanned(OLD)
    bench.run(f"registry.example.com/mirror/cart@{B}", pod="mirror")
    await live(bench, 5)
    assert seen(bench, A) == Seen(START)
