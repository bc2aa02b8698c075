"""The evidence store in the form that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bailiwick.engine.images.config_maps import OwnConfigMaps
from bailiwick.engine.options import EvidenceForm
from bailiwick.evidence.config_maps import ConfigMapShelf

if TYPE_CHECKING:
    from bailiwick.engine.options import EvidenceOptions
    from bailiwick.evidence.shelf import Shelf
    from bailiwick.kube.client import Client


@asynccontextmanager
async def open_shelf(
    options: EvidenceOptions,
    client: Client,
    namespace: str,
    may_write: Callable[[], None] = lambda: None,
) -> AsyncIterator[Shelf]:
    """Give a form of the store; `may_write` is asked where `client` is not what writes.

    That PostgreSQL is out of reach is told by who uses the store, and not here.
    """
    if options.form is EvidenceForm.CONFIG_MAPS:
        yield ConfigMapShelf(OwnConfigMaps(client, namespace))
        return
    # The driver takes megabytes, which those who have no such database need not spend.
    from bailiwick.evidence.database import Database, DatabaseLimits, dsn_from
    from bailiwick.evidence.postgresql import PostgresqlShelf

    limits = DatabaseLimits(connections=options.connections)
    async with Database(dsn_from(options.dsn_file), limits) as database:
        yield PostgresqlShelf(database, may_write)
