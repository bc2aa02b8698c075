"""Our own paged lists of what Kopf watches: Kopf never tells what was deleted in a gap."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bailiwick.engine.objects import version_number
from bailiwick.kube.errors import ApiError

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.kube.client import Client
    from bailiwick.kube.resources import Resource

logger = logging.getLogger(__name__)

PAGE = 100
"""Objects in one answer: those of our kinds are large while they are decoded."""


@dataclass(slots=True)
class Resync:
    """Lists what Kopf watches, and takes out what is gone."""

    client: Client
    stores: Mapping[Resource, DeclaredStore]
    problems: dict[str, str] = field(default_factory=dict)
    last: float | None = None

    async def once(self) -> None:
        """List every kind once; what cannot be read is kept, and named in `problems`.

        Raises ApiError where the API server cannot be reached or has trouble of its own.
        """
        for resource, store in self.stores.items():
            await self._one(resource, store)
        self.last = time.monotonic()

    def age(self) -> float | None:
        """Return the seconds since the last complete resync, None before the first."""
        return None if self.last is None else time.monotonic() - self.last

    async def _one(self, resource: Resource, store: DeclaredStore) -> None:
        try:
            seen, version = await self.client.list_each(resource, store.observe_body, limit=PAGE)
        except ApiError as error:
            if error.transient:
                raise
            self.problems[resource.plural] = f"{resource.plural} cannot be listed: {error.message}"
            return
        self.problems.pop(resource.plural, None)
        gone = store.keep_only(frozenset(seen), version_number(version))
        if gone:
            logger.info("%d %s were deleted without a word", gone, resource.plural)
