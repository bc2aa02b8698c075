"""When registries are asked what tags lead to, in whose name, and who is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.images.freshness import BASE_CURRENT, IMAGE_CURRENT, IMAGE_NEWEST, Freshness
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.notifications import Happened, Notification
from bailiwick.scanners.tags import Tag
from tests.unit.engine.imaging import CART, TERMS, A, B, Bench

ASKED = replace(TERMS, freshness=frozenset({IMAGE_CURRENT}), rescan_every=timedelta(hours=10))
KEY = (CART, A)
DOWN = ScanError("RegistryUnreachable", "The registry cannot be reached.")


async def tagged(bench: Bench, terms: ImageTerms = ASKED) -> Freshness | None:
    """Run an image by the tag 1.0, and ask what is to be asked."""
    bench.declare(terms=terms)
    bench.run_tagged(f"{CART}:1.0", A)
    return await looked(bench)


async def looked(bench: Bench) -> Freshness | None:
    tags = bench.imaging.tags
    await bench.look()
    while len(tags.queue):
        key = await tags.queue.get()
        assert key is not None
        await tags.check(key)
        tags.queue.done(key)
    return (await bench.look())[0].freshness


async def test_a_tag_is_asked_for_once_and_the_answer_is_told() -> None:
    bench = Bench()
    bench.adapter.leads_to["1.0"] = Tag("1.0", B, B)
    found = await tagged(bench)
    assert found is not None
    assert found.tags[0].digest == B
    (question,) = bench.adapter.questions_of_tags
    assert (question.repository, question.digest, question.tags) == ("shop/cart", A, ("1.0",))
    assert question.versions is False
    assert bench.told == ["shop"]
    await looked(bench)
    assert len(bench.adapter.questions_of_tags) == 1


async def test_nothing_is_asked_that_no_profile_asks_for() -> None:
    bench = Bench()
    assert await tagged(bench, TERMS) is None
    assert bench.adapter.questions_of_tags == []


async def test_a_registry_that_no_profile_lists_is_not_asked() -> None:
    bench = Bench()
    found = await tagged(bench, replace(ASKED, registries=("other.example.com",)))
    assert found is not None
    assert "does not list" in found.problem
    assert bench.adapter.questions_of_tags == []


async def test_it_is_asked_again_at_the_pace_of_rescans_spread_by_digest() -> None:
    bench = Bench()
    await tagged(bench)
    wait = await bench.imaging.tags.check(KEY)
    assert wait is not None
    assert timedelta(hours=9) < wait <= timedelta(hours=10)


async def test_what_was_known_stays_while_the_registry_is_down_and_is_asked_again_soon() -> None:
    bench = Bench()
    bench.adapter.leads_to["1.0"] = Tag("1.0", B, B)
    await tagged(bench)
    bench.adapter.failing = DOWN
    wait = await bench.imaging.tags.check(KEY)
    assert wait is not None
    assert wait <= timedelta(minutes=5)
    found = await looked(bench)
    assert found is not None
    assert (found.tags[0].digest, found.problem) == (B, DOWN.message)


async def test_a_tag_that_moved_is_told_with_when_and_nothing_is_told_that_did_not_change() -> None:
    bench = Bench()
    bench.adapter.leads_to["1.0"] = Tag("1.0", A, A)
    await tagged(bench)
    bench.told.clear()
    await bench.imaging.tags.check(KEY)
    assert bench.told == []
    bench.adapter.leads_to["1.0"] = Tag("1.0", B, B)
    moved = bench.clock.advance(hours=10)
    await bench.imaging.tags.check(KEY)
    assert bench.told == ["shop"]
    found = await looked(bench)
    assert found is not None
    assert found.tags[0].moved_at == moved


async def test_a_push_that_the_registry_tells_of_is_asked_about_at_once() -> None:
    bench = Bench()
    await tagged(bench)
    bench.imaging.notified.take([Notification(Happened.PUSHED, "shop/cart", B)])
    await looked(bench)
    assert len(bench.adapter.questions_of_tags) == 2


async def test_newer_versions_are_asked_for_where_a_profile_wants_to_know() -> None:
    bench = Bench()
    await tagged(bench, replace(ASKED, freshness=frozenset({IMAGE_NEWEST})))
    assert bench.adapter.questions_of_tags[0].versions is True


async def test_what_an_image_was_built_on_is_asked_for_only_in_registries_that_are_listed() -> None:
    terms = replace(ASKED, freshness=frozenset({BASE_CURRENT}))
    for name, asked in (("registry.example.com/base:1", 2), ("evil.example.com/base:1", 1)):
        bench = Bench()
        bench.adapter.built_on = (name, B)
        bench.adapter.leads_to["1"] = Tag("1", A, A)
        found = await tagged(bench, terms)
        assert found is not None
        assert found.base is not None
        assert len(bench.adapter.questions_of_tags) == asked
        assert found.base.outdated is (True if asked == 2 else None)
        assert bool(found.base.problem) is (asked == 1)


async def test_what_nobody_runs_any_more_is_forgotten() -> None:
    bench = Bench()
    await tagged(bench)
    bench.imaging.inventory.forget("shop")
    assert await bench.imaging.tags.check(KEY) is None
    assert len(bench.adapter.questions_of_tags) == 1


async def test_a_scanner_that_cannot_tell_is_said_to_be_none_that_can() -> None:
    bench = Bench(with_scanner=False)
    found = await tagged(bench)
    assert found is not None
    assert "only Bailiwick's own does" in found.problem


async def test_what_is_known_stands_in_the_image_scan_and_is_known_again_after_a_restart() -> None:
    bench = Bench()
    bench.adapter.built_on = ("registry.example.com/base:1", B)
    bench.adapter.leads_to |= {"1.0": Tag("1.0", A, A), "1": Tag("1", A, A)}
    terms = replace(ASKED, freshness=frozenset({IMAGE_CURRENT, BASE_CURRENT}))
    await tagged(bench, terms)
    await bench.settled()
    bench.adapter.leads_to["1.0"] = Tag("1.0", B, B)
    moved = bench.clock.advance(hours=10)
    await bench.imaging.tags.check(KEY)
    await bench.settled()
    written = bench.status(A)["freshness"]
    assert written["since"] == "2026-11-24T22:00:00Z"
    assert written["tags"] == [
        {
            "repository": CART,
            "name": "1.0",
            "digest": B,
            "manifest": B,
            "movedAt": "2026-11-24T22:00:00Z",
        }
    ]
    before = (await bench.look())[0].freshness
    bench.start()
    bench.declare(terms=terms)
    bench.run_tagged(f"{CART}:1.0", A)
    found = (await bench.look())[0].freshness
    assert found is not None
    assert before is not None
    assert (found.tags[0].digest, found.tags[0].moved_at) == (B, moved)
    assert found.base is not None
    assert found.base.outdated is True
    # It is asked for again, but not in the same second as all else that a restart knows.
    assert len(bench.imaging.tags.queue) == 0
    assert bench.imaging.tags.queue.delayed == 1


async def test_what_did_not_change_is_not_written_again() -> None:
    bench = Bench()
    bench.adapter.leads_to["1.0"] = Tag("1.0", A, A)
    # Scans are not renewed meanwhile.
    await tagged(bench, replace(ASKED, rescan_every=None))
    await bench.settled()
    before = bench.client.version
    bench.clock.advance(hours=10)
    await bench.imaging.tags.check(KEY)
    bench.imaging.image_queue.add(A)
    await bench.settled()
    assert bench.client.version == before


async def test_what_nobody_asks_for_any_more_is_no_longer_told() -> None:
    bench = Bench()
    bench.adapter.leads_to["1.0"] = Tag("1.0", A, A)
    await tagged(bench)
    await bench.settled()
    bench.terms["shop"] = TERMS
    await bench.look()
    bench.imaging.image_queue.add(A)
    await bench.settled()
    assert "freshness" not in bench.status(A)
