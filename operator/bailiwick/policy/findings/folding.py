"""Many edges as few rows: ends that have all in common stand in one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bailiwick.policy.findings import words
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.namespace_edges import End
from bailiwick.policy.reach.pods import Workload

T = TypeVar("T", bound=Hashable)

_TALK_TO_THEMSELVES: Final = ("StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class Edge(Generic[T]):
    """Who reaches whom, and what there is to say of it: edges that say the same are folded."""

    source: End
    target: End
    says: T


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """Several edges that say the same, with both sides in words."""

    sources: str
    targets: str
    says: T


def folded(edges: Iterable[Edge[T]], names: Names, limit: int = 12) -> list[Row[T]]:
    """Fold edges, those that are worth a row.

    At most `limit` workloads are named on each side of a row, the others are counted.
    """
    numbered = _Numbered[T]()
    by_target: dict[tuple[End, int], set[End]] = defaultdict(set)
    for edge in edges:
        by_target[edge.target, numbered.number(edge.says)].add(edge.source)
    by_sources: dict[tuple[tuple[str, ...], int], set[End]] = defaultdict(set)
    for (target, number), sources in by_target.items():
        told = tuple(_sources(sources, target, names))
        if told:
            by_sources[told, number].add(target)
    rows = [
        Row(
            words.some(sources, limit),
            words.some(list(_ends(targets, names)), limit),
            numbered.values[number],
        )
        for (sources, number), targets in by_sources.items()
    ]
    return sorted(rows, key=lambda row: (row.sources, row.targets))


class _Numbered(Generic[T]):
    """Gives equal values one number: sets of ports are large, and slow to hash again and again."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._by_value: dict[T, int] = {}
        self._by_identity: dict[int, int] = {}

    def number(self, value: T) -> int:
        known = self._by_identity.get(id(value))
        if known is None:
            known = self._by_value.get(value)
            if known is None:
                known = self._by_value[value] = len(self.values)
                self.values.append(value)
                # Only of values that are kept: another may get the place of one that is gone.
                self._by_identity[id(value)] = known
        return known


def is_told(source: End, target: End) -> bool:
    """Say whether an edge is worth a row: few workloads talk to themselves."""
    if source != target or not isinstance(target, Workload):
        return True
    return target.kind in _TALK_TO_THEMSELVES


def _sources(sources: set[End], target: End, names: Names) -> Iterator[str]:
    others = {source for source in sources if is_told(source, target)}
    left_out = target if others < sources and isinstance(target, Workload) else None
    if others:
        yield from _ends(others, names, but=left_out)


def _ends(ends: set[End], names: Names, but: Workload | None = None) -> Iterator[str]:
    workloads = [end for end in ends if isinstance(end, Workload)]
    if workloads:
        yield from names.several(workloads, but)
    blocks = [end for end in ends if not isinstance(end, Workload)]
    yield from sorted(words.outside(block) for block in blocks)
