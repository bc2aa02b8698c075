"""Programs that end with us, ports that nobody else takes, and directories that do not pile up."""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Final

PREFIX: Final = "bailiwick-controlplane-"
# Below what Linux hands to outgoing connections, so that none of those is in the way.
PORTS: Final = range(20_000, 32_000)

# The kernel's parent-death signal comes when the *thread* that started a process ends, so all are
# started by one thread that lives as long as this program.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bailiwick-starter")


class Process:
    """A running program in a session of its own, killed when this program dies by any cause."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self.command = list(command)
        self._env = dict(env) if env is not None else None
        self._popen: subprocess.Popen[bytes] = _starter.submit(self._start).result()

    @property
    def pid(self) -> int:
        """Process id; also the id of its process group."""
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def stop(self, *, grace: float = 0.0) -> None:
        """End it and wait: at once, or by SIGTERM with `grace` seconds to finish."""
        if self.is_running and grace > 0:
            self._popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(grace)
        if self.is_running:
            self._popen.kill()
        self._popen.wait()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log, for a message about a failure."""
        try:
            text = self.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [*_dying_with_us(), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._env,
            )


def _dying_with_us() -> list[str]:
    """The wrapper that sets the parent-death signal; util-linux has it on every Debian."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


class Ports:
    """Ports for the life of one control plane: free now, and not given to another one of ours."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> int:
        """A port of 127.0.0.1 to listen on.

        What holds it until then is a socket in Linux's abstract namespace: it needs no file and
        is gone when the process is.
        """
        for port in SystemRandom().sample(PORTS, 200):
            holder = socket.socket(socket.AF_UNIX)
            try:
                holder.bind(f"\0bailiwick-port-{port}")
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            except OSError:
                holder.close()
                continue
            self._held.append(holder)
            return port
        raise RuntimeError(f"no free port was found from {PORTS.start} to {PORTS.stop - 1}")

    def release(self) -> None:
        """Give all of them back."""
        for holder in self._held:
            holder.close()
        self._held.clear()


class Scratch:
    """A temporary directory that is removed at the end, or by the next one if we are killed."""

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._owner = (self.path / "owner.lock").open("wb")
        fcntl.flock(self._owner, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._owner.close()


def sweep() -> None:
    """Remove the directories of control planes whose program was killed."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with (directory / "owner.lock").open("rb") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
        except OSError:
            continue  # in use, just being made, or somebody else's
