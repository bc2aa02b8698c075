"""Logs: for people on a terminal, JSON otherwise."""

from __future__ import annotations

import logging
import re
import sys
from enum import StrEnum

from pythonjsonlogger.json import JsonFormatter


class LogFormat(StrEnum):
    """How log lines look; auto is text on a terminal and JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


def set_up_logging(form: LogFormat = LogFormat.AUTO, level: int = logging.INFO) -> None:
    """Send log lines to stderr, from WARNING on for libraries."""
    if form is LogFormat.AUTO:
        form = LogFormat.TEXT if sys.stderr.isatty() else LogFormat.JSON
    handler = logging.StreamHandler()
    if form is LogFormat.JSON:
        handler.setFormatter(
            JsonFormatter(
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            )
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    handler.addFilter(_is_news)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bailiwick").setLevel(level)


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out what Kopf says of a request's second try and of all further ones."""
    if not record.name.startswith("kopf."):
        return True
    attempt = re.match(r"Request attempt #(\d+)", record.getMessage())
    return attempt is None or attempt[1] == "1"
