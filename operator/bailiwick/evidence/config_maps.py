"""Evidence as compressed ConfigMaps in the operator's namespace.

A value is one ConfigMap where it fits, and otherwise an index naming its chunks. Chunks are
named by what is in them and written before their index, and old ones are removed after it: at
every moment the index leads to one whole value, the old or the new.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bailiwick.evidence import codec, layout
from bailiwick.evidence.codec import Damaged
from bailiwick.evidence.layout import Json
from bailiwick.evidence.shelf import Inventory, Item, Key, Kind, Versions

CHUNK_BYTES = 900_000
_ORPHAN_AGE = timedelta(minutes=15)


class ConfigMaps(Protocol):
    """The ConfigMaps of one namespace, as plain dictionaries of the API."""

    async def get(self, name: str) -> Json | None:
        """Return one; None where there is none."""

    async def list(self, label_selector: str) -> list[Json]:
        """Return those with these labels."""

    async def metadata(self, label: str) -> Sequence[Json]:
        """Return the metadata of those that have this label, whatever its value."""

    async def apply(self, body: Json) -> Json:
        """Make or change one, and return it; `body` has no namespace."""

    async def delete(self, name: str) -> None:
        """Delete one; no error where there is none."""


class ConfigMapShelf:
    """The default form of the evidence store: a `Shelf`."""

    def __init__(self, config_maps: ConfigMaps, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._config_maps = config_maps
        self._chunk_bytes = chunk_bytes

    def place(self, key: Key) -> str:
        """Say in words where a value lies."""
        return f"ConfigMap {layout.name(key)} of the operator's namespace"

    async def get(self, key: Key) -> Item | None:
        """Return a value whose checksum is right, None where there is none; raises Damaged."""
        index = await self._config_maps.get(layout.name(key))
        if index is None:
            return None
        content = b""
        versions = layout.version(index)
        parts = layout.chunks_of(index)
        for chunk in parts:
            found = await self._config_maps.get(chunk)
            if found is None:
                raise Damaged(f"its part in ConfigMap {chunk} is missing")
            content += layout.content(found)
            versions |= layout.version(found)
        if not parts:
            content = layout.content(index)
        data = layout.data(index)
        codec.check(content, data.get("format"), data.get("sha256"))
        return Item(content, versions)

    async def put(self, key: Key, content: bytes, last_seen: datetime | None = None) -> Versions:
        """Keep a value in place of the one before it, wholly or not at all."""
        name = layout.name(key)
        before = await self._config_maps.get(name)
        pieces = [
            content[start : start + self._chunk_bytes]
            for start in range(0, len(content), self._chunk_bytes)
        ]
        names = [layout.chunk_name(name, piece) for piece in pieces] if len(pieces) > 1 else []
        chunks = dict(zip(names, pieces, strict=False))
        data = {
            "subject": key.subject,
            "format": codec.FORMAT,
            "sha256": codec.checksum(content),
            # In the order of the content, in which equal pieces may come twice.
            "chunks": " ".join(names),
        }
        versions: dict[str, str] = {}
        for chunk, piece in chunks.items():
            made = layout.config_map(chunk, layout.CHUNK, {"subject": key.subject}, piece)
            versions |= layout.version(await self._config_maps.apply(made))
        made = layout.config_map(name, key.kind, data, b"" if chunks else content, last_seen)
        versions |= layout.version(await self._config_maps.apply(made))
        for chunk in set(layout.chunks_of(before or {})) - set(chunks):
            await self._config_maps.delete(chunk)
        return versions

    async def delete(self, key: Key) -> None:
        """Remove a value, its index first: what is left of a crash then belongs to nobody."""
        name = layout.name(key)
        index = await self._config_maps.get(name)
        if index is None:
            return
        await self._config_maps.delete(name)
        for chunk in layout.chunks_of(index):
            await self._config_maps.delete(chunk)

    async def inventory(self) -> Inventory:
        """Return what there is, by the metadata of the ConfigMaps."""
        listed = await self._config_maps.metadata(layout.LABEL)
        versions = {each["name"]: str(each.get("resourceVersion", "")) for each in listed}
        return Inventory(
            versions,
            frozenset(
                layout.digest_of(each["name"])
                for each in listed
                if layout.label_of(each) == Kind.REPORT
            ),
        )

    async def keys(self) -> frozenset[Key]:
        """Return the keys of all values; the name of a repository is not in its metadata."""
        digests = (await self.inventory()).digests
        seen = await self._config_maps.list(f"{layout.LABEL}={Kind.SEEN}")
        subjects = {layout.data(each).get("subject", "") for each in seen}
        return frozenset(
            {Key(Kind.REPORT, digest) for digest in digests}
            | {Key(Kind.SEEN, subject) for subject in subjects if subject}
        )

    async def sweep(
        self, now: datetime, unseen_since: datetime, used: Collection[str] | None
    ) -> int:
        """Remove chunks that no index names, and repositories of which nothing was seen since.

        Chunks of a write in hand are too young for it.
        """
        # Chunks first: one that is written after this list has its index written later still.
        metadata = await self._config_maps.metadata(layout.LABEL)
        orphans = await self._orphans(metadata, now)
        outdated = _outdated(metadata, unseen_since, used) if used is not None else []
        for name in (*orphans, *outdated):
            await self._config_maps.delete(name)
        return len(orphans) + len(outdated)

    async def _orphans(self, metadata: Sequence[Json], now: datetime) -> list[str]:
        chunks = [
            each["name"]
            for each in metadata
            if layout.label_of(each) == layout.CHUNK
            and now - datetime.fromisoformat(each["creationTimestamp"]) > _ORPHAN_AGE
        ]
        if not chunks:
            return []
        indexes = await self._config_maps.list(f"{layout.LABEL} in ({Kind.REPORT},{Kind.SEEN})")
        named = {chunk for index in indexes for chunk in layout.chunks_of(index)}
        return [name for name in chunks if name not in named]


def _outdated(metadata: Sequence[Json], unseen_since: datetime, used: Collection[str]) -> list[str]:
    kept = {layout.name(Key(Kind.SEEN, repository)) for repository in used}
    return [
        each["name"]
        for each in metadata
        if each["name"] not in kept and layout.is_older(each, unseen_since)
    ]
