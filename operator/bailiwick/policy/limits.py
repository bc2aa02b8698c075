"""What a profile lets an intent name: `mayDeclare` and `internet`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

from bailiwick.policy.effective import Internet, MayDeclare, Refusal
from bailiwick.policy.facts import Namespace
from bailiwick.policy.rules import (
    CIDRPeer,
    Entity,
    EntityPeer,
    FQDNPeer,
    NamespacePeer,
    Peer,
    Rule,
    ServicePeer,
    WorkloadPeer,
)

Lookup = Callable[[str], Namespace | None]


def beyond_profile(
    rule: Rule, namespace: str, may: MayDeclare, internet: Internet, lookup: Lookup
) -> Refusal | None:
    """Return why a rule of an intent goes beyond what its profile lets it declare, if it does.

    Addresses behind Services are looked up later, and held to the same limits by `within`.
    """
    for side, peer in (("from", rule.source), ("to", rule.target)):
        if peer is None:
            continue
        message = _refused(peer, namespace, may, internet, lookup)
        if message:
            return Refusal(f"{rule.field}.{side}", message)
    return None


def within(cidr: str, limits: Iterable[str] | None) -> bool:
    """Say whether a range lies inside one of the limits; None is no limit."""
    if limits is None:
        return True
    network = ip_network(cidr, strict=False)
    return any(inside(network, ip_network(limit, strict=False)) for limit in limits)


def inside(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    """Say whether one range is part of another, of the same family."""
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False


def _refused(
    peer: Peer, namespace: str, may: MayDeclare, internet: Internet, lookup: Lookup
) -> str | None:
    match peer:
        case EntityPeer(entity):
            return _entity(entity, may, internet)
        case FQDNPeer():
            return _entity(Entity.INTERNET, may, internet)
        case CIDRPeer(cidr, _):
            return _cidr(cidr, may, internet)
        case NamespacePeer(other, _) | ServicePeer(other, _) if other != namespace:
            return _namespace(other, may, lookup)
        case WorkloadPeer() | NamespacePeer() | ServicePeer():
            return None


def _entity(entity: Entity, may: MayDeclare, internet: Internet) -> str | None:
    if entity is Entity.INTERNET and internet is Internet.DENIED:
        return "the profile denies the internet: ask the platform team, or remove the rule"
    if may.entities is not None and entity not in may.entities:
        allowed = ", ".join(sorted(may.entities)) or "none"
        return f"the profile does not let an intent name {entity}; it may name: {allowed}"
    return None


def _cidr(cidr: str, may: MayDeclare, internet: Internet) -> str | None:
    try:
        network = ip_network(cidr)
    except ValueError as error:
        return f"{cidr} is not a range of addresses: {error}"
    if not within(cidr, may.cidrs):
        allowed = ", ".join(may.cidrs or ()) or "none"
        return f"{cidr} is not inside a range that the profile allows; those are: {allowed}"
    if may.cidrs is None and internet is Internet.DENIED and not network.is_private:
        return f"{cidr} is on the internet, which the profile denies"
    return None


def _namespace(name: str, may: MayDeclare, lookup: Lookup) -> str | None:
    if may.namespaces is None or not may.namespaces:
        return None
    found = lookup(name)
    if found is None:
        return (
            f"namespace {name} is not there, and the profile allows only namespaces with certain "
            "labels: check the name"
        )
    if not may.namespaces.matches(found.labels):
        return f"the profile does not let an intent name namespace {name}: its labels do not match"
    return None
