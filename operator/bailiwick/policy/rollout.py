"""How a change of a profile reaches its namespaces: batch after batch, until one fails."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Phase(StrEnum):
    """Where the rollout of a profile's generation stands."""

    COMPLETE = "Complete"
    PROGRESSING = "Progressing"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class Terms:
    """The size of a batch, as a count or a percentage of all namespaces, and the pause after it."""

    batch: int | str = "10%"
    pause: timedelta = timedelta(seconds=60)

    def batch_size(self, total: int) -> int:
        """Return the number of namespaces in a batch, at least one."""
        if isinstance(self.batch, str) and self.batch.endswith("%"):
            return max(1, math.ceil(total * int(self.batch[:-1]) / 100))
        return max(1, int(self.batch))


@dataclass(frozen=True, slots=True)
class Member:
    """A namespace of the profile.

    `generation` is that of the profile which its status speaks of, None before its first
    status; `ready` is its condition Ready at that generation, None while not known, and
    `since` when that last changed, in whole seconds.
    """

    namespace: str
    generation: int | None
    ready: bool | None
    since: datetime | None = None

    def failed(self, target: int) -> bool:
        """Say whether it is at this generation and not Ready."""
        return self.generation == target and self.ready is False

    def failed_before(self, start: datetime) -> bool:
        """Say whether it was not Ready before the rollout started, which is not to blame then."""
        return self.ready is False and self.since is not None and self.since < start


@dataclass(frozen=True, slots=True)
class Decision:
    """Who takes up the target generation now, and what to say of it.

    `admitted` holds every namespace that may be at the target generation, those that are
    there already included. `failed` are those at the target generation that are not Ready,
    `stopped_by` those of them that were so before the rollout started left out. `next_at` is
    when the next batch may start; time alone changes this decision then.
    """

    phase: Phase
    admitted: frozenset[str]
    updated: int
    total: int
    failed: tuple[str, ...] = ()
    stopped_by: tuple[str, ...] = ()
    started_at: datetime | None = None
    started_batch: bool = False
    next_at: datetime | None = None


def decide(
    target: int,
    members: Iterable[Member],
    terms: Terms,
    *,
    started_at: datetime,
    admitted: frozenset[str] = frozenset(),
    last_batch_at: datetime | None = None,
    now: datetime,
) -> Decision:
    """Decide which namespaces take up generation `target` of their profile.

    The rollout started at `started_at`, and `admitted` are those that earlier decisions let
    in. A namespace without a status is let in at once: there is nothing of an earlier
    generation to keep. A batch starts when every namespace let in before is Ready, or was not
    even before the rollout, and the pause after the last batch is over. So a team that leaves
    its namespace broken does not keep a stricter profile from the others.
    """
    everyone = sorted(members, key=lambda m: m.namespace)
    # Kubernetes keeps instants in whole seconds.
    start = started_at.replace(microsecond=0)
    at_target = {m.namespace for m in everyone if m.generation == target}
    new = {m.namespace for m in everyone if m.generation is None}
    inside = at_target | new | (admitted & {m.namespace for m in everyone})
    waiting = [m.namespace for m in everyone if m.namespace not in inside]
    failed = [m for m in everyone if m.failed(target)]
    broken = tuple(m.namespace for m in failed if not m.failed_before(start))

    def answer(phase: Phase, let_in: Iterable[str] = (), at: datetime | None = None) -> Decision:
        batch = frozenset(let_in)
        return Decision(
            phase,
            frozenset(inside | batch),
            len(at_target),
            len(everyone),
            tuple(m.namespace for m in failed),
            broken,
            started_at,
            started_batch=bool(batch),
            next_at=at if at and at > now else None,
        )

    if not waiting:
        done = all(m.generation == target for m in everyone if m.namespace not in new)
        return answer(Phase.COMPLETE if done else Phase.PROGRESSING)
    if broken:
        return answer(Phase.STOPPED)
    resumes = last_batch_at + terms.pause if last_batch_at else now
    settling = any(
        m.namespace in inside
        and m.generation is not None
        and not (m.generation == target and (m.ready or m.failed_before(start)))
        for m in everyone
    )
    if settling or now < resumes:
        return answer(Phase.PROGRESSING, at=resumes)
    batch = waiting[: terms.batch_size(len(everyone))]
    return answer(Phase.PROGRESSING, batch, at=now + terms.pause)
