"""What was measured, held against the ranges that are kept in Git, as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

RANGES: Final = Path(__file__).with_name("ranges.yaml")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `limit` is what the design asks for at most, None where it asks nothing.

    `detail` says what it was made of.
    """

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure and its range; None where ranges.yaml has none for it."""

    figure: Figure
    range: Range | None

    @property
    def is_within(self) -> bool:
        """Whether it lies in its range."""
        return self.range is not None and self.range[0] <= self.figure.value <= self.range[1]

    @property
    def keeps_limit(self) -> bool:
        """Whether it is at most what the design asks for."""
        return self.figure.limit is None or self.figure.value <= self.figure.limit


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def read_ranges(form: str, path: Path = RANGES) -> dict[str, Range]:
    """Read the ranges of one form of the benchmark, `short` or `long`, by the figures' names."""
    document: Mapping[str, Any] = yaml.safe_load(path.read_text())
    return {name: (low, high) for name, (low, high) in document[form]["ranges"].items()}


def judge(figures: Sequence[Figure], ranges: Mapping[str, Range]) -> list[Judged]:
    """Hold each figure against its range."""
    return [Judged(figure, ranges.get(figure.name)) for figure in figures]


def table(judged: Sequence[Judged]) -> str:
    """The figures as people read them; `!` marks one beyond what the design asks for."""
    rows = [("figure", "measured", "range", "limit", "", "made of")]
    for each in judged:
        figure = each.figure
        limit = "" if figure.limit is None else _number(figure.limit, figure.unit)
        rows.append(
            (
                figure.name,
                _number(figure.value, figure.unit),
                "none" if each.range is None else " to ".join(f"{edge:g}" for edge in each.range),
                limit + ("" if each.keeps_limit else " !"),
                "ok" if each.is_within else "OUTSIDE",
                figure.detail,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:], strict=True)]
            + [row[-1]]
        ).rstrip()
        for row in rows
    )


def _number(value: float, unit: str) -> str:
    digits = 0 if value == int(value) or value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{'' if unit == 'x' else ' ' if unit else ''}{unit}"
