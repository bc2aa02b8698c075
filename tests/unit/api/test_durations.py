from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.api.durations import (
    DURATION_PATTERN,
    InvalidDuration,
    format_duration,
    parse_duration,
)

durations = st.from_regex(DURATION_PATTERN, fullmatch=True).filter(str.isascii)


@given(durations)
def test_whatever_the_schema_accepts_is_read_and_can_be_counted_with(text: str) -> None:
    duration = parse_duration(text)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert now - duration <= now <= now + duration
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=9))
def test_what_is_read_is_what_the_schema_accepts(text: str) -> None:
    accepted = re.fullmatch(DURATION_PATTERN, text) is not None
    if accepted:
        parse_duration(text)
        return
    with pytest.raises(InvalidDuration):
        parse_duration(text)


@pytest.mark.parametrize(
    "text, duration",
    [
        ("60s", timedelta(minutes=1)),
        ("90m", timedelta(hours=1, minutes=30)),
        ("24h", timedelta(days=1)),
        ("15d", timedelta(days=15)),
        ("0s", timedelta()),
    ],
)
def test_units(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "1", "h", "1h30m", "-1h", "1.5h", "1 h", "1w", "10000d"])
def test_what_is_no_duration_is_told_with_examples(text: str) -> None:
    with pytest.raises(InvalidDuration, match="write a whole number and a unit"):
        parse_duration(text)


def test_what_is_too_long_in_days_is_written_in_hours() -> None:
    assert format_duration(parse_duration("300384h")) == "300384h"


def test_a_negative_duration_has_no_form() -> None:
    with pytest.raises(ValueError, match="negative"):
        format_duration(timedelta(seconds=-1))
