"""Sets of who is at the other end: classes of pods, and addresses outside of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Addresses

PodSet = int
"""Classes of pods, each a bit by its number."""


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


def numbers(pods: PodSet) -> Iterator[int]:
    """Go through the numbers of the classes in a set, in order."""
    while pods:
        lowest = pods & -pods
        yield lowest.bit_length() - 1
        pods ^= lowest
