"""Which registries may be contacted: only those that a profile lists, and never the machine itself.

An image's name is written by whoever deploys it, so that contacting what it names would let
them send us anywhere. Addresses of the cloud's metadata services are those that the clouds
document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bailiwick.policy.images.references import Reference

IPAddress = IPv4Address | IPv6Address

METADATA_ADDRESSES: frozenset[IPAddress] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # container credentials on AWS
        "169.254.170.23",
        "168.63.129.16",  # Azure's host agent
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",
        "fd20:ce::254",  # Google Cloud
    )
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback", "localhost.localdomain"})
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an image's registry is not contacted: a reason code, and words for people."""

    reason: str
    message: str


def contactable(
    reference: Reference, patterns: Iterable[str], *, allow_loopback: bool = False
) -> Refusal | None:
    """Say why the registry of `reference` must not be contacted; None where it may be.

    `patterns` are the profile's `images.registries`; none listed means that none may be. The
    setting `allow_loopback` opens loopback addresses, to registries that are listed.
    """
    refused = refused_host(host_of(reference.registry), allow_loopback=allow_loopback)
    if refused:
        return refused
    listed = tuple(patterns)
    if any(matches(reference, pattern) for pattern in listed):
        return None
    known = f"it lists {', '.join(listed)}" if listed else "it lists none"
    return Refusal(
        "RegistryNotListed",
        f"The profile does not list {reference.name} in images.registries ({known}). Use an image "
        "from a listed registry, or ask the platform team to list this one.",
    )


def matches(reference: Reference, pattern: str) -> bool:
    """Say whether a pattern of `images.registries` covers an image.

    A `*` stands for any characters but a slash; as the last part of the path, for all below. A
    pattern without a path covers the whole registry. Port and host must be given as in images.
    """
    host, _, path = pattern.partition("/")
    if not _glob(host.lower(), reference.registry):
        return False
    parts = path.split("/") if path else ["*"]
    segments = reference.repository.split("/")
    if parts[-1] in ("*", "**"):
        parts.pop()
        if len(segments) <= len(parts):
            return False
        segments = segments[: len(parts)]
    return len(parts) == len(segments) and all(map(_glob, parts, segments))


def refused_host(host: str, *, allow_loopback: bool = False) -> Refusal | None:
    """Say why a host name or address is never contacted; None where it may be."""
    name = host.rstrip(".").lower()
    address = _address(name)
    if address is not None:
        return refused_address(address, allow_loopback=allow_loopback)
    if name in _METADATA_NAMES:
        return Refusal("RegistryRefused", f'"{host}" is a cloud\'s metadata service, no registry.')
    if name in _LOOPBACK_NAMES or name.endswith(".localhost"):
        return None if allow_loopback else _loopback(host)
    if not name or _NUMBER.fullmatch(name.rpartition(".")[2]):
        # Some resolvers read 127.1 or 0x7f000001 as an address, which no list would cover.
        return Refusal("RegistryRefused", f'"{host}" is neither a host name nor an IP address.')
    return None


def refused_address(address: IPAddress, *, allow_loopback: bool = False) -> Refusal | None:
    """Say why an address is never contacted, be it written in an image's name or resolved."""
    inner = address
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address) or address
    if inner in METADATA_ADDRESSES:
        return Refusal("RegistryRefused", f"{address} is a cloud's metadata service, no registry.")
    if inner.is_loopback:
        return None if allow_loopback else _loopback(str(address))
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner.is_reserved:
        return Refusal("RegistryRefused", f"{address} is no address that a registry can have.")
    return None


def host_of(authority: str) -> str:
    """Return the host of `host:port`, without the brackets of an IPv6 address."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def _loopback(host: str) -> Refusal:
    return Refusal(
        "RegistryRefused",
        f"{host} is the machine that Bailiwick itself runs on. Push the image to a registry that "
        "the cluster's nodes pull from.",
    )


def _address(name: str) -> IPAddress | None:
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        return None


def _nat64(address: IPv6Address) -> IPv4Address | None:
    well_known = int(IPv6Address("64:ff9b::")) >> 32
    return IPv4Address(int(address) & 0xFFFFFFFF) if int(address) >> 32 == well_known else None


def _glob(pattern: str, text: str) -> bool:
    return re.fullmatch("[^/]*".join(map(re.escape, pattern.split("*"))), text) is not None
