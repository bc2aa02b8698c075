"""Sets of ports: each protocol has its own, from 1 to 65535."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.facts import Protocol
from bailiwick.policy.ports import PROTOCOLS
from bailiwick.policy.reach import ports

RANGES = st.lists(
    st.tuples(st.sampled_from(PROTOCOLS), st.integers(1, 300), st.integers(1, 300)), max_size=5
)


def numbers_of(found: ports.PortSet) -> set[tuple[Protocol, int]]:
    return {
        (protocol, number)
        for protocol in PROTOCOLS
        for first, last in ports.ranges(found, protocol)
        for number in range(first, last + 1)
    }


@pytest.mark.parametrize(
    "first, last, expected",
    [
        (1, 65535, [(1, 65535)]),
        (80, 80, [(80, 80)]),
        (0, 2, [(1, 2)]),
        (65535, 70000, [(65535, 65535)]),
        (90, 80, []),
        (70000, 70001, []),
    ],
)
def test_a_range_holds_what_there_is_of_it(
    first: int, last: int, expected: list[tuple[int, int]]
) -> None:
    for protocol in PROTOCOLS:
        found = ports.of_range(protocol, first, last)
        assert list(ports.ranges(found, protocol)) == expected
        assert not found & ~ports.of_protocol(protocol)


def test_protocols_have_nothing_in_common() -> None:
    assert ports.of_protocol("TCP") & ports.of_protocol("UDP") == ports.NONE
    assert [list(ports.ranges(ports.ALL, protocol)) for protocol in PROTOCOLS] == [
        [(1, 65535)],
        [(1, 65535)],
        [(1, 65535)],
    ]


def test_a_port_is_in_the_set_of_its_protocol_alone() -> None:
    dns = ports.of_range("UDP", 53, 53)
    assert ports.contains(dns, "UDP", 53)
    assert not ports.contains(dns, "TCP", 53)
    assert not ports.contains(dns, "UDP", 54)


@given(RANGES, RANGES)
def test_sets_are_joined_and_cut_as_sets_are(
    some: list[tuple[Protocol, int, int]], others: list[tuple[Protocol, int, int]]
) -> None:
    def both(given: list[tuple[Protocol, int, int]]) -> tuple[ports.PortSet, set[object]]:
        found, plain = ports.NONE, set[object]()
        for protocol, first, last in given:
            found |= ports.of_range(protocol, first, last)
            plain |= {(protocol, number) for number in range(first, last + 1)}
        return found, plain

    (one, plain_one), (other, plain_other) = both(some), both(others)
    assert numbers_of(one | other) == plain_one | plain_other
    assert numbers_of(one & other) == plain_one & plain_other
    assert numbers_of(one & ~other) == plain_one - plain_other
