"""The last changes of Compliant, each chained to the one before by a digest.

The digest is SHA-256 over the entry in canonical JSON with the digest before it, so that an
entry that was changed, or removed from the middle, is noticed by whoever verifies the chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard

from bailiwick.policy.assessment.input import Transition, Truth
from bailiwick.policy.assessment.previous import entries, instant

LIMIT = 20
MESSAGE_LIMIT = 300


def stamp(when: datetime) -> str:
    """Write an instant as the API server does, in UTC and whole seconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def chain(before: str, at: datetime, was: Truth, now: Truth, reason: str, message: str) -> str:
    """Return the digest of an entry that follows the one with digest `before`."""
    entry = {
        "at": stamp(at),
        "from": was,
        "to": now,
        "reason": reason,
        "message": message,
        "before": before,
    }
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def follow(
    history: Sequence[Transition], at: datetime, was: Truth, now: Truth, reason: str, message: str
) -> Transition:
    """Make the entry that follows a history."""
    short = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
    before = history[-1].digest if history else ""
    return Transition(at, was, now, reason, short, chain(before, at, was, now, reason, short))


def read(status: Mapping[str, Any]) -> tuple[tuple[Transition, ...], int]:
    """Read the history of a status, and the number of older entries that it left out."""
    history = []
    for each in entries(status, "history"):
        at = instant(each.get("at"))
        was, now = each.get("from"), each.get("to")
        if at is None or not _is_truth(was) or not _is_truth(now):
            continue
        history.append(
            Transition(
                at,
                was,
                now,
                str(each.get("reason", "")),
                str(each.get("message", "")),
                str(each.get("digest", "")),
            )
        )
    omitted = status.get("historyOmitted")
    return tuple(history), omitted if isinstance(omitted, int) and omitted > 0 else 0


def broken_at(history: Sequence[Transition], omitted: int) -> int | None:
    """Return the index of the first entry that does not follow from the one before; None: whole.

    Where older entries were left out, the first one's digest cannot be checked and counts as
    given.
    """
    before = ""
    for index, each in enumerate(history):
        expected = chain(before, each.at, each.was, each.now, each.reason, each.message)
        if each.digest != expected and not (index == 0 and omitted):
            return index
        before = each.digest
    return None


def bounded(history: Sequence[Transition], omitted: int) -> tuple[tuple[Transition, ...], int]:
    """Keep the newest entries, and count what was ever left out."""
    extra = max(0, len(history) - LIMIT)
    return tuple(history[extra:]), omitted + extra


def _is_truth(value: object) -> TypeGuard[Truth]:
    return value in ("True", "False", "Unknown")
