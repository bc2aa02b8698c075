"""The picture as a Mermaid flowchart, which many viewers of Markdown draw.

The language: https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from bailiwick.offline.picture.model import Picture, Stroke
from bailiwick.offline.picture.names import bundle_title, group_title, line_title, node_title

MOST_LINES: Final = 400
"""Viewers refuse more than 500 lines, and nobody can read so many."""

_ARROWS: Final = {
    Stroke.DECLARED: "-->",
    Stroke.UNDECLARED: "-->",
    Stroke.WIDENED: "==>",
    Stroke.HALF_OPEN: "--o",
    Stroke.CUT: "-.->",
    Stroke.CLOSED: "--x",
    Stroke.UNKNOWN: "-.->",
}
_STYLES: Final = {
    Stroke.DECLARED: "stroke:#64748b",
    Stroke.UNDECLARED: "stroke:#94a3b8,stroke-width:1px",
    Stroke.WIDENED: "stroke:#c2410c,stroke-width:4px",
    Stroke.HALF_OPEN: "stroke:#2563eb,stroke-dasharray:8 4",
    Stroke.CUT: "stroke:#a21caf,stroke-dasharray:10 3 2 3",
    Stroke.CLOSED: "stroke:#dc2626,stroke-dasharray:2 4",
    Stroke.UNKNOWN: "stroke:#a16207,stroke-dasharray:1 6",
}
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 ,./:(){}_-]")


def as_mermaid(picture: Picture) -> str:
    """Return the picture as a flowchart, of namespaces alone where it has too many lines."""
    body = _whole(picture) if len(picture.lines) <= MOST_LINES else _bundled(picture)
    return "\n".join(["flowchart LR", *body]) + "\n"


def _whole(picture: Picture) -> Iterator[str]:
    for number, group in enumerate(picture.groups):
        yield f'  subgraph g{number}["{_escaped(group_title(group))}"]'
        for member in picture.members(number):
            yield f'    n{member}["{_escaped(node_title(picture.nodes[member]))}"]'
        yield "  end"
    for line in picture.lines:
        arrow = _ARROWS[line.stroke]
        yield f'  n{line.source} {arrow}|"{_escaped(line_title(line))}"| n{line.target}'
    yield from _styles([line.stroke for line in picture.lines])


def _bundled(picture: Picture) -> Iterator[str]:
    many = f"{len(picture.nodes)} workloads with {len(picture.lines)} connections"
    yield f"  %% {many} are too many for this form, so these are the namespaces alone"
    for number, group in enumerate(picture.groups):
        yield f'  g{number}["{_escaped(group_title(group))}"]'
    bundles = picture.bundles()
    for each in bundles:
        label = _escaped(bundle_title(each.stroke, len(each.lines)))
        yield f'  g{each.source} {_ARROWS[each.stroke]}|"{label}"| g{each.target}'
    yield from _styles([each.stroke for each in bundles])


def _styles(strokes: list[Stroke]) -> Iterator[str]:
    numbers: dict[Stroke, list[str]] = defaultdict(list)
    for number, stroke in enumerate(strokes):
        numbers[stroke].append(str(number))
    for stroke, found in numbers.items():
        yield f"  linkStyle {','.join(found)} {_STYLES[stroke]}"


def _escaped(text: str) -> str:
    """Write a text so that nothing in it means anything, by the numbers of its characters.

    No text may be empty.
    """
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text) or " "
