"""The status of a RescanRequest: how far it is, and what could not be scanned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bailiwick.api.meta import ConditionType, Reason
from bailiwick.api.rescan import RESCAN_FAILED_LIMIT
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.controls.result import count, listing
from bailiwick.reports.fields import JSON, bounded, condition, message, moment, present


@dataclass(frozen=True, slots=True)
class RescannedImage:
    """An image that a request covers, as of now.

    `scanned_at` is when its last good result was made, `failed_at` when the last attempt
    failed; None where it did not. `reason` and `words` say why it failed, or is waited for.
    """

    name: str
    scanned_at: datetime | None = None
    failed_at: datetime | None = None
    reason: str = ""
    words: str = ""

    def succeeded(self, requested: datetime) -> bool:
        """Whether it was scanned since the request."""
        return self.scanned_at is not None and self.scanned_at >= requested

    def gave_up(self, requested: datetime) -> bool:
        """Whether the attempt that the request caused failed."""
        failed = self.failed_at is not None and self.failed_at >= requested
        return failed and not self.succeeded(requested)


def rescan_status(
    *,
    generation: int,
    requested: datetime,
    images: Sequence[RescannedImage],
    unknown: Sequence[str],
    previous: Mapping[str, Any],
    now: datetime,
) -> JSON:
    """Write how far a request is. `unknown` are images it names that do not run here.

    Once complete it stays as it was then, whatever is scanned or run later.
    """
    if instant(previous.get("completed")) is not None:
        return {**previous, "observedGeneration": generation}
    # Conditions, phases and instants are in whole seconds, so is the comparison.
    requested = requested.replace(microsecond=0)
    failed = [each for each in images if each.gave_up(requested)]
    good = sum(each.succeeded(requested) for each in images)
    total = len(images) + len(unknown)
    done = good + len(failed) + len(unknown)
    problems = [
        {"image": message(name), "reason": "NotRunning", "message": _not_running(name)}
        for name in sorted(unknown)
    ] + [
        {
            "image": message(each.name),
            "reason": each.reason[:128] or "ScanFailed",
            "message": message(each.words or "The scan failed."),
        }
        for each in sorted(failed, key=lambda each: each.name)
    ]
    shown, omitted = bounded(problems, RESCAN_FAILED_LIMIT)
    complete = done == total
    return present(
        observedGeneration=generation,
        requested=moment(requested),
        completed=moment(now) if complete else None,
        total=total,
        done=done,
        failed=list(shown),
        failedOmitted=omitted,
        conditions=_conditions(
            total,
            done,
            problems,
            _wait(images, requested),
            generation=generation,
            previous=previous,
            now=now,
        ),
    )


def waiting_status(
    *, generation: int, requested: datetime, why: str, previous: Mapping[str, Any], now: datetime
) -> JSON:
    """Write that nothing is done about a request as things are."""
    return present(
        observedGeneration=generation,
        requested=moment(requested),
        failed=[],
        failedOmitted=0,
        conditions=[
            condition(kind, status, reason, why, generation=generation, previous=previous, now=now)
            for kind, status, reason in (
                (ConditionType.READY, "False", Reason.NOT_EVALUATED),
                (ConditionType.COMPLETE, "False", Reason.NOT_EVALUATED),
                (ConditionType.STALLED, "True", Reason.NOT_EVALUATED),
            )
        ],
    )


def _wait(images: Sequence[RescannedImage], requested: datetime) -> str:
    """Say what the first image that is not done waits for, where that is known."""
    waiting = [i for i in images if not i.succeeded(requested) and not i.gave_up(requested)]
    found = next((i for i in sorted(waiting, key=lambda i: i.name) if i.words), None)
    return f"{found.name} waits: {found.words}" if found else ""


def _not_running(name: str) -> str:
    return message(
        f"{name} does not run in this namespace. Name an image as a workload does, or by digest"
    )


def _conditions(
    total: int,
    done: int,
    problems: Sequence[JSON],
    wait: str,
    *,
    generation: int,
    previous: Mapping[str, Any],
    now: datetime,
) -> list[JSON]:
    def say(kind: ConditionType, status: str, reason: str, words: str) -> JSON:
        return condition(
            kind, status, reason, words, generation=generation, previous=previous, now=now
        )

    progress = f"{done} of {count(total, 'image')} done."
    names = listing(str(each["image"]) for each in problems)
    trouble = f"{count(len(problems), 'image')} could not be scanned: {names}." if problems else ""
    if done < total:
        words = " ".join(part for part in (progress, trouble, wait) if part)
        return [
            say(ConditionType.READY, "False", Reason.PROGRESSING, words),
            say(ConditionType.COMPLETE, "False", Reason.PROGRESSING, words),
            say(ConditionType.RECONCILING, "True", Reason.PROGRESSING, words),
        ]
    if problems:
        words = f"{progress} {trouble} {problems[0]['message']}"
        return [
            say(ConditionType.READY, "False", Reason.SCAN_FAILED, words),
            say(ConditionType.COMPLETE, "True", Reason.SCAN_FAILED, words),
            say(ConditionType.FAILED, "True", Reason.SCAN_FAILED, words),
            say(ConditionType.STALLED, "True", Reason.SCAN_FAILED, words),
        ]
    words = progress if total else "No image runs in this namespace, so there was nothing to scan."
    return [
        say(ConditionType.READY, "True", Reason.SUCCEEDED, words),
        say(ConditionType.COMPLETE, "True", Reason.SUCCEEDED, words),
    ]
