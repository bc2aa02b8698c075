"""The page for those who see little, no colours, or nothing: roles, names, contrast, shapes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import (  # type: ignore[import-untyped]  # it has none
    Axe,
)
from playwright.sync_api import Page

from bailiwick.offline.picture.model import MEANINGS
from bailiwick.offline.picture.page import as_page
from tests.pictures.conftest import Show
from tests.pictures.make import page, with_names
from tests.pictures.platform import platform

LEAST_TEXT = 4.5
LEAST_LINE = 3.0
"""WCAG 2.2, success criteria 1.4.3 and 1.4.11."""


def luminance(colour: str) -> float:
    """Return the relative luminance of `rgb(1, 2, 3)`, as WCAG 2.2 defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def style(shown: Page, selector: str, name: str) -> str:
    found = shown.locator(selector).first.evaluate("(e, name) => getComputedStyle(e)[name]", name)
    assert isinstance(found, str)
    return found


def violations(shown: Page) -> list[str]:
    found = Axe().run(shown).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_axe_finds_nothing(show: Show, tmp_path: Path, large: str, theme: str, size: str) -> None:
    shown = show(large if size == "large" else page(tmp_path, platform(3, 4)), theme=theme)
    assert violations(shown) == []
    shown.locator('.node[aria-label^="identity-api"]').click()
    shown.locator("#panel summary").first.click()
    shown.locator("#panel .half").first.wait_for()
    assert violations(shown) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_line_and_text_stands_out_from_what_is_behind_it(show: Show, theme: str) -> None:
    shown = show(as_page(with_names("a"), lambda _: []), theme=theme)
    behind = [style(shown, selector, "backgroundColor") for selector in ("body", ".group")]
    for number in range(len(MEANINGS)):
        line = style(shown, f"#legend label:nth-of-type({number + 1}) .line", "stroke")
        assert min(contrast(line, each) for each in behind) >= LEAST_LINE, list(MEANINGS)[number]
    for inner, outer in ((".node .name", ".node"), (".held", ".group"), (".count", "header")):
        texts = style(shown, inner, "color"), style(shown, outer, "backgroundColor")
        assert contrast(*texts) >= LEAST_TEXT, inner
    assert contrast(style(shown, ".node", "borderTopColor"), behind[1]) >= LEAST_LINE


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_not_chosen_steps_back_and_can_still_be_read(
    show: Show, tmp_path: Path, theme: str
) -> None:
    shown = show(page(tmp_path, platform(3, 4)), theme=theme)
    shown.locator('.node[aria-label^="identity-scheduler"]').click()
    for inner, outer in ((".node.faded .name", ".node.faded"), (".group.faded .name", ".group")):
        texts = style(shown, inner, "color"), style(shown, outer, "backgroundColor")
        assert contrast(*texts) >= LEAST_TEXT, inner
    assert shown.locator(".node.near").count() == 3


def test_lines_differ_in_more_than_colour(show: Show) -> None:
    shown = show(as_page(with_names("a"), lambda _: []))
    looks = shown.locator("#legend .sample").evaluate_all(
        """all => all.map(e => {
            const style = getComputedStyle(e.querySelector('.line'));
            const head = e.querySelector('.head');
            return [style.strokeDasharray, style.strokeWidth, head.getAttribute('d')].join();
        })"""
    )
    assert len(set(looks)) == len(looks) == len(MEANINGS)


def test_everything_that_can_be_chosen_is_a_button_with_a_name_that_tells_all(
    show: Show, tmp_path: Path
) -> None:
    shown = show(page(tmp_path, platform(3, 4)))
    node = shown.get_by_role("button", name="identity-api, Deployment in namespace identity")
    assert node.get_attribute("aria-label") == (
        "identity-api, Deployment in namespace identity; 1 out, 3 in"
    )
    assert node.get_attribute("aria-pressed") == "false"
    node.click()
    assert node.get_attribute("aria-pressed") == "true"
    assert shown.get_by_role("region", name="Picture").count() == 1
    assert shown.get_by_role("searchbox", name="Search workloads").count() == 1
    assert shown.get_by_role("combobox", name="Namespace").count() == 1
    assert shown.get_by_role("complementary", name="What is chosen").count() == 1
    assert shown.locator('#canvas button[tabindex="0"]').count() == 1
