"""The same evidence in PostgreSQL, on the real server: what it takes, and how long."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bailiwick.evidence.database import Database
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.evidence.postgresql import PostgresqlShelf
from tests.bench import images_cluster
from tests.bench.figures import Figure
from tests.evidence.server import PostgresqlServer, running_postgresql

_SIZE = "SELECT pg_total_relation_size('bailiwick.evidence')"


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes of the table with all that belongs to it, and seconds for all digests."""

    digests: int
    stored: int
    save: float
    load: float


async def measure(digests: int) -> Measured:
    """Save and load the reports of so many digests, and since when their findings are known."""
    with running_postgresql() as server:
        return await _measure(server, digests)


async def _measure(server: PostgresqlServer, digests: int) -> Measured:
    given, dsn = images_cluster.cluster(digests), server.database()
    async with Database(lambda: dsn) as database:
        store = KeptEvidence(PostgresqlShelf(database), cache_bytes=0)
        save = load = 0.0
        for digest in given.digests:
            report = given.report(digest)
            begun = time.monotonic()
            await store.save(report)
            await store.record_seen(given.repository(digest), report.findings, report.scanned_at)
            save += time.monotonic() - begun
        for digest in given.digests:
            begun = time.monotonic()
            await store.load(digest)
            load += time.monotonic() - begun
    ((size,),) = server.execute(dsn, _SIZE)
    assert isinstance(size, int)
    return Measured(digests, size, save, load)


def figures(found: Measured) -> list[Figure]:
    """The figures of the design."""
    return [
        Figure(
            "images-in-postgresql",
            found.stored / found.digests / 1000,
            "kB",
            None,
            f"of a digest; {found.stored / 1_000_000:.0f} MB in all, {found.digests} digests",
        ),
        Figure(
            "images-postgresql-save", found.save / found.digests * 1000, "ms", None, "of a digest"
        ),
        Figure(
            "images-postgresql-load", found.load / found.digests * 1000, "ms", None, "of a digest"
        ),
    ]
