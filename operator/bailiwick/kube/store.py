"""Objects of one kind in memory, by namespace and name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

F = TypeVar("F")
_EMPTY: Mapping[str, object] = {}


class Key(NamedTuple):
    """The place of an object; `namespace` is empty for cluster-scoped ones."""

    namespace: str
    name: str


class Store(Generic[F]):
    """The last known facts of one kind.

    Reads return tuples, which later writes leave as they are. Only the reflector of the kind
    writes.
    """

    def __init__(self) -> None:
        self._namespaces: dict[str, dict[str, F]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many objects there are."""
        return self._count

    def __contains__(self, key: Key) -> bool:
        """Say whether the object is there."""
        return key.name in self._namespaces.get(key.namespace, _EMPTY)

    def get(self, namespace: str, name: str) -> F | None:
        """Return one object, None where there is none."""
        within = self._namespaces.get(namespace)
        return within.get(name) if within is not None else None

    def within(self, namespace: str) -> tuple[F, ...]:
        """Return the objects of a namespace; those that have none are in namespace ''."""
        return tuple(self._namespaces.get(namespace, {}).values())

    def all(self) -> tuple[F, ...]:
        """Return every object."""
        return tuple(f for within in self._namespaces.values() for f in within.values())

    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that have objects."""
        return tuple(self._namespaces)

    def __iter__(self) -> Iterator[Key]:
        """Go over the places of all objects as they are now; removing them meanwhile is fine."""
        return iter([Key(ns, name) for ns, within in self._namespaces.items() for name in within])

    def put(self, key: Key, fact: F) -> F | None:
        """Hold a fact, and return the one that was there."""
        within = self._namespaces.setdefault(key.namespace, {})
        old = within.get(key.name)
        within[key.name] = fact
        self._count += old is None
        return old

    def remove(self, key: Key) -> F | None:
        """Drop what is at a place, and return it."""
        within = self._namespaces.get(key.namespace)
        if within is None or key.name not in within:
            return None
        old = within.pop(key.name)
        self._count -= 1
        if not within:
            del self._namespaces[key.namespace]
        return old
