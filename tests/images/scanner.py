"""The real `bailiwick scanner` as a process, with a small database, on a free port."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.images import programs
from tests.images.database import ADVISORIES, Advisory, import_database, write_database
from tests.images.registry import free_port


@dataclass(frozen=True)
class Scanner:
    """A scanner that runs: the base of its API, the token to show, its files."""

    url: str
    token: str
    token_file: Path
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def database(self) -> Path:
        return self.home / "database"

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    def import_advisories(self, advisories: Sequence[Advisory], built: datetime) -> None:
        """Give it another database, as an administrator without a network does."""
        file = write_database(self.home / f"{time.time_ns()}.db", built, advisories)
        import_database(programs.grype(), self.database, file)


@contextmanager
def running_scanner(
    *options: str,
    advisories: Sequence[Advisory] = ADVISORIES,
    built: datetime | None = None,
    with_database: bool = True,
    port: int = 0,
) -> Iterator[Scanner]:
    """Run a scanner that may reach loopback registries; it answers when this returns."""
    home = Path(tempfile.mkdtemp(prefix="bailiwick-scanner-"))
    for name in ("database", "work"):
        (home / name).mkdir()
    token_file = home / "token"
    token_file.write_text("test-token\n")
    if with_database:
        file = write_database(home / "first.db", built or datetime.now(UTC), advisories)
        import_database(programs.grype(), home / "database", file)
    port = port or free_port()
    command = [sys.executable, "-m", "bailiwick.cli.main", "scanner"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--allow-loopback"]
    command += ["--token-file", str(token_file), "--database", str(home / "database")]
    command += ["--work", str(home / "work")]
    command += ["--syft", str(programs.syft()), "--grype", str(programs.grype()), *options]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
    scanner = Scanner(f"http://127.0.0.1:{port}/api/v1", "test-token", token_file, home, process)
    try:
        _await_healthy(scanner, f"http://127.0.0.1:{port}/probe/healthy")
        yield scanner
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("BAILIWICK_")}


def _await_healthy(scanner: Scanner, url: str) -> None:
    for _ in range(200):
        if scanner.process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the scanner did not start: {scanner.log}")
