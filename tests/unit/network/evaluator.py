"""What NetworkPolicies allow, told of one connection at a time.

Written from the words of the API's documentation alone, so that it can be held against the
operator's own reading of them; it shares no code with it. Everything is looked at anew for
each question: it is meant to be obviously right, not fast.
https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Literal

JSON = Mapping[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One end of a connection, with the address of it that is used.

    A pod has a namespace; what is outside of the cluster has none. `named_ports` gives the
    number of each container port by its name and protocol.
    """

    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    named_ports: Mapping[tuple[str, str], int] = field(default_factory=dict)
    host_network: bool = False

    @property
    def is_restrictable(self) -> bool:
        """Say whether policies hold for it: pods on the network of their node are outside."""
        return bool(self.namespace) and not self.host_network


@dataclass(frozen=True)
class Port:
    """What a connection is made to: a number and a protocol."""

    number: int
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


@dataclass(frozen=True)
class Network:
    """The labels of each namespace, and all NetworkPolicies, as the API's JSON."""

    namespaces: Mapping[str, Mapping[str, str]]
    policies: Sequence[JSON]

    def allows(self, source: Endpoint, target: Endpoint, port: Port) -> bool:
        """Say whether a connection is possible: both halves have to allow it."""
        return self.allows_half("Egress", source, target, port) and self.allows_half(
            "Ingress", target, source, port
        )

    def allows_half(self, direction: str, pod: Endpoint, other: Endpoint, port: Port) -> bool:
        """Say whether the policies of one end allow it: `pod` opens it, or for Ingress takes it."""
        if not pod.is_restrictable:
            return True
        isolating = [
            policy["spec"]
            for policy in self.policies
            if policy["metadata"]["namespace"] == pod.namespace
            and selects(policy["spec"].get("podSelector"), pod.labels)
            and direction in policy_types(policy["spec"])
        ]
        if not isolating:
            return True
        target = other if direction == "Egress" else pod
        peers, rules = ("to", "egress") if direction == "Egress" else ("from", "ingress")
        return any(
            self._is_peer(rule.get(peers), pod, other) and is_port(rule.get("ports"), target, port)
            for spec in isolating
            for rule in spec.get(rules) or ()
        )

    def _is_peer(self, peers: Sequence[JSON] | None, pod: Endpoint, other: Endpoint) -> bool:
        if not peers:
            return True
        return any(self._matches(peer, pod, other) for peer in peers)

    def _matches(self, peer: JSON, pod: Endpoint, other: Endpoint) -> bool:
        if "ipBlock" in peer:
            return in_block(peer["ipBlock"], other.address)
        if not other.is_restrictable:
            return False
        if "namespaceSelector" in peer:
            labels = self.namespaces.get(other.namespace, {})
            if not selects(peer["namespaceSelector"], labels):
                return False
        elif other.namespace != pod.namespace:
            return False
        return selects(peer.get("podSelector"), other.labels)


def policy_types(spec: JSON) -> Sequence[str]:
    given: Sequence[str] = spec.get("policyTypes") or ()
    if given:
        return given
    return ("Ingress", "Egress") if spec.get("egress") else ("Ingress",)


def selects(selector: JSON | None, labels: Mapping[str, str]) -> bool:
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for requirement in selector.get("matchExpressions") or ():
        key, values = requirement["key"], requirement.get("values") or ()
        met = {
            "In": key in labels and labels[key] in values,
            "NotIn": key not in labels or labels[key] not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not met[requirement["operator"]]:
            return False
    return True


def in_block(block: JSON, address: str) -> bool:
    ip = ip_address(address)
    if ip not in ip_network(block["cidr"], strict=False):
        return False
    return not any(ip in ip_network(hole, strict=False) for hole in block.get("except") or ())


def is_port(ports: Sequence[JSON] | None, target: Endpoint, port: Port) -> bool:
    """Say whether a connection to `target` is to one of these; a name is the target pod's."""
    if not ports:
        return True
    for entry in ports:
        if entry.get("protocol", "TCP") != port.protocol:
            continue
        wanted = entry.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            if target.named_ports.get((wanted, port.protocol)) == port.number:
                return True
        elif wanted <= port.number <= entry.get("endPort", wanted):
            return True
    return False
