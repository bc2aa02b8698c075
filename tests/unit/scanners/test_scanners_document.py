"""What docs/scanners.md shows and names is there, and the manifests beside it hold together."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bailiwick.cli.run import run
from bailiwick.cli.scanner import scanner
from bailiwick.cli.sources import load_sources
from bailiwick.scanners import errors
from bailiwick.scanners.configuration import InvalidSources, SourceType
from bailiwick.scanners.service import failures

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/scanners.md").read_text()
SCAN_TIME = timedelta(minutes=15)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scanners.yaml"


def test_the_list_that_it_shows_is_read_and_has_a_source_of_each_type(file: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    file.write_text(example)
    assert {each.type for each in load_sources(file, SCAN_TIME)} == set(SourceType)


def test_the_errors_that_it_shows_are_those_that_are_told(file: Path) -> None:
    shown = re.findall(r"^  (sources\[.*)$", TEXT, re.MULTILINE)
    lists = (
        "sources: [{name: a, type: TrivyOperator}, {name: b, type: Trivy}]",
        "sources: [{name: a, type: TrivyOperator}, {name: b, type: TrivyOperator},"
        " {name: c, type: Adapter}]",
    )
    told: list[str] = []
    for each in lists:
        file.write_text(each)
        with pytest.raises(InvalidSources) as caught:
            load_sources(file, SCAN_TIME)
        told += caught.value.problems
    assert told == shown


def test_every_option_that_it_names_exists() -> None:
    known = {name for command in (run, scanner) for p in command.params for name in p.opts}
    named = set(re.findall(r"--[a-z][a-z-]+", TEXT))
    assert named <= known


def test_the_reasons_that_it_names_exist() -> None:
    for reason in (errors.PENDING, errors.AMBIGUOUS, failures.TOO_LARGE):
        assert f"`{reason}`" in TEXT


def test_the_list_in_the_manifests_is_read_also_with_its_comments_taken_away(file: Path) -> None:
    shipped = ROOT / "manifests/overlays/scanners/scanners.yaml"
    (only,) = load_sources(shipped, SCAN_TIME)
    assert only.type is SourceType.ADAPTER
    file.write_text(re.sub(r"^# (?=- |  )", "", shipped.read_text(), flags=re.MULTILINE))
    assert {each.type for each in load_sources(file, SCAN_TIME)} == set(SourceType)
