"""A watch's body as events: one JSON document a line, in chunks that end anywhere."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, gc=False):
    """One event; `object` stays undecoded, since an ERROR's is of another kind."""

    type: str
    object: msgspec.Raw = msgspec.Raw(b"")


class Lines:
    """Puts lines together from chunks. `limit` bounds one line, in bytes."""

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._begun: list[bytes] = []
        self._size = 0
        self._limit = limit

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk ends; raises ValueError for one beyond the limit."""
        *whole, rest = chunk.split(b"\n")
        if whole and self._begun:
            whole[0] = b"".join((*self._begun, whole[0]))
            self._begun.clear()
            self._size = 0
        if rest:
            self._begun.append(rest)
            self._size += len(rest)
            if self._size > self._limit:
                raise ValueError(f"a line of a watch is longer than {self._limit} bytes")
        return [line for line in whole if line]
