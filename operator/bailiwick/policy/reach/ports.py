"""Sets of ports as bits of one integer: every protocol has 65,536 of them, port 0 never set.

Union, intersection and difference are `|`, `&` and `& ~`, whatever is in the sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bailiwick.policy.facts import Protocol
from bailiwick.policy.ports import LAST_PORT, PROTOCOLS

PortSet = int

NONE: PortSet = 0
_WIDTH = LAST_PORT + 1
_SHIFT = {protocol: number * _WIDTH for number, protocol in enumerate(PROTOCOLS)}
_OF_ONE = (1 << _WIDTH) - 2  # ports 1 to 65535


def of_range(protocol: Protocol, first: int, last: int) -> PortSet:
    """Return the ports from `first` to `last`, both included; none where the range is empty."""
    low, high = max(first, 1), min(last, LAST_PORT)
    if low > high:
        return NONE
    return ((1 << (high - low + 1)) - 1) << (low + _SHIFT[protocol])


def of_protocol(protocol: Protocol) -> PortSet:
    """Return every port of one protocol."""
    return _OF_ONE << _SHIFT[protocol]


ALL: PortSet = sum(of_protocol(protocol) for protocol in PROTOCOLS)


def contains(ports: PortSet, protocol: Protocol, port: int) -> bool:
    """Say whether one port is in a set."""
    return bool(ports >> (port + _SHIFT[protocol]) & 1)


def first(ports: PortSet) -> tuple[Protocol, int]:
    """Return one port of a set that is not empty."""
    protocol, port = divmod((ports & -ports).bit_length() - 1, _WIDTH)
    return PROTOCOLS[protocol], port


def ranges(ports: PortSet, protocol: Protocol) -> Iterator[tuple[int, int]]:
    """Go through the ranges of one protocol, first and last port, in order."""
    bits = (ports >> _SHIFT[protocol]) & _OF_ONE
    start = 0
    while bits:
        gap = (bits & -bits).bit_length() - 1
        bits >>= gap
        start += gap
        length = (~bits & (bits + 1)).bit_length() - 1
        yield start, start + length - 1
        bits >>= length
        start += length


class Kept:
    """Keeps equal sets once: one takes 24 kB, and hashing it takes as long as much else.

    So a set that was asked for lately is known by what it is, not by its value.
    """

    _LATELY: Final = 256

    def __init__(self) -> None:
        self._all: dict[PortSet, PortSet] = {}
        # The sets are held here as well, so that no other gets the place of one.
        self._lately: dict[int, tuple[PortSet, PortSet]] = {}

    def of(self, ports: PortSet) -> PortSet:
        """Return the one that is kept of all that are equal to this."""
        lately = self._lately.get(id(ports))
        if lately is not None:
            return lately[1]
        own = self._all.setdefault(ports, ports)
        if len(self._lately) >= self._LATELY:
            self._lately.clear()
        self._lately[id(ports)] = ports, own
        return own
