"""The ``bailiwick`` command starts light and fails in one line."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from bailiwick.cli import main as main_module
from bailiwick.cli.main import COMMANDS, LazyGroup, main


def _run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    captured = capsys.readouterr()
    code = exited.value.code
    assert isinstance(code, int)
    return code, captured.out, captured.err


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``bailiwick crds`` a command that fails as a bug or a refused connection would."""

    def fail(self: LazyGroup, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: ARG001  # click's signature
        def body() -> None:
            raise OSError("cannot reach\n the API server")

        return click.Command(cmd_name, callback=body)

    monkeypatch.setattr(LazyGroup, "get_command", fail)


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(["--version"], capsys)
    assert code == 0
    assert version("bailiwick-operator") in out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(["--help"], capsys)
    assert code == 0
    for name in COMMANDS:
        assert name in out


def test_help_imports_no_command() -> None:
    """Kopf alone takes longer to import than everything else here together."""
    code = (
        "import sys; from bailiwick.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'kopf', 'aiohttp', 'pydantic', 'kubernetes'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("failing")
def test_a_failure_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(["crds"], capsys)
    assert (code, out) == (1, "")
    assert err == "Error: cannot reach the API server (--debug shows where)\n"


@pytest.mark.usefixtures("failing")
def test_debug_shows_where_it_failed() -> None:
    with pytest.raises(OSError, match="cannot reach"):
        main(["--debug", "crds"])


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(["crdz"], capsys)
    assert code == 2
    assert "No such command 'crdz'" in err


def test_a_target_that_is_no_command_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    group = LazyGroup({"odd": ("bailiwick.cli.main:COMMANDS", "")}, name="bailiwick")
    monkeypatch.setattr(main_module, "cli", group)
    code, _, err = _run(["odd"], capsys)
    assert code == 1
    assert "bailiwick.cli.main:COMMANDS is not a click command" in err
