"""The tables of the evidence database, brought to what this program knows."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from bailiwick.evidence.store import EvidenceUnreachable

if TYPE_CHECKING:
    from typing import LiteralString

    from psycopg import AsyncConnection

# Any number, as long as nobody else locks the same one in this database.
_LOCK = 6_217_503_284_113
_SUFFIX = ".sql"


def steps() -> dict[int, str]:
    """Return the SQL of each version, in order; a step that was released is never changed."""
    folder = resources.files("bailiwick.evidence") / "migrations"
    found = {
        int(each.name.removesuffix(_SUFFIX)): each.read_text()
        for each in folder.iterdir()
        if each.name.endswith(_SUFFIX)
    }
    return dict(sorted(found.items()))


async def migrate(connection: AsyncConnection[Any]) -> int:
    """Make or complete the tables in one transaction, and return their version.

    Of several programs that begin at once one does it. Raises EvidenceUnreachable where the
    database was made by a newer program: what that wrote may mean something else.
    """
    known = steps()
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # Asked first: who may not create anything may still use what is there.
        if await _value(connection, "SELECT to_regclass('bailiwick.migrations') IS NULL"):
            if await _value(connection, "SELECT to_regnamespace('bailiwick') IS NULL"):
                await connection.execute("CREATE SCHEMA bailiwick")
            await connection.execute(
                "CREATE TABLE bailiwick.migrations (version integer PRIMARY KEY, "
                "applied_at timestamptz NOT NULL DEFAULT now())"
            )
        version = int(
            await _value(connection, "SELECT coalesce(max(version), 0) FROM bailiwick.migrations")
        )
        newest = max(known)
        if version > newest:
            raise EvidenceUnreachable(
                f"The evidence database is of version {version}, and this program knows versions "
                f"up to {newest}: a newer Bailiwick made it. Run that one, or give this one "
                "another database."
            )
        for number, statements in known.items():
            if number > version:
                await connection.execute(statements.encode())
                await connection.execute(
                    "INSERT INTO bailiwick.migrations (version) VALUES (%s)", [number]
                )
    return newest


async def _value(connection: AsyncConnection[Any], query: LiteralString) -> Any:
    cursor = await connection.execute(query)
    row = await cursor.fetchone()
    assert row is not None, "these queries always have one row"
    return row[0]
