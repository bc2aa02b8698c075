"""Ranges of addresses: reading them, and those that mean something special.

Special ranges are those of the IANA registries (RFC 6890, RFC 4291); addresses of the clouds'
metadata services are those that the clouds document.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from bailiwick.policy.images.registries import METADATA_ADDRESSES

Network = IPv4Network | IPv6Network

METADATA: tuple[Network, ...] = tuple(
    ip_network(address) for address in sorted(METADATA_ADDRESSES, key=str)
)
"""Each metadata service's own address."""

UNROUTED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
"""What leads nowhere outside of networks of one's own."""
# Addresses that stand for an IPv4 address: mapped and NAT64 (all in ::/8), Teredo, 6to4. They
# lead to the internet, and as well to what is cut out of it, so nothing is opened to them unnamed.
_TRANSLATED: tuple[Network, ...] = tuple(map(ip_network, ("::/8", "2001::/32", "2002::/16")))

NOT_INTERNET: tuple[Network, ...] = (*UNROUTED, *_TRANSLATED)
"""What is never part of the internet, in any cluster."""

# Loopback and IPv4-mapped addresses, which some network plugins read as the IPv4 address.
_MAPPED = IPv6Network("::/80")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_NAT64 = int(IPv6Network("64:ff9b::/96").network_address)
_SIX_TO_FOUR = int(IPv6Network("2002::/16").network_address)


def _nat64(address: IPv4Address) -> Network:
    return IPv6Network((_NAT64 | int(address), 128))


def _six_to_four(address: IPv4Address) -> Network:
    return IPv6Network((_SIX_TO_FOUR | int(address) << 80, 48))


ALWAYS_CUT: tuple[Network, ...] = (
    *METADATA,
    *(
        translate(address)
        for address in sorted(a for a in METADATA_ADDRESSES if isinstance(a, IPv4Address))
        for translate in (_nat64, _six_to_four)
    ),
    _MAPPED,
    _LOCAL_NAT64,
)
"""What no rule opens: metadata services, by whatever address they can be reached."""


class InvalidRange(ValueError):
    """A text that is no range of addresses; the message says what to write instead."""


def parse(text: str, *, strict: bool = True) -> Network:
    """Read a range, or a single address as the range of it alone.

    Raises InvalidRange; where `strict`, also for bits that are set after the prefix.
    """
    try:
        return ip_network(text, strict)
    except ValueError as error:
        raise InvalidRange(
            f"{text} is not a range of addresses ({error}): write 203.0.113.0/24"
        ) from error


def inside(inner: Network, outer: Network) -> bool:
    """Say whether one range is part of another, of the same family."""
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False


def on_internet(network: Network) -> bool:
    """Say whether any address of a range may lead to the internet."""
    return not any(inside(network, unrouted) for unrouted in UNROUTED)
