"""What `make` hands on, and what it does not: a cluster must be named on its command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = "KEEP SHORT KUBECONFIG CONTEXT BAILIWICK_KUBECONFIG BAILIWICK_CONTEXT"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose interpreter only tells which of the user's choices reached it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    interpreter = tmp_path / ".venv/bin/python"
    interpreter.write_text(
        "#!/bin/sh\n"
        'echo "runs: $*"\n'
        f'for name in {SHOWN}; do eval "value=\\${{$name-}}"; '
        '[ -z "$value" ] || echo "$name=$value"; done\n'
    )
    installer = tmp_path / "tests/install-system-packages"
    installer.write_text("#!/bin/sh\n")
    for program in (interpreter, installer):
        program.chmod(0o755)
    for name in ("requirements-build.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / ".venv/.bailiwick-installed").touch()
    return tmp_path


def _make(checkout: Path, *arguments: str, **environment: str) -> list[str]:
    """Run make and return what it printed, line by line."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in (*SHOWN.split(), "ARGS", "MFLAGS") and not name.startswith("MAKE")
    }
    done = subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_nothing_is_handed_on_by_default(checkout: Path) -> None:
    assert _make(checkout, "demo") == ["runs: -m tests.demo"]


@pytest.mark.parametrize("target", ["demo", "bench", "test"])
def test_a_cluster_on_the_command_line_is_used(checkout: Path, target: str) -> None:
    shown = _make(checkout, target, "KUBECONFIG=/home/me/my config", "CONTEXT=staging")
    assert shown[-2:] == ["BAILIWICK_KUBECONFIG=/home/me/my config", "BAILIWICK_CONTEXT=staging"]
    assert not any("ignored" in line for line in shown)


@pytest.mark.parametrize(
    "target, how",
    [("demo", " To use that cluster: make demo KUBECONFIG=/etc/production"), ("test", "")],
)
def test_an_exported_kubeconfig_is_ignored_and_said_so(
    checkout: Path, target: str, how: str
) -> None:
    shown = _make(checkout, target, KUBECONFIG="/etc/production", CONTEXT="production")
    ignored = "The exported KUBECONFIG is ignored."
    assert [line for line in shown if line.startswith(ignored)] == [f"{ignored}{how}"]
    assert not any("=" in line for line in shown if not line.startswith(ignored))


def test_tests_refuse_a_cluster_of_yours() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", __file__],
        cwd=ROOT,
        env={**os.environ, "BAILIWICK_KUBECONFIG": "/mine"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Leave KUBECONFIG out" in done.stdout + done.stderr


def test_a_command_line_overrides_what_is_exported(checkout: Path) -> None:
    shown = _make(checkout, "demo", "KUBECONFIG=/mine", KUBECONFIG="/etc/production")
    assert shown == ["runs: -m tests.demo", "BAILIWICK_KUBECONFIG=/mine"]


def test_keep_and_short_are_handed_on(checkout: Path) -> None:
    assert _make(checkout, "demo", "KEEP=1") == ["runs: -m tests.demo", "KEEP=1"]
    assert _make(checkout, "bench", "SHORT=1") == ["runs: -m tests.bench", "SHORT=1"]
    assert _make(checkout, "bench", SHORT="1", KEEP="1") == ["runs: -m tests.bench"]


def test_an_internal_variable_in_the_environment_names_no_cluster(checkout: Path) -> None:
    shown = _make(checkout, "demo", BAILIWICK_KUBECONFIG="/etc/production")
    assert shown == ["runs: -m tests.demo"]


def test_help_describes_every_target_a_contributor_runs() -> None:
    shown = _make(ROOT, "help")
    described = {line.split()[0] for line in shown if line.startswith("  ") and line.split()}
    assert {
        "setup",
        "lint",
        "format",
        "test",
        "demo",
        "bench",
        "crds",
        "lock",
        "clean",
    } <= described
