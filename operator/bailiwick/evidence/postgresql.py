"""Evidence in a PostgreSQL database, for clusters that outgrow ConfigMaps: one row a value."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from bailiwick.evidence import codec
from bailiwick.evidence.database import Database
from bailiwick.evidence.shelf import Inventory, Item, Key, Kind, Versions

# `xmin` is the transaction that wrote a row: it changes whoever writes, and by whatever means.


class PostgresqlShelf:
    """A form of the evidence store: a `Shelf`.

    `may_write` is asked before each write, and raises where this replica does not hold the Lease.
    """

    def __init__(self, database: Database, may_write: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._may_write = may_write

    def place(self, key: Key) -> str:
        """Say in words where a value lies."""
        return f"the row ('{key.kind}', '{key.subject}') of table bailiwick.evidence"

    async def get(self, key: Key) -> Item | None:
        """Return a value whose checksum is right, None where there is none; raises Damaged."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT format, sha256, content, xmin::text FROM bailiwick.evidence "
                "WHERE kind = %s AND subject = %s",
                [key.kind.value, key.subject],
                binary=True,
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        written_as, sha256, content, version = row
        codec.check(content, written_as, sha256)
        return Item(content, {_part(key.kind.value, key.subject): version})

    async def put(self, key: Key, content: bytes, last_seen: datetime | None = None) -> Versions:
        """Keep a value in place of the one before it, wholly or not at all."""
        self._may_write()
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "INSERT INTO bailiwick.evidence "
                "(kind, subject, format, sha256, content, last_seen) "
                "VALUES (%s, %s, %s, %s, %b, %s) "
                "ON CONFLICT (kind, subject) DO UPDATE SET format = excluded.format, "
                "sha256 = excluded.sha256, content = excluded.content, "
                "last_seen = excluded.last_seen, written_at = now() "
                "RETURNING xmin::text",
                [
                    key.kind.value,
                    key.subject,
                    codec.FORMAT,
                    codec.checksum(content),
                    content,
                    last_seen,
                ],
            )
            row = await cursor.fetchone()
        assert row is not None, "an upsert without a condition always returns its row"
        return {_part(key.kind.value, key.subject): row[0]}

    async def delete(self, key: Key) -> None:
        """Remove a value; no error where there is none."""
        self._may_write()
        async with self._database.connection() as connection:
            await connection.execute(
                "DELETE FROM bailiwick.evidence WHERE kind = %s AND subject = %s",
                [key.kind.value, key.subject],
            )

    async def inventory(self) -> Inventory:
        """Return what there is, without reading the values."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "SELECT kind, subject, xmin::text FROM bailiwick.evidence"
            )
            rows = await cursor.fetchall()
        return Inventory(
            {_part(kind, subject): version for kind, subject, version in rows},
            frozenset(subject for kind, subject, _ in rows if kind == Kind.REPORT),
        )

    async def keys(self) -> frozenset[Key]:
        """Return the keys of all values."""
        async with self._database.connection() as connection:
            cursor = await connection.execute("SELECT kind, subject FROM bailiwick.evidence")
            return frozenset(Key(Kind(kind), subject) for kind, subject in await cursor.fetchall())

    async def sweep(
        self,
        now: datetime,  # noqa: ARG002  # nothing is left of a transaction that was interrupted
        unseen_since: datetime,
        used: Collection[str] | None,
    ) -> int:
        """Remove the repositories of which nothing was seen since an instant; `used` ones stay."""
        if used is None:
            return 0
        self._may_write()
        async with self._database.connection() as connection:
            cursor = await connection.execute(
                "DELETE FROM bailiwick.evidence "
                "WHERE kind = %s AND last_seen < %s AND subject <> ALL(%s)",
                [Kind.SEEN.value, unseen_since, list(used)],
            )
            return int(cursor.rowcount)


def _part(kind: str, subject: str) -> str:
    return f"{kind} {subject}"
