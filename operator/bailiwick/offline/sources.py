"""What the arguments of a command name: files, directories of them, standard input, overlays."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

EXTENSIONS: Final = (".json", ".yaml", ".yml")
"""What kubectl reads in a directory."""

STANDARD_INPUT: Final = "-"
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_BUILDERS: Final = (("kustomize", "build"), ("kubectl", "kustomize"))
_BUILD_SECONDS: Final = 300


class CannotRead(Exception):
    """Something that was named and cannot be read; the message says what, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read objects from; `name` is what messages call it.

    `command` writes it where it is no file.
    """

    name: str
    path: Path | None = None
    command: tuple[str, ...] = ()

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open it; raises CannotRead."""
        if self.command:
            yield io.BytesIO(_output_of(self.command))
        elif self.path is None:
            yield sys.stdin.buffer
        else:
            try:
                with self.path.open("rb") as file:
                    yield file
            except OSError as error:
                raise CannotRead(f"{self.name}: {error.strerror}") from error


def sources(arguments: Sequence[str]) -> Iterator[Source]:
    """Go through what the arguments name, in order; raises CannotRead.

    A directory is read with all below it, but for hidden ones. One with a kustomization is built.
    """
    for argument in arguments:
        if argument == STANDARD_INPUT:
            yield Source("stdin")
            continue
        path = Path(argument)
        if not path.exists():
            raise CannotRead(f"{argument}: there is no such file or directory")
        if path.is_dir():
            yield from _within(path)
        else:
            yield Source(argument, path)


def _within(directory: Path) -> Iterator[Source]:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError as error:
        raise CannotRead(f"{directory}: {error.strerror}") from error
    names = {entry.name for entry in entries}
    if not names.isdisjoint(_KUSTOMIZATIONS):
        yield _built(directory)
        return
    if "Chart.yaml" in names:
        raise CannotRead(
            f"{directory} is a Helm chart, which is to be rendered first: "
            f"helm template {directory} | bailiwick plan -"
        )
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _within(Path(entry.path))
        elif entry.name.endswith(EXTENSIONS):
            yield Source(entry.path, Path(entry.path))


def _built(directory: Path) -> Source:
    for program, verb in _BUILDERS:
        found = shutil.which(program)
        if found:
            return Source(f"{program} {verb} {directory}", None, (found, verb, str(directory)))
    raise CannotRead(
        f"{directory} has a kustomization, which kustomize or kubectl can build, and neither is on "
        "the PATH. Install one of them, or hand over what it builds on standard input (-)"
    )


def _output_of(command: Sequence[str]) -> bytes:
    words = " ".join((Path(command[0]).name, *command[1:]))
    try:
        done = subprocess.run(command, capture_output=True, timeout=_BUILD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRead(f"{words}: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split()) or "it failed"
        raise CannotRead(f"{words}: {said}")
    return done.stdout
