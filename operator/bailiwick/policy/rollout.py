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
    status; `ready` is its condition Ready at that generation, None while not known.
    """

    namespace: str
    generation: int | None
    ready: bool | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who takes up the target generation now, and what to say of it.

    `admitted` holds every namespace that may be at the target generation, those that are
    there already included. `next_at` is when time alone changes this decision.
    """

    phase: Phase
    admitted: frozenset[str]
    updated: int
    total: int
    failed: tuple[str, ...] = ()
    started_batch: bool = False
    next_at: datetime | None = None


def decide(
    target: int,
    members: Iterable[Member],
    terms: Terms,
    *,
    admitted: frozenset[str],
    last_batch_at: datetime | None,
    now: datetime,
) -> Decision:
    """Decide which namespaces take up generation `target` of their profile.

    `admitted` are those that earlier decisions let in. A namespace without a status is let in
    at once: there is nothing of an earlier generation to keep. A batch starts when every
    namespace let in before is Ready, and the pause after the last batch is over.
    """
    everyone = sorted(members, key=lambda m: m.namespace)
    total = len(everyone)
    at_target = {m.namespace for m in everyone if m.generation == target}
    new = {m.namespace for m in everyone if m.generation is None}
    inside = at_target | new | (admitted & {m.namespace for m in everyone})
    waiting = [m.namespace for m in everyone if m.namespace not in inside]
    failed = tuple(m.namespace for m in everyone if m.generation == target and m.ready is False)

    def answer(phase: Phase, let_in: Iterable[str] = (), at: datetime | None = None) -> Decision:
        batch = frozenset(let_in)
        return Decision(
            phase,
            frozenset(inside | batch),
            len(at_target),
            total,
            failed,
            started_batch=bool(batch),
            next_at=at,
        )

    if not waiting:
        done = all(m.generation == target for m in everyone if m.namespace not in new)
        return answer(Phase.COMPLETE if done else Phase.PROGRESSING)
    if failed:
        return answer(Phase.STOPPED)
    settling = any(
        m.namespace in inside
        and m.generation is not None
        and not (m.generation == target and m.ready)
        for m in everyone
    )
    if settling:
        return answer(Phase.PROGRESSING)
    resumes = last_batch_at + terms.pause if last_batch_at else now
    if now < resumes:
        return answer(Phase.PROGRESSING, at=resumes)
    return answer(Phase.PROGRESSING, waiting[: terms.batch_size(total)], at=now + terms.pause)
