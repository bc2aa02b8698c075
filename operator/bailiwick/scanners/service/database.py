"""grype's vulnerability database: whether it can be relied on, and how it is renewed.

An update comes into a new directory and is switched to when it is complete, since grype itself
deletes the old one first and scans that run meanwhile would find nothing.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bailiwick.scanners.service import failures, programs
from bailiwick.scanners.service.matches import DatabaseStatus

if TYPE_CHECKING:
    from bailiwick.scanners.errors import ScanError
    from bailiwick.scanners.service.matches import Matches
    from bailiwick.scanners.service.settings import Settings

log = logging.getLogger(__name__)

_CURRENT = "current"
_STATUS_FRESH_SECONDS = 30.0
_STATUS_SECONDS = 30.0
_RETRY_LEAST_SECONDS = 60.0
_ARCHIVE_SECONDS = 2.0
_DATABASE_BYTES = 8 * 1024**3
# grype alerts only of what has ended, not of what it has no date for.
_FILE = "6/vulnerability.db"
_DATED = (
    "select 1 from operating_systems where name = ? and major_version = ? and eol_date is not null"
)


class Database:
    """The database that scans use, and its updates."""

    def __init__(self, settings: Settings, work: Path) -> None:
        self._settings = settings
        self._work = work
        self._root = settings.database
        self._status = DatabaseStatus(error="not looked at yet")
        self._looked_at = float("-inf")
        self._seen: object = None
        self._looking = asyncio.Lock()
        self._readers: dict[Path, int] = {}

    @property
    def directory(self) -> Path:
        """The directory that grype is pointed at: the last update, or what was mounted."""
        current = self._root / _CURRENT
        return current.resolve() if current.is_symlink() and current.exists() else self._root

    @contextmanager
    def reading(self) -> Iterator[Path]:
        """Keep the directory in place while a scan uses it."""
        directory = self.directory
        self._readers[directory] = self._readers.get(directory, 0) + 1
        try:
            yield directory
        finally:
            self._readers[directory] -= 1
            if not self._readers[directory]:
                del self._readers[directory]

    def environment(self, home: Path, directory: Path) -> dict[str, str]:
        """Make grype's environment; it updates nothing by itself and calls nobody."""
        age = self._settings.database_max_age
        extra = {
            "GRYPE_DB_CACHE_DIR": str(directory),
            "GRYPE_DB_AUTO_UPDATE": "false",
            "GRYPE_CHECK_FOR_APP_UPDATE": "false",
            "GRYPE_DB_VALIDATE_AGE": "true" if age > 0 else "false",
            "GRYPE_DB_MAX_ALLOWED_BUILT_AGE": f"{age:.0f}s",
        }
        if self._settings.update_url:
            extra["GRYPE_DB_UPDATE_URL"] = self._settings.update_url
        if self._settings.ca_certificate:
            extra["GRYPE_DB_CA_CERT"] = str(self._settings.ca_certificate)
        return programs.environment(home, **extra)

    def ended(self, found: Matches) -> bool | None:
        """Say whether a distribution gets no more updates; None where the database has no date."""
        if found.ended:
            return True
        distribution = found.distro
        if distribution is None or not distribution.name:
            return None
        file = self.directory / _FILE
        major = distribution.version.partition(".")[0]
        try:
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
                dated = connection.execute(_DATED, (distribution.name, major)).fetchone()
        except sqlite3.Error:
            return None
        return False if dated else None

    async def status(self) -> DatabaseStatus:
        """Return the database's state, looked at anew when files changed and every half minute."""
        async with self._looking:
            seen = _files_in(self.directory)
            old = time.monotonic() - self._looked_at > _STATUS_FRESH_SECONDS
            if old or seen != self._seen:
                with self.reading() as directory:
                    self._status = await self._look(directory)
                self._looked_at, self._seen = time.monotonic(), seen
        return self._status

    async def problem(self) -> ScanError | None:
        """Say why no scan can be relied on now; None where the database is good."""
        status = await self.status()
        if not status.valid or status.built is None:
            return failures.database_unusable(status.error or "it is not valid")
        age = (datetime.now(UTC) - status.built).total_seconds()
        if 0 < self._settings.database_max_age < age:
            return failures.database_unusable(f"it was built {age / 86400:.0f} days ago")
        return None

    async def keep_current(self) -> None:
        """Update every so often, and sooner after a failure; runs until it is cancelled."""
        every = self._settings.update_every
        while True:
            try:
                updated = await self.update()
            except (OSError, programs.OutOfTime, programs.ProgramMissing) as error:
                log.warning("vulnerability database not updated: %s", error)
                updated = False
            await asyncio.sleep(every if updated else min(every, _RETRY_LEAST_SECONDS))

    async def update(self) -> bool:
        """Fetch a newer database and switch to it; say whether what is used now is current."""
        check = await self._grype("check", self.directory, _STATUS_SECONDS)
        if check.code == 0 and (await self.status()).valid:
            return True
        return await self._bring("update")

    async def follow_archive(self, archive: Path) -> None:
        """Import a file whenever it is another one than before; runs until it is cancelled.

        One that is no good, or older than what is used, is told, and changes nothing.
        """
        seen: object = None
        while True:
            now = await asyncio.to_thread(_state_of, archive)
            if now != seen and now is not None:
                try:
                    await self._bring("import", str(archive))
                except (OSError, programs.OutOfTime, programs.ProgramMissing) as error:
                    log.warning("vulnerability database not imported: %s", error)
            seen = now
            await asyncio.sleep(_ARCHIVE_SECONDS)

    async def _bring(self, verb: str, *arguments: str) -> bool:
        """Have grype put a database into a new directory, and switch to it if it is good."""
        updates = self._root / "updates"
        target = updates / f"{time.time_ns()}"
        target.mkdir(parents=True)
        before = await self.status()
        done = await self._grype(verb, target, self._settings.update_seconds, *arguments)
        status = await self._look(target)
        why = ""
        if done.code != 0 or not status.valid or status.built is None:
            why = failures.last_line(done.stderr) or status.error or "it is not valid"
        elif verb == "import" and before.valid and before.built and status.built < before.built:
            why = f"that of {before.built:%Y-%m-%d %H:%M} UTC, which is used, is newer"
        if why:
            shutil.rmtree(target, ignore_errors=True)
            log.warning("vulnerability database not updated (%s): %s", verb, why)
            return False
        self._switch(target)
        self._status, self._looked_at = status, time.monotonic()
        self._remove_unused(updates)
        if status.built != before.built:
            log.info("vulnerability database updated to that of %s", status.built)
        return True

    async def _look(self, directory: Path) -> DatabaseStatus:
        try:
            done = await self._grype("status", directory, _STATUS_SECONDS, "-o", "json")
            # It exits with 1 where the database is invalid, and says so in the same shape.
            return msgspec.json.decode(done.stdout, type=DatabaseStatus)
        except (programs.ProgramMissing, programs.OutOfTime) as error:
            return DatabaseStatus(error=str(error))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return DatabaseStatus(error=failures.last_line(done.stderr) or "grype gave no status")

    async def _grype(
        self, verb: str, directory: Path, seconds: float, *options: str
    ) -> programs.Completed:
        return await programs.run(
            [self._settings.grype, "db", verb, *options],
            env=self.environment(self._work, directory),
            cwd=self._work,
            bounds=programs.Bounds(seconds, _DATABASE_BYTES),
        )

    def _switch(self, target: Path) -> None:
        fresh = self._root / f"{_CURRENT}.new"
        with suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(target.relative_to(self._root))
        fresh.rename(self._root / _CURRENT)

    def _remove_unused(self, updates: Path) -> None:
        used = {self.directory, *self._readers}
        for each in updates.iterdir():
            if each.resolve() not in used:
                shutil.rmtree(each, ignore_errors=True)


def _state_of(file: Path) -> tuple[int, int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


def _files_in(directory: Path) -> object:
    """Return what changes when a database is replaced, without reading it."""
    found = []
    for file in sorted(directory.glob("*/*")):
        with suppress(OSError):
            state = file.stat()
            found.append((file, state.st_ino, state.st_size, state.st_mtime_ns))
    return found
