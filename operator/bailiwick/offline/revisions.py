"""Directories as they are in a revision of Git."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Final

from bailiwick.offline.sources import CannotRead

_SECONDS: Final = 300


def both_ends(span: str) -> tuple[str, str]:
    """Read `A..B` as Git does: an end that is left out is HEAD, `A...B` begins where they parted.

    Raises CannotRead.
    """
    old, dots, new = span.partition("...")
    if dots:
        base = _git("merge-base", "--end-of-options", old or "HEAD", new or "HEAD")
        return base, new or "HEAD"
    old, dots, new = span.partition("..")
    if not dots:
        raise CannotRead(f"{span}: write two revisions: main..HEAD")
    return old or "HEAD", new or "HEAD"


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """Give a directory with the files of a revision, in place of where we are in the repository.

    Links are left out. Raises CannotRead.
    """
    tree = _git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{tree}}")
    prefix = _git("rev-parse", "--show-prefix")
    with TemporaryDirectory(prefix="bailiwick-") as directory:
        root = Path(directory)
        _extract(tree, root)
        yield root / prefix


def _extract(tree: str, root: Path) -> None:
    # From the top: an overlay may be built from what stands outside of where we are.
    command = [
        _program(),
        "-C",
        _git("rev-parse", "--show-toplevel"),
        "archive",
        "--format=tar",
        tree,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as git:
        assert git.stdout is not None  # it is a pipe
        with tarfile.open(fileobj=git.stdout, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
                    _write(root, PurePosixPath(member.name), content)
    if git.returncode != 0:
        raise CannotRead(f"git archive {tree} failed")


def _write(root: Path, name: PurePosixPath, content: IO[bytes]) -> None:
    if name.is_absolute() or ".." in name.parts:
        return
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.read())


def _program() -> str:
    found = shutil.which("git")
    if found is None:
        raise CannotRead("there is no git on the PATH, which --git needs")
    return found


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            (_program(), *arguments), capture_output=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRead(f"git cannot be run: {error}") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise CannotRead(f"git {arguments[0]}: {said}")
    return done.stdout.decode("utf-8", "surrogateescape").strip()
