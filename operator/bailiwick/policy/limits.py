"""What a profile lets an intent name: `mayDeclare` and `internet`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bailiwick.policy import ranges
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

    Addresses behind Services are looked up later, and held to the same by `refused_range`.
    """
    for side, peer in (("from", rule.source), ("to", rule.target)):
        if peer is None:
            continue
        message = _refused(peer, namespace, may, internet, lookup)
        if message:
            return Refusal(f"{rule.field}.{side}", message)
    return None


def refused_range(cidr: str, may: MayDeclare, internet: Internet) -> str | None:
    """Return why an intent may not name a range, or a single address; None where it may."""
    try:
        network = ranges.parse(cidr)
    except ranges.InvalidRange as error:
        return str(error)
    if not _within(network, may.cidrs):
        allowed = ", ".join(may.cidrs or ()) or "none"
        return f"{cidr} is not inside a range that the profile allows; those are: {allowed}"
    if internet is Internet.DENIED and ranges.on_internet(network):
        return f"{cidr} is on the internet, which the profile denies"
    return None


def may_name_cluster(may: MayDeclare) -> bool:
    """Say whether an intent may name all pods of the cluster at once."""
    return not may.namespaces and (may.entities is None or Entity.CLUSTER in may.entities)


def _within(network: ranges.Network, limits: Iterable[str] | None) -> bool:
    if limits is None:
        return True
    return any(ranges.inside(network, ranges.parse(limit, strict=False)) for limit in limits)


def _refused(
    peer: Peer, namespace: str, may: MayDeclare, internet: Internet, lookup: Lookup
) -> str | None:
    match peer:
        case EntityPeer(entity):
            return _entity(entity, may, internet)
        case FQDNPeer():
            return _entity(Entity.INTERNET, may, internet)
        case CIDRPeer(cidr, _):
            return refused_range(cidr, may, internet)
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
    if entity is Entity.CLUSTER and not may_name_cluster(may):
        return (
            "Cluster is every namespace, and the profile lets an intent name only namespaces with "
            "certain labels: write the namespaces that are needed"
        )
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
