"""The scanner through what happens to it: databases, limits, its end and its restart."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from tests.controlplane.kubectl import eventually
from tests.images.build import Image, layout_of
from tests.images.database import ADVISORIES, OPENSSL, write_database
from tests.images.mirror import running_mirror
from tests.images.registry import Registry
from tests.images.scanner import Scanner, running_scanner
from tests.scanners.conftest import Scan, client_of
from tests.scanners.hostile import hostile_registry

SMALL = Image(programs=("/app",), user="1000")


# Without a database that can be relied on there is no result, rather than one without findings


@pytest.fixture(scope="module")
def bare() -> Iterator[Scanner]:
    """A scanner without a database, as after its first start without a network."""
    with running_scanner(with_database=False) as running:
        yield running


async def test_without_a_database_every_scan_fails(
    bare: Scanner, registry: Registry, vulnerable: str, scan: Scan
) -> None:
    with pytest.raises(ScanError) as caught:
        await scan(bare, f"{registry.host}/shop/cart", vulnerable)
    assert caught.value.reason == failures.DATABASE_UNUSABLE
    assert "grype db import" in caught.value.message
    assert caught.value.scanner_fault
    ready, why = bare.ready()
    assert not ready
    assert "database" in why


async def test_without_a_database_its_metadata_name_no_age_of_one(
    http: aiohttp.ClientSession, bare: Scanner
) -> None:
    assert (await client_of(http, bare).metadata()).database_built is None


@pytest.mark.parametrize("state", ["by hand", "too old", "no database", "half a database"])
async def test_a_database_that_cannot_be_used_fails_every_scan(
    state: str, registry: Registry, vulnerable: str, scan: Scan
) -> None:
    old = datetime.now(UTC) - timedelta(days=30)
    with running_scanner(built=old if state == "too old" else None) as scanner:
        file = next(scanner.database.glob("*/vulnerability.db"))
        if state == "by hand":
            # grype itself says nothing of this and finds nothing.
            file.unlink()
            write_database(file, datetime.now(UTC), ADVISORIES)
        elif state == "no database":
            file.write_text("<html>404</html>")
        elif state == "half a database":
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        with pytest.raises(ScanError) as caught:
            await scan(scanner, f"{registry.host}/shop/cart", vulnerable)
    assert caught.value.reason == failures.DATABASE_UNUSABLE, caught.value.message
    assert caught.value.scanner_fault


async def test_a_database_that_breaks_between_two_scans_is_noticed_by_the_scan_itself(
    registry: Registry, vulnerable: str, scan: Scan
) -> None:
    name = f"{registry.host}/shop/cart"
    with running_scanner() as scanner:
        assert (await scan(scanner, name, vulnerable)).findings
        # Its state was looked at a moment ago and is good for half a minute.
        file = next(scanner.database.glob("*/vulnerability.db"))
        file.unlink()
        write_database(file, datetime.now(UTC), ADVISORIES)
        with pytest.raises(ScanError) as caught:
            await scan(scanner, name, vulnerable)
        assert caught.value.reason == failures.DATABASE_UNUSABLE, caught.value.message


async def test_a_newer_database_is_used_without_a_restart(
    registry: Registry, vulnerable: str, scan: Scan
) -> None:
    name = f"{registry.host}/shop/cart"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with running_scanner(advisories=(), built=yesterday) as scanner:
        before = await scan(scanner, name, vulnerable)
        assert before.findings == ()
        scanner.import_advisories([OPENSSL], datetime.now(UTC))
        after = await scan(scanner, name, vulnerable)
    assert [each.id for each in after.findings] == [OPENSSL.id]
    assert after.database_built is not None
    assert before.database_built is not None
    assert after.database_built > before.database_built


async def test_the_database_is_fetched_from_a_mirror_when_there_is_a_newer_one_and_only_then(
    registry: Registry, vulnerable: str, scan: Scan
) -> None:
    name = f"{registry.host}/shop/cart"
    now = datetime.now(UTC)
    with running_mirror() as mirror:
        first = mirror.publish(now - timedelta(days=2), [])
        options = ("--update-every", "1", "--update-url", mirror.url)
        with running_scanner(*options, with_database=False) as scanner:
            await until(lambda: scanner.ready()[0])
            assert (await scan(scanner, name, vulnerable)).findings == ()
            asked = mirror.fetched.count("/v6/latest.json")
            await until(lambda: mirror.fetched.count("/v6/latest.json") > asked + 2)
            assert mirror.fetched.count(first) == 1

            mirror.publish(now - timedelta(days=1), ADVISORIES, checksum="sha256:" + "0" * 64)
            await until(lambda: "not updated" in scanner.log)
            assert (await scan(scanner, name, vulnerable)).findings == (), "the old one is kept"

            second = mirror.publish(now, [OPENSSL])
            await until(lambda: second in mirror.fetched)
            await until(lambda: len(list(scanner.database.glob("updates/*"))) == 1)
            report = await scan(scanner, name, vulnerable)
            assert [each.id for each in report.findings] == [OPENSSL.id]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a busy machine may need."""

    def holds() -> None:
        assert condition()

    await asyncio.to_thread(eventually, holds, 60.0)


# Hostile images and registries are bounded


async def test_a_layer_that_unpacks_to_more_than_there_is_room_for(
    registry: Registry, scan: Scan
) -> None:
    bomb = Image(files={"/zeros": "0" * 40_000_000}, programs=("/app",))
    digest = registry.push(layout_of(bomb), "shop/bomb")
    assert sum(path.stat().st_size for path in registry.layers("shop/bomb", digest)) < 1_000_000
    with running_scanner("--file-bytes", "8000000") as scanner:
        with pytest.raises(ScanError) as caught:
            await scan(scanner, f"{registry.host}/shop/bomb", digest)
        assert caught.value.reason == failures.TOO_LARGE, caught.value.message
        assert _left_in(scanner.work) == []


async def test_a_registry_that_stalls_ends_with_the_time_for_a_scan(scan: Scan) -> None:
    async with hostile_registry("stall") as stalling:
        with running_scanner("--scan-seconds", "2") as scanner:
            with pytest.raises(ScanError) as caught:
                await scan(scanner, f"{stalling.host}/shop/cart", stalling.digest)
            assert caught.value.reason == errors.TIMED_OUT
            assert "the registry stalls" in caught.value.message
            assert _left_in(scanner.work) == []
            assert _programs_of(scanner) == []


async def test_scans_beyond_those_that_may_wait_are_refused_for_now(scan: Scan) -> None:
    async with hostile_registry("stall") as stalling:
        with running_scanner("--parallel", "1", "--queue", "1") as scanner:
            name = f"{stalling.host}/shop/cart"
            first = asyncio.create_task(scan(scanner, name, stalling.digest))
            await asyncio.wait_for(stalling.asked.wait(), 60)
            more = [asyncio.create_task(scan(scanner, name, stalling.digest)) for _ in range(2)]
            done, _ = await asyncio.wait(more, return_when=asyncio.FIRST_EXCEPTION)
            error = done.pop().exception()
            for task in (first, *more):
                task.cancel()
            await asyncio.gather(first, *more, return_exceptions=True)
    assert isinstance(error, ScanError)
    assert error.reason == errors.BUSY
    assert error.retry_after == 10


# Its end


async def test_sigterm_ends_it_and_the_scans_in_hand(scan: Scan) -> None:
    async with hostile_registry("stall") as stalling:
        with running_scanner() as scanner:
            scanning = asyncio.create_task(
                scan(scanner, f"{stalling.host}/shop/cart", stalling.digest)
            )
            await asyncio.wait_for(stalling.asked.wait(), 60)
            (syft,) = _programs_of(scanner)
            code = await asyncio.to_thread(scanner.stop, signal.SIGTERM)
            assert code == 0
            assert not _runs(syft)
            assert _left_in(scanner.work) == []
            with pytest.raises(ScanError) as caught:
                await scanning
            assert caught.value.message == "The scanner was stopped before this scan was done."


async def test_a_restart_forgets_the_scans_and_the_client_copes(
    registry: Registry, vulnerable: str, scan: Scan
) -> None:
    async with hostile_registry("stall") as stalling:
        with running_scanner() as scanner:
            waiting = asyncio.create_task(
                scan(scanner, f"{stalling.host}/shop/cart", stalling.digest)
            )
            await asyncio.wait_for(stalling.asked.wait(), 60)
            await asyncio.to_thread(scanner.stop, signal.SIGKILL)
            await asyncio.to_thread(scanner.start)
            with pytest.raises(ScanError) as caught:
                await waiting
            assert caught.value.reason in (errors.FORGOTTEN, errors.UNREACHABLE)
            assert not caught.value.permanent
            report = await scan(scanner, f"{registry.host}/shop/cart", vulnerable)
            assert report.findings


async def test_a_new_token_counts_at_once(http: aiohttp.ClientSession) -> None:
    with running_scanner(with_database=False) as scanner:
        await client_of(http, scanner).metadata()
        scanner.token_file.write_text("another\n")
        with pytest.raises(ScanError) as caught:
            await client_of(http, scanner).metadata()
        assert caught.value.reason == errors.UNAUTHORIZED
        await client_of(http, scanner, "another").metadata()
        scanner.token_file.write_text("")
        for token in ("another", ""):
            async with http.get(
                f"{scanner.url}/metadata", headers={"Authorization": f"Bearer {token}"}
            ) as answer:
                assert answer.status == 401, "an empty file admits nobody"


def _left_in(work: Path) -> list[str]:
    """What scans left in the work directory, which is empty between them."""
    return sorted(str(path.relative_to(work)) for path in work.glob("*/scan-*"))


def _programs_of(scanner: Scanner) -> list[int]:
    """The process ids of what a scanner has started and has not ended."""
    children = Path(f"/proc/{scanner.pid}/task/{scanner.pid}/children").read_text().split()
    return [int(child) for child in children]


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
