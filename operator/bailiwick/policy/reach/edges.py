"""From what each end allows to what can connect: both halves have to allow it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.decide import FREE, Table
from bailiwick.policy.reach.peers import PodSet
from bailiwick.policy.reach.ports import PortSet


@dataclass(frozen=True, slots=True)
class Connection:
    """The ports on which a connection is allowed, and those where that is unknown."""

    allowed: PortSet = port_sets.NONE
    unknown: PortSet = port_sets.NONE

    def __bool__(self) -> bool:
        """Whether anything is possible, for all we know."""
        return bool(self.allowed or self.unknown)

    def __or__(self, other: Connection) -> Connection:
        """Return what either allows."""
        allowed = self.allowed | other.allowed
        return Connection(allowed, (self.unknown | other.unknown) & ~allowed)

    def __and__(self, other: Connection) -> Connection:
        """Return what holds whichever of the two is the case; the rest is unknown."""
        allowed = self.allowed & other.allowed
        either = self.allowed | other.allowed | self.unknown | other.unknown
        return Connection(allowed, either & ~allowed)


EVERYTHING = Connection(port_sets.ALL)
"""The connection of ends that nothing restricts: one value, so that it is found without looking."""
NOTHING = Connection()


@dataclass(frozen=True, slots=True)
class OutsideEdge:
    """Addresses outside of the cluster with which all is alike on some ports."""

    addresses: Addresses
    connection: Connection


def between(egress: Table, target: PodSet, ingress: Table, source: PodSet) -> Connection:
    """Return what the egress table of a source and the ingress table of a target let through."""
    if egress is FREE and ingress is FREE:
        return EVERYTHING
    allowed, possible = port_sets.NONE, port_sets.NONE
    for out in egress:
        may_go = out.allowed.pods & target
        if not may_go and not out.unknown.pods & target:
            continue
        for into in ingress:
            may_come = into.allowed.pods & source
            if may_come and may_go:
                allowed |= out.ports & into.ports
            elif may_come or into.unknown.pods & source:
                possible |= out.ports & into.ports
    return _connection(allowed, possible)


def with_outside(table: Table) -> list[OutsideEdge]:
    """Return the addresses outside with which a table lets something through.

    Addresses with which all is alike are together; none is in two of the results.
    """
    cuts = [part for e in table for part in (e.allowed.outside, e.unknown.outside)]
    found: dict[Connection, list[addresses.Range]] = defaultdict(list)
    for each in addresses.split(cuts):
        connection = at(table, each[0])
        if connection:
            found[connection].append(each)
    return [OutsideEdge(addresses.merged(ranges), c) for c, ranges in found.items()]


def at(table: Table, place: int) -> Connection:
    """Return what a table lets through with one address."""
    allowed, unknown = port_sets.NONE, port_sets.NONE
    for entry in table:
        if addresses.contains(entry.allowed.outside, place):
            allowed |= entry.ports
        elif addresses.contains(entry.unknown.outside, place):
            unknown |= entry.ports
    return _connection(allowed, unknown)


def _connection(allowed: PortSet, possible: PortSet) -> Connection:
    if not allowed and not possible:
        return NOTHING
    return Connection(allowed, possible & ~allowed if possible else port_sets.NONE)
