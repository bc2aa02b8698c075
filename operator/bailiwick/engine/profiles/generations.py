"""Which generation of its profile a namespace is held to, while a change rolls out.

A change of a profile is taken up batch after batch (`policy.rollout`). Until its turn comes a
namespace keeps the generation that its status speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.api.durations import parse_duration
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.merge import ProfileVersion
from bailiwick.policy.rollout import Decision, Member, Phase, Terms, decide

if TYPE_CHECKING:
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.profiles.revisions import Revisions, Spec

Members = Callable[[str], Iterable["DeclaredObject"]]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a namespace stands with the profile that its status speaks of."""

    profile: str
    member: Member


@dataclass(slots=True)
class Rollout:
    """What is remembered of a profile's rollout between two looks at it."""

    uid: str
    generation: int
    started_at: datetime
    admitted: frozenset[str] = frozenset()
    last_batch_at: datetime | None = None
    decision: Decision | None = None


@dataclass(slots=True)
class Profiles:
    """The rollouts of all profiles.

    `members` gives the intents of the namespaces that a profile is bound to.
    """

    revisions: Revisions
    members: Members
    _rollouts: dict[str, Rollout] = field(default_factory=dict)
    _parsed: dict[tuple[str, int], ProfileVersion] = field(default_factory=dict)

    async def advance(
        self, profile: DeclaredObject, now: datetime
    ) -> tuple[Decision, frozenset[str]]:
        """Look at a profile's rollout; return it, and the namespaces let in by this look."""
        members = [_member(intent, profile.name) for intent in self.members(profile.name)]
        in_use = {m.generation for m in members if m.generation is not None}
        await self.revisions.keep(profile.name, profile.generation, profile.spec, in_use)
        version = self._version(profile, profile.generation, profile.spec)
        terms = Terms(version.spec.rollout.batch, parse_duration(version.spec.rollout.pause))
        rollout = self._rollout(profile, terms.pause, now)
        decision = decide(
            profile.generation,
            members,
            terms,
            started_at=rollout.started_at,
            admitted=rollout.admitted,
            last_batch_at=rollout.last_batch_at,
            now=now,
        )
        fresh = decision.admitted - rollout.admitted
        rollout.admitted = decision.admitted
        rollout.decision = decision
        if decision.started_batch:
            rollout.last_batch_at = now
        return decision, fresh

    def version(self, profile: DeclaredObject, intent: DeclaredObject) -> ProfileVersion | None:
        """Return the version of its profile that a namespace is held to now.

        None where that is an earlier one, and those could not be read yet.
        """
        reached = _member(intent, profile.name).generation
        if reached not in (None, profile.generation) and not self._is_admitted(profile, intent):
            kept = self.revisions.get(profile.name, reached or 0)
            if kept is not None:
                return self._version(profile, reached or 0, kept)
            if not self.revisions.loaded:
                return None
        return self._version(profile, profile.generation, profile.spec)

    def rolling_out(self, profile: str) -> bool:
        """Say whether namespaces of a profile still wait, or were let in and are not done."""
        rollout = self._rollouts.get(profile)
        return bool(rollout and rollout.decision and rollout.decision.phase is not Phase.COMPLETE)

    async def forget(self, profile: str) -> None:
        """Drop what is remembered of a profile that is gone."""
        self._rollouts.pop(profile, None)
        self._parsed = {key: v for key, v in self._parsed.items() if v.name != profile}
        await self.revisions.forget(profile)

    def _rollout(self, profile: DeclaredObject, pause: timedelta, now: datetime) -> Rollout:
        """Return the rollout of a profile's generation; after a restart, as its status has it."""
        known = self._rollouts.get(profile.name)
        same = known is not None and known.uid == profile.uid
        if known is None or not same or known.generation != profile.generation:
            last = known.last_batch_at if known and same else None
            said = profile.status.get("rollout") or {}
            if said.get("generation") == profile.generation:
                next_batch = instant(said.get("nextBatchAt"))
                last = next_batch - pause if next_batch else last
                now = instant(said.get("startedAt")) or now
            known = Rollout(profile.uid, profile.generation, now, last_batch_at=last)
            self._rollouts[profile.name] = known
        return known

    def _is_admitted(self, profile: DeclaredObject, intent: DeclaredObject) -> bool:
        rollout = self._rollouts.get(profile.name)
        return (
            rollout is not None
            and (rollout.uid, rollout.generation) == (profile.uid, profile.generation)
            and intent.namespace in rollout.admitted
        )

    def _version(self, profile: DeclaredObject, generation: int, spec: Spec) -> ProfileVersion:
        # By UID: one that was deleted and made again counts its generations anew.
        found = self._parsed.get((profile.uid, generation))
        if found is None:
            read = SecurityProfileSpec.model_validate(spec)
            found = self._parsed[profile.uid, generation] = ProfileVersion(
                profile.name, generation, read
            )
        return found


def standing(intent: DeclaredObject) -> Standing | None:
    """Read it from the status of an intent; None where that speaks of no profile."""
    profile = (intent.status.get("profile") or {}).get("name")
    return Standing(profile, _member(intent, profile)) if profile else None


def _member(intent: DeclaredObject, profile: str) -> Member:
    """Read where a namespace stands from the status of its intent."""
    said = intent.status.get("profile") or {}
    if said.get("name") != profile or "generation" not in said:
        return Member(intent.namespace, None, None)
    conditions = intent.status.get("conditions") or ()
    ready: Mapping[str, str] = next((each for each in conditions if each["type"] == "Ready"), {})
    known = {"True": True, "False": False}.get(ready.get("status", ""))
    since = instant(ready.get("lastTransitionTime"))
    return Member(intent.namespace, said["generation"], known, since)
