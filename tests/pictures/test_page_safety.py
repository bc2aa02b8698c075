"""A page holds names that strangers chose: they are shown, and nothing of them ever runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bailiwick.offline.picture.page import as_page
from tests.pictures.conftest import Show
from tests.pictures.make import HOSTILE, page, with_names
from tests.pictures.platform import platform


def test_its_policy_lets_nothing_in_but_its_own_program_and_style(tmp_path: Path) -> None:
    text = page(tmp_path, platform(3, 4))
    found = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert found
    rules = dict(rule.strip().split(" ", 1) for rule in found[1].split(";"))
    assert rules.pop("default-src") == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", rules.pop("script-src"))
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", rules.pop("style-src"))
    assert set(rules.values()) <= {"'none'", "'script'"}
    assert "http://" not in re.sub("http://www.w3.org/2000/svg", "", text)
    assert "https://" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_shown_as_it_is(show: Show, name: str) -> None:
    shown = show(as_page(with_names(name), lambda _: [name]))
    assert shown.title() == "Who can reach whom"
    assert shown.locator("img").count() == 0
    assert shown.locator("script").count() == 2
    assert shown.locator(".node .name").first.text_content() == name
    assert shown.locator("#only option").nth(1).text_content() == name
    shown.locator(".node").first.click()
    assert shown.locator("#panel h2").text_content() == name


def test_a_program_that_gets_into_the_page_all_the_same_does_not_run(
    browser: Browser, tmp_path: Path
) -> None:
    text = page(tmp_path, platform(3, 4))
    file = tmp_path / "page.html"
    foreign = "<script>document.title = 'run'</script><main>"
    file.write_text(text.replace("<main>", foreign, 1))
    refused: list[str] = []
    shown = browser.new_page()
    shown.on("console", lambda message: refused.append(message.text))
    shown.goto(file.as_uri())
    assert shown.title() == "Who can reach whom"
    assert ["script-src" in each for each in refused] == [True]
    shown.close()
