"""A real PostgreSQL of our own on loopback, from the Debian package, run by somebody but root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg

from tests.controlplane.processes import Ports, Process, Scratch

_STARTUP_SECONDS = 60


class PostgresqlServer:
    """One server; every database of it is a store of its own."""

    def __init__(self, programs: Path, directory: Path, port: int) -> None:
        self.port = port
        self._programs = programs
        self._data = directory / "data"
        self._log = directory / "server.log"
        self._numbers = count(1)
        self._process: Process | None = None
        owner = _as_somebody(directory)
        self._prefix = owner
        subprocess.run(
            [
                *owner,
                programs / "initdb",
                *("--pgdata", self._data, "--auth", "trust", "--username", "bailiwick"),
                *("--encoding", "UTF8", "--no-locale", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd="/",
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = self._launch()
        deadline = time.monotonic() + _STARTUP_SECONDS
        while True:
            try:
                psycopg.connect(self.dsn("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"no answer: {self._process.tail()}") from None
                time.sleep(0.05)
                # It refuses while a session of the one that was killed is not quite gone.
                if not self._process.is_running:
                    self._process = self._launch()

    def _launch(self) -> Process:
        return Process(
            "postgres",
            [
                *self._prefix,
                str(self._programs / "postgres"),
                *("-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""),
                # The server is killed, not the machine: what it wrote is there all the same.
                *("-c", "fsync=off"),
            ],
            self._log,
        )

    def stop(self) -> None:
        """End it with all its sessions as a crash does."""
        if self._process is None or not self._process.is_running:
            return
        sessions = _children(self._process.pid)
        self._process.stop()
        for pid in sessions:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Have it and all its sessions answer nothing, with every connection open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def dsn(self, database: str) -> str:
        """The connection string of a database."""
        return f"postgresql://bailiwick@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make an empty database, and return its connection string."""
        name = f"store{next(self._numbers)}"
        self.execute(self.dsn("postgres"), f"CREATE DATABASE {name}")
        return self.dsn(name)

    def execute(self, dsn: str, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as somebody else; returns the rows of the last one."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _signal(self, number: signal.Signals) -> None:
        # Each session is a process in a session of its own, so that the group is not all of it.
        assert self._process is not None
        for pid in (self._process.pid, *_children(self._process.pid)):
            os.kill(pid, number)


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Give a server that is gone with all its data at the end."""
    scratch, ports = Scratch(), Ports()
    try:
        server = PostgresqlServer(_programs(), scratch.path, ports.take())
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        ports.release()
        scratch.remove()


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    if not found:
        raise RuntimeError("PostgreSQL is missing: run tests/install-system-packages")
    return found[-1].parent


def _version(program: Path) -> int:
    return int(program.parts[-3])


def _as_somebody(directory: Path) -> list[str]:
    """Return what has a command run by somebody but root, whom the directory is given to."""
    if os.getuid() != 0:
        return []
    somebody = pwd.getpwnam("nobody")
    os.chown(directory, somebody.pw_uid, somebody.pw_gid)
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "util-linux has it on every Debian"
    return [
        setpriv,
        *("--reuid", str(somebody.pw_uid), "--regid", str(somebody.pw_gid), "--clear-groups"),
        # A change of user takes the parent-death signal away.
        *("--pdeathsig", "KILL", "--"),
    ]


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]
