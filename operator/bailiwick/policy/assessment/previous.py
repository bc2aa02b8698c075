"""The status that an intent has now, read leniently: whatever cannot be read was not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any


def entries(status: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Go through the objects of a list of the status."""
    found = status.get(name)
    if isinstance(found, Sequence) and not isinstance(found, str):
        yield from (each for each in found if isinstance(each, Mapping))


def instant(value: object) -> datetime | None:
    """Read an instant of the API, None where it is none or has no time zone."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else None


def since_of_condition(status: Mapping[str, Any], kind: str, truth: str) -> datetime | None:
    """Return since when a condition has this status; None where it had another."""
    for each in entries(status, "conditions"):
        if each.get("type") == kind and each.get("status") == truth:
            return instant(each.get("lastTransitionTime"))
    return None


def since_of_control(status: Mapping[str, Any], control: str, result: str) -> datetime | None:
    """Return since when a control has this result; None where it had another."""
    for each in entries(status, "controls"):
        if each.get("id") == control and each.get("result") == result:
            return instant(each.get("since"))
    return None


def condition_status(status: Mapping[str, Any], kind: str) -> str:
    """Return the status of a condition, Unknown where it was not there."""
    for each in entries(status, "conditions"):
        if each.get("type") == kind and each.get("status") in ("True", "False"):
            return str(each["status"])
    return "Unknown"
