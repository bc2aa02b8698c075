"""What the demo shows: lines of at most 100 characters, and a sign of life while one waits."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

WIDTH: Final = 100
_INDENT: Final = "   "
_QUIET: Final = 1.5  # seconds before the first sign of life
_EVERY: Final = 3.0  # seconds between two, where a line cannot be written over
_COLOURS: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


class Screen:
    """Writes for people. Colour only on a terminal, and never where NO_COLOR asks for none."""

    def __init__(self, stream: TextIO | None = None, env: Mapping[str, str] = os.environ) -> None:
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty() and env.get("TERM") != "dumb"
        self._colour = self._live and not env.get("NO_COLOR")
        self._lock = threading.Lock()
        self._headings = 0

    def paint(self, text: str, *styles: str) -> str:
        """Colour a text where colours are shown."""
        if not self._colour or not text or not styles:
            return text
        return f"\033[{';'.join(_COLOURS[style] for style in styles)}m{text}\033[0m"

    def heading(self, text: str) -> None:
        """Begin the next part of the story."""
        self._headings += 1
        self._write(f"\n{self.paint(f'{self._headings}. {text}', 'bold')}")

    def title(self, text: str) -> None:
        """Write a line in bold."""
        self._write(self.paint(text, "bold"))

    def say(self, text: str = "", *styles: str, indent: str = _INDENT, hanging: str = "") -> None:
        """Write a paragraph, wrapped; `hanging` is added to the indent from the second line on."""
        wrapped = textwrap.wrap(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self._write("\n".join(self.paint(line, *styles) for line in wrapped))

    def lines(self, text: str) -> None:
        """Write lines as they are, indented."""
        self._write("\n".join(_INDENT + line if line else "" for line in text.splitlines()))

    def command(self, command: str, output: str = "") -> None:
        """Show a command as one would type it, and what it printed."""
        self._write(f"{_INDENT}{self.paint('$ ' + command, 'bold')}")
        if output:
            self.lines(_narrowed(output.rstrip()))

    def table(self, rows: Sequence[Sequence[str]], styles: Sequence[Sequence[str]] = ()) -> None:
        """Write aligned columns, of which the last is wrapped; `styles` colour each first cell."""
        *others, _ = zip(*rows, strict=True)
        widths = [max(map(len, column)) + 2 for column in others]
        margin = " " * (len(_INDENT) + sum(widths))
        for index, row in enumerate(rows):
            cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
            style = styles[index] if styles else ()
            lead = _INDENT + self.paint(cells[0], *style) + "".join(cells[1:])
            lines = textwrap.wrap(
                row[-1], WIDTH - len(margin), break_long_words=False, break_on_hyphens=False
            )
            self._write((lead + f"\n{margin}".join(lines)).rstrip())

    def leave_time(self, text: str, seconds: float) -> None:
        """Give somebody who reads along the time to press Ctrl-C."""
        if self._live:
            with self.working(text, "Going on"):
                time.sleep(seconds)

    @contextmanager
    def working(self, what: str, done: str = "") -> Iterator[Progress]:
        """Show that something goes on, and how long it took once it is done."""
        progress = Progress(what, done or what)
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(progress, ended), daemon=True)
        ticker.start()
        try:
            yield progress
        finally:
            ended.set()
            ticker.join()
        self._erase()
        self._write(_with_time(_INDENT + progress.done, progress.seconds))

    def _tick(self, progress: Progress, ended: threading.Event) -> None:
        wait = _QUIET
        while not ended.wait(wait):
            line = _with_time(f"{_INDENT}{progress.text} …", progress.seconds)
            if self._live:
                self._erase()
                columns = shutil.get_terminal_size((WIDTH, 0)).columns - 1
                self._put(self.paint(line[:columns], "dim"))
                wait = 0.5
            else:
                self._write(line)
                wait = _EVERY
        if self._live:
            self._erase()

    def _erase(self) -> None:
        if self._live:
            self._put("\r\033[K")

    def _write(self, text: str) -> None:
        self._put(text + "\n")

    def _put(self, text: str) -> None:
        with self._lock:
            self._stream.write(text)
            self._stream.flush()


class Progress:
    """How far something is: `text` while it goes on, `done` once it is."""

    def __init__(self, what: str, done: str) -> None:
        self.text = what
        self.done = done
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._started


def _narrowed(table: str) -> str:
    """Set kubectl's columns two characters apart instead of three, where they are too wide."""
    head, *rows = table.splitlines()
    if len(head) + len(_INDENT) <= WIDTH:
        return table
    starts = [found.start() for found in re.finditer(r"\S+(?: \S+)*", head)]
    edges = list(zip(starts, [*starts[1:], None], strict=True))
    cells = [[line[a:b].rstrip() for a, b in edges] for line in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)
    return "\n".join(lines)


def _with_time(text: str, seconds: float) -> str:
    time_taken = f"{seconds:.1f} s" if seconds >= 0.1 else ""
    return f"{text.ljust(WIDTH - 8)}{time_taken.rjust(8)}".rstrip()
