"""The picture for Graphviz, in the language of https://graphviz.org/doc/info/lang.html."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bailiwick.offline.picture.model import Picture, Stroke
from bailiwick.offline.picture.names import group_title, line_title, node_title

_STROKES: Final = {
    Stroke.DECLARED: 'color="#334155"',
    Stroke.UNDECLARED: 'color="#94a3b8" penwidth=0.7 arrowhead=open',
    Stroke.WIDENED: 'color="#c2410c" penwidth=3',
    Stroke.HALF_OPEN: 'color="#1d4ed8" style=dashed arrowhead=odot',
    Stroke.CUT: 'color="#a21caf" style=dashed arrowhead=normal arrowtail=inv dir=both',
    Stroke.CLOSED: 'color="#b91c1c" style=dotted penwidth=2 arrowhead=tee',
    Stroke.UNKNOWN: 'color="#854d0e" style=dotted arrowhead=odiamond',
}
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f]")


def as_dot(picture: Picture) -> str:
    """Return the picture in Graphviz's language; equal pictures give equal text."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "digraph reachability {"
    yield '  graph [rankdir=LR compound=true fontname="sans-serif" newrank=true]'
    yield '  node [shape=box style="rounded,filled" fillcolor=white fontname="sans-serif"]'
    yield '  edge [fontname="sans-serif" fontsize=10]'
    for number, group in enumerate(picture.groups):
        yield f"  subgraph cluster_{number} {{"
        yield f'    graph [label={_quoted(group_title(group))} style="rounded,filled"'
        yield '      color="#94a3b8" fillcolor="#f1f5f9"]'
        for member in picture.members(number):
            yield f"    n{member} [label={_quoted(node_title(picture.nodes[member]))}]"
        yield "  }"
    for line in picture.lines:
        label = _quoted(line_title(line))
        yield f"  n{line.source} -> n{line.target} [label={label} {_STROKES[line.stroke]}]"
    yield "}"


def _quoted(text: str) -> str:
    """Write a text so that nothing in it means anything: a backslash begins an escape here."""
    printable = _CONTROLS.sub("\ufffd", text)
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'
