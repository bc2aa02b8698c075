"""Files, directories, standard input and overlays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bailiwick.offline.sources import CannotRead, sources


def names(*arguments: object) -> list[str]:
    return [source.name for source in sources([str(each) for each in arguments])]


def test_a_directory_is_read_with_all_below_it(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.json", "c.yml", "notes.txt", ".hidden.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "d.yaml").touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "e.yaml").touch()
    found = [os.path.relpath(name, tmp_path) for name in names(tmp_path)]
    assert found == ["a.json", "b.yaml", "c.yml", "deep/d.yaml"]


def test_a_file_that_is_named_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "rendered.out"
    file.write_bytes(b"a: 1")
    (source,) = sources([str(file)])
    with source.open() as stream:
        assert stream.read() == b"a: 1"


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(CannotRead, match="no-such-thing: there is no such file or directory"):
        names("no-such-thing")


def test_a_chart_is_to_be_rendered_first(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").touch()
    with pytest.raises(CannotRead, match=r"Helm chart.*helm template"):
        names(tmp_path)


def _program(directory: Path, name: str, script: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


@pytest.mark.parametrize("program, verb", [("kustomize", "build"), ("kubectl", "kustomize")])
def test_a_kustomization_is_built(
    program: str, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "kustomization.yaml").touch()
    _program(tmp_path / "bin", program, 'echo "built: $*"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (source,) = sources([str(tmp_path)])
    assert source.name == f"{program} {verb} {overlay}"
    with source.open() as stream:
        assert stream.read() == f"built: {verb} {overlay}\n".encode()


def test_a_kustomization_that_cannot_be_built_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kustomization.yaml").touch()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(CannotRead, match="neither is on the PATH"):
        names(tmp_path)
    _program(tmp_path / "bin", "kustomize", "echo no such base >&2; exit 1")
    (source,) = sources([str(tmp_path)])
    with pytest.raises(CannotRead, match="no such base"), source.open():
        pass
