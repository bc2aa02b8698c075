"""Logs: lines for people on a terminal, JSON for collectors."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from bailiwick.cli.logs import LogFormat, set_up_logging


class Screen(io.StringIO):
    """A standard error that is a terminal, or is none."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("bailiwick")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def written(
    monkeypatch: pytest.MonkeyPatch, form: LogFormat, *, terminal: bool = False
) -> list[str]:
    """What is written of a few records."""
    screen = Screen(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    set_up_logging(form)
    logging.getLogger("bailiwick.engine").info("shop: wrote %d network policies", 3)
    logging.getLogger("bailiwick.engine").debug("of no interest")
    logging.getLogger("aiohttp").info("of no interest")
    logging.getLogger("kopf.requests").warning("Request attempt #1/9 failed")
    logging.getLogger("kopf.requests").warning("Request attempt #2/9 failed")
    return screen.getvalue().splitlines()


def test_a_terminal_gets_lines_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = written(monkeypatch, LogFormat.AUTO, terminal=True)
    assert first.endswith("INFO    shop: wrote 3 network policies")
    assert second.endswith("WARNING Request attempt #1/9 failed")


def test_whatever_else_reads_them_gets_json(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = map(json.loads, written(monkeypatch, LogFormat.AUTO))
    assert first.keys() == {"time", "level", "logger", "message"}
    assert (first["level"], first["logger"]) == ("INFO", "bailiwick.engine")
    assert first["message"] == "shop: wrote 3 network policies"
    assert second["message"] == "Request attempt #1/9 failed"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_form_that_was_asked_for_is_kept(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    assert json.loads(written(monkeypatch, LogFormat.JSON, terminal=terminal)[0])
    assert not written(monkeypatch, LogFormat.TEXT, terminal=terminal)[0].startswith("{")
