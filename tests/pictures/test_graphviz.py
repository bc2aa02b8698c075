"""Graphviz reads what is written for it, and every name as the name that it is."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from bailiwick.offline.picture.dot import as_dot
from bailiwick.offline.picture.model import Stroke
from tests.pictures.make import HOSTILE, picture, with_names
from tests.pictures.platform import platform


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
