"""The other half of a rule, as the intent of the namespace at its other end would have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bailiwick.policy.ports import Port
from bailiwick.policy.rules import (
    CIDRPeer,
    EntityPeer,
    FQDNPeer,
    NamespacePeer,
    Peer,
    Rule,
    ServicePeer,
    WorkloadPeer,
)

JSON = dict[str, Any]


def mirrored(rule: Rule, here: str, there: str, reason: str = "say why") -> JSON:
    """Return the rule that the intent of namespace `there` would have for the other half."""
    found: JSON = {"name": rule.name}
    for side, peer in (("from", rule.source), ("to", rule.target)):
        found[side] = _peer(peer or WorkloadPeer(), here, there)
    if rule.ports:
        found["ports"] = ports(rule.ports)
    found["reason"] = reason
    return found


def ports(found: Sequence[Port]) -> list[int | str]:
    """Write ports as an intent does."""
    return [int(text) if (text := str(port)).isdecimal() else text for port in found]


def _peer(peer: Peer, here: str, there: str) -> JSON:
    """Write a peer of an intent of namespace `here` as one of namespace `there` names it."""
    match peer:
        case WorkloadPeer(selector):
            return {"namespace": here, **({"workload": selector.to_json()} if selector else {})}
        case NamespacePeer(namespace, selector) if namespace == there:
            return {"workload": selector.to_json()}
        case NamespacePeer(namespace, selector):
            return {
                "namespace": namespace,
                **({"workload": selector.to_json()} if selector else {}),
            }
        case ServicePeer(namespace, name) if namespace == there:
            return {"service": {"name": name}}
        case ServicePeer(namespace, name):
            return {"service": {"name": name, "namespace": namespace}}
        case CIDRPeer(cidr, excluded):
            return {"cidr": cidr, **({"except": list(excluded)} if excluded else {})}
        case FQDNPeer(name):
            return {"fqdn": name}
        case EntityPeer(entity):
            return {"entity": entity.value}
