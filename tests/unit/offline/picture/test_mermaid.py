"""The picture for Mermaid: every line of it is of the grammar, whatever stands in a name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from bailiwick.offline.picture.mermaid import as_mermaid
from bailiwick.offline.picture.model import Group, Line, Node, Picture, Side, Stroke
from tests.pictures.make import HOSTILE, picture, with_names
from tests.pictures.platform import platform

_TEXT = r'"(?:[A-Za-z0-9 ,./:(){}_-]|#\d+;)+"'
_ID = r"[ng]\d+"
MERMAID: Final = (
    r"flowchart LR",
    rf"  subgraph g\d+\[{_TEXT}\]",
    rf"    n\d+\[{_TEXT}\]",
    r"  end",
    rf"  g\d+\[{_TEXT}\]",
    rf"  {_ID} (?:-->|==>|--o|-\.->|--x)\|{_TEXT}\| {_ID}",
    r"  linkStyle \d+(?:,\d+)* stroke:#[0-9a-f]{6}(?:,stroke-width:\dpx|,stroke-dasharray:[\d ]+)?",
    r"  %% [A-Za-z0-9 ,]+",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_every_line_for_mermaid_is_of_its_grammar_whatever_stands_in_a_name(name: str) -> None:
    for line in as_mermaid(with_names(name)).splitlines():
        assert any(re.fullmatch(form, line) for form in MERMAID), line


def test_mermaid_is_given_the_namespaces_alone_where_there_are_too_many_lines(
    tmp_path: Path,
) -> None:
    large = as_mermaid(picture(tmp_path, platform()))
    assert all(any(re.fullmatch(form, line) for form in MERMAID) for line in large.splitlines())
    assert "306 workloads with" in large
    assert "subgraph" not in large
    assert large.count("|") < 2 * 400
    small = as_mermaid(picture(tmp_path, platform(3, 4)))
    assert "subgraph" in small


def test_mermaid_tells_each_stroke_in_words_too() -> None:
    groups = (Group(Side.NAMESPACE, "a"), Group(Side.NAMESPACE, "b"))
    lines = tuple(Line(0, 1, stroke, "80") for stroke in Stroke)
    text = as_mermaid(Picture(groups, (Node(0, "x"), Node(1, "y")), lines))
    for stroke in set(Stroke) - {Stroke.DECLARED, Stroke.UNDECLARED}:
        assert f'|"{stroke.value}: 80"|' in text
