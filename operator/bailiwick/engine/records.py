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

DIGEST_LABEL = "bailiwick.dev/reach-digest"


@dataclass(slots=True)
class Records:
    """Writes a NetworkReach for each namespace; `problem` is why that cannot be done.

    It is no part of any verdict, so that what goes wrong with it is logged, and tried again with
    the next look at the namespace.
    """

    client: Client
    problem: str = ""
    _kept: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def read(self) -> None:
        """Learn what is there, by digests, so that only what is new is written."""
        try:
            found = await self.client.list(NETWORK_REACHES, metadata_only=True)
        except ApiError as error:
            self._say(error.message)
            return
        for each in found.items:
            metadata = each["metadata"]
            owners = [owner["uid"] for owner in metadata.get("ownerReferences") or ()]
            digest = (metadata.get("labels") or {}).get(DIGEST_LABEL, "")
            self._kept[metadata["namespace"]] = (owners[0] if owners else "", digest)

    async def keep(self, intent: DeclaredObject, reach: NamespaceReach | None) -> None:
        """Write what is possible in a namespace, where it is new."""
        if reach is None:
            return
        spec = reach_spec(reach.rows)
        now = (intent.uid, str(spec["digest"]))
        if self._kept.get(intent.namespace) == now:
            return
        metadata = {
            "name": INTENT_NAME,
            "namespace": intent.namespace,
            "labels": {DIGEST_LABEL: spec["digest"]},
            "ownerReferences": [owner_reference(intent)],
        }
        try:
            await self.client.apply(NETWORK_REACHES, {"metadata": metadata, "spec": spec})
        except (NamespaceTerminating, NotLeader):
            raise
        except ApiError as error:
            self._say(error.message)
            return
        self._kept[intent.namespace] = now
        self._say("")

    def forget(self, namespace: str) -> None:
        """Let go of what is remembered of a namespace."""
        self._kept.pop(namespace, None)

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem:
            logger.warning("who can reach whom cannot be kept beside the intents: %s", problem)
        self.problem = problem
