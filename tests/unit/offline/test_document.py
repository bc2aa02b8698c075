"""The commands of docs/plan.md print what it shows, and the examples for CI call what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from bailiwick.cli.main import cli

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "plan.md").read_text()
SHOWN = re.findall(r"```console\n\$ bailiwick (.*?)\n(.*?)```", TEXT, re.DOTALL)
NAMED = re.findall(r"^bailiwick (.*)$", TEXT, re.MULTILINE)
CI = sorted((ROOT / "manifests" / "examples" / "ci").iterdir())


def words(line: str) -> list[str]:
    """The arguments of a command line, without what a shell makes of the rest."""
    found = shlex.split(re.split(r" [|>] ", line)[0])
    return [each for each in found if each != "||"]


def check(line: str) -> None:
    """Have the command read its arguments, and do nothing."""
    name, *arguments = words(line)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, name
    command.make_context(name, arguments)


@pytest.mark.parametrize("line, output", SHOWN, ids=[line for line, _ in SHOWN])
def test_what_the_document_shows_is_what_is_printed(
    line: str, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    name, *arguments = words(line)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert CliRunner().invoke(command, arguments).stdout == output


@pytest.mark.parametrize("line", NAMED)
def test_commands_that_the_document_names_can_be_called_so(line: str) -> None:
    check(line)


@pytest.mark.parametrize("path", CI, ids=lambda path: path.name)
def test_the_examples_for_ci_call_what_there_is(path: Path) -> None:
    lines = list(strings(yaml.safe_load(path.read_text())))
    calls = [line.removeprefix("bailiwick ") for line in lines if line.startswith("bailiwick ")]
    assert len(calls) >= 2
    for call in calls:
        check(call)


def test_the_hook_for_pre_commit_calls_what_there_is() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    check(f"{hook['entry'].removeprefix('bailiwick ')} manifests")


def strings(value: Any) -> list[str]:
    """Every text in some YAML."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    return [text for each in value for text in strings(each)] if isinstance(value, list) else []
