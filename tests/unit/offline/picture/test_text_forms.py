"""The picture for Graphviz, which reads it here, and for Mermaid, whose grammar it keeps."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from bailiwick.offline.picture.dot import as_dot
from bailiwick.offline.picture.mermaid import as_mermaid
from bailiwick.offline.picture.model import Group, Line, Node, Picture, Side, Stroke
from tests.unit.offline.picture.make import picture, with_names
from tests.unit.offline.picture.platform import platform

HOSTILE: Final = (
    'a"]; evil [label="b',
    "back\\slash\\N\\",
    "<b>bold</b>",
    "end",
    "#35;%%{init: {}}%%",
    "`md` |pipe| --> x",
    "two\nlines\x00\x1b[31m",
    "émoji 🐙",
    "a\\",
    "",
)
_TEXT = r'"(?:[A-Za-z0-9 ,./:(){}_-]|#\d+;)*"'
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


def read_by_graphviz(text: str) -> dict[str, object]:
    done = subprocess.run(
        ["osage", "-Tdot_json"], input=text.encode(), capture_output=True, check=True, timeout=60
    )
    assert done.stderr == b""
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def objects(read: dict[str, object], key: str) -> list[dict[str, str]]:
    found = read.get(key, [])
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_graphviz_reads_whatever_stands_in_a_name_as_the_name(name: str) -> None:
    found = read_by_graphviz(as_dot(with_names(name)))
    printable = re.sub("[\x00-\x1f]", "\ufffd", name)
    nodes = [each for each in objects(found, "objects") if each["name"].startswith("n")]
    labels = [each["label"].replace("\\\\", "\\") for each in nodes]
    assert labels == [f"{printable} (open to all)", printable]
    assert len(objects(found, "edges")) == len(Stroke)


def test_graphviz_draws_strokes_that_differ_in_more_than_colour() -> None:
    edges = objects(read_by_graphviz(as_dot(with_names("a"))), "edges")
    looks = {
        tuple(each.get(key, "") for key in ("style", "arrowhead", "penwidth", "dir"))
        for each in edges
    }
    assert len(looks) == len(Stroke)


def test_graphviz_reads_a_large_platform(tmp_path: Path) -> None:
    found = picture(tmp_path, platform())
    read = read_by_graphviz(as_dot(found))
    assert len(objects(read, "edges")) == len(found.lines)


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
