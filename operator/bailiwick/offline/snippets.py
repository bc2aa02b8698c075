"""Rules of intents as YAML to paste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

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


def mirrored(rule: Rule, here: str, there: str) -> JSON:
    """Return the rule that the intent of namespace `there` would have for the other half."""
    found: JSON = {"name": rule.name}
    for side, peer in (("from", rule.source), ("to", rule.target)):
        found[side] = _peer(peer or WorkloadPeer(), here, there)
    if rule.ports:
        found["ports"] = ports(rule.ports)
    found["reason"] = rule.reason or "say why"
    return found


def ports(found: Sequence[Port]) -> list[int | str]:
    """Write ports as an intent does."""
    return [int(text) if (text := str(port)).isdecimal() else text for port in found]


def snippet(namespace: str, rules: Sequence[Mapping[str, Any]]) -> str:
    """Write rules as they stand under `spec.network.allow`."""
    lines = [f"# SecurityIntent of namespace {namespace}, under spec.network.allow:"]
    return "\n".join([*lines, *rules_as_yaml(rules).splitlines()])


def rules_as_yaml(rules: Sequence[Mapping[str, Any]]) -> str:
    """Write rules in the way of the documentation: one line for each side."""
    lines = []
    for rule in rules:
        prefix = "- "
        for key, value in rule.items():
            lines.append(f"{prefix}{key}: {flow(value)}")
            prefix = "  "
    return "\n".join(lines) + "\n"


def policy_as_yaml(namespace: str, name: str, spec: Mapping[str, Any]) -> str:
    """Write a NetworkPolicy for a namespace that has no intent."""
    lines = [
        f"# A policy for namespace {namespace}, which has no intent:",
        "apiVersion: networking.k8s.io/v1",
        "kind: NetworkPolicy",
        f"metadata: {flow({'name': name, 'namespace': namespace})}",
        "spec:",
    ]
    return "\n".join([*lines, *(f"  {key}: {flow(value)}" for key, value in spec.items())])


def flow(value: Any) -> str:
    """Write a value in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("...\n").strip()


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
