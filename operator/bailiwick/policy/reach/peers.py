"""Sets of who is at the other end: classes of pods, and addresses outside of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Addresses, Family

PodSet = int
"""Classes of pods, two bits each: the pods by their IPv4, and by their IPv6 addresses."""


def bit(number: int, family: Family) -> PodSet:
    """Return the class of a number by its addresses of one family."""
    return 1 << (2 * number + family)


def bits(number: int) -> PodSet:
    """Return the class of a number by all of its addresses."""
    return 3 << (2 * number)


def numbers(pods: PodSet) -> Iterator[int]:
    """Go through the numbers of the classes in a set, in order."""
    while pods:
        number = ((pods & -pods).bit_length() - 1) // 2
        yield number
        pods &= ~bits(number)


@dataclass(frozen=True, slots=True)
class Peers:
    """Classes of pods, and addresses that are no pod's."""

    pods: PodSet = 0
    outside: Addresses = addresses.NONE

    def __or__(self, other: Peers) -> Peers:
        """Return who is in either."""
        return Peers(self.pods | other.pods, addresses.union(self.outside, other.outside))

    def __and__(self, other: Peers) -> Peers:
        """Return who is in both."""
        return Peers(self.pods & other.pods, addresses.intersect(self.outside, other.outside))

    def __sub__(self, other: Peers) -> Peers:
        """Return who is in the first only."""
        return Peers(self.pods & ~other.pods, addresses.subtract(self.outside, other.outside))

    def __bool__(self) -> bool:
        """Whether there is anybody."""
        return bool(self.pods or self.outside)


NOBODY = Peers()
EVERYBODY = Peers(-1, addresses.ALL)
