"""The evidence store in each of its forms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from bailiwick.evidence import layout
from bailiwick.evidence.config_maps import ConfigMapShelf
from bailiwick.evidence.database import Database, DatabaseLimits
from bailiwick.evidence.kept import KEEP_SEEN, KeptEvidence
from bailiwick.evidence.postgresql import PostgresqlShelf
from bailiwick.evidence.shelf import Key, Shelf
from tests.evidence.server import PostgresqlServer
from tests.unit.evidence.fake import MemoryConfigMaps

LIMITS = DatabaseLimits(connect=5, statement=2, pause=0.1)


class Place:
    """Where evidence is kept, whatever process asks for it."""

    async def shelf(self) -> Shelf:
        """Return the shelf as a new process opens it."""
        raise NotImplementedError

    async def spoil(self, key: Key, *, how: str) -> None:
        """Harm a value behind the back of the operator: its content, its format, or all of it."""
        raise NotImplementedError

    async def store(
        self, keep_seen: timedelta = KEEP_SEEN, cache_bytes: int = 32 * 1024 * 1024
    ) -> KeptEvidence:
        """Return the store as a new process opens it."""
        return KeptEvidence(await self.shelf(), keep_seen=keep_seen, cache_bytes=cache_bytes)


class InConfigMaps(Place):
    """ConfigMaps in memory."""

    def __init__(self) -> None:
        self.config_maps = MemoryConfigMaps()

    async def shelf(self) -> Shelf:
        return ConfigMapShelf(self.config_maps)

    async def spoil(self, key: Key, *, how: str) -> None:
        name = layout.name(key)
        if how == "gone":
            del self.config_maps.objects[name]
        elif how == "content":
            self.config_maps.edit(name)
            self.config_maps.objects[name]["binaryData"] = {"content": "bm8gcmVwb3J0"}
        else:
            self.config_maps.edit(name, format="9")


class InPostgresql(Place):
    """A database of the real server."""

    def __init__(self, server: PostgresqlServer, stack: AsyncExitStack) -> None:
        self.server = server
        self.dsn = server.database()
        self._stack = stack

    async def database(self, limits: DatabaseLimits = LIMITS) -> Database:
        return await self._stack.enter_async_context(Database(lambda: self.dsn, limits))

    async def shelf(self) -> Shelf:
        return PostgresqlShelf(await self.database())

    async def spoil(self, key: Key, *, how: str) -> None:
        where = f"WHERE kind = '{key.kind}' AND subject = '{key.subject}'"
        change = {"content": "content = 'no report'", "format": "format = '9'"}
        self.server.execute(
            self.dsn,
            f"DELETE FROM bailiwick.evidence {where}"
            if how == "gone"
            else f"UPDATE bailiwick.evidence SET {change[how]} {where}",
        )


@pytest.fixture
async def in_postgresql(postgresql: PostgresqlServer) -> AsyncIterator[InPostgresql]:
    """An empty database."""
    async with AsyncExitStack() as stack:
        yield InPostgresql(postgresql, stack)


@pytest.fixture(params=["ConfigMaps", "PostgreSQL"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """An empty place in each form."""
    if request.param == "ConfigMaps":
        yield InConfigMaps()
        return
    running: PostgresqlServer = request.getfixturevalue("postgresql")
    async with AsyncExitStack() as stack:
        yield InPostgresql(running, stack)
