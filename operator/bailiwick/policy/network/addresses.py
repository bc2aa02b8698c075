"""Rules that name addresses: ranges as people write them, hosts, and what is the internet.

Special ranges are those of the IANA registries (RFC 6890); addresses of the clouds' metadata
services are those that the clouds document.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from bailiwick.policy.images.registries import METADATA_ADDRESSES
from bailiwick.policy.limits import inside
from bailiwick.policy.network.reading import Closed
from bailiwick.policy.network.resolved import Ports, Resolved, Scope
from bailiwick.policy.network.specs import JSON, Opening
from bailiwick.policy.rules import CIDRPeer

Network = IPv4Network | IPv6Network

METADATA: tuple[Network, ...] = tuple(
    ip_network(address) for address in sorted(METADATA_ADDRESSES, key=str)
)
_NOT_INTERNET: tuple[Network, ...] = tuple(
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
        "::/128",
        "::1/128",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
    )
)


def resolve(scope: Scope, peer: CIDRPeer, ports: Ports) -> Resolved:
    """Resolve a range of addresses, less what it excludes and the clouds' metadata."""
    left, closed = scope.without_names(ports, f"the range {peer.cidr}")
    network = parse(peer.cidr)
    excluded = [parse(each) for each in peer.excluded]
    for each in excluded:
        if not inside(each, network) or each == network:
            raise Closed(
                "CIDRInvalid", f"except {each} is not inside {network}: write a smaller range of it"
            )
    exact = scope.rule.from_profile and network in METADATA
    cut = [] if exact else [m for m in METADATA if inside(m, network)]
    if network in cut:
        raise Closed(
            "MetadataAddress",
            f"{network} is a cloud's metadata service, which is always cut off: remove the rule",
        )
    return Resolved((Opening((block(network, [*excluded, *cut]),), left),), closed_ports=closed)


def internet(scope: Scope, ports: Ports) -> Resolved:
    """Resolve the internet: both families, less special ranges and the cluster's own.

    Raises Closed where the cluster's ranges are not known.
    """
    left, closed = scope.without_names(ports, "the internet")
    ours = scope.reading.cluster_ranges()
    if not ours:
        raise Closed(
            "ClusterRangesUnknown",
            "the cluster's own address ranges are not known, so the internet cannot be told apart "
            "from it: name them in the operator's setting --cluster-cidr",
        )
    holes = [*_NOT_INTERNET, *METADATA, *(parse(each) for each in ours)]
    everything: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    blocks = tuple(block(all_, [h for h in holes if inside(h, all_)]) for all_ in everything)
    return Resolved((Opening(blocks, left),), closed_ports=closed)


def hosts(addresses: Iterable[str]) -> tuple[JSON, ...]:
    """Return the peers of single addresses, `/32` or `/128`, sorted, each once."""
    found = sorted({ip_network(a) for a in addresses}, key=lambda n: (n.version, n))
    return tuple({"ipBlock": {"cidr": str(network)}} for network in found)


def block(network: Network, excluded: Iterable[Network]) -> JSON:
    """Return the peer of a range less others, which must lie inside it."""
    result: JSON = {"cidr": str(network)}
    holes = merged(excluded)
    if holes:
        result["except"] = [str(each) for each in holes]
    return {"ipBlock": result}


def merged(networks: Iterable[Network]) -> list[Network]:
    """Return ranges of one family joined where they overlap, sorted."""
    given = list(networks)
    four = [n for n in given if isinstance(n, IPv4Network)]
    six = [n for n in given if isinstance(n, IPv6Network)]
    return [*collapse_addresses(four), *collapse_addresses(six)]


def parse(text: str) -> Network:
    """Read a range; raises Closed with what to write instead."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise Closed(
            "CIDRInvalid", f"{text} is not a range of addresses ({error}): write 203.0.113.0/24"
        ) from error
