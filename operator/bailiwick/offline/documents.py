"""The objects of a stream, whatever form it has: YAML or JSON, documents or Lists of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bailiwick.offline.json_documents import json_documents
from bailiwick.offline.lines import Path, path_of
from bailiwick.offline.parts import Bytes
from bailiwick.offline.yaml_documents import Composed, yaml_documents

JSON = dict[str, Any]

_LOOK: Final = 4096
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, counted from 1; 0 stands for all of it."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        """Write it as editors and compilers do."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Document:
    """One object as it stands in a file; `body` is never changed.

    `repeated` are keys that stand more than once in one mapping: the last one counts.
    """

    source: str
    body: JSON
    composed: Composed
    prefix: Path = ()

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.source, self._line(self.prefix))

    @property
    def repeated(self) -> list[tuple[Place, str]]:
        """Keys that stand more than once in one mapping, and where."""
        return [(Place(self.source, line), key) for line, key in self.composed.repeated]

    @property
    def api_group(self) -> str:
        """The group of its `apiVersion`, empty for the core group and where there is none."""
        version = self.body.get("apiVersion")
        return version.rpartition("/")[0] if isinstance(version, str) else ""

    @property
    def kind(self) -> str:
        """Its kind, empty where there is none."""
        kind = self.body.get("kind")
        return kind if isinstance(kind, str) else ""

    def place_of(self, field: str) -> Place:
        """Return where a field stands, by its path: `spec.ingress[0].from`."""
        return Place(self.source, self._line([*self.prefix, *path_of(field)]))

    def _line(self, path: Path) -> int:
        return self.composed.lines.of(path)


def documents(stream: Bytes, source: str) -> Iterator[Document]:
    """Read every object of a stream; raises InvalidDocument.

    Lists are opened, Lists in them too. What is no object at all has an empty body.
    """
    peeked = _Peeked(stream)
    read = json_documents if peeked.begins_with_brace else yaml_documents
    waiting: list[Composed] = []
    for composed in read(peeked):
        value = composed.value
        if composed.is_item:
            # Items of a typed List have no kind of their own, and the List's may come last.
            if isinstance(value, dict) and not value.get("kind") and not value.get("apiVersion"):
                waiting.append(composed)
            elif value is not None:
                yield from _opened(source, composed, value, ())
        elif waiting:
            for item in waiting:
                yield from _opened(source, item, _typed(item.value, value), ())
            waiting = []
        elif value is not None and not _was_list(value):
            yield from _opened(source, composed, value, ())


def _opened(source: str, composed: Composed, value: Any, prefix: Path) -> Iterator[Document]:
    items = value.get("items") if isinstance(value, dict) else None
    if not isinstance(items, list):
        yield Document(source, value if isinstance(value, dict) else {}, composed, prefix)
        return
    for number, item in enumerate(items):
        if isinstance(item, dict):
            yield from _opened(source, composed, _typed(item, value), (*prefix, "items", number))


def _was_list(value: Any) -> bool:
    """Say whether this is what is left of a List whose items were handed over."""
    return isinstance(value, dict) and value.get("items") == []


def _typed(item: JSON, of_list: Any) -> JSON:
    """Give an item of a typed List its kind, `Pod` for a `PodList`, as kubectl does."""
    if item.get("kind") or item.get("apiVersion") or not isinstance(of_list, dict):
        return item
    kind, version = of_list.get("kind"), of_list.get("apiVersion")
    return {**item, "kind": str(kind or "").removesuffix("List"), "apiVersion": version}


class _Peeked:
    """A stream of which the beginning was looked at."""

    def __init__(self, stream: Bytes) -> None:
        self._stream = stream
        self._begun = b""
        while not self._body() and (block := stream.read(_LOOK)):
            self._begun += block

    @property
    def begins_with_brace(self) -> bool:
        """Whether this may be JSON."""
        return self._body().startswith(b"{")

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes."""
        if self._begun:
            taken, self._begun = self._begun[:size], self._begun[size:]
            return taken
        return self._stream.read(size)

    def _body(self) -> bytes:
        return self._begun.removeprefix(_BYTE_ORDER_MARK).lstrip()
