"""A picture for the README from what the demo shows: make demo | python -m tests.demo.picture"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

PICTURE: Final = Path(__file__).parents[2] / "docs" / "demo.svg"
# From which line to which one, the last not included.
_PARTS: Final = (
    (r"\$ kubectl get secintent -A", r"$"),
    (r"\$ kubectl patch netpol", r"Times are"),
    (r"VULNERABILITY", r"$"),
    (r"BUILD:", r"pass +image-non-root"),
)
_LINE: Final = 18  # pixels
_CHARACTER: Final = 7.8
_MARGIN: Final = 20
_COLOURS: Final = {
    r"^(pass)\b": "#3fb950",
    r"^(fail)\b": "#ff7b72",
    r"^(\$ .*)$": "#ffffff",
    r"^(BUILD:.*|VULNERABILITY.*|NAMESPACE.*)$": "#ffffff",
    r"^ +((?:isolated|made) again .*)$": "#3fb950",
}
_FONT: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def picture(told: str) -> str:
    """An SVG of the parts of the demo's output that say the most."""
    lines = excerpt(told)
    width = max(map(len, lines)) * _CHARACTER + 2 * _MARGIN
    height = len(lines) * _LINE + 2 * _MARGIN
    texts = "\n".join(
        f'<text x="{_MARGIN}" y="{_MARGIN + (row + 0.75) * _LINE:g}">{_coloured(line)}</text>'
        for row, line in enumerate(lines)
        if line
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">\n'
        "<title>What make demo shows</title>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n'
        f'<g font-family="{_FONT}" font-size="13" fill="#c9d1d9" xml:space="preserve">\n'
        f"{texts}\n</g>\n</svg>\n"
    )


def excerpt(told: str) -> list[str]:
    """The chosen parts, without their indent, with an empty line between two."""
    lines = [line.removeprefix("   ") for line in told.splitlines()]
    chosen: list[str] = []
    for first, after in _PARTS:
        start = _find(lines, first, 0)
        chosen += [*lines[start : _find(lines, after, start)], ""]
        while chosen[-2:] == ["", ""]:
            chosen.pop()
    return chosen[:-1]


def _find(lines: Sequence[str], pattern: str, start: int) -> int:
    for index in range(start, len(lines)):
        if re.match(pattern, lines[index]):
            return index
    raise SystemExit(f"no line is like {pattern}: give me the whole output of make demo")


def _coloured(line: str) -> str:
    # Browsers join ordinary spaces whatever xml:space says; others cut these without it.
    text = line.replace(" ", "\N{NO-BREAK SPACE}")
    for pattern, colour in _COLOURS.items():
        if found := re.search(pattern, line):
            start, end = found.span(1)
            inner = f'<tspan fill="{colour}">{escape(text[start:end])}</tspan>'
            return escape(text[:start]) + inner + escape(text[end:])
    return escape(text)


if __name__ == "__main__":
    PICTURE.write_text(picture(sys.stdin.read()))
