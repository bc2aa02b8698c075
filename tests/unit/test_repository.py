"""What must hold for the files around the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-build.lock",
    "requirements-go.lock",
)
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ]+)", re.MULTILINE)


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _pins(lock: str) -> dict[str, str]:
    found = PINNED.finditer((ROOT / lock).read_text())
    return {_normal(match["name"]): match["version"] for match in found}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(requirements: list[Any]) -> set[str]:
    """Return the names in requirements, those of included groups left out."""
    texts = [text for text in requirements if isinstance(text, str)]
    return {_normal(re.split(r"[<>=!~;\[ ]", text, maxsplit=1)[0]) for text in texts}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
    entries = [entry for entry in re.split(r"\n(?=[^ ])", text) if entry.strip()]
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_locks_name_what_the_project_asks_for() -> None:
    project = _project()
    runtime = _named(project["project"]["dependencies"])
    groups = project["dependency-groups"]
    assert runtime <= _pins("requirements.lock").keys()
    assert (
        runtime | _named(groups["dev"]) | _named(groups["build"])
        <= _pins("requirements-dev.lock").keys()
    )
    for group in ("build", "go"):
        assert _named(groups[group]) <= _pins(f"requirements-{group}.lock").keys()


def test_locks_agree_with_one_another() -> None:
    everything = _pins("requirements-dev.lock")
    for lock in ("requirements.lock", "requirements-build.lock"):
        pins = _pins(lock)
        assert pins == {name: everything.get(name) for name in pins}


def _imported() -> set[str]:
    """Return the top names of all that the package imports of others."""
    names: set[str] = set()
    for path in (ROOT / "operator/bailiwick").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"bailiwick"}


def test_the_project_asks_for_what_it_imports_and_for_nothing_else() -> None:
    known = packages_distributions()
    imported = {_normal(name) for module in _imported() for name in known[module]}
    assert imported == _named(_project()["project"]["dependencies"])


def test_contributors_are_told_of_every_room() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "operator/bailiwick").glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}`" not in table} == set()


def test_the_source_root_is_no_package() -> None:
    """A package named operator would shadow the standard library's module."""
    assert not (ROOT / "operator/__init__.py").exists()


def test_every_room_of_the_package_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "operator/bailiwick").rglob("*.py"))
        if path.read_text().strip() and not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_no_file_of_the_package_is_longer_than_one_can_hold_in_mind() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in (ROOT / "operator/bailiwick").rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_pre_commit_runs_what_lint_runs() -> None:
    recipe = subprocess.run(
        ["make", "--dry-run", "--always-make", "lint"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    commands = set(re.findall(r"^\.venv/bin/((?!python|uv|pip).+)$", recipe, re.MULTILINE))
    assert len(commands) >= 6
    assert {
        command for command in commands if f"entry: .venv/bin/{command}\n" not in hooks
    } == set()
