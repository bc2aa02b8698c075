"""YAML to paste, as YAML reads it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.reports.snippets import flow

scalars = st.none() | st.booleans() | st.integers() | st.text()
words = st.from_regex(r"[A-Za-z0-9_./ -]{1,9}", fullmatch=True)
values = st.recursive(
    scalars | words,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(words, each, max_size=3),
    max_leaves=6,
)


@given(values)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    written = flow(value)
    assert "\n" not in written
    assert yaml.safe_load(written) == value


@pytest.mark.parametrize(
    "value, written",
    [
        ({"workload": {"matchLabels": {"app": "web"}}}, "{workload: {matchLabels: {app: web}}}"),
        ([8080, "9000-9100/UDP", "grpc"], '[8080, "9000-9100/UDP", grpc]'),
        ("orders are charged", "orders are charged"),
        ("true", '"true"'),
        ("No", '"No"'),
        ("2026-11-24", '"2026-11-24"'),
        ("a: b", '"a: b"'),
        ({}, "{}"),
    ],
)
def test_words_stand_as_they_are_and_all_else_in_quotes(value: Any, written: str) -> None:
    assert flow(value) == written
