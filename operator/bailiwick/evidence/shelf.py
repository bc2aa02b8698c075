"""Where evidence lies: packed values under their keys. Its forms differ in nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What is kept of: a digest its last good report, a repository what was seen and since when."""

    REPORT = "report"
    SEEN = "first-seen"


@dataclass(frozen=True, slots=True)
class Key:
    """What a value belongs to: a digest where it is a report, and otherwise a repository."""

    kind: Kind
    subject: str


Versions = Mapping[str, str]
"""Parts of a value by their names in the shelf, with what changes when somebody writes them."""


@dataclass(frozen=True, slots=True)
class Item:
    """A value as it was packed, and the versions of its parts."""

    content: bytes
    versions: Versions


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a shelf holds: the versions of all parts, and the digests that there is a report of."""

    versions: Versions = field(default_factory=dict)
    digests: frozenset[str] = frozenset()


class Shelf(Protocol):
    """One form of the store.

    `put` and `delete` do all or nothing. Where a shelf is out of reach, its methods raise
    EvidenceUnreachable or the errors of what it stands on.
    """

    def place(self, key: Key) -> str:
        """Say in words where a value lies: "ConfigMap x of the operator's namespace"."""

    async def get(self, key: Key) -> Item | None:
        """Return a value whose checksum is right, None where there is none; raises Damaged."""

    async def put(self, key: Key, content: bytes, last_seen: datetime | None = None) -> Versions:
        """Keep a value; `last_seen` is the newest instant of what was seen in a repository."""

    async def delete(self, key: Key) -> None:
        """Remove a value; no error where there is none."""

    async def inventory(self) -> Inventory:
        """Return what there is, without reading the values."""

    async def keys(self) -> frozenset[Key]:
        """Return the keys of all values."""

    async def sweep(
        self, now: datetime, unseen_since: datetime, used: Collection[str] | None
    ) -> int:
        """Remove what an interrupted write left, and repositories of which nothing was seen since.

        Those in `used` stay, and all where that is None. Returns how much was removed.
        """
