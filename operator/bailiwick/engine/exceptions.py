"""The reconciler of one exception, of either kind, which this version does not evaluate yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.resources import CLUSTER_VULNERABILITY_EXCEPTIONS, VULNERABILITY_EXCEPTIONS
from bailiwick.reports.exceptions import exception_status

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client


@dataclass(slots=True)
class ExceptionReconciler:
    """Says on each exception that it has no effect, so that nobody relies on it."""

    client: Client
    namespaced: DeclaredStore
    cluster: DeclaredStore
    served: Served

    async def reconcile(self, key: tuple[str, str]) -> timedelta | None:
        """Write the status of one exception, where it says something else.

        A `key` without a namespace is that of a ClusterVulnerabilityException.
        """
        namespace, name = key
        store = self.namespaced if namespace else self.cluster
        resource = VULNERABILITY_EXCEPTIONS if namespace else CLUSTER_VULNERABILITY_EXCEPTIONS
        found = store.objects.get(namespace, name)
        if found is None:
            return None
        status = exception_status(
            generation=found.generation, previous=found.status, now=datetime.now(UTC)
        )
        status = self.served.known(resource, status)
        if status != found.status:
            metadata = {"name": name, "uid": found.uid}
            if namespace:
                metadata["namespace"] = namespace
            body = {"metadata": metadata, "status": status}
            answer = await self.client.apply_status(resource, body)
            store.learn(DeclaredObject.from_json(found.kind, answer))
        return None
