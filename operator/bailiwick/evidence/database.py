"""The way to the evidence database: connections, time limits, and what happens when it is away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from bailiwick.evidence.migrating import migrate
from bailiwick.evidence.store import EvidenceUnreachable

logger = logging.getLogger(__name__)
# It tells every failed attempt; we tell once that the database is away, and once that it is back.
logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)

_LOST = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TimeoutError)
_FAILURES = (psycopg.Error, PoolClosed, PoolTimeout, TooManyRequests, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """Bounds on the use of a database: connections, and seconds.

    `pause` is how long nobody asks again after the database could not be reached: what needs it
    then fails at once, and does not keep a namespace waiting.
    """

    connections: int = 4
    connect: float = 5.0
    statement: float = 20.0
    pause: float = 3.0


def dsn_from(file: Path | None) -> Callable[[], str]:
    """Return what reads the connection string, each time anew, so that a password may change.

    Without a file it is empty: libpq then goes by its environment (PGHOST, PGPASSFILE …).
    """
    if file is None:
        return lambda: ""

    def read() -> str:
        try:
            text = file.read_text().strip()
            conninfo_to_dict(text)
        except (OSError, UnicodeDecodeError, psycopg.Error):
            # The driver's own words would show what is in the file.
            raise EvidenceUnreachable(
                f"{file} holds no connection string: write "
                "postgresql://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full."
            ) from None
        return text

    return read


class Database:
    """Connections to one PostgreSQL database whose tables are known to be right.

    What cannot be asked is EvidenceUnreachable; it recovers by itself, since every use asks again
    once the pause is over.
    """

    def __init__(self, dsn: Callable[[], str], limits: DatabaseLimits | None = None) -> None:
        self._dsn = dsn
        self._limits = limits or DatabaseLimits()
        self._problem = ""
        self._ask_again = 0.0
        self._ready = False
        self._asking = asyncio.Lock()

        async def conninfo() -> str:
            return dsn()

        self._pool = AsyncConnectionPool(
            conninfo,
            kwargs=self._arguments(),
            open=False,
            min_size=0,
            max_size=self._limits.connections,
            configure=self._configure,
            check=AsyncConnectionPool.check_connection,
            timeout=self._limits.connect,
            reconnect_timeout=self._limits.connect,
            name="evidence",
        )

    async def __aenter__(self) -> Database:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close(timeout=self._limits.connect)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """Lend a connection, on which each statement is a transaction of its own."""
        await self._make_ready()
        try:
            limits = self._limits
            async with (
                asyncio.timeout(limits.connect + limits.statement),
                self._pool.connection() as connection,
            ):
                yield connection
        except PoolTimeout as error:
            # The pool does not say why. Asking once more tells, unless only the pool was busy.
            self._ready = False
            await self._make_ready()
            raise EvidenceUnreachable(
                f"The evidence database is too busy: {error}. It is asked again."
            ) from error
        except _FAILURES as error:
            raise self._failed(error) from error

    def ready(self) -> bool:
        """Whether it answered last, with the tables that this program knows."""
        return self._ready

    async def _make_ready(self) -> None:
        """Have the tables be those that this program knows, once for each time it was away."""
        if self.ready():
            return
        if self._problem and (self._asking.locked() or time.monotonic() < self._ask_again):
            raise EvidenceUnreachable(self._problem)
        async with self._asking:
            if self.ready():
                return
            try:
                async with asyncio.timeout(self._limits.connect + self._limits.statement):
                    connection = await AsyncConnection.connect(self._dsn(), **self._arguments())
                    async with connection:
                        await self._configure(connection)
                        version = await migrate(connection)
            except _FAILURES as error:
                raise self._failed(error) from error
            except EvidenceUnreachable as error:
                self._away(error.message)
                raise
            if self._problem:
                logger.info("the evidence database answers again")
            else:
                logger.info("the evidence database is of version %d", version)
            self._ready, self._problem = True, ""

    def _failed(self, error: Exception) -> EvidenceUnreachable:
        words = " ".join(str(error).split()) or f"no answer within {self._limits.statement:g} s"
        message = f"The evidence database cannot be used: {words}"
        if isinstance(error, _LOST):
            self._away(message)
        return EvidenceUnreachable(message)

    def _away(self, message: str) -> None:
        if message != self._problem:
            logger.warning("%s", message)
        self._ready, self._problem = False, message
        self._ask_again = time.monotonic() + self._limits.pause

    def _arguments(self) -> dict[str, Any]:
        return {
            "autocommit": True,
            "connect_timeout": max(1, round(self._limits.connect)),
            "application_name": "bailiwick",
            # A pooler between us may give each transaction another connection.
            "prepare_threshold": None,
        }

    async def _configure(self, connection: AsyncConnection[Any]) -> None:
        milliseconds = str(round(self._limits.statement * 1000))
        await connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, "
            "false), set_config('idle_in_transaction_session_timeout', %s, false)",
            [milliseconds] * 3,
        )
