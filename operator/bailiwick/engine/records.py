"""The object beside an intent that says who can reach whom, written when that changes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bailiwick.api.meta import INTENT_NAME
from bailiwick.engine.enforcement import owner_reference
from bailiwick.kube.errors import ApiError, NamespaceTerminating, NotLeader
from bailiwick.kube.resources import NETWORK_REACHES
from bailiwick.reports.reach import reach_spec

if TYPE_CHECKING:
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.kube.client import Client
    from bailiwick.policy.findings.effective import NamespaceReach

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Records:
    """Writes a NetworkReach for each namespace; `problem` is why none can be written."""

    client: Client
    problem: str = ""
    _kept: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def keep(self, intent: DeclaredObject, reach: NamespaceReach | None) -> str:
        """Write what is possible where it is new; returns its digest, empty where it is not kept.

        What an earlier process wrote is known by the digest in the intent's status.
        """
        if reach is None:
            return ""
        spec = reach_spec(reach.rows)
        digest = str(spec["digest"])
        written = str((intent.status.get("network") or {}).get("recorded"))
        if self._kept.get(intent.namespace, (intent.uid, written)) == (intent.uid, digest):
            return digest
        body = {
            "metadata": {
                "name": INTENT_NAME,
                "namespace": intent.namespace,
                "ownerReferences": [owner_reference(intent)],
            },
            "spec": spec,
        }
        try:
            await self.client.apply(NETWORK_REACHES, body)
        except (NamespaceTerminating, NotLeader):
            raise
        except ApiError as error:
            self._say(error.message)
            return ""
        self._kept[intent.namespace] = (intent.uid, digest)
        self._say("")
        return digest

    def forget(self, namespace: str) -> None:
        """Let go of what is remembered of a namespace."""
        self._kept.pop(namespace, None)

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem:
            logger.warning("who can reach whom cannot be kept beside the intents: %s", problem)
        self.problem = problem
