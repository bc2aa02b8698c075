"""Durations as people write them in our kinds: `60s`, `90m`, `24h`, `15d`."""

from __future__ import annotations

import re
from datetime import timedelta

# Bounded so that an instant less or more a duration is still one that Python can hold.
DURATION_PATTERN = "^([0-9]{1,6}[smh]|[0-9]{1,4}d)$"

_FORM = re.compile(r"([0-9]{1,6})([smh])|([0-9]{1,4})(d)", re.ASCII)
_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


class InvalidDuration(ValueError):
    """A duration that cannot be read; the message says what to write instead."""


def parse_duration(text: str) -> timedelta:
    """Read a duration: a whole number and one of the units s, m, h, d; raises InvalidDuration."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise InvalidDuration(
            f'"{text}" is not a duration: write a whole number and a unit, such as 60s, 90m, '
            "24h or 15d, at most 9999d"
        )
    number, unit = filter(None, match.groups())
    return int(number) * _UNITS[unit]


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that can hold it without a rest, parts of a second off.

    Raises ValueError for a negative duration, which has no form here.
    """
    if duration < timedelta():
        raise ValueError(f"{duration} is negative")
    whole = timedelta(seconds=duration // timedelta(seconds=1))
    for unit, size in _UNITS.items():
        text = f"{whole // size}{unit}"
        if whole >= size and not whole % size and _FORM.fullmatch(text):
            return text
    return "0s"
