"""What is generated from the types is what is checked in."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bailiwick.cli.crds import crds

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "option, path", [("--output", "crds"), ("--reference", "docs/reference/api.md")]
)
def test_what_is_checked_in_is_what_the_types_say(option: str, path: str) -> None:
    done = CliRunner().invoke(crds, ["--check", option, str(ROOT / path)])
    assert done.exit_code == 0, done.output


def test_a_file_that_differs_is_named(tmp_path: Path) -> None:
    (tmp_path / "api.md").write_text("older")
    done = CliRunner().invoke(crds, ["--check", "--reference", str(tmp_path / "api.md")])
    assert done.exit_code == 1
    assert f"not up to date: {tmp_path / 'api.md'}. Run `make crds`" in done.output
