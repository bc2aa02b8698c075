"""Boxes in layers from left to right, so that most lines go one way and few of them cross.

The usual four steps: lines that close a circle are turned around, each box goes into the first
layer behind those that lead to it, layers are sorted so that lines cross less, and boxes move to
the height of their neighbours (Sugiyama, Tagawa, Toda: Methods for Visual Understanding of
Hierarchical System Structures, 1981). Equal input gives equal output.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean
from typing import Final

Size = tuple[float, float]
Point = tuple[float, float]
Pair = tuple[int, int]

_SWEEPS: Final = 12
_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Spacing:
    """What is left free between layers, between boxes, and between lines that pass by."""

    layer: float
    box: float
    line: float


@dataclass(frozen=True, slots=True)
class Layered:
    """Where the boxes are, by their upper left corners, and through what points long lines go.

    All of a layer are as wide as the widest of them: `widths` are those of the boxes.
    """

    places: tuple[Point, ...]
    widths: tuple[float, ...]
    size: Size
    bends: Mapping[Pair, tuple[Point, ...]] = field(default_factory=dict)


def layered(
    sizes: Sequence[Size],
    pairs: Iterable[Pair],
    spacing: Spacing,
    first: Collection[int] = (),
    last: Collection[int] = (),
) -> Layered:
    """Place boxes of these sizes, given which lead to which.

    Those of `first` and `last` stand at the edges, on the left and on the right.
    """
    wanted = sorted({pair for pair in pairs if pair[0] != pair[1]})
    forward = _without_circles(len(sizes), wanted)
    layer = _layers(len(sizes), forward, first, last)
    chains = _chains(layer, forward)
    net = _Net.of(sizes, chains, layer)
    rows = _sorted(net)
    heights = _heights(net, rows, spacing)
    return _placed(sizes, net, rows, heights, chains, wanted, spacing)


@dataclass(slots=True)
class _Net:
    """Boxes, and points where long lines pass a layer, numbered behind them."""

    boxes: int
    layer: list[int]
    height: list[float]
    before: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    after: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(
        cls, sizes: Sequence[Size], chains: Mapping[Pair, list[int]], layer: Sequence[int]
    ) -> _Net:
        net = cls(len(sizes), list(layer), [height for _, height in sizes])
        for (source, target), passing in chains.items():
            for number, _ in enumerate(passing, 1):
                net.layer.append(layer[source] + number)
                net.height.append(0)
            steps = [source, *passing, target]
            for one, other in pairwise(steps):
                net.after[one].append(other)
                net.before[other].append(one)
        return net

    def neighbours(self, number: int, *, before: bool) -> list[int]:
        return (self.before if before else self.after).get(number, [])


def _without_circles(count: int, pairs: Sequence[Pair]) -> list[Pair]:
    """Turn around what leads back, so that nothing leads to itself in the end."""
    after: dict[int, list[int]] = defaultdict(list)
    balance = [0] * count
    for source, target in pairs:
        after[source].append(target)
        balance[source] += 1
        balance[target] -= 1
    position: dict[int, int] = {}
    open_now: set[int] = set()
    back: set[Pair] = set()
    for root in sorted(range(count), key=lambda n: (-balance[n], n)):
        stack = [(root, iter(after[root]))] if root not in position else []
        while stack:
            node, rest = stack[-1]
            position.setdefault(node, len(position))
            open_now.add(node)
            following = next(rest, None)
            if following is None:
                open_now.discard(node)
                stack.pop()
            elif following in open_now:
                back.add((node, following))
            elif following not in position:
                stack.append((following, iter(after[following])))
    return sorted({(t, s) if (s, t) in back else (s, t) for s, t in pairs})


def _layers(
    count: int, pairs: Sequence[Pair], first: Collection[int], last: Collection[int]
) -> list[int]:
    """Put each box behind all that lead to it, and what nothing leads to close to its targets."""
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for source, target in pairs:
        before[target].append(source)
        after[source].append(target)
    layer = [0] * count
    waiting = {n: len(before[n]) for n in range(count)}
    ready = [n for n in range(count) if not waiting[n]]
    while ready:
        node = ready.pop(0)
        for target in after[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for node in range(count):
        if after[node] and not before[node]:
            layer[node] = min(layer[target] for target in after[node]) - 1
    inner = [n for n in range(count) if n not in first and n not in last]
    lowest, highest = min(layer[n] for n in inner), max(layer[n] for n in inner)
    layer = [
        lowest - 1 if n in first else highest + 1 if n in last else layer[n] for n in range(count)
    ]
    return [each - min(layer) for each in layer]


def _chains(layer: Sequence[int], pairs: Sequence[Pair]) -> dict[Pair, list[int]]:
    """Return, for each line, the points at which it passes the layers between its ends."""
    found, following = {}, len(layer)
    for source, target in pairs:
        between = layer[target] - layer[source] - 1
        found[source, target] = list(range(following, following + between))
        following += between
    return found


def _sorted(net: _Net) -> list[list[int]]:
    """Sort each layer by its neighbours, back and forth, and keep the fewest crossings."""
    rows: list[list[int]] = [[] for _ in range(max(net.layer, default=-1) + 1)]
    for number, layer in enumerate(net.layer):
        rows[layer].append(number)
    best, fewest = [list(row) for row in rows], _crossings(net, rows)
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for row in rows if forth else rows[::-1]:
            place = {n: index for other in rows for index, n in enumerate(other)}
            wish = {
                n: fmean(place[each] for each in near) if near else place[n]
                for n in row
                for near in [net.neighbours(n, before=forth)]
            }
            row.sort(key=lambda n, wish=wish: (wish[n], n))  # type: ignore[misc]  # bound at once
        crossings = _crossings(net, rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _crossings(net: _Net, rows: Sequence[Sequence[int]]) -> int:
    place = {n: index for row in rows for index, n in enumerate(row)}
    count = 0
    for row in rows:
        seen: list[int] = []
        for node in row:
            ends = sorted(place[each] for each in net.neighbours(node, before=False))
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _heights(net: _Net, rows: Sequence[Sequence[int]], spacing: Spacing) -> dict[int, float]:
    """Return the middle of everything: close to its neighbours, in order, and apart."""
    middle: dict[int, float] = {}
    apart = {id(row): _apart(net, row, spacing) for row in rows}
    for row in rows:
        offsets = apart[id(row)]
        total = offsets[-1] if offsets else 0
        middle.update({n: offset - total / 2 for n, offset in zip(row, offsets, strict=True)})
    for number in range(_ROUNDS):
        for row in rows if number % 2 == 0 else rows[::-1]:
            wishes = []
            for node in row:
                near = net.neighbours(node, before=True) + net.neighbours(node, before=False)
                wishes.append(fmean(middle[each] for each in near) if near else middle[node])
            middle.update(zip(row, _in_order(wishes, apart[id(row)]), strict=True))
    return middle


def _apart(net: _Net, row: Sequence[int], spacing: Spacing) -> list[float]:
    """Return how far each of a row has to be from the first at least."""
    found = [0.0]
    for one, other in pairwise(row):
        gap = spacing.box if max(one, other) < net.boxes else spacing.line
        found.append(found[-1] + (net.height[one] + net.height[other]) / 2 + gap)
    return found[: len(row)]


def _in_order(wishes: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Return the places closest to the wishes that are in order and far enough apart.

    Less what they have to be apart this is isotonic regression, which pools adjacent violators.
    """
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, apart, strict=True):
        pool = (wish - offset, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            total, count = pools.pop()
            pool = (pool[0] + total, pool[1] + count)
        pools.append(pool)
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, apart, strict=True)]


def _lefts(widths: Sequence[float], spacing: Spacing) -> list[float]:
    """Return where each layer begins; beside one without boxes there is less to leave free."""
    found = [0.0]
    for one, other in pairwise(widths):
        found.append(found[-1] + one + (spacing.layer if one and other else spacing.layer / 3))
    return found


def _placed(
    sizes: Sequence[Size],
    net: _Net,
    rows: Sequence[Sequence[int]],
    middle: Mapping[int, float],
    chains: Mapping[Pair, list[int]],
    wanted: Sequence[Pair],
    spacing: Spacing,
) -> Layered:
    """Turn layers and middles into corners and bends, with nothing left of or above zero."""
    widths = [max((sizes[n][0] for n in row if n < net.boxes), default=0) for row in rows]
    lefts = _lefts(widths, spacing)
    top = min((middle[n] - net.height[n] / 2 for n in middle), default=0)
    bottom = max((middle[n] + net.height[n] / 2 for n in middle), default=0)
    places = tuple(
        (lefts[net.layer[n]], middle[n] - net.height[n] / 2 - top) for n in range(net.boxes)
    )
    bends: dict[Pair, tuple[Point, ...]] = {}
    for source, target in wanted:
        turned = (source, target) not in chains
        passing = chains[target, source][::-1] if turned else chains[source, target]
        points = []
        for number in passing:
            left = lefts[net.layer[number]]
            ends = [left, left + widths[net.layer[number]]]
            points += [(x, middle[number] - top) for x in (ends[::-1] if turned else ends)]
        if points:
            bends[source, target] = tuple(points)
    width = (lefts[-1] + widths[-1]) if rows else 0
    own = tuple(widths[net.layer[n]] for n in range(net.boxes))
    return Layered(places, own, (width, bottom - top), bends)
