"""Running a program within limits, and leaving nothing of it behind."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_STDERR_BYTES = 64 * 1024
_STDERR_BEGINNING = 4 * 1024
_LOOK_SECONDS = 0.2
_NEVER_SECONDS = 24 * 3600.0
# What of its memory a Go program collects garbage for before it asks for more.
_SOFT_SHARE = 0.8
_GRACE_SECONDS = 2.0
_PASSED_ON = (
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


class ProgramMissing(Exception):
    """The program is not where it was said to be."""


class OutOfTime(Exception):
    """The program ran longer than it may, and was ended."""


class OutOfRoom(Exception):
    """The program wrote more than it may, and was ended."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a program may use: seconds, and bytes of one file, of memory, and of its directory.

    Zero is no limit.
    """

    seconds: float
    file_bytes: int
    memory_bytes: int = 0
    directory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended: its exit code, all of stdout, and of stderr the beginning and end."""

    code: int
    stdout: bytes
    stderr: str


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Make an environment that holds nothing of ours but proxies and CAs.

    Everything that a program may keep lies below `home`, registry credentials of whoever runs
    us do not.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    here = str(home)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": here,
        "TMPDIR": here,
        "XDG_CACHE_HOME": here,
        "XDG_CONFIG_HOME": here,
        "NO_COLOR": "1",
        **kept,
        **extra,
    }


async def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    bounds: Bounds,
    stdout_bytes: int = 1024 * 1024,
) -> Completed:
    """Run a program in a process group of its own.

    Raises ProgramMissing, OutOfTime and OutOfRoom. Stdout beyond `stdout_bytes` is thrown away.
    The group is ended when a bound is reached or the caller is cancelled.
    """
    if bounds.memory_bytes:
        env = {**env, "GOMEMLIMIT": str(int(bounds.memory_bytes * _SOFT_SHARE))}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramMissing(f"{command[0]}: {error.strerror}") from error
    _limit(process.pid, resource.RLIMIT_FSIZE, bounds.file_bytes)
    _limit(process.pid, resource.RLIMIT_DATA, bounds.memory_bytes)
    assert process.stdout is not None
    assert process.stderr is not None
    watch = asyncio.create_task(_keep_within(process.pid, cwd, bounds.directory_bytes))
    try:
        async with asyncio.timeout(bounds.seconds):
            out, err, code = await asyncio.gather(
                _first(process.stdout, stdout_bytes),
                _ends(process.stderr, _STDERR_BEGINNING, _STDERR_BYTES),
                process.wait(),
            )
        if watch.done():
            raise OutOfRoom(f"{command[0]} wrote more than {bounds.directory_bytes} bytes")
    except TimeoutError:
        raise OutOfTime(f"{command[0]} ran for more than {bounds.seconds:.0f} seconds") from None
    finally:
        watch.cancel()
        await _end(process)
    return Completed(code, out, err.decode(errors="replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End what is left of the group: the program itself, and what it may have started."""
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await process.wait()
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _first(stream: asyncio.StreamReader, limit: int) -> bytes:
    kept = bytearray()
    while chunk := await stream.read(65536):
        kept += chunk[: max(0, limit - len(kept))]
    return bytes(kept)


async def _ends(stream: asyncio.StreamReader, beginning: int, end: int) -> bytes:
    """Read the beginning and the end: a program that crashes says why first, others last."""
    first, last = bytearray(), bytearray()
    while chunk := await stream.read(65536):
        taken = max(0, beginning - len(first))
        first += chunk[:taken]
        last += chunk[taken:]
        del last[:-end]
    return bytes(first + last)


def _limit(pid: int, kind: int, most: int) -> None:
    if most:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, kind, (most, most))


async def _keep_within(group: int, directory: Path, most: int) -> None:
    """End a program once its directory holds more than it may; returns then, and only then."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS if most else _NEVER_SECONDS)
        if await asyncio.to_thread(_size_of, directory) > most > 0:
            return _signal(group, signal.SIGKILL)


def _size_of(directory: Path) -> int:
    total = 0
    for parent, _, files in os.walk(directory):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total
