"""Which source of scans an image goes to, and that one which is down does not stop the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bailiwick.policy.images.state import Verdict
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import NamedSource
from tests.unit.engine.doubles import START, FakeAdapter
from tests.unit.engine.imaging import TERMS, A, B, Bench, verdicts

DOWN = ScanError(errors.UNREACHABLE, "Harbor cannot be reached.", scanner_fault=True)
OURS, THEIRS = "harbor.example.com/shop/cart", "ghcr.io/acme/tool"
LISTED = replace(TERMS, registries=("harbor.example.com", "ghcr.io"))


class TwoSources(Bench):
    """Harbor for its own images and another scanner for all, in this order."""

    def __post_init__(self) -> None:
        self.harbor, self.other = FakeAdapter(self.clock), FakeAdapter(self.clock)
        self.entries = [
            NamedSource("harbor", self.harbor, ("harbor.example.com",)),
            NamedSource("other", self.other),
        ]
        super().__post_init__()
        self.declare(terms=LISTED)

    async def ask(self) -> None:
        """Ask every source whether it can be used."""
        for watch in self.imaging.sources.watches:
            await watch.ask()


async def test_an_image_goes_to_the_first_source_that_lists_its_registry() -> None:
    bench = TwoSources()
    assert verdicts(await bench.scanned(f"{OURS}@{A}", f"{THEIRS}@{B}")) == [Verdict.CLEAN] * 2
    assert bench.harbor.asked == [(A, "")]
    assert bench.other.asked == [(B, "")]


async def test_where_it_is_down_the_next_one_is_asked_at_once_and_the_rest_is_untouched() -> None:
    bench = TwoSources()
    bench.harbor.silent = DOWN
    await bench.ask()
    assert verdicts(await bench.scanned(f"{OURS}@{A}", f"{THEIRS}@{B}")) == [Verdict.CLEAN] * 2
    assert bench.harbor.asked == []
    assert sorted(digest for digest, _ in bench.other.asked) == [A, B]


async def test_a_scan_that_failed_by_a_source_s_fault_is_taken_to_the_next_one() -> None:
    bench = TwoSources()
    bench.harbor.failing = DOWN
    assert verdicts(await bench.scanned(f"{OURS}@{A}")) == [Verdict.FAILED]
    bench.harbor.silent = DOWN
    await bench.ask()
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]
    assert bench.other.asked == [(A, "")]


async def test_when_it_is_back_it_is_asked_again_and_nothing_is_renewed_for_that() -> None:
    bench = TwoSources()
    bench.harbor.database = bench.other.database = START - timedelta(days=1)
    await bench.ask()
    bench.harbor.silent = DOWN
    await bench.ask()
    await bench.scanned(f"{OURS}@{A}")
    bench.harbor.silent = None
    await bench.ask()
    await bench.after(days=1)
    assert bench.harbor.asked == []
    bench.terms["shop"] = replace(LISTED, scanned_after=bench.clock())
    await bench.settled()
    assert bench.harbor.asked == [(A, "")]


async def test_where_no_source_takes_an_image_it_is_said_which_there_are() -> None:
    bench = TwoSources()
    bench.entries = bench.entries[:1]
    bench.start()
    bench.declare(terms=LISTED)
    (fact,) = await bench.scanned(f"{THEIRS}@{B}")
    assert fact.state is not None
    assert "No scanner takes images of ghcr.io/acme/tool (set up: harbor)" in fact.state.message


async def test_the_only_source_for_an_image_is_named_while_it_is_down() -> None:
    bench = TwoSources()
    bench.entries = bench.entries[:1]
    bench.start()
    bench.declare(terms=LISTED)
    bench.harbor.silent = DOWN
    await bench.ask()
    (fact,) = await bench.scanned(f"{OURS}@{A}")
    assert fact.state is not None
    assert (fact.state.verdict, fact.state.message) == (Verdict.FAILED, DOWN.message)
    bench.harbor.silent = None
    await bench.ask()
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]


async def test_a_source_s_newer_database_renews_what_that_source_scans_and_nothing_else() -> None:
    bench = TwoSources()
    bench.harbor.database = bench.other.database = START - timedelta(days=2)
    await bench.ask()
    await bench.scanned(f"{OURS}@{A}", f"{THEIRS}@{B}")
    bench.clock.advance(hours=1)
    bench.harbor.database = START - timedelta(days=1)
    await bench.ask()
    await bench.work()
    await bench.after(minutes=10)
    assert [digest for digest, _ in bench.harbor.asked] == [A, A]
    assert [digest for digest, _ in bench.other.asked] == [B]
