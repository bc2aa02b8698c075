"""Pictures of manifests, made as the command makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from bailiwick.offline.picture.compose import compose
from bailiwick.offline.picture.model import Group, Line, Node, Picture, Side, Stroke
from bailiwick.offline.planning import Plan, plan
from bailiwick.policy.settings import Settings
from tests.unit.offline.make import inventory

NOW = datetime(2026, 11, 25, tzinfo=UTC)


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
