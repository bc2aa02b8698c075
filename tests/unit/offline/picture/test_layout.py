"""Where things stand in a picture: apart from each other, and the same each time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.offline.picture.inside import Box
from bailiwick.offline.picture.layered import Spacing, layered
from bailiwick.offline.picture.layout import layout
from bailiwick.offline.picture.model import Group, Line, Node, Picture, Side, Stroke
from tests.pictures.make import picture
from tests.pictures.platform import platform

SPACING = Spacing(layer=50, box=10, line=5)
NAMES = st.text(min_size=0, max_size=40)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    sides = draw(st.lists(st.sampled_from(Side), min_size=1, max_size=8))
    groups = [Group(side, draw(NAMES), draw(NAMES)) for side in sides]
    # A group is there for the sake of its members.
    of = [*range(len(groups)), *draw(st.lists(st.integers(0, len(groups) - 1), max_size=70))]
    nodes = [
        Node(group, draw(NAMES), ports=draw(st.sampled_from(["", "80"]))) for group in sorted(of)
    ]
    ends = st.integers(0, len(nodes) - 1)
    lines = st.builds(Line, ends, ends, st.sampled_from(Stroke), st.just("80"))
    found = draw(st.lists(lines, max_size=60))
    return Picture(tuple(groups), tuple(nodes), tuple(found))


def apart(one: Box, other: Box) -> bool:
    return (
        one.left + one.width <= other.left
        or other.left + other.width <= one.left
        or one.top + one.height <= other.top
        or other.top + other.height <= one.top
    )


def is_within(inner: Box, outer: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and inner.left + inner.width <= outer.left + outer.width + 0.01
        and inner.top + inner.height <= outer.top + outer.height + 0.01
    )


@given(pictures())
def test_whatever_is_drawn_nothing_covers_anything_else(given: Picture) -> None:
    found = layout(given)
    whole = Box(0, 0, *found.size)
    assert all(apart(*pair) for pair in combinations(found.groups, 2))
    assert all(apart(*pair) for pair in combinations(found.nodes, 2))
    assert all(is_within(group, whole) for group in found.groups)
    for node, box in zip(given.nodes, found.nodes, strict=True):
        group = found.groups[node.group]
        header = Box(group.left, group.top, group.width, found.headers[node.group])
        assert is_within(box, group)
        assert apart(box, header)


@given(pictures())
def test_the_same_is_laid_out_in_the_same_way(given: Picture) -> None:
    assert layout(given) == layout(given)


def layers(pairs: Sequence[tuple[int, int]], count: int) -> list[float]:
    return [left for left, _ in layered([(40, 20)] * count, pairs, SPACING).places]


def test_who_calls_stands_left_of_who_is_called() -> None:
    lefts = layers([(0, 1), (1, 2), (0, 2), (3, 2)], 4)
    assert lefts[0] < lefts[1] < lefts[2]
    assert lefts[3] == lefts[1], "close to what it calls"


def test_a_circle_is_cut_open_at_one_place() -> None:
    lefts = layers([(0, 1), (1, 2), (2, 0)], 3)
    assert sorted(lefts) == lefts
    assert len(set(lefts)) == 3


def test_lines_do_not_cross_where_they_need_not() -> None:
    found = layered([(40, 20)] * 6, [(0, 5), (1, 4), (2, 3)], SPACING)
    order = sorted(range(3), key=lambda n: found.places[n][1])
    assert sorted(range(3, 6), key=lambda n: found.places[n][1]) == [5 - n for n in order]


def test_a_long_line_bends_around_what_is_between_its_ends() -> None:
    found = layered([(40, 20)] * 3, [(0, 1), (1, 2), (0, 2)], SPACING)
    (first, second) = found.bends[0, 2]
    left, top = found.places[1]
    assert (first[0], second[0]) == (left, left + 40)
    assert not top <= first[1] <= top + 20


@pytest.mark.parametrize("size", [(3, 4), (25, 12)])
def test_a_platform_has_about_the_shape_of_a_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = layout(picture(tmp_path, platform(*size))).size
    assert 0.8 < width / height < 3.5


def test_namespaces_that_all_others_need_are_known_as_such(tmp_path: Path) -> None:
    drawn = picture(tmp_path, platform())
    hubs = {drawn.groups[number].name for number in layout(drawn).hubs}
    assert hubs == {"kube-system", "identity"}
