"""The real `bailiwick scanner` as a process, with a small database, on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.images import programs
from tests.images.database import ADVISORIES, Advisory, import_database, write_database
from tests.images.registry import free_port

TOKEN = "test-token"


class Scanner:
    """A scanner: the base of its API, the token to show, its files.

    It reads its token from `token_file`; whoever asks it has another file with the same.
    """

    def __init__(self, home: Path, port: int, options: Sequence[str]) -> None:
        self.home = home
        self.database = home / "database"
        self.work = home / "work"
        self.token = TOKEN
        self.token_file = home / "token"
        self.client_token_file = home / "client-token"
        self.address = f"http://127.0.0.1:{port}"
        self.url = f"{self.address}/api/v1"
        self._process: subprocess.Popen[bytes] | None = None
        for directory in (self.database, self.work):
            directory.mkdir()
        for file in (self.token_file, self.client_token_file):
            file.write_text(f"{TOKEN}\n")
        self._command = [sys.executable, "-m", "bailiwick.cli.main", "scanner"]
        self._command += ["--host", "127.0.0.1", "--port", str(port)]
        self._command += ["--token-file", str(self.token_file)]
        self._command += ["--database", str(self.database), "--work", str(self.work)]
        self._command += ["--syft", str(programs.syft()), "--grype", str(programs.grype())]
        self._command += options

    @property
    def log(self) -> str:
        """Everything that it wrote."""
        return (self.home / "log").read_text()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def import_advisories(self, advisories: Sequence[Advisory], built: datetime) -> None:
        """Give it another database, as an administrator without a network does."""
        file = write_database(self.home / f"{time.time_ns()}.db", built, advisories)
        import_database(programs.grype(), self.database, file)

    def start(self) -> None:
        """Run it; it answers when this returns."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BAILIWICK_")}
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        for _ in range(300):
            if self._process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.address}/probe/healthy", timeout=2).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the scanner did not start: {self.log}")

    def stop(self, number: signal.Signals = signal.SIGTERM, within: float = 20.0) -> int:
        """End it and return its exit code; it is killed where it takes longer."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            return process.wait(timeout=within)
        finally:
            process.kill()
            process.wait()

    def ready(self) -> tuple[bool, str]:
        """Ask its probe whether it can be relied on, and why not."""
        try:
            with urllib.request.urlopen(f"{self.address}/probe/ready", timeout=10) as answer:
                return True, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return False, error.read().decode()


@contextmanager
def running_scanner(
    *options: str,
    advisories: Sequence[Advisory] = ADVISORIES,
    built: datetime | None = None,
    with_database: bool = True,
    allow_loopback: bool = True,
    port: int = 0,
) -> Iterator[Scanner]:
    """Run a scanner that may reach loopback registries, unless told otherwise."""
    home = Path(tempfile.mkdtemp(prefix="bailiwick-scanner-"))
    more = ["--allow-loopback", *options] if allow_loopback else [*options]
    scanner = Scanner(home, port or free_port(), more)
    try:
        if with_database:
            scanner.import_advisories(advisories, built or datetime.now(UTC))
        scanner.start()
        yield scanner
    finally:
        scanner.stop()
        shutil.rmtree(home, ignore_errors=True)
