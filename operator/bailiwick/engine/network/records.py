"""The object beside an intent that says who can reach whom, written when that changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bailiwick.api.meta import INTENT_NAME
from bailiwick.engine.network.enforcement import owner_reference
from bailiwick.engine.queueing.work import in_seconds
from bailiwick.kube.errors import ApiError, NamespaceTerminating, NotLeader
from bailiwick.kube.resources import NETWORK_REACHES
from bailiwick.reports.reach import reach_spec

if TYPE_CHECKING:
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.queueing.queue import WorkQueue
    from bailiwick.kube.client import Client
    from bailiwick.policy.findings.effective import NamespaceReach

logger = logging.getLogger(__name__)

DIGEST_LABEL = "bailiwick.dev/reach-digest"
_WORKERS = 4
_PAUSE = timedelta(seconds=1)
_LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is to be written of an intent, and since when it waits, as `time.monotonic` has it."""

    intent: DeclaredObject
    spec: Mapping[str, Any]
    since: float


@dataclass(slots=True)
class Records:
    """Writes a NetworkReach for each namespace; `problem` is why that cannot be done.

    It is no part of any verdict. So it waits while `busy`, though not for ever, and what goes
    wrong with it is logged, and tried again with the next look at the namespace.
    """

    client: Client
    busy: Callable[[], bool]
    queue: WorkQueue[str]
    problem: str = ""
    _kept: dict[str, tuple[str, str]] = field(default_factory=dict)
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

    async def start(self) -> None:
        """Learn what is there, by digests, so that only what is new is written; begin to write."""
        await self._read()
        self.queue.start(in_seconds(self.write), workers=_WORKERS)

    def keep(self, intent: DeclaredObject, reach: NamespaceReach | None) -> None:
        """Have written what is possible in a namespace, where it is new."""
        if reach is None:
            return
        name, spec = intent.namespace, reach_spec(reach.rows)
        before = self._waiting.pop(name, None)
        if self._kept.get(name) == (intent.uid, str(spec["digest"])):
            return
        since = before.since if before else time.monotonic()
        self._waiting[name] = _Waiting(intent, spec, since)
        self.queue.add_after(name, _PAUSE.total_seconds())

    async def write(self, namespace: str) -> timedelta | None:
        """Write what waits for a namespace, or say how long there is more urgent work."""
        found = self._waiting.get(namespace)
        if found is None:
            return None
        if self.busy() and time.monotonic() - found.since < _LONGEST_SECONDS:
            return _PAUSE
        del self._waiting[namespace]
        try:
            await self._write(found)
        except NamespaceTerminating:
            return None
        except NotLeader:
            self._waiting.setdefault(namespace, found)
            raise
        except ApiError as error:
            self._say(error.message)
        else:
            self._say("")
        return None

    def forget(self, namespace: str) -> None:
        """Let go of what is remembered of a namespace."""
        self._kept.pop(namespace, None)
        self._waiting.pop(namespace, None)

    async def _read(self) -> None:
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

    async def _write(self, found: _Waiting) -> None:
        intent, digest = found.intent, str(found.spec["digest"])
        metadata = {
            "name": INTENT_NAME,
            "namespace": intent.namespace,
            "labels": {DIGEST_LABEL: digest},
            "ownerReferences": [owner_reference(intent)],
        }
        await self.client.apply(NETWORK_REACHES, {"metadata": metadata, "spec": found.spec})
        self._kept[intent.namespace] = (intent.uid, digest)

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem:
            logger.warning("who can reach whom cannot be kept beside the intents: %s", problem)
        self.problem = problem
