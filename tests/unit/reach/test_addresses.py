"""Sets of addresses: ranges of both families, never single addresses by the thousand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import (
    ALL,
    NONE,
    V4,
    V6,
    Addresses,
    Family,
    InvalidBlock,
    of_address,
    of_block,
)

CIDRS = st.sampled_from(
    (
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.2.0.0/15",
        "255.255.255.255/32",
        "::/0",
        "fd00::/8",
        "fd00::1/128",
        "ffff::/16",
    )
)
SETS = st.lists(CIDRS, max_size=4).map(lambda some: joined(*some))
PLACES = st.sampled_from(
    [
        of_address(text)
        for text in (
            *("0.0.0.0", "9.255.255.255", "10.0.0.0", "10.1.2.3", "10.1.3.0", "10.3.255.255"),
            *("10.255.255.255", "11.0.0.0", "255.255.255.254", "255.255.255.255"),
            *("::", "fcff::1", "fd00::", "fd00::1", "fd00::2", "fdff::1", "fe00::", "ffff::9"),
        )
    ]
)


def joined(*cidrs: str) -> Addresses:
    return addresses.merged(part for cidr in cidrs for part in of_block(cidr))


def texts(some: Addresses) -> list[str]:
    return [addresses.text_of(each) for each in some]


@pytest.mark.parametrize(
    "cidr, holes, expected",
    [
        ("10.0.0.0/8", [], ["10.0.0.0-10.255.255.255"]),
        ("10.1.2.3/8", [], ["10.0.0.0-10.255.255.255"]),
        ("0.0.0.0/0", [], ["0.0.0.0-255.255.255.255"]),
        ("10.0.0.7/32", [], ["10.0.0.7-10.0.0.7"]),
        ("10.0.0.0/8", ["10.0.0.0/9"], ["10.128.0.0-10.255.255.255"]),
        ("10.0.0.0/8", ["10.64.0.9/10"], ["10.0.0.0-10.63.255.255", "10.128.0.0-10.255.255.255"]),
        ("10.0.0.0/8", ["10.0.0.0/9", "10.128.0.0/9"], []),
        ("10.0.0.0/30", ["10.0.0.1/32", "10.0.0.1/32"], ["10.0.0.0-10.0.0.0", "10.0.0.2-10.0.0.3"]),
        ("fd00::/8", ["fd00::/9"], ["fd80::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
        ("::/0", [], ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
    ],
)
def test_a_block_is_its_range_less_its_exceptions(
    cidr: str, holes: list[str], expected: list[str]
) -> None:
    assert texts(of_block(cidr, holes)) == expected


@pytest.mark.parametrize(
    "cidr, holes, message",
    [
        ("10.0.0.0/33", [], "10.0.0.0/33 is not a range of addresses"),
        ("10.0.0.0", [], "10.0.0.0 is not a range of addresses"),
        ("10.0.0.0/255.0.0.0", [], "is not a range of addresses"),
        ("fe80::%eth0/64", [], "is not a range of addresses"),
        ("internet", [], "internet is not a range of addresses"),
        ("", [], "is not a range of addresses"),
        ("10.0.0.0/8", ["11.0.0.0/9"], "except 11.0.0.0/9 is not a smaller range of 10.0.0.0/8"),
        ("10.0.0.0/8", ["10.0.0.0/8"], "except 10.0.0.0/8 is not a smaller range of 10.0.0.0/8"),
        ("10.0.0.0/8", ["0.0.0.0/0"], "except 0.0.0.0/0 is not a smaller range of 10.0.0.0/8"),
        ("0.0.0.0/0", ["fd00::/8"], "except fd00::/8 is not a smaller range of 0.0.0.0/0"),
        ("10.0.0.0/8", ["10.0.0.0"], "10.0.0.0 is not a range of addresses"),
    ],
)
def test_what_the_api_server_refuses_is_refused(cidr: str, holes: list[str], message: str) -> None:
    with pytest.raises(InvalidBlock, match=message):
        of_block(cidr, holes)


def test_an_address_that_cannot_be_read_is_passed_over_among_many() -> None:
    assert addresses.readable(["10.0.0.1", "", "node-1", "::1"]) == [
        of_address("10.0.0.1"),
        of_address("::1"),
    ]
    with pytest.raises(InvalidBlock, match="node-1 is not an address"):
        of_address("node-1")


def test_neighbouring_ranges_are_one_but_families_never_are() -> None:
    assert texts(joined("10.0.0.0/9", "10.128.0.0/9")) == ["10.0.0.0-10.255.255.255"]
    assert joined("0.0.0.0/0", "::/0") == ALL
    assert len(ALL) == 2


@given(SETS, SETS, PLACES)
def test_sets_are_joined_and_cut_as_sets_are(one: Addresses, other: Addresses, place: int) -> None:
    def holds(some: Addresses) -> bool:
        return any(first <= place <= last for first, last in some)

    assert addresses.contains(one, place) is holds(one)
    assert holds(addresses.union(one, other)) is (holds(one) or holds(other))
    assert holds(addresses.intersect(one, other)) is (holds(one) and holds(other))
    assert holds(addresses.subtract(one, other)) is (holds(one) and not holds(other))


@given(SETS, SETS)
def test_a_set_is_written_in_one_way_only(one: Addresses, other: Addresses) -> None:
    for found in (
        addresses.union(one, other),
        addresses.intersect(one, other),
        addresses.subtract(one, other),
    ):
        assert found == addresses.merged(found)
        assert all(a[1] + 1 < b[0] for a, b in pairwise(found))


@given(st.lists(SETS, max_size=3), PLACES)
def test_the_line_is_split_only_where_some_set_splits_it(sets: list[Addresses], place: int) -> None:
    parts = list(addresses.split(sets))
    assert addresses.merged(parts) == ALL
    (part,) = [each for each in parts if each[0] <= place <= each[1]]
    for some in sets:
        assert addresses.covers(some, part) is addresses.contains(some, place)
        assert addresses.touches(some, part) is addresses.contains(some, place)
    edges = {edge for some in sets for first, last in some for edge in (first, last + 1)}
    assert {first for first, _ in parts} <= edges | {V4[0][0], V6[0][0]}


def test_a_family_as_a_whole_is_not_cut() -> None:
    assert list(addresses.split([V4, V6])) == [*V4, *V6]


def test_a_range_is_covered_as_a_whole_and_touched_in_part() -> None:
    some = joined("10.0.0.0/24", "10.0.2.0/24")
    inside, across, between = (
        joined(cidr)[0] for cidr in ("10.0.0.128/25", "10.0.0.0/22", "10.0.1.0/24")
    )
    assert addresses.covers(some, inside)
    assert not addresses.covers(some, across)
    assert addresses.touches(some, across)
    assert not addresses.touches(some, between)
    last = joined("10.0.0.255/32", "10.0.1.0/24")[0]
    assert addresses.touches(some, last)
    assert not addresses.covers(NONE, inside)
    assert not addresses.touches(NONE, inside)


@given(PLACES)
def test_neighbours_are_of_the_same_family(place: int) -> None:
    first, last = addresses.neighbours(place)
    assert first <= place <= last
    family = addresses.family_of(place)
    assert family is (Family.V4 if addresses.contains(V4, place) else Family.V6)
    assert addresses.covers(addresses.OF_FAMILY[family], (first, last))
