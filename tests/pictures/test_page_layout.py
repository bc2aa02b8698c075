"""Nothing in a picture covers anything else, as the browser itself measures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.pictures.conftest import Show
from tests.pictures.make import page
from tests.unit.offline.make import EXAMPLES

Box = Mapping[str, float]
SIZES = ("shop", "examples", "platform")
SCREENS = ((1440, 900), (1920, 1080), (700, 900))


@pytest.fixture(scope="module", params=SIZES)
def drawn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, large: str
) -> str:
    """Return the page of a shop with 12 workloads, of all examples, or of 300 workloads."""
    if request.param == "platform":
        return large
    names = ["profile.yaml", "shop/*.yaml", "payments/*.yaml"]
    patterns = names if request.param == "shop" else ["profile.yaml", "[!c]*/*.yaml"]
    files = [file for pattern in patterns for file in sorted(EXAMPLES.glob(pattern))]
    return page(tmp_path_factory.mktemp("manifests"), *(file.read_text() for file in files))


def boxes(shown: Page, selector: str) -> list[Box]:
    found = shown.locator(selector).evaluate_all(
        "all => all.map(e => { const r = e.getBoundingClientRect(); return {left: r.left, "
        "top: r.top, right: r.right, bottom: r.bottom, name: e.ariaLabel ?? e.textContent}; })"
    )
    assert isinstance(found, list)
    return found


def overlapping(found: Sequence[Box]) -> list[tuple[object, object]]:
    return [
        (one["name"], other["name"])
        for one, other in combinations(found, 2)
        if one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    ]


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_covers_anything_else(show: Show, drawn: str, screen: tuple[int, int]) -> None:
    shown = show(drawn, width=screen[0], height=screen[1])
    workloads, titles = boxes(shown, ".node"), boxes(shown, ".group > button")
    assert len(workloads) >= 12
    assert overlapping([*workloads, *titles]) == []
    assert overlapping(boxes(shown, ".group")) == []


def test_every_workload_is_inside_the_box_of_its_namespace(show: Show, drawn: str) -> None:
    shown = show(drawn)
    groups = boxes(shown, ".group")
    for node in boxes(shown, ".node"):
        around = [
            group
            for group in groups
            if group["left"] < node["left"]
            and node["right"] < group["right"]
            and group["top"] < node["top"]
            and node["bottom"] < group["bottom"]
        ]
        assert len(around) == 1, node["name"]


def test_everything_is_in_sight_at_first(show: Show, drawn: str) -> None:
    shown = show(drawn)
    (view,) = boxes(shown, "#view")
    for box in boxes(shown, ".group"):
        assert view["left"] <= box["left"] < box["right"] <= view["right"], box["name"]
        assert view["top"] <= box["top"] < box["bottom"] <= view["bottom"], box["name"]


def test_no_text_leaves_its_workload(show: Show, drawn: str) -> None:
    shown = show(drawn)
    assert (
        shown.locator(".node").evaluate_all(
            "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
        )
        == []
    )


def test_the_names_of_a_small_picture_are_whole(show: Show, tmp_path: Path) -> None:
    files = [EXAMPLES / "profile.yaml", *sorted((EXAMPLES / "shop").glob("*.yaml"))]
    shown = show(page(tmp_path, *(file.read_text() for file in files)))
    cut = shown.locator(".node .start").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
    )
    assert cut == []


def test_at_300_workloads_names_can_be_read_without_any_click(show: Show, large: str) -> None:
    shown = show(large, width=1920, height=1080)
    least = shown.locator(".node .name").evaluate_all(
        "all => Math.min(...all.map(e => e.getBoundingClientRect().height))"
    )
    hidden = shown.locator(".node .name").evaluate_all(
        "all => all.filter(e => getComputedStyle(e).visibility === 'hidden').length"
    )
    assert (hidden, least > 11) == (0, True)


def test_lines_between_namespaces_are_bundled_until_one_is_chosen(show: Show, large: str) -> None:
    shown = show(large)
    assert 0 < shown.locator("#below .drawn").count() < 150
    before = shown.locator("#above .drawn").count()
    shown.locator(".group > button", has_text="payments").click()
    unfolded = shown.locator('#above .drawn:not(.faded)[data-kind="line"]').count()
    assert unfolded >= 12
    shown.keyboard.press("Escape")
    assert shown.locator("#above .drawn").count() == before
