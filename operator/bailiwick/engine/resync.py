"""Our own paged lists of what Kopf watches: Kopf never tells what was deleted in a gap.

A gap shows by Kopf listing a kind anew, which it does at its start and after a 410. So each such
list is followed by one of ours, and all kinds are listed from time to time besides.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
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
_RETRY_SECONDS = 5.0
_PATIENCE = 10.0


@dataclass(slots=True)
class Resync:
    """Lists what Kopf watches, and takes out what is gone.

    `on_problems` is called when a kind can no longer be read, or can be again.
    """

    client: Client
    stores: Mapping[Resource, DeclaredStore]
    on_problems: Callable[[], None]
    problems: dict[str, str] = field(default_factory=dict)
    last: float | None = None
    _doubts: set[Resource] = field(default_factory=set)
    _doubted: asyncio.Event = field(default_factory=asyncio.Event)
    _refused: dict[Resource, float] = field(default_factory=dict)

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

    def unreadable(self) -> str | None:
        """Say which kinds cannot be listed, for readiness."""
        return "; ".join(self.problems.values()) or None

    def doubt(self, path: str) -> None:
        """Take note that Kopf lists what is at this path, or may not watch it any more.

        Paths of other kinds are let be.
        """
        for resource in self.stores:
            if resource.path() == path:
                self._doubts.add(resource)
                self._doubted.set()

    async def follow(self) -> None:
        """List what is in doubt, again and again until it could be listed; never returns."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            for resource in tuple(self._doubts):
                try:
                    await self._one(resource, self.stores[resource])
                except ApiError as error:
                    logger.warning("%s cannot be listed now: %s", resource.plural, error)
            if self._doubts:
                await asyncio.sleep(_RETRY_SECONDS)
                self._doubted.set()

    async def _one(self, resource: Resource, store: DeclaredStore) -> None:
        try:
            seen, version = await self.client.list_each(resource, store.observe_body, limit=PAGE)
        except ApiError as error:
            if error.transient:
                raise
            self._refuse(resource, store, error)
            return
        self._doubts.discard(resource)
        self._refused.pop(resource, None)
        if self.problems.pop(resource.plural, None) is not None:
            logger.info("%s can be listed again", resource.plural)
            self.on_problems()
        gone = store.keep_only(frozenset(seen), version_number(version))
        if gone:
            logger.info("%d %s were deleted without a word", gone, resource.plural)

    def _refuse(self, resource: Resource, store: DeclaredStore, error: ApiError) -> None:
        """Take note that a kind may not be listed; a right that was there may come back at once.

        An API server that has just started refuses for a moment what it will allow.
        """
        self._doubts.add(resource)
        self._doubted.set()
        now = time.monotonic()
        since = self._refused.setdefault(resource, now)
        problem = f"{resource.plural} cannot be listed: {error.message}"
        if (store.listed and now - since < _PATIENCE) or problem == self.problems.get(
            resource.plural
        ):
            return
        self.problems[resource.plural] = problem
        logger.warning("%s", problem)
        self.on_problems()
