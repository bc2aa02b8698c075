"""What registries tell of themselves: Harbor's webhooks, and the distribution project's events.

Only digests and names of repositories are read. Addresses in a notification are never followed:
whoever may send one must not have us ask what they like.

The shapes are those of Harbor's webhooks, in its own format and as CloudEvents, and of
`application/vnd.docker.distribution.events`, v1 and v2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from bailiwick.policy.images.references import is_digest

EVENT_LIMIT = 1000
"""How many events of one notification are read."""
_NAME_LIMIT = 255


class Happened(StrEnum):
    """What happened to an image in its registry."""

    PUSHED = "Pushed"
    DELETED = "Deleted"
    SCANNED = "Scanned"


@dataclass(frozen=True, slots=True)
class Notification:
    """One event: the repository without its registry, and the digest, each empty if not told."""

    happened: Happened
    repository: str
    digest: str = ""


class NotUnderstood(ValueError):
    """A body that is of none of the shapes that are read."""


_HARBOR = {
    "PUSH_ARTIFACT": Happened.PUSHED,
    "harbor.artifact.pushed": Happened.PUSHED,
    "DELETE_ARTIFACT": Happened.DELETED,
    "harbor.artifact.deleted": Happened.DELETED,
    "SCANNING_COMPLETED": Happened.SCANNED,
    "harbor.scan.completed": Happened.SCANNED,
}
_DISTRIBUTION = {"push": Happened.PUSHED, "delete": Happened.DELETED}


class _Target(msgspec.Struct):
    repository: str = ""
    digest: str = ""


class _Event(msgspec.Struct):
    action: str = ""
    target: _Target = msgspec.field(default_factory=_Target)


class _Resource(msgspec.Struct):
    digest: str = ""


class _Repository(msgspec.Struct):
    repo_full_name: str = ""
    namespace: str = ""
    name: str = ""


class _Data(msgspec.Struct):
    resources: list[_Resource] | None = None
    repository: _Repository | None = None


class _Body(msgspec.Struct):
    events: list[_Event] | None = None
    type: str = ""
    event_data: _Data | None = None
    data: _Data | None = None


def read_notifications(body: bytes) -> tuple[Notification, ...]:
    """Read a notification; events of other kinds come to none. Raises NotUnderstood."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstood(f"it is no notification of a registry: {error}") from error
    if found.events is not None:
        return tuple(
            _notification(happened, event.target.repository, event.target.digest)
            for event in found.events[:EVENT_LIMIT]
            if (happened := _DISTRIBUTION.get(event.action))
        )
    if not found.type:
        raise NotUnderstood("it has neither `events` nor a `type`")
    data, happened = found.event_data or found.data, _HARBOR.get(found.type)
    if data is None or happened is None:
        return ()
    where = data.repository or _Repository()
    name = where.repo_full_name or "/".join(p for p in (where.namespace, where.name) if p)
    resources = (data.resources or [_Resource()])[:EVENT_LIMIT]
    return tuple(_notification(happened, name, each.digest) for each in resources)


def _notification(happened: Happened, repository: str, digest: str) -> Notification:
    return Notification(happened, repository[:_NAME_LIMIT], digest if is_digest(digest) else "")
