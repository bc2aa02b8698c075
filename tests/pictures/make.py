"""Pictures of manifests, made as the command makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bailiwick.offline.explaining import Explainer
from bailiwick.offline.picture.compose import compose
from bailiwick.offline.picture.model import Group, Line, Node, Picture, Side, Stroke
from bailiwick.offline.picture.page import as_page
from bailiwick.offline.planning import Plan, plan
from bailiwick.policy.settings import Settings
from tests.unit.offline.make import inventory

NOW: Final = datetime(2026, 11, 25, tzinfo=UTC)

HOSTILE: Final = (
    'a"]; evil [label="b',
    "back\\slash\\N\\",
    "<b>bold</b>",
    "end",
    "#35;%%{init: {}}%%",
    "`md` |pipe| --> x",
    "two\nlines\x00\x1b[31m",
    "émoji 🐙",
    "a\\",
    "",
    "</script><script>document.title = 1</script>",
    "<img src=x onerror='document.title = 1'>",
)
"""Names that nobody should have, and that manifests of others may have all the same."""


def planned(directory: Path, *texts: str) -> Plan:
    """Return the plan of some manifests."""
    return plan(inventory(directory, *texts), Settings(), NOW)


def picture(directory: Path, *texts: str, only: tuple[str, ...] = ()) -> Picture:
    """Return the picture of some manifests, or of what touches some namespaces."""
    return compose(planned(directory, *texts), only)


def told(found: Picture) -> list[str]:
    """Write every line: `shop/web -> shop/api: declared 80`."""
    return [
        f"{_end(found, line.source)} -> {_end(found, line.target)}: {line.stroke} {line.ports}"
        for line in found.lines
    ]


def _end(found: Picture, number: int) -> str:
    node = found.nodes[number]
    group = found.groups[node.group]
    return f"{group.name}/{node.name}" if group.side is Side.NAMESPACE else node.name


def with_names(name: str) -> Picture:
    """Return a picture in which everything has one name, with a line of each stroke."""
    groups = (Group(Side.NAMESPACE, name, name), Group(Side.NAMESPACE, f"{name}2"))
    nodes = (Node(0, name, name, open_in=True), Node(1, name, name))
    lines = [Line(0, 1, stroke, name, (name,)) for stroke in Stroke]
    return Picture(groups, nodes, tuple(lines), (name,))


def page(directory: Path, *texts: str) -> str:
    """Return the page of some manifests, as the command writes it."""
    made = planned(directory, *texts)
    return as_page(compose(made), Explainer(made).reasons)
