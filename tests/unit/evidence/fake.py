"""ConfigMaps in memory that can fail at any write, as a process that is killed does."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

CREATED = datetime(2026, 11, 24, tzinfo=UTC)
SIZE_LIMIT = 1024 * 1024


class Killed(Exception):
    """The process ended here."""


class MemoryConfigMaps:
    """The ConfigMaps of one namespace; `writes_left` counts down to the moment of death."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.writes = 0
        self.reads = 0
        self.writes_left: int | None = None

    async def get(self, name: str) -> Json | None:
        self.reads += 1
        return copy.deepcopy(self.objects.get(name))

    async def list(self, label_selector: str) -> list[Json]:
        key, _, value = label_selector.partition("=")
        if " in " in label_selector:
            key, _, value = label_selector.partition(" in ")
        wanted = set(value.strip("()").split(","))
        return [
            copy.deepcopy(each)
            for each in self.objects.values()
            if each["metadata"]["labels"].get(key) in wanted
        ]

    async def metadata(self, label: str) -> Sequence[Json]:
        return [
            copy.deepcopy(each["metadata"])
            for each in self.objects.values()
            if label in each["metadata"]["labels"]
        ]

    async def apply(self, body: Json) -> Json:
        self._write()
        size = sum(len(v) for v in body["data"].values())
        size += sum(len(v) * 3 // 4 for v in body["binaryData"].values())
        assert size < SIZE_LIMIT, "the API server refuses larger ones"
        kept = copy.deepcopy(body)
        kept["metadata"]["creationTimestamp"] = CREATED.isoformat()
        kept["metadata"]["resourceVersion"] = str(self.writes)
        self.objects[body["metadata"]["name"]] = kept
        return copy.deepcopy(kept)

    def edit(self, name: str, **data: str) -> None:
        """Change one as somebody else would."""
        self.writes += 1
        self.objects[name]["data"] |= data
        self.objects[name]["metadata"]["resourceVersion"] = str(self.writes)

    async def delete(self, name: str) -> None:
        self._write()
        self.objects.pop(name, None)

    def _write(self) -> None:
        if self.writes_left is not None:
            if self.writes_left == 0:
                raise Killed
            self.writes_left -= 1
        self.writes += 1
