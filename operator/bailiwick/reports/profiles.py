"""The status of a SecurityProfile: who is held to it, and how far its newest generation is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bailiwick.api.meta import ConditionType, Reason
from bailiwick.policy.controls.catalogue import CONTROL_IDS
from bailiwick.policy.controls.result import count, listing
from bailiwick.policy.rollout import Decision, Phase
from bailiwick.reports.fields import JSON, bounded, condition, line, moment, present

FAILED_LIMIT = 20


def profile_status(
    *,
    generation: int,
    rollout: Decision,
    previous: Mapping[str, Any],
    now: datetime,
    control_ids: Sequence[str] = (),
    other_defaults: Sequence[str] = (),
) -> JSON:
    """Write what is known of a profile.

    `control_ids` are the keys of `spec.controls`. `other_defaults` are further profiles that are
    the default, to be given only where this one is. What a template does in a namespace stands
    on its intent.
    """
    said = _ready(rollout, control_ids, other_defaults)
    status, reason, words, progress = said

    def say(kind: ConditionType, truth: str) -> JSON:
        return condition(
            kind, truth, reason, words, generation=generation, previous=previous, now=now
        )

    conditions = [say(ConditionType.READY, status)]
    if progress is not None:
        conditions.append(say(progress, "True"))
    failed, omitted = bounded(rollout.failed, FAILED_LIMIT)
    waiting = rollout.phase is Phase.PROGRESSING and rollout.updated < rollout.total
    return {
        "observedGeneration": generation,
        "conditions": conditions,
        "namespaces": rollout.total,
        "rollout": present(
            generation=generation,
            startedAt=moment(rollout.started_at),
            phase=rollout.phase.value,
            total=rollout.total,
            updated=rollout.updated,
            failed=[line(name) for name in failed],
            failedOmitted=omitted,
            nextBatchAt=moment(rollout.next_at) if waiting else None,
        ),
    }


def _ready(
    rollout: Decision,
    control_ids: Sequence[str],
    other_defaults: Sequence[str],
) -> tuple[str, Reason, str, ConditionType | None]:
    if other_defaults:
        return (
            "False",
            Reason.DEFAULT_PROFILE_AMBIGUOUS,
            f"More than one profile is the default, this one and {listing(sorted(other_defaults))}:"
            " intents that name none are left as they are. Set spec.default on one of them only.",
            ConditionType.STALLED,
        )
    unknown = sorted(set(control_ids) - CONTROL_IDS)
    if unknown:
        return (
            "False",
            Reason.CONTROL_UNKNOWN,
            f"spec.controls names {listing(unknown)}, which {'is' if len(unknown) == 1 else 'are'} "
            "not in the catalogue of this version and had no effect. There are: "
            f"{listing(sorted(CONTROL_IDS), len(CONTROL_IDS))}.",
            ConditionType.STALLED,
        )
    return _of_rollout(rollout)


def _of_rollout(rollout: Decision) -> tuple[str, Reason, str, ConditionType | None]:
    total = count(rollout.total, "namespace")
    if rollout.phase is Phase.STOPPED:
        return (
            "False",
            Reason.ROLLOUT_STOPPED,
            f"The rollout stopped after {rollout.updated} of {total}, because these are not Ready "
            f"any more: {listing(rollout.stopped_by)}. See their SecurityIntents; correct them or "
            "this profile.",
            ConditionType.STALLED,
        )
    if rollout.phase is Phase.PROGRESSING:
        return (
            "False",
            Reason.PROGRESSING,
            f"{rollout.updated} of {total} hold the newest generation.",
            ConditionType.RECONCILING,
        )
    if not rollout.total:
        return "True", Reason.SUCCEEDED, "No namespace is held to this profile.", None
    words = f"{total} held to the newest generation."
    if rollout.failed:
        words += f" Not Ready: {listing(rollout.failed)}."
    return "True", Reason.SUCCEEDED, words, None
