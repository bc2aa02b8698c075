"""Sets of addresses of both families as ranges on one line, IPv6 behind IPv4.

The cost depends on the number of ranges, never on how many addresses they hold.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

Range = tuple[int, int]
Addresses = tuple[Range, ...]
"""Ranges, first and last both included, sorted, with a gap between any two."""

_CIDR = re.compile(r"[0-9a-fA-F:.]+/[0-9]{1,3}")

_LAST_V4 = (1 << 32) - 1
# A gap between the families, so that no range ever spans both.
_V6 = 1 << 40
_LAST_V6 = _V6 + (1 << 128) - 1


class Family(IntEnum):
    """The two families of addresses, none of which reaches the other."""

    V4 = 0
    V6 = 1


NONE: Addresses = ()
V4: Addresses = ((0, _LAST_V4),)
V6: Addresses = ((_V6, _LAST_V6),)
ALL: Addresses = (*V4, *V6)
OF_FAMILY = {Family.V4: V4, Family.V6: V6}


class InvalidBlock(ValueError):
    """A block of addresses that cannot be read; the message says why."""


def of_block(cidr: str, excluded: Iterable[str] = ()) -> Addresses:
    """Return the addresses of a CIDR less some; host bits are ignored, as the API server does.

    Raises InvalidBlock for what is no CIDR, and for an `except` that is no smaller range of it.
    """
    whole = _range_of(cidr)
    holes = [(text, _range_of(text)) for text in excluded]
    for text, hole in holes:
        if hole == whole or not (whole[0] <= hole[0] and hole[1] <= whole[1]):
            raise InvalidBlock(f"except {text} is not a smaller range of {cidr}")
    return subtract((whole,), merged(hole for _, hole in holes))


def of_address(text: str) -> int:
    """Return the place of an address on the line; raises InvalidBlock."""
    try:
        address = ip_address(text)
    except ValueError as error:
        raise InvalidBlock(f"{text} is not an address") from error
    return int(address) + (0 if address.version == 4 else _V6)


def readable(texts: Iterable[str]) -> list[int]:
    """Return the places of addresses, without those that cannot be read."""
    found = []
    for text in texts:
        try:
            found.append(of_address(text))
        except InvalidBlock:
            continue
    return found


def merged(ranges: Iterable[Range]) -> Addresses:
    """Return ranges in any order as one set."""
    result: list[Range] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return tuple(result)


def union(one: Addresses, other: Addresses) -> Addresses:
    """Return the addresses of either."""
    if not one or other == ALL:
        return other
    if not other or one in (other, ALL):
        return one
    return merged((*one, *other))


def intersect(one: Addresses, other: Addresses) -> Addresses:
    """Return the addresses of both."""
    if one == other or other == ALL:
        return one
    if one == ALL:
        return other
    result: list[Range] = []
    left, right = 0, 0
    while left < len(one) and right < len(other):
        first, last = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if first <= last:
            result.append((first, last))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return tuple(result)


def subtract(one: Addresses, other: Addresses) -> Addresses:
    """Return the addresses of the first that are not in the other."""
    if not one or not other:
        return one
    return intersect(one, _complement(other))


def contains(addresses: Addresses, place: int) -> bool:
    """Say whether an address, as a place on the line, is in a set."""
    return covers(addresses, (place, place))


def covers(addresses: Addresses, each: Range) -> bool:
    """Say whether a range is in a set as a whole."""
    index = bisect_right(addresses, each[0], key=_first) - 1
    return index >= 0 and each[1] <= addresses[index][1]


def touches(addresses: Addresses, each: Range) -> bool:
    """Say whether any address of a range is in a set."""
    index = bisect_right(addresses, each[1], key=_first) - 1
    return index >= 0 and each[0] <= addresses[index][1]


def is_v4(each: Range) -> bool:
    """Say whether a range is of IPv4."""
    return each[1] <= _LAST_V4


def family_of(place: int) -> Family:
    """Return the family of an address."""
    return Family.V4 if place <= _LAST_V4 else Family.V6


def neighbours(place: int) -> Range:
    """Return the range of addresses that are likely to be of one node: a /24, or a /64."""
    start, width = (0, 8) if place <= _LAST_V4 else (_V6, 64)
    first = start + ((place - start) >> width << width)
    return first, first + (1 << width) - 1


def split(boundaries: Iterable[Addresses]) -> Iterator[Range]:
    """Cut the line into the ranges that no set of `boundaries` cuts any further."""
    starts = {first for first, _ in ALL}
    for each in boundaries:
        for first, last in each:
            starts.add(first)
            if last not in (_LAST_V4, _LAST_V6):
                starts.add(last + 1)
    ordered = sorted(starts)
    for index, first in enumerate(ordered):
        end = _LAST_V4 if first <= _LAST_V4 else _LAST_V6
        following = ordered[index + 1] if index + 1 < len(ordered) else end + 1
        yield first, min(following - 1, end)


def text_of(each: Range) -> str:
    """Write a range as its first and last address: `10.0.0.0-10.255.255.255`."""
    return f"{_address(each[0])}-{_address(each[1])}"


def _first(each: Range) -> int:
    return each[0]


def _address(place: int) -> IPv4Address | IPv6Address:
    return IPv4Address(place) if place <= _LAST_V4 else IPv6Address(place - _V6)


def _range_of(cidr: str) -> Range:
    try:
        # Python also takes netmasks, zones and addresses alone, which the API server refuses.
        network = ip_network(cidr if _CIDR.fullmatch(cidr) else "", strict=False)
    except ValueError as error:
        raise InvalidBlock(f"{cidr} is not a range of addresses, such as 10.0.0.0/8") from error
    offset = 0 if isinstance(network, IPv4Network) else _V6
    return int(network.network_address) + offset, int(network.broadcast_address) + offset


def _complement(addresses: Addresses) -> Addresses:
    result: list[Range] = []
    for low, high in ALL:
        for first, last in addresses:
            if last < low or first > high:
                continue
            if first > low:
                result.append((low, first - 1))
            low = last + 1
        if low <= high:
            result.append((low, high))
    return tuple(result)
