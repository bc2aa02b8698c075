"""A stream of YAML cut into its documents as kubectl cuts it: at lines that begin with `---`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Protocol

_BLOCK: Final = 1 << 16
_SEPARATOR: Final = re.compile(rb"^---([^\n]*)\n?", re.MULTILINE)
_LINE_LIMIT: Final = 4096


class Bytes(Protocol):
    """Something to read bytes from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""


class InvalidDocument(ValueError):
    """A document that cannot be read: at which line, the first being 1, and why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class Part:
    """One document of a stream, to be read to its end before the next is asked for.

    `line` is its first line in the stream, counted from 1.
    """

    def __init__(self, pieces: Iterator[bytes | None], line: int) -> None:
        self.line = line
        self.lines = 0
        self.is_last = False
        self._pieces = pieces
        self._left = b""
        self._ended = False
        self._handed_over = 0
        self._last: list[tuple[int, int, bytes]] = []

    def read(self, size: int = _BLOCK) -> bytes:
        """Return at most so many bytes of this document."""
        while not self._left and not self._ended:
            piece = next(self._pieces, b"")
            if piece:
                self._left = piece
                self.lines += piece.count(b"\n")
            else:
                self._ended = True
                self.is_last = piece is not None
        taken, self._left = self._left[:size], self._left[size:]
        lines = self.lines - self._left.count(b"\n") - taken.count(b"\n")
        self._last = [*self._last[-1:], (self._handed_over, self.line + lines, taken)]
        self._handed_over += len(taken)
        return taken

    def line_of(self, place: int) -> int:
        """Return the line of a byte that was handed over, if that is not long ago."""
        for begin, line, piece in self._last:
            if begin <= place < begin + len(piece):
                return line + piece.count(b"\n", 0, place - begin)
        return self.line

    def finish(self) -> None:
        """Read what is left of this document."""
        while self.read():
            pass


def parts(stream: Bytes, line: int = 1) -> Iterator[Part]:
    """Cut a stream into its documents; raises InvalidDocument for a separator that is none."""
    pieces = _pieces(stream, line)
    while True:
        part = Part(pieces, line)
        yield part
        part.finish()
        if part.is_last:
            return
        line += part.lines + 1


def _pieces(stream: Bytes, line: int) -> Iterator[bytes | None]:
    """Go through the bytes of a stream; None stands for a separator."""
    held, at_line_start = b"", True
    while True:
        block = stream.read(_BLOCK)
        data = held + block
        if not data:
            return
        held = b""
        if block:
            last = data.rfind(b"\n") + 1
            # A last line that may be a separator is looked at when all of it is there.
            if data.startswith(b"---"[: len(data) - last], last) and len(data) - last < _LINE_LIMIT:
                data, held = data[:last], data[last:]
        begin = 0
        for found in _SEPARATOR.finditer(data):
            if found.start() == 0 and not at_line_start:
                continue
            if begin < found.start():
                yield data[begin : found.start()]
            line += data.count(b"\n", begin, found.start())
            _check(found[1].strip(), line)
            yield None
            begin = found.end()
            line += 1
        if data:
            at_line_start = data.endswith(b"\n")
        if begin < len(data):
            yield data[begin:]
            line += data.count(b"\n", begin)


def _check(rest: bytes, line: int) -> None:
    if rest and not rest.startswith(b"#"):
        raise InvalidDocument(
            line, "--- separates documents: only a comment may follow it on its line"
        )
