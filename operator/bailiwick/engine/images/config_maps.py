"""ConfigMaps of the operator's own namespace, as the evidence store wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bailiwick.kube import errors
from bailiwick.kube.resources import CONFIG_MAPS

if TYPE_CHECKING:
    from bailiwick.kube.client import Client

Json = dict[str, Any]

# Each holds up to 900 KB, so that a usual page of a list would be too much at once.
_PAGE = 25


class OwnConfigMaps:
    """The form of `evidence.config_maps.ConfigMaps` over the API server."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def get(self, name: str) -> Json | None:
        """Return one; None where there is none."""
        try:
            return await self._client.get(CONFIG_MAPS, name, self._namespace)
        except errors.NotFound:
            return None

    async def list(self, label_selector: str) -> list[Json]:
        """Return those with these labels."""
        found = await self._client.list(
            CONFIG_MAPS, self._namespace, label_selector=label_selector, limit=_PAGE
        )
        return found.items

    async def metadata(self, label: str) -> Sequence[Json]:
        """Return the metadata of those that have this label."""
        found = await self._client.list(
            CONFIG_MAPS, self._namespace, label_selector=label, metadata_only=True
        )
        return [each["metadata"] for each in found.items]

    async def apply(self, body: Json) -> Json:
        """Make or change one, and return it."""
        metadata = {**body["metadata"], "namespace": self._namespace}
        return await self._client.apply(CONFIG_MAPS, {**body, "metadata": metadata})

    async def delete(self, name: str) -> None:
        """Delete one; no error where there is none."""
        await self._client.delete(CONFIG_MAPS, name, self._namespace)
