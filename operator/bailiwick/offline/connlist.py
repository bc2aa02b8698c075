"""Who can reach whom as lines of text, in the form of np-guard's netpol-analyzer.

`shop/checkout[Deployment] => shop/cart[Deployment] : TCP 7070`. What is not known is left out.
https://github.com/np-guard/netpol-analyzer
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from bailiwick.offline.world import INGRESS_CONTROLLER, World
from bailiwick.policy.facts import Protocol
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Range
from bailiwick.policy.reach.edges import OutsideEdge
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.reach.workloads import Workloads, outside_ranges
from bailiwick.policy.rules import Direction

_PROTOCOLS: tuple[Protocol, ...] = ("SCTP", "TCP", "UDP")


def connection_list(world: World) -> Iterator[str]:
    """Go through the lines, sorted; only those of one source are held at a time."""
    for _, lines in sorted(_sources(world), key=itemgetter(0)):
        yield from sorted(lines)


def _sources(world: World) -> Iterator[tuple[str, Iterator[str]]]:
    """Go through who opens connections: how the lines begin, and the lines."""
    workloads, ranges = world.workloads, _Ranges(world.workloads)
    for workload in workloads.classes:
        yield f"{workload} => ", _from_workload(workload, workloads, ranges)
    for each in ranges.of[Direction.INGRESS]:
        yield f"{_external(each)} => ", _from_outside(each, workloads, ranges)
    entered = (
        _line(INGRESS_CONTROLLER, str(workload), ports)
        for workload, ports in world.entrances.items()
        if ports
    )
    yield f"{INGRESS_CONTROLLER} => ", entered


class _Ranges:
    """The ranges that any policy of a direction tells apart, and what each workload has with them.

    The lines are cut where they are, as those of the other tool are.
    """

    def __init__(self, workloads: Workloads) -> None:
        self._workloads = workloads
        self._ports: dict[tuple[Workload, Direction], list[OutsideEdge]] = {}
        self.of = {
            direction: [r for r in outside_ranges(workloads.graph, direction) if addresses.is_v4(r)]
            for direction in Direction
        }

    def ports(self, workload: Workload, direction: Direction, each: Range) -> PortSet:
        """Return the ports that are allowed with the addresses of one range."""
        key = workload, direction
        if key not in self._ports:
            self._ports[key] = self._workloads.outside(workload, direction)
        return next(
            (
                edge.connection.allowed
                for edge in self._ports[key]
                if addresses.contains(edge.addresses, each[0])
            ),
            port_sets.NONE,
        )


def _from_workload(source: Workload, workloads: Workloads, ranges: _Ranges) -> Iterator[str]:
    for target, connection in workloads.targets(source).items():
        if source != target and connection.allowed:
            yield _line(str(source), str(target), connection.allowed)
    for each in ranges.of[Direction.EGRESS]:
        ports = ranges.ports(source, Direction.EGRESS, each)
        if ports:
            yield _line(str(source), _external(each), ports)


def _from_outside(each: Range, workloads: Workloads, ranges: _Ranges) -> Iterator[str]:
    for target in workloads.classes:
        ports = ranges.ports(target, Direction.INGRESS, each)
        if ports:
            yield _line(_external(each), str(target), ports)


def _external(each: Range) -> str:
    return f"{addresses.text_of(each)}[External]"


def _line(source: str, target: str, ports: PortSet) -> str:
    return f"{source} => {target} : {ports_in_words(ports)}"


def ports_in_words(ports: PortSet) -> str:
    """Write ports as `TCP 80,443-445,UDP 53`."""
    if ports == port_sets.ALL:
        return "All Connections"
    found = []
    for protocol in _PROTOCOLS:
        ranges = [
            str(first) if first == last else f"{first}-{last}"
            for first, last in port_sets.ranges(ports, protocol)
        ]
        if ranges:
            found.append(f"{protocol} {','.join(ranges)}")
    return ",".join(found)
