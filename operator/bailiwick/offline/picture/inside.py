"""The inside of one group: its members in layers where few lines join them, else in a grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Final

from bailiwick.offline.picture.layered import Pair, Point, Size, Spacing, layered
from bailiwick.offline.picture.model import Bundle, Group, Line, Node, Picture, Side, Stroke

_NARROW: Final = frozenset("ijlt.,:;/|'()[]{}!f-r I1")
_WIDE: Final = frozenset("mwMW@%")
_LAST_LATIN: Final = "\u02ff"
_LONGEST_PORTS: Final = 12
_RATIO: Final = 1.7
_LOOSE: Final = 2


@dataclass(frozen=True, slots=True)
class Measures:
    """How large things are, and how far apart.

    `between` is what is left free between groups: across and down. `beside_name` is what a node
    has beside its name, `sign` what it has besides that where something is wrong with its lines.
    `layers`: how lines within a group are given room, where they are.
    """

    node: float
    gap: float
    padding: float
    header: float
    widest: float
    beside_name: float
    sign: float
    between: Size
    layers: Spacing | None = None


ROOMY: Final = Measures(
    node=28,
    gap=10,
    padding=14,
    header=48,
    widest=230,
    beside_name=26,
    sign=15,
    between=(72, 48),
    layers=Spacing(layer=54, box=20, line=16),
)
DENSE: Final = Measures(
    node=20, gap=4, padding=8, header=36, widest=144, beside_name=18, sign=13, between=(46, 26)
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its upper left corner."""

    left: float
    top: float
    width: float
    height: float

    def moved(self, right: float, down: float) -> Box:
        """Return it elsewhere."""
        return Box(self.left + right, self.top + down, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Inside:
    """Where the members of a group are, from its own corner, and how large it is.

    `header` is the height of what is above them.
    """

    size: Size
    boxes: Mapping[int, Box]
    bends: Mapping[Pair, tuple[Point, ...]] = field(default_factory=dict)
    header: float = 0


def insides(picture: Picture, bundles: Sequence[Bundle], measures: Measures) -> list[Inside]:
    """Place the members of every group."""
    alarming, inner = picture.alarming(), picture.inner_lines()
    through: dict[int, set[Pair]] = defaultdict(set)
    for bundle in filter(is_loose, bundles):
        pairs = {(picture.lines[n].source, picture.lines[n].target) for n in bundle.lines}
        through[bundle.source] |= pairs
        through[bundle.target] |= pairs
    members: dict[int, dict[int, float]] = {number: {} for number in range(len(picture.groups))}
    for number, node in enumerate(picture.nodes):
        sign = measures.sign if number in alarming else 0
        members[node.group][number] = min(_width(node, measures) + sign, measures.widest)
    return [
        _inside(
            group,
            _held(group, [picture.nodes[member] for member in members[number]]),
            members[number],
            inner.get(number, ()),
            sorted(through[number]),
            measures,
        )
        for number, group in enumerate(picture.groups)
    ]


def _held(group: Group, members: Iterable[Node]) -> str:
    """Return what stands below the name of a group."""
    count = sum(member.open_in or member.open_out for member in members)
    return f"{group.held} · {count} not isolated" if count else group.held


def _inside(
    group: Group,
    held: str,
    widths: Mapping[int, float],
    lines: Iterable[Line],
    through: Sequence[Pair],
    measures: Measures,
) -> Inside:
    # What would be cut does not shape the picture.
    pairs = sorted({(each.source, each.target) for each in lines if each.stroke is not Stroke.CUT})
    if measures.layers is not None and pairs and len(pairs) <= 3 * len(widths):
        inner = _net(widths, pairs, through, measures, measures.layers)
    else:
        inner = _grid(widths, measures)
    return _framed(inner, group, held, measures)


def is_loose(bundle: Bundle) -> bool:
    """Say whether there are so few lines between two groups that they are drawn one by one."""
    return len(bundle.lines) <= _LOOSE


def shown_ports(ports: str) -> str:
    """Return the ports of a node as far as there is room for them."""
    return ports if len(ports) <= _LONGEST_PORTS else ""


def width_of(text: str) -> float:
    """Guess how wide a text is in 12 pixels of the usual fonts, rather more than less."""
    return sum(map(_width_of, text))


def _width_of(character: str) -> float:
    if character in _NARROW:
        return 4.7
    if character in _WIDE or character > _LAST_LATIN:
        return 11
    return 8.2 if character.isupper() else 7.2


def _width(node: Node, measures: Measures) -> float:
    ports = shown_ports(node.ports)
    return width_of(node.name) + measures.beside_name + (width_of(ports) + 8 if ports else 0)


def _net(
    widths: Mapping[int, float],
    pairs: Sequence[Pair],
    through: Sequence[Pair],
    measures: Measures,
    spacing: Spacing,
) -> Inside:
    """Place members in layers; those that no line leads to stand below.

    Lines that lead `through` the frame are given a way past the other members.
    """
    joined = {member for pair in (*pairs, *through) for member in pair if member in widths}
    connected = [member for member in widths if member in joined]
    index = {member: number for number, member in enumerate(connected)}
    ways = {pair: len(connected) + number for number, pair in enumerate(through)}
    found = layered(
        [(widths[m], measures.node) for m in connected] + [(0, 0)] * len(ways),
        [(index[one], index[other]) for one, other in pairs]
        + [(index.get(pair[0], way), index.get(pair[1], way)) for pair, way in ways.items()],
        spacing,
        first=[way for pair, way in ways.items() if pair[1] in index],
        last=[way for pair, way in ways.items() if pair[0] in index],
    )
    boxes = {
        m: Box(*found.places[index[m]], found.widths[index[m]], measures.node) for m in connected
    }
    bends = {(one, other): found.bends.get((index[one], index[other]), ()) for one, other in pairs}
    for pair, way in ways.items():
        bends[pair] = found.bends.get((index.get(pair[0], way), index.get(pair[1], way)), ())
    alone = {member: width for member, width in widths.items() if member not in joined}
    if not alone:
        return Inside(found.size, boxes, bends)
    below = _grid(alone, measures, found.size[0])
    top = found.size[1] + 2 * measures.gap
    boxes |= {member: box.moved(0, top) for member, box in below.boxes.items()}
    return Inside((max(found.size[0], below.size[0]), top + below.size[1]), boxes, bends)


def _grid(widths: Mapping[int, float], measures: Measures, room: float = inf) -> Inside:
    """Place members in rows and columns of equal width."""
    cell, gap = max(widths.values()), measures.gap
    across = _across(len(widths), cell, measures, room)
    down = ceil(len(widths) / across)
    boxes = {
        member: Box(
            number // down * (cell + gap),
            number % down * (measures.node + gap),
            cell,
            measures.node,
        )
        for number, member in enumerate(widths)
    }
    columns = ceil(len(widths) / down)
    return Inside((columns * (cell + gap) - gap, down * (measures.node + gap) - gap), boxes)


def _across(count: int, cell: float, measures: Measures, room: float) -> int:
    """Return how many columns come closest to the shape of a screen."""

    def far_off(across: int) -> float:
        width = across * (cell + measures.gap)
        height = ceil(count / across) * (measures.node + measures.gap) + measures.header
        too_wide = across > 1 and width - measures.gap > room
        return abs(width / height - _RATIO) + (inf if too_wide else 0)

    return min(range(1, count + 1), key=far_off)


def _framed(inner: Inside, group: Group, held: str, measures: Measures) -> Inside:
    """Put the frame of a group around its members, wide enough for its name."""
    padding = measures.padding
    top = measures.header if group.side is Side.NAMESPACE else measures.header - 10
    title = max(width_of(group.name) * 1.2, width_of(held)) + 2 * padding + 8
    width = max(inner.size[0], min(title, measures.widest) - 2 * padding) + 2 * padding
    return Inside(
        (width, inner.size[1] + top + padding),
        {member: box.moved(padding, top) for member, box in inner.boxes.items()},
        {
            pair: tuple((x + padding, y + top) for x, y in points)
            for pair, points in inner.bends.items()
        },
        top,
    )
