"""The reconciler of one profile: the next batch of its rollout, and its status."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.errors import ApiError
from bailiwick.kube.resources import SECURITY_PROFILES
from bailiwick.reports.profiles import profile_status

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.profiles.generations import Profiles
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client
    from bailiwick.policy.rollout import Decision

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ProfileReconciler:
    """Brings a change of a profile to its namespaces."""

    client: Client
    profile_store: DeclaredStore
    profiles: Profiles
    served: Served
    tell_namespace: Callable[[str], None]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def begin(self, name: str) -> bool:
        """Look at a profile before its namespaces are; says whether that could be done."""
        try:
            await self.reconcile(name)
        except ApiError as error:
            logger.warning("profile %s: its rollout has to wait: %s", name, error)
            return False
        return True

    async def reconcile(self, name: str) -> timedelta | None:
        """Look at a profile once; returns how long until its next batch may start."""
        profile = self.profile_store.objects.get("", name)
        if profile is None:
            await self.profiles.forget(name)
            return None
        now = self.clock()
        decision, fresh = await self.profiles.advance(profile, now)
        for namespace in fresh:
            self.tell_namespace(namespace)
        if decision.started_batch:
            logger.info(
                "profile %s, generation %d: a batch of %d namespaces starts, %d of %d are done",
                name,
                profile.generation,
                len(fresh),
                decision.updated,
                decision.total,
            )
        await self._tell(profile, decision, now)
        return decision.next_at - now if decision.next_at else None

    async def _tell(self, profile: DeclaredObject, decision: Decision, now: datetime) -> None:
        others = [
            other.name
            for other in self.profile_store.objects.all()
            if other.name != profile.name and other.spec.get("default")
        ]
        status = self.served.known(
            SECURITY_PROFILES,
            profile_status(
                generation=profile.generation,
                rollout=decision,
                previous=profile.status,
                now=now,
                control_ids=tuple(profile.spec.get("controls") or ()),
                other_defaults=others if profile.spec.get("default") else (),
            ),
        )
        if status == profile.status:
            return
        answer = await self.client.apply_status(
            SECURITY_PROFILES,
            {"metadata": {"name": profile.name, "uid": profile.uid}, "status": status},
        )
        self.profile_store.learn(DeclaredObject.from_json(SECURITY_PROFILES.kind, answer))
