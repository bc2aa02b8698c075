"""The evidence database: its tables, its limits, and what happens when it is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from psycopg import AsyncConnection

from bailiwick.evidence import migrating
from bailiwick.evidence.database import Database, DatabaseLimits, dsn_from
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.evidence.postgresql import PostgresqlShelf
from bailiwick.evidence.shelf import Key, Kind
from bailiwick.evidence.store import EvidenceUnreachable
from tests.evidence.conftest import LIMITS, InPostgresql
from tests.evidence.server import PostgresqlServer
from tests.unit.evidence.make import NOW, OPENSSL, REPOSITORY, A, report

WITHIN = 60


async def answering(store: KeptEvidence) -> None:
    """Wait until the store answers by itself."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                await store.look_over()
                return
            except EvidenceUnreachable:
                await asyncio.sleep(0.05)


async def test_of_programs_that_begin_at_once_one_makes_the_tables(
    in_postgresql: InPostgresql,
) -> None:
    stores = [await in_postgresql.store() for _ in range(8)]
    await asyncio.gather(*(store.look_over() for store in stores))
    rows = in_postgresql.server.execute(
        in_postgresql.dsn, "SELECT version FROM bailiwick.migrations ORDER BY version"
    )
    assert [version for (version,) in rows] == list(migrating.steps())


async def test_the_steps_are_numbered_without_a_gap() -> None:
    assert list(migrating.steps()) == list(range(1, len(migrating.steps()) + 1))


async def test_an_older_database_is_completed_and_keeps_what_it_holds(
    in_postgresql: InPostgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await in_postgresql.store()).save(report())
    known = migrating.steps()
    further = {**known, len(known) + 1: "ALTER TABLE bailiwick.evidence ADD COLUMN note text"}
    monkeypatch.setattr(migrating, "steps", lambda: further)
    assert await (await in_postgresql.store()).load(A) == report()
    in_postgresql.server.execute(in_postgresql.dsn, "SELECT note FROM bailiwick.evidence")


async def test_a_step_that_fails_leaves_the_database_as_it_was(
    in_postgresql: InPostgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await in_postgresql.store()).save(report())
    known = migrating.steps()
    further = {
        **known,
        len(known) + 1: "ALTER TABLE bailiwick.evidence ADD COLUMN note text; SELECT 1 / 0",
    }
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "steps", lambda: further)
        with pytest.raises(EvidenceUnreachable, match="division by zero"):
            await (await in_postgresql.store()).load(A)
    assert await (await in_postgresql.store()).load(A) == report()


async def test_a_database_that_a_newer_program_made_is_refused(in_postgresql: InPostgresql) -> None:
    await (await in_postgresql.store()).save(report())
    in_postgresql.server.execute(
        in_postgresql.dsn, "INSERT INTO bailiwick.migrations (version) VALUES (99)"
    )
    store = await in_postgresql.store()
    with pytest.raises(EvidenceUnreachable, match=r"version 99.*a newer Bailiwick made it"):
        await store.load(A)
    with pytest.raises(EvidenceUnreachable, match="version 99"):
        await store.save(report())


async def test_who_may_create_nothing_may_use_what_is_there(in_postgresql: InPostgresql) -> None:
    await (await in_postgresql.store()).save(report())
    in_postgresql.server.execute(
        in_postgresql.dsn,
        "DROP ROLE IF EXISTS clerk",
        "CREATE ROLE clerk LOGIN",
        "GRANT USAGE ON SCHEMA bailiwick TO clerk",
        "GRANT SELECT ON bailiwick.migrations TO clerk",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON bailiwick.evidence TO clerk",
    )
    dsn = in_postgresql.dsn.replace("bailiwick@", "clerk@")
    async with Database(lambda: dsn, LIMITS) as database:
        store = KeptEvidence(PostgresqlShelf(database))
        assert await store.load(A) == report()
        await store.save(report(seed=2))
    in_postgresql.server.execute(in_postgresql.dsn, "DROP OWNED BY clerk", "DROP ROLE clerk")


async def test_what_is_killed_is_an_error_and_comes_back_by_itself(
    in_postgresql: InPostgresql,
) -> None:
    store = await in_postgresql.store(cache_bytes=0)
    await store.save(report())
    in_postgresql.server.stop()
    try:
        for _ in range(3):
            with pytest.raises(EvidenceUnreachable, match="cannot be used"):
                await store.load(A)
        with pytest.raises(EvidenceUnreachable):
            await store.save(report(seed=2))
        with pytest.raises(EvidenceUnreachable):
            await store.record_seen(REPOSITORY, [OPENSSL], NOW)
    finally:
        in_postgresql.server.start()
    await answering(store)
    assert await store.load(A) == report(), "what was committed survives"
    await store.save(report(seed=2))
    assert await (await in_postgresql.store()).load(A) == report(seed=2)


async def test_while_it_is_known_to_be_away_nobody_waits_for_it(
    in_postgresql: InPostgresql,
) -> None:
    database = await in_postgresql.database(DatabaseLimits(connect=5, statement=2, pause=3600))
    store = KeptEvidence(PostgresqlShelf(database), cache_bytes=0)
    await store.save(report())
    in_postgresql.server.stop()
    try:
        with pytest.raises(EvidenceUnreachable, match="refused"):
            await store.load(A)
    finally:
        in_postgresql.server.start()
    with pytest.raises(EvidenceUnreachable, match="refused"):
        await store.load(A)


async def test_a_server_that_hangs_is_an_error_in_time(in_postgresql: InPostgresql) -> None:
    store = await in_postgresql.store(cache_bytes=0)
    await store.save(report())
    in_postgresql.server.freeze()
    try:
        async with asyncio.timeout(WITHIN):
            with pytest.raises(EvidenceUnreachable):
                await store.load(A)
    finally:
        in_postgresql.server.thaw()
    await answering(store)
    assert await store.load(A) == report()


async def test_a_statement_that_waits_for_a_lock_ends_in_time(in_postgresql: InPostgresql) -> None:
    database = await in_postgresql.database(DatabaseLimits(connect=30, statement=0.5, pause=0))
    store = KeptEvidence(PostgresqlShelf(database), cache_bytes=0)
    await store.save(report())
    async with await AsyncConnection.connect(in_postgresql.dsn) as other:
        await other.execute("LOCK TABLE bailiwick.evidence")
        with pytest.raises(EvidenceUnreachable, match="timeout"):
            await store.load(A)
    assert await store.load(A) == report()


async def test_no_more_connections_are_used_than_allowed(in_postgresql: InPostgresql) -> None:
    database = await in_postgresql.database(DatabaseLimits(connections=2, connect=30))
    store = KeptEvidence(PostgresqlShelf(database), cache_bytes=0)
    await asyncio.gather(*(store.load(A) for _ in range(200)))
    ((sessions,),) = in_postgresql.server.execute(
        in_postgresql.dsn,
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'bailiwick' AND datname = current_database()",
    )
    assert sessions in (1, 2)


async def test_a_replica_without_the_lease_reads_and_does_not_write(
    in_postgresql: InPostgresql,
) -> None:
    class NotNow(Exception):
        pass

    def refuse() -> None:
        raise NotNow

    await (await in_postgresql.store()).save(report())
    shelf = PostgresqlShelf(await in_postgresql.database(), may_write=refuse)
    store = KeptEvidence(shelf)
    assert await store.load(A) == report()
    with pytest.raises(NotNow):
        await store.save(report(seed=2))
    with pytest.raises(NotNow):
        await store.delete(A)
    with pytest.raises(NotNow):
        await store.sweep(NOW, frozenset())
    assert await (await in_postgresql.shelf()).get(Key(Kind.REPORT, A)) is not None


async def test_a_password_that_changed_is_read_anew(
    in_postgresql: InPostgresql, tmp_path: Path
) -> None:
    file = tmp_path / "dsn"
    file.write_text("postgresql://bailiwick@127.0.0.1:1/wrong\n")
    async with Database(dsn_from(file), LIMITS) as database:
        store = KeptEvidence(PostgresqlShelf(database))
        with pytest.raises(EvidenceUnreachable):
            await store.load(A)
        file.write_text(f"{in_postgresql.dsn}\n")
        await answering(store)
        assert await store.load(A) is None


@pytest.mark.parametrize("content", [None, "postgres//me:hunter2@host/x y", "password hunter2"])
async def test_a_file_that_holds_no_connection_string_is_told_without_what_is_in_it(
    tmp_path: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "dsn"
    if content is not None:
        file.write_text(content)
    async with Database(dsn_from(file), LIMITS) as database:
        with pytest.raises(EvidenceUnreachable, match=r"holds no connection string") as caught:
            await KeptEvidence(PostgresqlShelf(database)).load(A)
    assert "hunter2" not in str(caught.value) + caplog.text


async def test_a_password_is_in_no_message(
    postgresql: PostgresqlServer, caplog: pytest.LogCaptureFixture
) -> None:
    dsn = f"postgresql://nobody:hunter2@127.0.0.1:{postgresql.port}/nothing"
    async with Database(lambda: dsn, LIMITS) as database:
        with pytest.raises(EvidenceUnreachable, match="nobody") as caught:
            await KeptEvidence(PostgresqlShelf(database)).load(A)
    assert "hunter2" not in str(caught.value) + caplog.text
