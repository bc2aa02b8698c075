"""The API's JSON for the values that statuses are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from bailiwick.api.types import MESSAGE_LIMIT
from bailiwick.policy.assessment.history import stamp
from bailiwick.policy.assessment.previous import instant, since_of_condition

JSON = dict[str, Any]
T = TypeVar("T")

LINE_LIMIT = 253
_KEYED = {"conditions": "type", "controls": "id"}


def moment(at: datetime | None) -> str | None:
    """Write an instant; None stays None, and `present` leaves it out."""
    return None if at is None else stamp(at)


def message(text: str) -> str:
    """Cut a message to what the schema takes."""
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


def line(text: str) -> str:
    """Cut a name that somebody else gave to what the schema takes."""
    return text if len(text) <= LINE_LIMIT else text[: LINE_LIMIT - 1] + "…"


def present(**fields: object) -> JSON:
    """Return the fields that are not None; a trailing underscore keeps a name legal in Python."""
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None}


def bounded(items: Sequence[T], limit: int) -> tuple[Sequence[T], int]:
    """Return the first items, and the exact number of the others."""
    return items[:limit], max(0, len(items) - limit)


def condition(
    kind: str,
    status: str,
    reason: str,
    text: str,
    *,
    generation: int,
    previous: Mapping[str, Any],
    now: datetime,
) -> JSON:
    """Write a condition; its lastTransitionTime moves only when its status does."""
    since = since_of_condition(previous, kind, status) or now
    return {
        "type": str(kind),
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": stamp(since),
        "reason": str(reason),
        "message": message(text),
    }


def without_fields(status: Mapping[str, Any], paths: Iterable[str]) -> JSON:
    """Leave out fields by path, `images.worst` or `controls[].evidence`.

    A server refuses a whole status for one field that its schema does not have.
    """
    result: JSON = dict(status)
    for path in paths:
        parts = path.removeprefix("status.").split(".")
        result = _without(result, parts)
    return result


def differs(previous: Mapping[str, Any], status: Mapping[str, Any], *ignored: str) -> bool:
    """Say whether two statuses differ in anything but these top-level fields."""
    return any(
        not _same(name, previous.get(name), status.get(name))
        for name in previous.keys() | status.keys()
        if name not in ignored
    )


def _same(name: str, before: Any, after: Any) -> bool:
    return bool(before == after) or _comparable(name, before) == _comparable(name, after)


def _comparable(name: str, value: Any) -> Any:
    plain = _plain(value)
    key = _KEYED.get(name)
    if key and isinstance(plain, list) and all(isinstance(each, dict) for each in plain):
        # Merging keeps each entry of a keyed list, not always their order.
        return {each.get(key): each for each in plain}
    return plain


def _plain(value: Any) -> Any:
    # The server may write an instant in another spelling than ours.
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str) and len(value) >= len("2026-01-01T00:00:00Z") and value[4:5] == "-":
        return instant(value) or value
    return value


def _without(value: Any, parts: Sequence[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    name, many = parts[0].removesuffix("[]"), parts[0].endswith("[]")
    if name not in value:
        return value
    rest = parts[1:]
    if not rest:
        return {key: item for key, item in value.items() if key != name}
    inner = value[name]
    if many and isinstance(inner, list):
        return {**value, name: [_without(item, rest) for item in inner]}
    return {**value, name: _without(inner, rest)}
