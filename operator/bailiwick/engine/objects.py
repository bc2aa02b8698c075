"""Objects of our own kinds as the operator holds them: what is needed of each, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bailiwick.kube.store import Key


@dataclass(frozen=True, slots=True)
class DeclaredObject:
    """One object of a kind of ours.

    `spec` and `status` are the API's JSON and are never changed. `managers` are the field
    managers of everything but the status.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: int
    created: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    managers: frozenset[str] = frozenset()
    deleting: bool = False

    @classmethod
    def from_json(cls, kind: str, body: Mapping[str, Any]) -> DeclaredObject:
        """Project what the API server sent."""
        metadata = body["metadata"]
        return cls(
            kind=kind,
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 0),
            resource_version=version_number(metadata.get("resourceVersion", "")),
            created=datetime.fromisoformat(metadata["creationTimestamp"]).astimezone(UTC),
            labels=dict(metadata.get("labels") or {}),
            spec=plain(body.get("spec") or {}),
            status=plain(body.get("status") or {}),
            managers=frozenset(
                entry.get("manager", "")
                for entry in metadata.get("managedFields") or ()
                if not entry.get("subresource")
            ),
            deleting="deletionTimestamp" in metadata,
        )

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return Key(self.namespace, self.name)

    def same_for_a_reconcile(self, other: DeclaredObject) -> bool:
        """Say whether the two differ in nothing that a reconcile reads but our own status.

        The approval of an exception stands in its status, and others write it.
        """
        return (
            self.uid == other.uid
            and self.generation == other.generation
            and self.deleting == other.deleting
            and self.managers == other.managers
            and self.labels == other.labels
            and self.status.get("approval") == other.status.get("approval")
        )


def version_number(text: str) -> int:
    """Read a resourceVersion as a number, which Kubernetes 1.35 promises it to be; else 0."""
    return int(text) if text.isdecimal() else 0


# Statuses say the same of many namespaces, and each is decoded into values of its own.
_STRINGS: dict[str, str] = {}
_LISTS: dict[tuple[str, ...], list[str]] = {}
_SHARED_LIMIT = 50_000


def plain(value: Any) -> Any:
    """Copy JSON into plain dicts and lists, out of any view that a framework wraps it in.

    Equal strings, and equal lists of strings, become one.
    """
    for shared in (_STRINGS, _LISTS):
        if len(shared) > _SHARED_LIMIT:
            shared.clear()
    return _plain(value, _STRINGS.setdefault)


def _plain(value: Any, share: Callable[[str, str], str]) -> Any:
    if type(value) is str:
        return share(value, value)
    if type(value) is dict or isinstance(value, Mapping):
        return {share(key, key): _plain(item, share) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_plain(item, share) for item in value]
        if items and all(type(item) is str for item in items):
            return _LISTS.setdefault(tuple(items), items)
        return items
    return value
