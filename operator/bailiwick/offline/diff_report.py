"""Differences as a table, and as Markdown for a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from bailiwick.offline.differences import Change, Kind
from bailiwick.offline.table import markdown, table
from bailiwick.offline.world import World
from bailiwick.policy.findings import words
from bailiwick.policy.findings.folding import Edge, folded
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.edges import Connection

HEADER: Final = ("CHANGE", "FROM", "TO", "PORTS")
NO_CHANGE: Final = "No change in who can reach whom."

Says = tuple[Kind, Connection, Connection]


def as_text(changes: Sequence[Change], before: World, after: World) -> list[str]:
    """Return the lines of a table and a summary."""
    if not changes:
        return [NO_CHANGE]
    return [*table(HEADER, list(_rows(changes, before, after))), "", f"{_counted(changes)}."]


def as_markdown(changes: Sequence[Change], before: World, after: World) -> list[str]:
    """Return lines fit for a comment on a pull request."""
    if not changes:
        return [f"### Connectivity: {NO_CHANGE[0].lower()}{NO_CHANGE[1:-1]}"]
    rows = list(_rows(changes, before, after))
    return [f"### Connectivity: {_counted(changes)}", "", *markdown(HEADER, rows)]


def _rows(
    changes: Sequence[Change], before: World, after: World
) -> Iterator[tuple[str, str, str, str]]:
    names = Names({**before.workloads.classes, **after.workloads.classes})
    told: list[Edge[Says]] = [
        Edge(change.source, change.target, (change.kind, change.before, change.after))
        for change in changes
    ]
    rows = [(row.says, row.sources, row.targets) for row in folded(told, names)]
    order = list(Kind)
    for (kind, old, new), sources, targets in sorted(
        rows, key=lambda row: (order.index(row[0][0]), row[1:])
    ):
        yield kind.value, sources, targets, _change_of_ports(old, new)


def _change_of_ports(old: Connection, new: Connection) -> str:
    if not old:
        return words.connection(new)
    if not new:
        return words.connection(old)
    return f"{words.connection(old)} → {words.connection(new)}"


def _counted(changes: Sequence[Change]) -> str:
    counts = Counter(change.kind for change in changes)
    return ", ".join(f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind])
