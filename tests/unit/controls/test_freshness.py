"""Whether what runs is what the registry has now, as far as the registry told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bailiwick.policy.assessment.evidence import ImageFact
from bailiwick.policy.controls.evaluate import evaluate
from bailiwick.policy.controls.result import Result
from bailiwick.policy.images.freshness import (
    FRESHNESS_CONTROLS,
    BaseFact,
    Freshness,
    TagFact,
    noticed,
    tags_of,
)
from tests.unit.controls.make import NOW, digest, effective, evidence, image, running

RUNS = digest(1)
OTHER = digest(2)
INDEX = digest(3)


def judged(control: str, *images: ImageFact) -> Result:
    """Evaluate one control for a profile that asks for all of them."""
    asked = effective(controls=dict.fromkeys(FRESHNESS_CONTROLS, "Fail"))
    given = evidence(effective=asked, images=images)
    return next(e.result for e in evaluate(given) if e.control.id == control)


def tagged(*tags: TagFact, problem: str = "", base: BaseFact | None = None) -> ImageFact:
    """An image that is run by the tag 1.0, with what the registry said of it."""
    known = Freshness(NOW, tags, base, problem)
    return replace(image(), running=running(tag="1.0"), freshness=known)


@pytest.mark.parametrize(
    "tag, outcome, words",
    [
        (TagFact("1.0", RUNS, RUNS), "pass", "1 tag, all leading to what runs"),
        (TagFact("1.0", INDEX, RUNS), "pass", "1 tag"),
        (TagFact("1.0", OTHER, OTHER), "fail", "shop/cart:1.0 leads to sha256:000000000000"),
        (TagFact("1.0", OTHER, OTHER, moved_at=NOW), "fail", "since 2026-11-24"),
        (TagFact("1.0"), "fail", "gone from the registry"),
    ],
)
def test_what_runs_is_what_its_tag_leads_to(tag: TagFact, outcome: str, words: str) -> None:
    result = judged("image-current", tagged(tag))
    assert result.outcome == outcome
    assert words in result.message


def test_an_image_that_a_pod_names_by_an_index_is_that_of_the_tag() -> None:
    by_index = replace(running(tag="1.0"), indexes=(INDEX,))
    fact = replace(tagged(TagFact("1.0", INDEX, OTHER)), running=by_index)
    assert judged("image-current", fact).outcome == "pass"


def test_what_is_named_by_digest_alone_has_no_tag_to_compare() -> None:
    assert tags_of(running()) == ()
    assert judged("image-current", image()).outcome == "pass"


def test_no_tag_at_all_is_latest() -> None:
    assert tags_of(replace(running(), declared=("registry.example.com/shop/cart",))) == ("latest",)


@pytest.mark.parametrize("control", FRESHNESS_CONTROLS)
def test_what_was_not_asked_yet_is_no_pass(control: str) -> None:
    result = judged(control, replace(image(), running=running(tag="1.0")))
    assert result.outcome == "error"
    assert "has not been asked yet" in result.message


def test_an_answer_that_could_not_be_renewed_is_no_pass_but_what_it_found_stays_found() -> None:
    down = "The registry cannot be reached."
    result = judged("image-current", tagged(TagFact("1.0", RUNS, RUNS), problem=down))
    assert (result.outcome, down in result.message) == ("error", True)
    result = judged("image-current", tagged(TagFact("1.0", OTHER, OTHER), problem=down))
    assert result.outcome == "fail"


@pytest.mark.parametrize(
    "base, outcome, words",
    [
        (BaseFact("base:1", OTHER, TagFact("1", OTHER, OTHER)), "pass", "what their base is now"),
        (BaseFact("base:1", OTHER, TagFact("1", INDEX, OTHER)), "pass", "what their base is now"),
        (BaseFact("base:1", OTHER, TagFact("1", RUNS, RUNS)), "fail", "shop/cart, built on base:1"),
        (BaseFact("base:1", OTHER, None, "It is not listed."), "error", "It is not listed."),
        (None, "error", "org.opencontainers.image.base.name"),
    ],
)
def test_an_image_is_built_on_what_its_base_is_now(
    base: BaseFact | None, outcome: str, words: str
) -> None:
    result = judged("image-base-current", tagged(TagFact("1.0", RUNS, RUNS), base=base))
    assert result.outcome == outcome
    assert words in result.message


def test_a_newer_version_is_named() -> None:
    result = judged("image-newest", tagged(TagFact("1.0", RUNS, RUNS, newer="1.4")))
    assert (result.outcome, "shop/cart:1.0, now 1.4" in result.message) == ("fail", True)
    assert judged("image-newest", tagged(TagFact("1.0", RUNS, RUNS))).outcome == "pass"


def test_when_a_tag_was_seen_to_move_is_kept() -> None:
    first = Freshness(NOW, tuple(noticed(None, [TagFact("1.0", RUNS)], NOW)))
    assert first.tags[0].moved_at is None
    moved = noticed(first, [TagFact("1.0", OTHER)], NOW)
    assert moved[0].moved_at == NOW
    again = noticed(Freshness(NOW, tuple(moved)), [TagFact("1.0", OTHER)], NOW.replace(year=2027))
    assert again[0].moved_at == NOW
