"""Tables of text that fit a width: cells that are too long go on in the next line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Final

WIDTH: Final = 100

_GAP: Final = "  "
_LEAST: Final = 12
_MARKS: Final = re.compile(r"[\\|*_`<>#\[\]]")


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int = WIDTH, indent: str = ""
) -> list[str]:
    """Return the lines of a table, none where there are no rows."""
    if not rows:
        return []
    used = [i for i in range(len(header)) if any(row[i] for row in rows)]
    cells = [[row[i] for i in used] for row in (header, *rows)]
    widths = _widths(cells, width - len(indent) - len(_GAP) * (len(used) - 1))
    lines = []
    for row in cells:
        wrapped = [_wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            parts = [
                (column[number] if number < len(column) else "").ljust(size)
                for column, size in zip(wrapped, widths, strict=True)
            ]
            lines.append((indent + _GAP.join(parts)).rstrip())
    return lines


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown, none where there are no rows."""
    if not rows:
        return []
    used = [i for i in range(len(header)) if any(row[i] for row in rows)]
    lines = [_joined([header[i] for i in used]), _joined(["---"] * len(used))]
    return lines + [_joined([escaped(row[i]) for i in used]) for row in rows]


def _widths(cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """Give each column what it needs, and take from the widest where that is too much.

    Words are cut only where there is no other way: they are names, which people copy.
    """
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    words = [max(map(len, " ".join(column).split()), default=0) for column in columns]
    for least in (words, [_LEAST] * len(columns)):
        while sum(widths) > room:
            spare = [size - low for size, low in zip(widths, least, strict=True)]
            taken = max(range(len(widths)), key=lambda i: (spare[i] > 0, widths[i]))
            if spare[taken] <= 0:
                break
            widths[taken] -= 1
    return widths


def _wrapped(cell: str, width: int) -> list[str]:
    return textwrap.wrap(cell, width, break_on_hyphens=False) or [""]


def _joined(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Write a text so that Markdown shows it as it is."""
    return _MARKS.sub(r"\\\g<0>", text.replace("\n", " "))
