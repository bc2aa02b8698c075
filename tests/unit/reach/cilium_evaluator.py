"""What rules of CiliumNetworkPolicy match, told of one connection between two addresses at a time.

Written from the words of Cilium's documentation alone; it shares no code with the engine.
https://docs.cilium.io/en/stable/security/policy/language/
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from tests.unit.network.evaluator import Endpoint, Port, in_block, selects

JSON = Mapping[str, Any]
Known = bool | None
"""Whether something is so; None: it cannot be known."""

KINDS = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."


@dataclass(frozen=True)
class Asked:
    """One half of a connection: may `pod` have it with `other`, on this port of the target.

    `namespaces` are the labels of both ends' namespaces, `nodes` the addresses of nodes.
    `nodes_in_blocks`: whether a range of addresses holds for nodes, a setting of Cilium's.
    """

    direction: str
    pod: Endpoint
    other: Endpoint
    port: Port
    namespaces: Mapping[str, Mapping[str, str]]
    nodes: Collection[str]
    nodes_in_blocks: Known

    @property
    def target(self) -> Endpoint:
        return self.other if self.direction == "Egress" else self.pod


def isolates(spec: JSON, direction: str) -> bool:
    """Any rule of a direction isolates, if it is not switched; a switch may isolate without."""
    section = direction.lower()
    switch: bool | None = (spec.get("enableDefaultDeny") or {}).get(section)
    if switch is not None:
        return switch
    return bool(spec.get(section) or spec.get(f"{section}Deny"))


def is_selected(policy: JSON, asked: Asked) -> bool:
    """A policy with a namespace holds for pods of that namespace, another one for all."""
    namespace = policy["metadata"].get("namespace", "")
    if namespace and asked.pod.namespace != namespace:
        return False
    return _is_endpoint(policy["spec"].get("endpointSelector"), namespace, asked.pod, asked)


def matches(policy: JSON, section: str, asked: Asked) -> Known:
    """Say whether any rule of a section is for this connection."""
    namespace = policy["metadata"].get("namespace", "")
    return any_known(_matches(rule, namespace, asked) for rule in policy["spec"].get(section) or ())


def any_known(each: Iterator[Known]) -> Known:
    found = set(each)
    return True if True in found else None if None in found else False


def _matches(rule: JSON, namespace: str, asked: Asked) -> Known:
    to_ports: Sequence[JSON] = rule.get("toPorts") or ()
    if not to_ports and rule.get("icmps"):
        return False
    if to_ports and not any(_is_port(each.get("ports"), asked) for each in to_ports):
        return False
    prefix = "to" if asked.direction == "Egress" else "from"
    fields = [name for name in rule if name.startswith(prefix) and name != "toPorts"]
    if not fields:
        # Ports alone are open to everybody; what says nothing at all matches nobody.
        return bool(to_ports)
    return any_known(
        _is_peer(name.removeprefix(prefix), peer, namespace, asked)
        for name in fields
        for peer in rule[name]
    )


def _is_port(ports: Sequence[JSON] | None, asked: Asked) -> bool:
    if not ports:
        return True
    number, protocol = asked.port.number, asked.port.protocol
    for entry in ports:
        if entry.get("protocol", "ANY") not in ("ANY", protocol):
            continue
        if not entry["port"].isdigit():
            if asked.target.named_ports.get((entry["port"], protocol)) == number:
                return True
        elif entry["port"] == "0" or int(entry["port"]) <= number <= entry.get(
            "endPort", int(entry["port"])
        ):
            return True
    return False


def _is_peer(kind: str, peer: Any, namespace: str, asked: Asked) -> Known:
    other = asked.other
    match kind:
        case "Endpoints":
            return _is_endpoint(peer, namespace, other, asked)
        case "Entities":
            return _is_entity(peer, other, asked.nodes)
        case "CIDR":
            return _is_in_block({"cidr": peer}, asked)
        case "CIDRSet" if "cidr" in peer:
            return _is_in_block(peer, asked)
        case "CIDRSet":  # a group that is not looked at
            return False if other.namespace else None
        case "FQDNs":
            return False if other.is_restrictable else None
    return None


def _is_endpoint(selector: JSON | None, namespace: str, pod: Endpoint, asked: Asked) -> bool:
    """Select by the labels that Cilium gives a pod: its own, its namespace, and the labels of that.

    A selector that says nothing of namespaces is for the policy's own.
    """
    if not pod.is_restrictable:
        return False
    given = selector or {}
    labels = dict(pod.labels)
    labels[_NAMESPACE] = pod.namespace
    for key, value in asked.namespaces[pod.namespace].items():
        labels[_NAMESPACE_LABELS + key] = value
    keys = {_plain(key) for key in given.get("matchLabels") or ()}
    keys |= {_plain(each["key"]) for each in given.get("matchExpressions") or ()}
    speaks_of_namespaces = any(
        key == _NAMESPACE or key.startswith(_NAMESPACE_LABELS) for key in keys
    )
    if namespace and not speaks_of_namespaces and pod.namespace != namespace:
        return False
    plain = {
        "matchLabels": {_plain(k): v for k, v in (given.get("matchLabels") or {}).items()},
        "matchExpressions": [
            {**each, "key": _plain(each["key"])} for each in given.get("matchExpressions") or ()
        ],
    }
    return selects(plain, labels)


def _plain(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")


def _is_entity(name: str, other: Endpoint, nodes: Collection[str]) -> Known:
    outside = not other.namespace
    match name:
        case "all":
            return True
        case "none":
            return False
        case "world":
            return outside
        case "world-ipv4" | "world-ipv6":
            return outside and ip_address(other.address).version == int(name[-1])
        case "cluster":
            # Of nodes, and of pods on their network, which are the node to Cilium, it is not told.
            is_node = other.host_network or (outside and other.address in nodes)
            return None if is_node else not outside
        case "host" | "remote-node" | "kube-apiserver" | "health" | "ingress":
            return False if other.is_restrictable else None
    return None if other.is_restrictable else False


def _is_in_block(block: JSON, asked: Asked) -> Known:
    """Ranges of addresses are for what is outside; whether for nodes too is a setting."""
    if not in_block(block, asked.other.address) or asked.other.is_restrictable:
        return False
    return (asked.nodes_in_blocks or None) if asked.other.host_network else True
