"""A browser to look at pages with, and a page in it that is held to be quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.pictures.chromium import chromium
from tests.pictures.make import page
from tests.pictures.platform import platform

Show = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a platform with 300 workloads in 25 namespaces."""
    return page(tmp_path_factory.mktemp("platform"), platform())


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Open a page from a file; afterwards: it complained of nothing, and asked for nothing."""
    told: list[str] = []
    asked: list[str] = []
    context = browser.new_context(offline=True)

    def open_page(text: str, theme: str = "light", width: int = 1440, height: int = 900) -> Page:
        file = tmp_path / "page.html"
        file.write_text(text)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        return page

    yield open_page
    pages = [page.url for page in context.pages]
    context.close()
    assert told == []
    assert asked == pages
