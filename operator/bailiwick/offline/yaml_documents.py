"""YAML as kubectl reads it: JSON values, with the line of every field.

It is read event by event, so that a List of any length is handed over item by item, and
neither aliases nor nesting can make more of a document than what is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml.reader
from yaml import events

from bailiwick.offline.lines import Lines
from bailiwick.offline.parts import Bytes, InvalidDocument, Part, parts
from bailiwick.offline.scalars import InvalidScalar, Scalar, key_of, plain, tagged

DEPTH_LIMIT: Final = 200
"""Levels of nesting; no object of Kubernetes comes near."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE: Final = object()
_NO_KEY: Final = object()
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_NO_TEXT: Final = "this is no text that YAML takes"
_CACHE_LIMIT: Final = 50_000

# How much of a document aliases may make up, by its nodes with all of them followed: the limits
# of Go's yaml.v2, https://pkg.go.dev/go.yaml.in/yaml/v2.
_SMALL, _LARGE = 400_000, 4_000_000
_RATIO_OF_SMALL, _RATIO_OF_LARGE = 0.99, 0.10


@dataclass(frozen=True, slots=True)
class Composed:
    """A document, or an item of a List that was handed over by itself.

    `repeated` are keys that stand more than once in one mapping, each with its line: the last
    one counts. Containers that an alias names are shared, so that values are never changed.
    """

    value: Any
    lines: Lines
    repeated: tuple[tuple[int, str], ...] = ()
    is_item: bool = False


def yaml_documents(stream: Bytes, line: int = 1) -> Iterator[Composed]:
    """Read a stream of YAML documents, whose first line is `line`; raises InvalidDocument.

    The items of a List come first, each by itself, and then the List without them.
    """
    for part in parts(stream, line):
        yield from compose(part)


def compose(part: Part, *, whole: bool = False) -> Iterator[Composed]:
    """Read one document; where it is to be `whole`, no items are handed over by themselves."""
    composer = _Composer(part.line, whole)
    try:
        for event in yaml.parse(part, Loader=_LOADER):
            if isinstance(event, events.DocumentEndEvent):
                # As kubectl does: what comes after it in this document is not looked at.
                return
            composer.take(event)
            if composer.ready:
                yield from composer.ready
                composer.ready.clear()
    except yaml.MarkedYAMLError as error:
        raise _in_words(error, part.line) from error
    except yaml.reader.ReaderError as error:
        raise InvalidDocument(
            part.line_of(error.position), f"{_NO_TEXT}: {error.reason}"
        ) from error


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is being read, and how many nodes there were before it."""

    container: Any
    line: int
    anchor: str | None
    before: int
    lines: Any
    key: Any = _NO_KEY
    key_line: int = 0
    hands_over: bool = False


class _Composer:
    """Makes values of events; what is complete is `ready`."""

    def __init__(self, first_line: int, whole: bool) -> None:
        self.ready: list[Composed] = []
        self._first_line = first_line
        self._whole = whole
        self._stack: list[_Frame] = []
        # A value and its number of nodes, or None while it is not complete.
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._lines = Lines(first_line)
        self._repeated: list[tuple[int, str]] = []
        self._plain: dict[str, Scalar] = {}
        self._nodes = 0
        self._aliased = 0

    def take(self, event: events.Event) -> None:
        """Take in one event."""
        match event:
            case events.ScalarEvent():
                self._scalar(event)
            case events.MappingStartEvent():
                self._open(event, {}, {})
            case events.SequenceStartEvent():
                self._open(event, [], [])
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._close()
            case events.AliasEvent():
                self._alias(event)

    def _scalar(self, event: events.ScalarEvent) -> None:
        self._nodes += 1
        line = self._line(event)
        text, is_plain = event.value, event.implicit[0]
        if text == "<<" and (is_plain or event.tag == _MERGE_TAG) and self._awaits_key():
            self._stack[-1].key = _MERGE
            return
        try:
            if event.tag is not None:
                value = tagged(event.tag, text)
            else:
                value = self._of_plain(text) if is_plain else text
        except InvalidScalar as error:
            raise InvalidDocument(line, str(error)) from error
        if event.anchor:
            self._anchors[event.anchor] = value, 1
        self._add(value, line)

    def _of_plain(self, text: str) -> Scalar:
        """Return what a plain scalar stands for, the same object for the same text."""
        known = self._plain.get(text, self)
        if known is not self:
            return known  # type: ignore[return-value]  # only a miss gives self
        if len(self._plain) >= _CACHE_LIMIT:
            self._plain.clear()
        value = self._plain[text] = plain(text)
        return value

    def _open(self, event: events.NodeEvent, container: Any, lines: Any) -> None:
        line = self._line(event)
        if len(self._stack) >= DEPTH_LIMIT:
            raise InvalidDocument(line, f"it is nested more than {DEPTH_LIMIT} levels deep")
        if self._awaits_key():
            raise InvalidDocument(line, "a key must be text: write it in quotation marks")
        frame = _Frame(container, line, event.anchor, self._nodes, lines)
        if isinstance(container, list) and len(self._stack) == 1:
            is_of_list = self._stack[0].key == "items" and not event.anchor
            frame.hands_over = is_of_list and not self._whole
        if event.anchor:
            self._anchors[event.anchor] = None
        self._nodes += 1
        self._stack.append(frame)

    def _close(self) -> None:
        frame = self._stack.pop()
        self._lines.note(frame.container, frame.lines)
        if frame.anchor:
            self._anchors[frame.anchor] = frame.container, self._nodes - frame.before
        self._add(frame.container, frame.line)

    def _alias(self, event: events.AliasEvent) -> None:
        line = self._line(event)
        if event.anchor not in self._anchors:
            raise InvalidDocument(line, f"*{event.anchor} names an anchor that is not there")
        known = self._anchors[event.anchor]
        if known is None:
            raise InvalidDocument(line, f"*{event.anchor} contains itself")
        value, nodes = known
        self._nodes += 1 + nodes
        self._aliased += nodes
        if self._nodes > 1000 and self._aliased > _allowed_ratio(self._nodes) * self._nodes:
            raise InvalidDocument(
                line, f"*{event.anchor} repeats too much: write out what it stands for"
            )
        self._add(value, line)

    def _awaits_key(self) -> bool:
        if not self._stack:
            return False
        frame = self._stack[-1]
        return frame.key is _NO_KEY and isinstance(frame.container, dict)

    def _add(self, value: Any, line: int) -> None:
        """Put a value where it belongs."""
        if not self._stack:
            self._hand_over(value, self._first_line if line < self._first_line else line)
            return
        frame = self._stack[-1]
        container = frame.container
        if isinstance(container, list):
            if frame.hands_over:
                self._hand_over(value, line, is_item=True)
            else:
                container.append(value)
                frame.lines.append(line)
        elif frame.key is _NO_KEY:
            frame.key, frame.key_line = self._key(value, line), line
        elif frame.key is _MERGE:
            _merge(container, value, line)
            frame.key = _NO_KEY
        else:
            container[frame.key] = value
            frame.lines[frame.key] = frame.key_line
            frame.key = _NO_KEY

    def _key(self, value: Any, line: int) -> str:
        try:
            key = key_of(value)
        except InvalidScalar as error:
            raise InvalidDocument(line, str(error)) from error
        if key in self._stack[-1].lines:
            self._repeated.append((line, key))
        return key

    def _hand_over(self, value: Any, line: int, *, is_item: bool = False) -> None:
        self._lines.line, self._lines.value = line, value
        self.ready.append(Composed(value, self._lines, tuple(self._repeated), is_item))
        self._lines = Lines(line)
        self._repeated = []

    def _line(self, event: events.Event) -> int:
        return self._first_line + (event.start_mark.line if event.start_mark else 0)


def _merge(container: dict[str, Any], value: Any, line: int) -> None:
    """Merge into a mapping what `<<` names; of several, the first has the last word."""
    sources = value if isinstance(value, list) else [value]
    for source in reversed(sources):
        if not isinstance(source, dict):
            raise InvalidDocument(line, "<< takes a mapping, or a list of mappings")
        container.update(source)


def _allowed_ratio(nodes: int) -> float:
    if nodes <= _SMALL:
        return _RATIO_OF_SMALL
    part = min((nodes - _SMALL) / (_LARGE - _SMALL), 1.0)
    return _RATIO_OF_SMALL - (_RATIO_OF_SMALL - _RATIO_OF_LARGE) * part


def _in_words(error: yaml.MarkedYAMLError, first_line: int) -> InvalidDocument:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "it cannot be read"
    if error.context and error.context_mark is not None:
        begun = first_line + error.context_mark.line
        problem += f" ({error.context} that begins in line {begun})"
    if "cannot start any token" in problem:
        problem += ": indent with spaces, and put text that begins so in quotation marks"
    return InvalidDocument(first_line + (mark.line if mark else 0), problem)
