"""Who can reach whom as lines of text, in the form of np-guard's netpol-analyzer.

`shop/checkout[Deployment] => shop/cart[Deployment] : TCP 7070`. What is not known is left out.
https://github.com/np-guard/netpol-analyzer
"""

from __future__ import annotations

from collections.abc import Iterator

from bailiwick.offline.world import INGRESS_CONTROLLER, World
from bailiwick.policy.facts import Protocol
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.reach.workloads import Workloads, outside_ranges
from bailiwick.policy.rules import Direction

_PROTOCOLS: tuple[Protocol, ...] = ("SCTP", "TCP", "UDP")


def connection_list(world: World) -> list[str]:
    """Return the lines, sorted."""
    lines = [*_inside(world.workloads), *_outside(world.workloads)]
    lines += [
        _line(INGRESS_CONTROLLER, str(workload), ports)
        for workload, ports in world.entrances.items()
        if ports
    ]
    return sorted(lines)


def _inside(workloads: Workloads) -> Iterator[str]:
    for source in workloads.classes:
        for target, connection in workloads.targets(source).items():
            if source != target and connection.allowed:
                yield _line(str(source), str(target), connection.allowed)


def _outside(workloads: Workloads) -> Iterator[str]:
    """Write one line for each range that any policy of the direction tells apart, as they do."""
    for direction in Direction:
        ranges = outside_ranges(workloads.graph, direction)
        for workload in workloads.classes:
            for edge in workloads.outside(workload, direction):
                for each in ranges if edge.connection.allowed else ():
                    if addresses.is_v4(each) and addresses.contains(edge.addresses, each[0]):
                        text = addresses.text_of(each)
                        yield _outside_line(workload, direction, text, edge.connection.allowed)


def _outside_line(workload: Workload, direction: Direction, text: str, ports: PortSet) -> str:
    ends = (f"{text}[External]", str(workload))
    source, target = ends if direction is Direction.INGRESS else reversed(ends)
    return _line(source, target, ports)


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
