"""`networking.k8s.io/v1` NetworkPolicy, by the API's documentation.

https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bailiwick.policy.ports import LAST_PORT, PROTOCOLS
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.kinds.fields import namespaced, objects, selector
from bailiwick.policy.reach.model import (
    ALL_PORTS,
    Action,
    AnyonePeer,
    BlockPeer,
    InvalidPolicy,
    NamedPort,
    Peer,
    PodsPeer,
    Policy,
    PolicyKey,
    Ports,
    Rule,
    Side,
    Tier,
)
from bailiwick.policy.rules import Direction

KIND = "NetworkPolicy"
_FIELDS = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}

JSON = Mapping[str, Any]


def read(namespace: str, name: str, spec: JSON) -> Policy:
    """Read a NetworkPolicy's spec; raises InvalidPolicy."""
    return Policy(
        PolicyKey(KIND, namespace, name),
        Tier.NAMESPACE,
        PodsPeer(namespace, pods=selector(spec.get("podSelector"), "spec.podSelector")),
        {
            direction: Side(tuple(_rules(namespace, spec, direction)))
            for direction in _directions(spec)
        },
    )


def _directions(spec: JSON) -> list[Direction]:
    """Ingress where nothing is said, and Egress too where there is an egress section."""
    given = spec.get("policyTypes") or ()
    if not given:
        return [Direction.INGRESS, *([Direction.EGRESS] if spec.get("egress") else ())]
    wrong = [each for each in given if each not in tuple(Direction)]
    if wrong:
        raise InvalidPolicy(f"spec.policyTypes: {wrong[0]} is neither Ingress nor Egress")
    return [direction for direction in Direction if direction in given]


def _rules(namespace: str, spec: JSON, direction: Direction) -> list[Rule]:
    section, side = _FIELDS[direction]
    rules = []
    for number, entry in enumerate(objects(spec.get(section), f"spec.{section}")):
        where = f"spec.{section}[{number}]"
        given = objects(entry.get(side), f"{where}.{side}")
        peers = [
            _peer(namespace, peer, f"{where}.{side}[{index}]") for index, peer in enumerate(given)
        ]
        rules.append(
            Rule(
                Action.ALLOW,
                tuple(peers) or (AnyonePeer(),),
                _ports(entry, where),
                f"{section}[{number}]",
            )
        )
    return rules


def _peer(namespace: str, peer: JSON, where: str) -> Peer:
    block = peer.get("ipBlock")
    if block is not None:
        if "podSelector" in peer or "namespaceSelector" in peer:
            raise InvalidPolicy(f"{where}: ipBlock stands alone, without a selector beside it")
        try:
            return BlockPeer(
                addresses.of_block(str(block.get("cidr")), map(str, block.get("except") or ()))
            )
        except addresses.InvalidBlock as error:
            raise InvalidPolicy(f"{where}.ipBlock: {error}") from error
    pods = selector(peer.get("podSelector"), f"{where}.podSelector")
    if peer.get("namespaceSelector") is not None:
        namespaces = selector(peer["namespaceSelector"], f"{where}.namespaceSelector")
        return namespaced(namespaces, pods)
    if peer.get("podSelector") is None:
        raise InvalidPolicy(f"{where}: write podSelector, namespaceSelector or ipBlock")
    return PodsPeer(namespace, pods=pods)


def _ports(entry: JSON, where: str) -> Ports:
    given = objects(entry.get("ports"), f"{where}.ports")
    if not given:
        return ALL_PORTS
    numbers, names = port_sets.NONE, []
    for index, each in enumerate(given):
        path = f"{where}.ports[{index}]"
        protocol = each.get("protocol") or "TCP"
        if protocol not in PROTOCOLS:
            raise InvalidPolicy(f"{path}.protocol: {protocol} is not one of TCP, UDP, SCTP")
        port, end = each.get("port"), each.get("endPort")
        if port is None:
            numbers |= port_sets.of_protocol(protocol)
        elif isinstance(port, str):
            names.append(NamedPort(port, protocol))
        else:
            last = port if end is None else end
            if not 1 <= port <= last <= LAST_PORT:
                raise InvalidPolicy(f"{path}: ports go from 1 to {LAST_PORT}, the lower one first")
            numbers |= port_sets.of_range(protocol, port, last)
    return Ports(numbers, tuple(names))
