"""Ports, addresses and workloads in words that fit a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from typing import Final

from bailiwick.policy.facts import Protocol
from bailiwick.policy.ports import PROTOCOLS
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.edges import Connection
from bailiwick.policy.reach.neighbourhood import EVERYONE_ELSE
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet

ANYWHERE: Final = "anywhere outside"
INTERNET: Final = "the internet"
EVERYONE: Final = "everyone in the cluster"
EVERYONE_ELSEWHERE: Final = "everyone in other namespaces"

_NAMED: Final = 3
_PRIVATE: Final = addresses.merged(
    part
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32", "fc00::/7")
    for part in addresses.of_block(block)
)
# More than this of IPv4 and nothing private is what people call the internet.
_MOST: Final = 1 << 31


# The sets are few and are asked for with every edge. One takes 25 kB.
@lru_cache(maxsize=128)
def ports(found: PortSet) -> str:
    """Write ports as an intent does: `80, 443-445, 53/UDP`; `all` for all of them, less some."""
    if found == port_sets.ALL:
        return "all"
    parts, missing = _parts(found), _parts(port_sets.ALL & ~found)
    if len(missing) < len(parts):
        return f"all but {', '.join(missing)}"
    return ", ".join(parts) or "none"


def _parts(found: PortSet) -> list[str]:
    parts: list[str] = []
    for protocol in PROTOCOLS:
        own = found & port_sets.of_protocol(protocol)
        if own == port_sets.of_protocol(protocol):
            parts.append(f"all {protocol}")
        else:
            parts += _ranges(own, protocol)
    return parts


def connection(found: Connection) -> str:
    """Write the ports of a connection, and those of which it is not known."""
    parts = [ports(found.allowed)] if found.allowed else []
    if found.unknown:
        parts.append(f"not known: {ports(found.unknown)}")
    return "; ".join(parts) or "none"


def outside(block: Addresses) -> str:
    """Write addresses outside of the cluster."""
    if block == addresses.ALL:
        return ANYWHERE
    if _size_v4(block) > _MOST and not addresses.intersect(block, _PRIVATE):
        return INTERNET
    ranges = _blocks(block)
    missing = _blocks(addresses.subtract(addresses.ALL, block))
    if len(missing) < len(ranges):
        return f"{ANYWHERE} but {some(missing, _NAMED)}"
    return some(ranges, _NAMED)


def cidrs(each: addresses.Range) -> list[str]:
    """Write a range of addresses as the fewest blocks."""
    first, _, last = addresses.text_of(each).partition("-")
    if addresses.is_v4(each):
        return list(map(str, summarize_address_range(IPv4Address(first), IPv4Address(last))))
    return list(map(str, summarize_address_range(IPv6Address(first), IPv6Address(last))))


def some(names: Collection[str], limit: int, separator: str = ", ") -> str:
    """Name some, and count the others."""
    shown = separator.join(list(names)[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def _blocks(block: Addresses) -> list[str]:
    return [each for part in block for each in cidrs(part)]


class Names:
    """How workloads are called in a table that is about the namespace `here`, or about none.

    `partly` are namespaces of which other workloads are not among these.
    """

    def __init__(
        self, workloads: Iterable[Workload], here: str = "", partly: Collection[str] = ()
    ) -> None:
        self._here = here
        self._partly = partly
        self._all = frozenset(workloads)
        self._of_namespace: dict[str, set[Workload]] = defaultdict(set)
        kinds: dict[tuple[str, str], int] = defaultdict(int)
        for workload in self._all:
            self._of_namespace[workload.namespace].add(workload)
            kinds[workload.namespace, workload.name] += 1
        self._ambiguous = {name for name, count in kinds.items() if count > 1}

    def one(self, workload: Workload) -> str:
        """Name a workload: `checkout`, `payments/api`, with its kind where that is needed."""
        name = workload.name
        if not workload.namespace or not workload.kind:
            return name  # a stand-in for several
        if (workload.namespace, name) in self._ambiguous:
            name = f"{name}[{workload.kind}]"
        return name if workload.namespace == self._here else f"{workload.namespace}/{name}"

    def several(self, workloads: Collection[Workload], but: Workload | None = None) -> list[str]:
        """Name workloads, whole namespaces by one word; `but` may be missing from them."""
        chosen = frozenset(workloads)
        left = {but} if but is not None else set()
        if len(self._of_namespace) > 1 and len(chosen - left) > 1 and self._all - chosen <= left:
            return [EVERYONE]
        found = []
        others = {each for each in self._all if each.namespace != self._here}
        if others <= chosen and any(_is_everyone_else(each) for each in others):
            found.append(EVERYONE_ELSEWHERE)
            chosen -= others
        for namespace in sorted({w.namespace for w in chosen}, key=self._order):
            own = {w for w in chosen if w.namespace == namespace}
            every = self._of_namespace[namespace]
            whole = namespace not in self._partly and every - own <= left
            if whole and len(every) > 1 and len(own) > 1:
                found.append("every workload" if namespace == self._here else f"{namespace}/*")
            else:
                found += [self.one(workload) for workload in sorted(own)]
        return found

    def _order(self, namespace: str) -> tuple[bool, str]:
        return namespace != self._here, namespace


def _is_everyone_else(workload: Workload) -> bool:
    return not workload.kind and workload.name == EVERYONE_ELSE


def _ranges(own: PortSet, protocol: Protocol) -> list[str]:
    suffix = "" if protocol == "TCP" else f"/{protocol}"
    return [
        f"{first}{suffix}" if first == last else f"{first}-{last}{suffix}"
        for first, last in port_sets.ranges(own, protocol)
    ]


def _size_v4(block: Addresses) -> int:
    return sum(last - first + 1 for first, last in block if addresses.is_v4((first, last)))
