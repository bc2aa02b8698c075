"""The scanner's database where there is no network: an archive that somebody puts there."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner

from bailiwick.cli.scanner import scanner as command
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from tests.controlplane.kubectl import eventually
from tests.images.database import ADVISORIES, OPENSSL, Advisory, write_database
from tests.images.registry import Registry
from tests.images.scanner import running_scanner
from tests.scanners.conftest import Scan

DAY = timedelta(days=1)


def put(archive: Path, built: datetime, advisories: tuple[Advisory, ...]) -> None:
    """Put an archive in place as a whole, as who copies one should."""
    database = write_database(archive.parent / f"{time.time_ns()}.db", built, advisories)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(database, "vulnerability.db")
    put_bytes(archive, zstandard.compress(packed.getvalue()))


def put_bytes(archive: Path, content: bytes) -> None:
    fresh = archive.with_name("fresh.tar.zst")
    fresh.write_bytes(content)
    os.replace(fresh, archive)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a busy machine may need."""

    def holds() -> None:
        assert condition()

    await asyncio.to_thread(eventually, holds, 60.0)


async def test_an_archive_is_imported_and_the_next_one_without_a_restart(
    registry: Registry, vulnerable: str, scan: Scan, tmp_path: Path
) -> None:
    name = f"{registry.host}/shop/cart"
    archive = tmp_path / "database.tar.zst"
    now = datetime.now(UTC)
    options = ("--database-archive", str(archive))
    with running_scanner(*options, with_database=False) as scanner:
        assert not scanner.ready()[0]
        await asyncio.to_thread(put, archive, now - 2 * DAY, ())
        await until(lambda: scanner.ready()[0])
        assert (await scan(scanner, name, vulnerable)).findings == ()

        await asyncio.to_thread(put_bytes, archive, b"half an archive")
        await until(lambda: "not updated (import)" in scanner.log)
        assert (await scan(scanner, name, vulnerable)).findings == (), "the old one is kept"

        await asyncio.to_thread(put, archive, now, (OPENSSL,))
        await until(lambda: scanner.log.count("vulnerability database updated") == 2)
        report = await scan(scanner, name, vulnerable)
        assert [each.id for each in report.findings] == [OPENSSL.id]
        assert report.database_built == now.replace(microsecond=0)

        await asyncio.to_thread(put, archive, now - DAY, ())
        await until(lambda: "which is used, is newer" in scanner.log)
        assert (await scan(scanner, name, vulnerable)).findings
        await until(lambda: len(list(scanner.database.glob("updates/*"))) == 1)


async def test_an_archive_older_than_the_setting_is_refused_and_no_scan_relies_on_it(
    registry: Registry, vulnerable: str, scan: Scan, tmp_path: Path
) -> None:
    archive = tmp_path / "database.tar.zst"
    await asyncio.to_thread(put, archive, datetime.now(UTC) - 10 * DAY, tuple(ADVISORIES))
    age = str(int((5 * DAY).total_seconds()))
    options = ("--database-archive", str(archive), "--database-max-age", age)
    with running_scanner(*options, with_database=False) as scanner:
        await until(lambda: "not updated (import)" in scanner.log)
        with pytest.raises(ScanError) as caught:
            await scan(scanner, f"{registry.host}/shop/cart", vulnerable)
    assert caught.value.reason == failures.DATABASE_UNUSABLE
    assert "--database-archive" in caught.value.message


def test_an_archive_and_updates_are_not_set_together(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x")
    arguments = ["--token-file", str(token), "--database", str(tmp_path)]
    arguments += ["--database-archive", "/a", "--update-every", "60"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2
    assert "do not go together" in done.output
