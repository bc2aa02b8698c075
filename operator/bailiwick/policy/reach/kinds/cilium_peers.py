"""The peers and ports of Cilium's policies, by Cilium's documentation.

https://docs.cilium.io/en/stable/security/policy/language/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bailiwick.policy.facts import Protocol
from bailiwick.policy.ports import LAST_PORT, PROTOCOLS
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.kinds.fields import (
    NAMESPACE_NAME,
    fields,
    objects,
    port_range,
    selector,
    strings,
)
from bailiwick.policy.reach.model import (
    ALL_PORTS,
    AnyonePeer,
    BlockPeer,
    InvalidPolicy,
    NamedPort,
    NamePeer,
    NodesPeer,
    Peer,
    PodsPeer,
    Ports,
)
from bailiwick.policy.selectors import Requirement, Selector

JSON = Mapping[str, Any]

_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_NOT_POD_LABELS = ("io.cilium.k8s.policy.", "reserved:", "container:")
_SOURCES = ("k8s:", "any:")
_OUTSIDE = BlockPeer(addresses.ALL, covers_pods=False, covers_nodes=False)
_WORLD = {
    "world": addresses.ALL,
    "world-ipv4": addresses.V4,
    "world-ipv6": addresses.V6,
}
_DIGITS = 5
_ON_NODES = frozenset({"host", "remote-node", "health", "kube-apiserver", "ingress"})


@dataclass(frozen=True, slots=True)
class Doubt:
    """Peers that cannot be told for certain, and why not; no peers stands for anybody."""

    peers: tuple[Peer, ...]
    why: str


def peers(namespace: str, rule: JSON, prefix: str, where: str) -> list[Peer | Doubt] | None:
    """Return who a rule names under the fields of `prefix` (from or to); None: it names nobody."""
    named = [name for name in rule if name.startswith(prefix) and name != "toPorts"]
    if not named:
        return None
    found: list[Peer | Doubt] = []
    for name in sorted(named):
        path = f"{where}.{name}"
        kind = name.removeprefix(prefix)
        found += _of_field(namespace, kind, rule[name], path)
    return found


def endpoints(namespace: str, value: object, where: str) -> PodsPeer | Doubt:
    """Read an endpoint selector; one of a namespaced policy stays in its namespace by default."""
    pods: list[Requirement] = []
    spaces: list[Requirement] = []
    given = selector(value, where)
    requirements = (
        *(Requirement(key, "In", (text,)) for key, text in given.match_labels),
        *given.match_expressions,
    )
    for each in requirements:
        key = _without_source(each.key)
        if key.startswith(_NOT_POD_LABELS):
            return Doubt((), f"{where} selects by {each.key}, which is not known here")
        if key == _NAMESPACE:
            spaces.append(Requirement(NAMESPACE_NAME, each.operator, each.values))
        elif key.startswith(_NAMESPACE_LABELS):
            label = key.removeprefix(_NAMESPACE_LABELS)
            spaces.append(Requirement(label, each.operator, each.values))
        else:
            pods.append(Requirement(key, each.operator, each.values))
    if namespace and not spaces:
        return PodsPeer(namespace, pods=Selector.of({}, pods))
    return PodsPeer("", Selector.of({}, spaces), Selector.of({}, pods))


def ports(value: object, where: str) -> tuple[Ports, tuple[str, ...]]:
    """Read `toPorts`: the ports, and in words what else of a connection is looked at."""
    given = objects(value, where)
    if not given:
        return ALL_PORTS, ()
    numbers, names, limits = port_sets.NONE, [], []
    for index, each in enumerate(given):
        path = f"{where}[{index}]"
        listed = objects(each.get("ports"), f"{path}.ports")
        if not listed:
            numbers |= port_sets.ALL
        for port in listed:
            own, name = _port(port, f"{path}.ports")
            numbers |= own
            names += name
        limits += list(_limits(each, path))
    return Ports(numbers, tuple(names)), tuple(limits)


def _of_field(namespace: str, kind: str, value: object, where: str) -> list[Peer | Doubt]:
    match kind:
        case "Endpoints":
            return [
                endpoints(namespace, each, f"{where}[{index}]")
                for index, each in enumerate(objects(value, where))
            ]
        case "Entities":
            return [peer for each in strings(value, where) for peer in _entity(each)]
        case "CIDR":
            return [_block(each, (), where) for each in strings(value, where)]
        case "CIDRSet":
            return [_block_of_set(each, where) for each in objects(value, where)]
        case "FQDNs":
            return [
                NamePeer(str(each.get("matchName") or each.get("matchPattern")))
                for each in objects(value, where)
            ]
        case _:
            return [Doubt((), f"{where} is not understood here")]


def _entity(name: str) -> list[Peer | Doubt]:
    if name == "all":
        return [AnyonePeer()]
    if name in _WORLD:
        return [BlockPeer(_WORLD[name], covers_pods=False, covers_nodes=False)]
    if name == "cluster":
        return [PodsPeer(), Doubt((NodesPeer(),), "the entity cluster holds nodes as well")]
    if name == "none":
        return []
    if name in _ON_NODES:
        return [Doubt((_OUTSIDE, NodesPeer()), f"whose addresses the entity {name} has")]
    return [Doubt((PodsPeer(),), f"which pods the entity {name} holds")]


def _block(cidr: str, excluded: Sequence[str], where: str) -> BlockPeer:
    text = cidr if "/" in cidr else f"{cidr}/{128 if ':' in cidr else 32}"
    try:
        # That it covers nodes is a setting of Cilium's, which is not known.
        return BlockPeer(addresses.of_block(text, excluded), covers_pods=False)
    except addresses.InvalidBlock as error:
        raise InvalidPolicy(f"{where}: {error}") from error


def _block_of_set(each: JSON, where: str) -> Peer | Doubt:
    if each.get("cidr"):
        return _block(str(each["cidr"]), strings(each.get("except"), f"{where}.except"), where)
    return Doubt((_OUTSIDE,), f"which addresses the CIDR group of {where} has")


def _port(port: JSON, where: str) -> tuple[port_sets.PortSet, list[NamedPort]]:
    text, protocol = str(port.get("port", "0")), str(port.get("protocol") or "ANY")
    if protocol != "ANY" and protocol not in PROTOCOLS:
        return port_sets.NONE, []  # a protocol without ports that are told apart here
    of: list[Protocol] = [p for p in PROTOCOLS if protocol in ("ANY", p)]
    if not (text.isascii() and text.isdecimal()):
        return port_sets.NONE, [NamedPort(text, p) for p in of]
    if len(text) > _DIGITS:
        raise InvalidPolicy(f"{where}: {text[:_DIGITS]}… is not a port: they go up to {LAST_PORT}")
    if int(text) == 0:
        return sum(port_sets.of_protocol(p) for p in of), []
    last = port.get("endPort") or int(text)
    return sum(port_range(p, int(text), last, where) for p in of), []


def _limits(each: JSON, where: str) -> Iterator[str]:
    rules = fields(each.get("rules"), f"{where}.rules")
    for request in objects(rules.get("http"), f"{where}.rules.http"):
        parts = [str(request[key]) for key in ("method", "path", "host") if request.get(key)]
        yield "HTTP " + (" ".join(parts) or "requests")
    for kind in sorted(rules.keys() - {"http"}):
        yield f"{kind} requests"
    for name in strings(each.get("serverNames"), f"{where}.serverNames"):
        yield f"TLS server name {name}"


def _without_source(key: str) -> str:
    return next((key.removeprefix(s) for s in _SOURCES if key.startswith(s)), key)
