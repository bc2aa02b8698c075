"""JSON as kubectl reads it: objects one after the other, a List of any length item by item."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from bailiwick.offline.lines import Lines, Path
from bailiwick.offline.parts import Bytes, InvalidDocument, Part
from bailiwick.offline.scalars import InvalidScalar, json_number
from bailiwick.offline.yaml_documents import Composed, compose, yaml_documents

_BLOCK: Final = 1 << 18
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# An error this near to the end of what was read may be mended by what comes next.
_TAIL: Final = 16


class _LazyLines(Lines):
    """The lines of a piece of JSON, found when somebody asks, since JSON is YAML."""

    def __init__(self, line: int, value: Any, text: str) -> None:
        super().__init__(line, value)
        self._text = text

    def of(self, path: Path) -> int:
        """Return the line of a field."""
        if not path:
            return self.line
        pieces: Iterator[bytes | None] = iter([self._text.encode("utf-8", "replace")])
        try:
            same = next(compose(Part(pieces, self.line), whole=True))
        except InvalidDocument:
            # JSON can write half characters, which YAML cannot.
            return self.line
        return same.lines.of(path)


class _NotJSON(ValueError):
    """What was read is no JSON: where, and why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def json_documents(stream: Bytes) -> Iterator[Composed]:
    """Read a stream that begins with `{`; raises InvalidDocument.

    Where it is not JSON, or not any more, it is read on as YAML.
    """
    reader = _Reader(stream)
    while reader.peek() == "{":
        reader.begin()
        try:
            yield from reader.document()
        except _NotJSON as error:
            if not reader.can_go_back:
                raise InvalidDocument(error.line, f"this is no JSON: {error.message}") from error
            reader.go_back()
            break
    if reader.peek():
        yield from yaml_documents(reader, reader.line)


class _Reader:
    """A stream of JSON, of which as much is held as is needed for one item of a List."""

    def __init__(self, stream: Bytes) -> None:
        self.line = 1
        self.can_go_back = True
        self._stream = stream
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = json.JSONDecoder(
            parse_constant=self._refuse, parse_int=json_number, parse_float=json_number
        )
        self._text = ""
        self._place = 0
        self._ended = False
        self._start = (0, 1)

    def peek(self) -> str:
        """Skip white space and return the next character, none at the end."""
        while True:
            found = _SPACE.match(self._text, self._place)
            self._go_to(found.end() if found else self._place)
            if self._place < len(self._text):
                return self._text[self._place]
            if self._ended:
                return ""
            self._fill()

    def begin(self) -> None:
        """Remember where a document begins."""
        self.can_go_back = True
        self._start = self._place, self.line

    def go_back(self) -> None:
        """Go back to where the document began, as long as nothing of it was handed over."""
        self._place, self.line = self._start

    def read(self, size: int) -> bytes:
        """Read on as bytes: what is held, then the stream; `size` is the least that is asked."""
        if self._place < len(self._text):
            held, self._text, self._place = self._text[self._place :], "", 0
            return held.encode()
        if self._ended:
            return b""
        self._fill(size)
        return self.read(size)

    def document(self) -> Iterator[Composed]:
        """Read an object; the items of a List come first, each by itself."""
        line, begin = self.line, self._place
        body: dict[str, Any] = {}
        self._expect("{")
        if self.peek() == "}":
            self._expect("}")
        else:
            yield from self._members(body)
        text = self._text[begin : self._place] if self.can_go_back else ""
        value = _clean(body, text)
        yield Composed(value, _LazyLines(line, value, text or "{}"))

    def _members(self, body: dict[str, Any]) -> Iterator[Composed]:
        while True:
            if self.peek() != '"':
                self._fail("a key in quotation marks is missing")
            key = self._value()
            self._expect(":")
            if key == "items" and self.peek() == "[":
                body[key] = []
                yield from self._items()
            else:
                self.peek()
                body[key] = self._value()
            if self.peek() == "}":
                self._expect("}")
                return
            self._expect(",")

    def _items(self) -> Iterator[Composed]:
        self._expect("[")
        if self.peek() == "]":
            self._expect("]")
            return
        while True:
            self.peek()
            line, begin, held = self.line, self._place, len(self._text)
            value = self._value()
            text = self._text[begin : self._place]
            value = _clean(value, text)
            yield Composed(value, _LazyLines(line, value, text), is_item=True)
            self.can_go_back = False
            if held > _BLOCK:
                self._text, self._place = self._text[self._place :], 0
            if self.peek() == "]":
                self._expect("]")
                return
            self._expect(",")

    def _value(self) -> Any:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - _TAIL or error.msg.startswith("Unterminated")
                if self._ended or not cut:
                    self._go_to(error.pos)
                    self._fail(error.msg)
            except InvalidScalar as error:
                self._fail(str(error))
            except RecursionError:
                raise InvalidDocument(self.line, "it is nested too deeply") from None
            else:
                # A number at the end may go on, `1e` as `1e+3`.
                if self._ended or end + len("e+3") < len(self._text):
                    self._go_to(end)
                    return value
            self._fill()

    def _expect(self, character: str) -> None:
        found = self.peek()
        if found != character:
            self._fail(f"{character} is missing")
        self._go_to(self._place + 1)

    def _go_to(self, place: int) -> None:
        self.line += self._text.count("\n", self._place, place)
        self._place = place

    def _fill(self, least: int = _BLOCK) -> None:
        # The more is held, the more is read: what is long is not looked at again and again.
        block = self._stream.read(max(least, len(self._text) - self._place))
        self._ended = not block
        try:
            self._text += self._utf8.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            line = self.line + self._text.count("\n", self._place)
            raise InvalidDocument(line, "this is no text in UTF-8") from error

    def _refuse(self, constant: str) -> NoReturn:
        self._fail(f"{constant} is no number that JSON has")

    def _fail(self, message: str) -> NoReturn:
        raise _NotJSON(self.line, message)


def _clean(value: Any, text: str) -> Any:
    """Replace half characters, which JSON can write and no text can hold, as Go does."""
    if "\\ud" not in text.lower():
        return value
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case list():
            return [_clean(each, text) for each in value]
        case dict():
            return {_clean(key, text): _clean(each, text) for key, each in value.items()}
    return value
