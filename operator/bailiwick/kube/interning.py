"""One copy of what many objects have in common: label sets, containers, specs of policies."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from typing import Any, TypeVar, cast

import msgspec

from bailiwick.policy.facts import NO_LABELS, Container, ContainerKind, Labels, Owner

H = TypeVar("H", bound=Hashable)
T = TypeVar("T")


class Interner:
    """Returns the first of equal values. Values must never be changed.

    It forgets everything beyond `limit` entries: then some values exist twice, until their
    objects are replaced, and memory stays bounded however many rollouts it lives through.
    """

    def __init__(self, limit: int = 50_000) -> None:
        self._limit = limit
        self._known: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        """Return how many values are remembered."""
        return len(self._known)

    def value(self, value: H) -> H:
        """Return the shared copy of a hashable value."""
        known = self._known.get(value)
        if known is None:
            known = self._remember(value, value)
        return cast(H, known)

    def labels(self, labels: Mapping[str, str] | None) -> Labels:
        """Return the shared copy of a label set."""
        if not labels:
            return NO_LABELS
        key = frozenset(labels.items())
        known = self._known.get(key)
        if known is None:
            known = self._remember(key, labels)
        return cast(Labels, known)

    def document(self, document: T) -> T:
        """Return the shared copy of a JSON document."""
        text = msgspec.json.encode(document, order="sorted")
        key = hashlib.blake2b(text, digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._remember(key, document)
        return cast(T, known)

    def container(
        self,
        name: str,
        kind: ContainerKind,
        image: str,
        image_id: str,
        run_as: tuple[int | None, bool | None] = (None, None),
    ) -> Container:
        """Return the shared container of these fields."""
        key = (name, kind, image, image_id, *run_as)
        known = self._known.get(key)
        if known is None:
            known = self._remember(key, Container(name, kind, image, image_id, *run_as))
        return cast(Container, known)

    def owner(self, kind: str, name: str) -> Owner:
        """Return the shared owner of this kind and name."""
        key = (Owner, kind, name)
        known = self._known.get(key)
        if known is None:
            known = self._remember(key, Owner(kind, name))
        return cast(Owner, known)

    def _remember(self, key: Hashable, value: Any) -> Any:
        if len(self._known) >= self._limit:
            self._known.clear()
        self._known[key] = value
        return value
