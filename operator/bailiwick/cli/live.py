"""Options of the offline commands that read a cluster, with the caller's own rights."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from bailiwick.api.meta import INTENT_NAME
from bailiwick.cli.reading import cannot_read
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import CredentialsError, Source
from bailiwick.kube.errors import ApiError, Forbidden, NotFound
from bailiwick.kube.resources import NETWORK_REACHES
from bailiwick.kube.session import Session
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.live import read_cluster
from bailiwick.policy.findings.effective import EdgeRow
from bailiwick.reports.reach import Damaged, read_spec


def cluster_inventory(source: Source, namespaces: Sequence[str] = ()) -> Inventory:
    """Read a cluster; ends the program where it cannot be asked at all."""
    try:
        return asyncio.run(_read(source, namespaces))
    except (CredentialsError, ApiError) as error:
        cannot_read(str(error))


def recorded_edges(source: Source, namespaces: Sequence[str]) -> Mapping[str, list[EdgeRow]]:
    """Read what the operator found possible in namespaces, where it says so and one may read it."""
    try:
        return asyncio.run(_recorded(source, namespaces))
    except (CredentialsError, ApiError, Damaged) as error:
        cannot_read(str(error))


async def _recorded(source: Source, namespaces: Sequence[str]) -> Mapping[str, list[EdgeRow]]:
    found = {}
    async with await Session.open(source) as session:
        client = Client(session)
        for namespace in namespaces:
            with suppress(Forbidden, NotFound):
                body = await client.get(NETWORK_REACHES, INTENT_NAME, namespace)
                found[namespace] = read_spec(body.get("spec") or {})
    return found


async def _read(source: Source, namespaces: Sequence[str]) -> Inventory:
    async with await Session.open(source) as session:
        return await read_cluster(Client(session), namespaces)
