"""The reconciler of one VulnerabilityException, which this version does not evaluate yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.resources import VULNERABILITY_EXCEPTIONS
from bailiwick.reports.exceptions import exception_status

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client


@dataclass(slots=True)
class ExceptionReconciler:
    """Says on each exception that it has no effect, so that nobody relies on it."""

    client: Client
    exceptions: DeclaredStore
    served: Served

    async def reconcile(self, key: tuple[str, str]) -> timedelta | None:
        """Write the status of one exception, where it says something else."""
        found = self.exceptions.objects.get(*key)
        if found is None:
            return None
        status = self.served.known(
            VULNERABILITY_EXCEPTIONS,
            exception_status(
                generation=found.generation, previous=found.status, now=datetime.now(UTC)
            ),
        )
        if status != found.status:
            answer = await self.client.apply_status(
                VULNERABILITY_EXCEPTIONS,
                {
                    "metadata": {
                        "name": found.name,
                        "namespace": found.namespace,
                        "uid": found.uid,
                    },
                    "status": status,
                },
            )
            self.exceptions.learn(DeclaredObject.from_json(found.kind, answer))
        return None
