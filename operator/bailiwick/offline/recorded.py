"""What the operator wrote down of namespaces, for a caller who may not read enough to find it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from bailiwick.offline.plan_text import HEADER
from bailiwick.offline.table import table
from bailiwick.policy.findings.effective import EdgeRow

NEEDED: Final = frozenset({"namespaces", "networkpolicies", "pods"})
"""Kinds, by plural, without all of which nobody can tell who reaches whom."""

Recorded = Mapping[str, Sequence[EdgeRow]]
"""Edges by namespace."""


def as_text(recorded: Recorded) -> Iterator[str]:
    """Go through the lines of a table for each namespace."""
    for name, rows in recorded.items():
        yield f"Namespace {name}, as the operator found it:"
        cells = [
            (r.source, r.target, r.ports, "" if r.state == "open" else r.state, ", ".join(r.by))
            for r in rows
        ]
        yield from table(HEADER, cells, indent="  ")


def as_json(recorded: Recorded) -> str:
    """Return every edge by itself."""
    edges = {name: [asdict(row) for row in rows] for name, rows in recorded.items()}
    return json.dumps(edges, indent=2)
