"""Where the pods are: which classes of them a block of addresses covers.

Addresses are kept by the range that one node is likely to have, so that a block is held against
ranges where it can be, and against single addresses only where it cuts a range.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import OF_FAMILY, Addresses, Family, Range
from bailiwick.policy.reach.peers import PodSet, bit

Covered = tuple[PodSet, PodSet]
"""Classes all of whose addresses are in a block, and those of which that is not certain.

Each family is looked at on its own: a block of IPv4 covers a class by its IPv4 addresses.
"""


class Places:
    """The addresses of every class, and the classes of which no address is known.

    All that is known of these is the ranges in which they are.
    """

    def __init__(self) -> None:
        self._single: dict[Range, dict[int, PodSet]] = defaultdict(dict)
        self._ranges: dict[Range, PodSet] = {}
        self._unplaced: dict[tuple[Addresses, Family], PodSet] = {}

    def add(self, number: int, place: int) -> None:
        """Take in an address of a class."""
        key, own = addresses.neighbours(place), bit(number, addresses.family_of(place))
        self._single[key][place] = self._single[key].get(place, 0) | own
        self._ranges[key] = self._ranges.get(key, 0) | own

    def remove(self, number: int, place: int) -> None:
        """Drop an address of a class."""
        key, own = addresses.neighbours(place), bit(number, addresses.family_of(place))
        here = self._single[key]
        here[place] &= ~own
        if not here[place]:
            del here[place]
        if here:
            self._ranges[key] = _union(here.values())
        else:
            del self._single[key], self._ranges[key]

    def mark(self, number: int, within: Addresses, *, unplaced: bool) -> None:
        """Note whether a class has no known address, and where it is then."""
        for family in Family:
            own, before = bit(number, family), self._unplaced.get((within, family), 0)
            self._unplaced[within, family] = before | own if unplaced else before & ~own

    def covered(self, block: Addresses) -> Covered:
        """Return the classes that a block covers."""
        inside: PodSet = 0
        rest: PodSet = 0
        for neighbourhood, pods in self._ranges.items():
            if addresses.covers(block, neighbourhood):
                inside |= pods
            elif not addresses.touches(block, neighbourhood):
                rest |= pods
            else:
                for place, some in self._single[neighbourhood].items():
                    if addresses.contains(block, place):
                        inside |= some
                    else:
                        rest |= some
        certain, possible = inside & ~rest, inside & rest
        for (within, family), pods in self._unplaced.items():
            sure, perhaps = _guess(block, within, family)
            certain |= pods if sure else 0
            possible |= pods if perhaps else 0
        return certain, possible


def covered(block: Addresses, number: int, places: Iterable[int], within: Addresses) -> Covered:
    """Say of one class what `Places.covered` says of all of them."""
    inside: PodSet = 0
    rest: PodSet = 0
    for place in places:
        own = bit(number, addresses.family_of(place))
        if addresses.contains(block, place):
            inside |= own
        else:
            rest |= own
    if inside or rest:
        return inside & ~rest, inside & rest
    certain: PodSet = 0
    possible: PodSet = 0
    for family in Family:
        sure, perhaps = _guess(block, within, family)
        certain |= bit(number, family) if sure else 0
        possible |= bit(number, family) if perhaps else 0
    return certain, possible


def _guess(block: Addresses, within: Addresses, family: Family) -> tuple[bool, bool]:
    """Say whether a block covers an address somewhere in these ranges: certainly, possibly."""
    own = addresses.intersect(within, OF_FAMILY[family])
    common = addresses.intersect(own, block)
    whole = addresses.intersect(block, OF_FAMILY[family]) == OF_FAMILY[family]
    return bool(common) and whole, bool(common) and not whole


def _union(sets: Iterable[PodSet]) -> PodSet:
    result: PodSet = 0
    for each in sets:
        result |= each
    return result
