"""Namespaces in columns: who calls stands left of who is called, as far as the shape allows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from bailiwick.offline.picture.layered import Point, Size
from bailiwick.offline.picture.model import Bundle, Picture, Side, Stroke

_VIEW: Final = (1080, 760)
_MARGIN: Final = 24
_SWEEPS: Final = 6
_NEEDED_BY_MOST: Final = 0.6


@dataclass(frozen=True, slots=True)
class Columns:
    """The upper left corner of every group, and the size of the whole.

    `hubs` are the groups that most others need, as for DNS.
    """

    places: tuple[Point, ...]
    size: Size
    hubs: frozenset[int]


def in_columns(
    picture: Picture, bundles: Sequence[Bundle], sizes: Sequence[Size], between: Size
) -> Columns:
    """Place groups of these sizes: what comes in on the left, what goes out on the right.

    `between` is what is left free, across and down.
    """
    _, down = between
    inner = [n for n, group in enumerate(picture.groups) if group.side is Side.NAMESPACE]
    weights = _weights(bundles)
    hubs = _hubs(inner, weights)
    order = [*_order([n for n in inner if n not in hubs], weights), *hubs]
    first, last = (
        [n for n, group in enumerate(picture.groups) if group.side is side]
        for side in (Side.COMES_IN, Side.GOES_OUT)
    )
    candidates = [
        [column for column in way if column]
        for inner_columns in _ways_to_break(order, sizes, down)
        for way in _with_outside(first, inner_columns, last)
    ]
    columns = max(candidates, key=lambda each: _worth(each, sizes, between, weights))
    columns = _untangled(columns, weights)
    return _placed(columns, sizes, between, frozenset(hubs))


def _weights(bundles: Sequence[Bundle]) -> Counter[tuple[int, int]]:
    """Count the lines between groups; what would be cut does not shape the picture."""
    return Counter(
        {
            (bundle.source, bundle.target): len(bundle.lines)
            for bundle in bundles
            if bundle.stroke is not Stroke.CUT
        }
    )


def _hubs(groups: Sequence[int], weights: Counter[tuple[int, int]]) -> list[int]:
    """Return the namespaces that most of the others call."""
    callers = Counter(target for source, target in weights if source in groups)
    most = _NEEDED_BY_MOST * (len(groups) - 1)
    return [n for n in groups if len(groups) > 2 and callers[n] >= most]


def _order(groups: Sequence[int], weights: Counter[tuple[int, int]]) -> list[int]:
    """Sort namespaces from callers to called.

    Again and again whoever calls most and is called least of those that are left is next
    (Eades, Lin, Smyth: A fast and effective heuristic for the feedback arc set problem, 1993).
    """
    left = list(groups)
    first: list[int] = []
    last: list[int] = []
    while left:
        balance = {
            n: sum(weights[n, m] for m in left) - sum(weights[m, n] for m in left) for n in left
        }
        ends = [n for n in left if not any(weights[n, m] for m in left)]
        starts = [n for n in left if not any(weights[m, n] for m in left)]
        if starts:
            chosen = starts[0]
            first.append(chosen)
        elif ends:
            chosen = ends[-1]
            last.insert(0, chosen)
        else:
            chosen = max(left, key=lambda n: (balance[n], -n))
            first.append(chosen)
        left.remove(chosen)
    return first + last


def _ways_to_break(
    order: Sequence[int], sizes: Sequence[Size], down: float
) -> Iterator[list[list[int]]]:
    """Go through the ways to break the order into columns of about equal height."""
    if not order:
        yield []
    for count in range(1, len(order) + 1):
        yield _broken(order, sizes, down, count)


def _with_outside(
    first: list[int], columns: list[list[int]], last: list[int]
) -> Iterator[list[list[int]]]:
    """Put what is outside into columns of its own, or together with the first and the last."""
    yield [first, *columns, last]
    if len(columns) > 1:
        *others, end = columns
        yield [first, *others, [*end, *last]]
        start, *others = columns
        yield [[*first, *start], *others, last]
        start, *others, end = columns
        yield [[*first, *start], *others, [*end, *last]]


def _worth(
    columns: Sequence[Sequence[int]],
    sizes: Sequence[Size],
    between: Size,
    weights: Counter[tuple[int, int]],
) -> float:
    """Say how large this can be shown, and how much of it goes from left to right."""
    if not columns:
        return 0
    across, down = between
    width = sum(max(sizes[n][0] for n in c) for c in columns) + across * (len(columns) - 1)
    height = max(sum(sizes[n][1] + down for n in c) for c in columns)
    zoom = min(_VIEW[0] / width, _VIEW[1] / height, 1)
    column = {n: index for index, members in enumerate(columns) for n in members}
    forward = [column[source] < column[target] for source, target in weights]
    return zoom * (1 + (fmean(forward) if forward else 1))


def _broken(
    order: Sequence[int], sizes: Sequence[Size], down: float, count: int
) -> list[list[int]]:
    """Break the order into at most `count` columns, the highest of which is as low as can be."""
    low = max(sizes[n][1] + down for n in order)
    high = sum(sizes[n][1] + down for n in order)
    for _ in range(30):
        middle = (low + high) / 2
        if len(_stacked(order, sizes, down, middle)) <= count:
            high = middle
        else:
            low = middle
    return _stacked(order, sizes, down, high)


def _stacked(
    order: Sequence[int], sizes: Sequence[Size], down: float, limit: float
) -> list[list[int]]:
    columns: list[list[int]] = [[]]
    height = 0.0
    for number in order:
        own = sizes[number][1] + down
        if columns[-1] and height + own > limit:
            columns.append([])
            height = 0
        columns[-1].append(number)
        height += own
    return columns


def _untangled(columns: list[list[int]], weights: Counter[tuple[int, int]]) -> list[list[int]]:
    """Sort each column by the height of whom its members have to do with."""
    near: dict[int, list[int]] = defaultdict(list)
    for source, target in weights:
        near[source].append(target)
        near[target].append(source)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            height = {n: (i + 0.5) / len(c) for c in columns for i, n in enumerate(c)}
            wish = {
                n: fmean([height[m] for m in near[n]]) if near[n] else height[n] for n in column
            }
            column.sort(key=lambda n, wish=wish: (wish[n], n))  # type: ignore[misc]  # bound at once
    return columns


def _placed(
    columns: Sequence[Sequence[int]], sizes: Sequence[Size], between: Size, hubs: frozenset[int]
) -> Columns:
    across, down = between
    places: dict[int, Point] = {}
    heights = [sum(sizes[n][1] for n in c) + down * (len(c) - 1) for c in columns]
    tallest = max(heights, default=0)
    left = float(_MARGIN)
    for column, height in zip(columns, heights, strict=True):
        width = max(sizes[n][0] for n in column)
        # What is left over goes between the boxes, so that lines have room, but not too much.
        further = min((tallest - height) / (len(column) + 1), down)
        top = _MARGIN + (tallest - height - further * (len(column) - 1)) / 2
        for number in column:
            places[number] = (left + (width - sizes[number][0]) / 2, top)
            top += sizes[number][1] + down + further
        left += width + across
    width = max(left - across, 0) + _MARGIN
    size = (width, tallest + 2 * _MARGIN)
    return Columns(tuple(places[n] for n in range(len(places))), size, hubs)
