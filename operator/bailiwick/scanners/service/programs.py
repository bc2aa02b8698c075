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


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended: its exit code, all of stdout, and the end of stderr."""

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
    seconds: float,
    file_bytes: int,
    stdout_bytes: int = 1024 * 1024,
) -> Completed:
    """Run a program in a process group of its own; raises ProgramMissing and OutOfTime.

    Stdout beyond `stdout_bytes` is thrown away. The group is ended when the time is up or the
    caller is cancelled.
    """
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
    with suppress(ProcessLookupError):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(seconds):
            out, err, code = await asyncio.gather(
                _first(process.stdout, stdout_bytes),
                _last(process.stderr, _STDERR_BYTES),
                process.wait(),
            )
    except TimeoutError:
        raise OutOfTime(f"{command[0]} ran for more than {seconds:.0f} seconds") from None
    finally:
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


async def _last(stream: asyncio.StreamReader, limit: int) -> bytes:
    kept = bytearray()
    while chunk := await stream.read(65536):
        kept += chunk
        del kept[:-limit]
    return bytes(kept)
