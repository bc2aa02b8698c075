"""Rules that name addresses: ranges as people write them, hosts, and what is the internet."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from bailiwick.policy import ranges
from bailiwick.policy.limits import may_name_cluster, refused_range
from bailiwick.policy.network.reading import Closed
from bailiwick.policy.network.resolved import Ports, Resolved, Scope
from bailiwick.policy.network.specs import JSON, Opening
from bailiwick.policy.ranges import Network, inside
from bailiwick.policy.rules import CIDRPeer


def resolve(scope: Scope, peer: CIDRPeer, ports: Ports) -> Resolved:
    """Resolve a range of addresses, less what it excludes and what no intent may open.

    Raises Closed where nothing of it is left.
    """
    left, closed = scope.without_names(ports, f"the range {peer.cidr}")
    network = parse(peer.cidr)
    excluded = [parse(each) for each in peer.excluded]
    for each in excluded:
        if not inside(each, network) or each == network:
            raise Closed(
                "CIDRInvalid", f"except {each} is not inside {network}: write a smaller range of it"
            )
    if not (scope.rule.from_profile and network in ranges.METADATA):
        excluded += _cut(network)
    if not scope.rule.from_profile:
        excluded += _cluster_cut(scope, network)
    if network in merged(excluded):
        raise Closed("CIDRInvalid", f"its exceptions leave nothing of {network}: remove the rule")
    return Resolved((Opening((block(network, excluded),), left),), closed_ports=closed)


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
    holes = [*ranges.NOT_INTERNET, *ranges.METADATA, *map(parse, ours)]
    everything: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    blocks = tuple(block(all_, [h for h in holes if inside(h, all_)]) for all_ in everything)
    return Resolved((Opening(blocks, left),), closed_ports=closed)


def behind_service(
    scope: Scope, what: str, addresses: Iterable[str], *, held: bool
) -> tuple[JSON, ...]:
    """Return the peers of addresses that somebody gave a Service.

    `held` says whether they are held to what an intent may name. Raises Closed where one of
    them may not be opened.
    """
    networks = [_host(address) for address in sorted(addresses)]
    for network in networks:
        why = _refused_host(scope, network) if held else None
        if why or any(inside(network, cut) for cut in ranges.ALWAYS_CUT):
            raise Closed(
                "TooWide",
                f"{what} leads to an address that may not be opened: "
                + (why or f"{network.network_address} leads to a cloud's metadata service"),
            )
    return _hosts(networks)


def hosts(addresses: Iterable[str]) -> tuple[JSON, ...]:
    """Return the peers of single addresses, `/32` or `/128`, sorted, each once."""
    return _hosts(map(_host, addresses))


def block(network: Network, excluded: Iterable[Network]) -> JSON:
    """Return the peer of a range less others, which must lie inside it and leave some of it."""
    result: JSON = {"cidr": str(network)}
    holes = merged(excluded)
    if holes:
        result["except"] = [str(each) for each in holes]
    return {"ipBlock": result}


def merged(networks: Iterable[Network]) -> list[Network]:
    """Return ranges joined where they overlap or touch, sorted."""
    given = list(networks)
    four = [n for n in given if isinstance(n, IPv4Network)]
    six = [n for n in given if isinstance(n, IPv6Network)]
    return [*collapse_addresses(four), *collapse_addresses(six)]


def parse(text: str) -> Network:
    """Read a range; raises Closed with what to write instead."""
    try:
        return ranges.parse(text)
    except ranges.InvalidRange as error:
        raise Closed("CIDRInvalid", str(error)) from error


def _hosts(networks: Iterable[Network]) -> tuple[JSON, ...]:
    found = sorted(set(networks), key=lambda n: (n.version, n))
    return tuple(block(network, ()) for network in found)


def _host(address: str) -> Network:
    network = parse(address)
    if network.prefixlen < network.max_prefixlen:
        raise Closed("CIDRInvalid", f"{address} is not a single address")
    return network


def _cut(network: Network) -> list[Network]:
    """Return what is always cut out of a range; raises Closed where that is all of it."""
    if any(inside(network, cut) for cut in ranges.ALWAYS_CUT):
        raise Closed(
            "MetadataAddress",
            f"{network} is the address of a cloud's metadata service, or may stand for it, and is "
            "always cut off: remove the rule",
        )
    return [cut for cut in ranges.ALWAYS_CUT if inside(cut, network)]


def _cluster_cut(scope: Scope, network: Network) -> list[Network]:
    """Return the cluster's own ranges in a range, where the intent may not name every pod.

    Some network plugins match ranges against the addresses of pods, so a wide one would reach
    the namespaces that the profile keeps from the intent. Raises Closed where nothing else is
    in the range, and where the cluster's ranges are not known and may be in it.
    """
    if may_name_cluster(scope.effective.may_declare):
        return []
    ours = [parse(each) for each in scope.reading.cluster_ranges()]
    if not ours and _may_be_cluster(network):
        raise Closed(
            "ClusterRangesUnknown",
            f"the cluster's own address ranges are not known, so {network} cannot be told apart "
            "from them: name them in the operator's setting --cluster-cidr",
        )
    if any(inside(network, each) for each in ours):
        raise Closed(
            "ClusterAddress",
            f"{network} is inside of this cluster, where the profile lets an intent name pods "
            "only by their namespaces: write workload, namespace or service",
        )
    return [each for each in ours if inside(each, network)]


def _may_be_cluster(network: Network) -> bool:
    """Say whether a range takes in addresses that clusters are usually given: private ones."""
    return any(
        inside(network, private) or inside(private, network) for private in ranges.NOT_INTERNET
    )


def _refused_host(scope: Scope, network: Network) -> str | None:
    effective = scope.effective
    why = refused_range(str(network), effective.may_declare, effective.internet)
    if why:
        return why
    try:
        _cluster_cut(scope, network)
    except Closed as closed:
        return closed.message
    return None
