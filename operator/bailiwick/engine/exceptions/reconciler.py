"""The reconciler of one exception, of either kind: it says where the exception stands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.errors import NotFound
from bailiwick.kube.resources import CLUSTER_VULNERABILITY_EXCEPTIONS, VULNERABILITY_EXCEPTIONS
from bailiwick.policy.exceptions.matching import NOTHING
from bailiwick.policy.exceptions.ruling import rule
from bailiwick.policy.exceptions.standing import Standing, stand
from bailiwick.reports.exceptions import exception_status, last_matched, unjudged_status
from bailiwick.reports.fields import differs

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.exceptions.coverage import Exceptions
    from bailiwick.engine.notices import Notices
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client
    from bailiwick.policy.exceptions.matching import Match

logger = logging.getLogger(__name__)

# After an instant, not at it: clocks are not that exact.
_SOON = timedelta(milliseconds=50)


@dataclass(slots=True)
class ExceptionReconciler:
    """Tells each exception what it is for, and whether it is in force.

    `complete` says whether every namespace was looked at, without which it is not known what an
    exception of the platform is for.
    """

    client: Client
    exceptions: Exceptions
    served: Served
    notices: Notices
    complete: Callable[[], bool]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def reconcile(self, key: tuple[str, str]) -> timedelta | None:
        """Write the status of one exception, where it says something else.

        A `key` without a namespace is that of a ClusterVulnerabilityException.
        """
        found = self._store(key).objects.get(*key)
        if found is None or found.deleting:
            return None
        now = self.clock()
        namespace = key[0]
        look = self.exceptions.look(namespace) if namespace else None
        if namespace and look is None:
            return None  # it is told when the namespace was looked at
        if not namespace and not self.complete():
            return None
        if look is not None and look.unjudged:
            await self._write(
                found,
                unjudged_status(
                    generation=found.generation, why=look.unjudged, previous=found.status, now=now
                ),
            )
            return None
        read = self.exceptions.read(found)
        ruling = rule(read, look.terms if look else None, now, self.exceptions.warning)
        match = self._match(key)
        standing = stand(ruling, match, last_matched(found.status, match, now))
        await self._tell(found, standing, match, now)
        changes_at = standing.changes_at
        return max(changes_at - now, timedelta()) + _SOON if changes_at is not None else None

    def _match(self, key: tuple[str, str]) -> Match:
        look = self.exceptions.look(key[0]) if key[0] else None
        if look is None:
            return self.exceptions.everywhere(key)
        return look.matches.get(key, NOTHING)

    async def _tell(
        self, found: DeclaredObject, standing: Standing, match: Match, now: datetime
    ) -> None:
        status = exception_status(
            generation=found.generation,
            standing=standing,
            match=match,
            previous=found.status,
            now=now,
        )
        if await self._write(found, status):
            before = str(found.status.get("state") or "")
            if before != standing.state:
                logger.info(
                    "%s: exception %s is %s: %s",
                    found.namespace or "cluster",
                    found.name,
                    standing.state,
                    standing.message,
                )
                self.notices.exception(found, before, standing)

    async def _write(self, found: DeclaredObject, status: dict[str, Any]) -> bool:
        resource = VULNERABILITY_EXCEPTIONS if found.namespace else CLUSTER_VULNERABILITY_EXCEPTIONS
        known = self.served.known(resource, status)
        # The approval is written by whoever approves, and stays with them.
        if not differs(found.status, known, "approval"):
            return False
        metadata = {"name": found.name, "uid": found.uid}
        if found.namespace:
            metadata["namespace"] = found.namespace
        try:
            answer = await self.client.apply_status(
                resource, {"metadata": metadata, "status": known}
            )
        except NotFound:
            return False
        self._store(found.key).learn(DeclaredObject.from_json(found.kind, answer))
        return True

    def _store(self, key: tuple[str, str]) -> DeclaredStore:
        return self.exceptions.namespaced if key[0] else self.exceptions.cluster
