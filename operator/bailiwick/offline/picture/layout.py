"""Where everything in a picture stands: workloads in the boxes of their namespaces, in columns.

Lengths are in pixels at full size. Equal pictures are laid out equally.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bailiwick.offline.picture.columns import in_columns
from bailiwick.offline.picture.inside import DENSE, ROOMY, Box, insides
from bailiwick.offline.picture.layered import Pair, Point, Size
from bailiwick.offline.picture.model import Picture

FEW_NODES: Final = 60
"""Up to so many, boxes have room for the lines within them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where groups and nodes are, by their numbers, and the points through which lines bend.

    `headers` are the heights of what is above the members of each group, `hubs` the groups that
    most others need.
    """

    size: Size
    groups: tuple[Box, ...]
    headers: tuple[float, ...]
    nodes: tuple[Box, ...]
    bends: dict[Pair, tuple[Point, ...]] = field(default_factory=dict)
    is_roomy: bool = True
    hubs: frozenset[int] = frozenset()


def layout(picture: Picture) -> Layout:
    """Place everything."""
    measures = ROOMY if len(picture.nodes) <= FEW_NODES else DENSE
    bundles = picture.bundles()
    parts = insides(picture, bundles, measures)
    columns = in_columns(picture, bundles, [each.size for each in parts], measures.between)
    nodes = [Box(0, 0, 0, 0)] * len(picture.nodes)
    bends: dict[Pair, tuple[Point, ...]] = {}
    groups = []
    for number_of_group, each in enumerate(parts):
        left, top = columns.places[number_of_group]
        groups.append(Box(left, top, *each.size))
        for number, box in each.boxes.items():
            nodes[number] = box.moved(left, top)
        for pair, points in each.bends.items():
            moved = tuple((left + x, top + y) for x, y in points)
            # A line between two groups leads through both, first through that of its source.
            is_first = picture.nodes[pair[0]].group == number_of_group
            bends[pair] = (
                (*moved, *bends.get(pair, ())) if is_first else (*bends.get(pair, ()), *moved)
            )
    headers = tuple(each.header for each in parts)
    return Layout(
        columns.size, tuple(groups), headers, tuple(nodes), bends, measures is ROOMY, columns.hubs
    )
