"""The cluster-scoped policies of `policy.networking.k8s.io`, by their API's documentation.

AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1), ClusterNetworkPolicy (v1alpha2).
https://network-policy-api.sigs.k8s.io/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bailiwick.policy.facts import Protocol
from bailiwick.policy.ports import PROTOCOLS
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.kinds.fields import namespaced, objects, selector
from bailiwick.policy.reach.model import (
    ALL_PORTS,
    Action,
    BlockPeer,
    InvalidPolicy,
    NamedPort,
    NamePeer,
    NodesPeer,
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

ADMIN = "AdminNetworkPolicy"
BASELINE = "BaselineAdminNetworkPolicy"
CLUSTER = "ClusterNetworkPolicy"

JSON = Mapping[str, Any]

_FIELDS = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}
_ACTIONS = {"Allow": Action.ALLOW, "Accept": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS}
_TIERS = {"Admin": Tier.ADMIN, "Baseline": Tier.BASELINE}


def read_admin(name: str, spec: JSON) -> Policy:
    """Read an AdminNetworkPolicy's spec; raises InvalidPolicy."""
    return _read(PolicyKey(ADMIN, "", name), Tier.ADMIN, spec, _ports)


def read_baseline(name: str, spec: JSON) -> Policy:
    """Read a BaselineAdminNetworkPolicy's spec; raises InvalidPolicy."""
    return _read(PolicyKey(BASELINE, "", name), Tier.BASELINE, spec, _ports)


def read_cluster(name: str, spec: JSON) -> Policy:
    """Read a ClusterNetworkPolicy's spec; raises InvalidPolicy."""
    tier = _TIERS.get(spec.get("tier", ""))
    if tier is None:
        raise InvalidPolicy(f"spec.tier: {spec.get('tier')} is neither Admin nor Baseline")
    return _read(PolicyKey(CLUSTER, "", name), tier, spec, _protocols)


def _read(key: PolicyKey, tier: Tier, spec: JSON, ports: Callable[[JSON, str], Ports]) -> Policy:
    sides = {}
    for direction, (section, side) in _FIELDS.items():
        rules = [
            _rule(entry, f"spec.{section}[{number}]", side, ports)
            for number, entry in enumerate(objects(spec.get(section), f"spec.{section}"))
        ]
        if rules:
            sides[direction] = Side(tuple(rules), isolates=False)
    subject = _pods(spec.get("subject") or {}, "spec.subject")
    if subject is None:
        raise InvalidPolicy("spec.subject: write namespaces or pods")
    return Policy(key, tier, subject, sides, int(spec.get("priority") or 0))


def _rule(entry: JSON, where: str, side: str, ports: Callable[[JSON, str], Ports]) -> Rule:
    action = _ACTIONS.get(entry.get("action", ""))
    if action is None:
        raise InvalidPolicy(f"{where}.action: {entry.get('action')} is no action")
    peers: list[Peer] = []
    unknown = ""
    for index, peer in enumerate(objects(entry.get(side), f"{where}.{side}")):
        found = _peers(peer, f"{where}.{side}[{index}]")
        if not found:
            unknown = f"its peer has a field that is not known here: {', '.join(sorted(peer))}"
        peers += found
    label = entry.get("name") or where.removeprefix("spec.")
    return Rule(action, tuple(peers), ports(entry, where), str(label), unknown)


def _peers(peer: JSON, where: str) -> Sequence[Peer]:
    pods = _pods(peer, where)
    if pods is not None:
        return [pods]
    if peer.get("nodes") is not None:
        return [NodesPeer(selector(peer["nodes"], f"{where}.nodes"))]
    if peer.get("networks"):
        try:
            return [BlockPeer(addresses.of_block(str(cidr))) for cidr in peer["networks"]]
        except addresses.InvalidBlock as error:
            raise InvalidPolicy(f"{where}.networks: {error}") from error
    return [NamePeer(str(name)) for name in peer.get("domainNames") or ()]


def _pods(peer: JSON, where: str) -> PodsPeer | None:
    if peer.get("namespaces") is not None:
        return namespaced(
            selector(peer["namespaces"], f"{where}.namespaces"), selector(None, where)
        )
    pods = peer.get("pods")
    if pods is None:
        return None
    return namespaced(
        selector(pods.get("namespaceSelector"), f"{where}.pods.namespaceSelector"),
        selector(pods.get("podSelector"), f"{where}.pods.podSelector"),
    )


def _ports(entry: JSON, where: str) -> Ports:
    """Read the ports of v1alpha1; all where none are given."""
    given = objects(entry.get("ports"), f"{where}.ports")
    if not given:
        return ALL_PORTS
    numbers, names = port_sets.NONE, []
    for index, each in enumerate(given):
        path = f"{where}.ports[{index}]"
        if each.get("portNumber"):
            one = each["portNumber"]
            numbers |= _range(_protocol(one, path), one.get("port"), one.get("port"), path)
        elif each.get("portRange"):
            some = each["portRange"]
            numbers |= _range(_protocol(some, path), some.get("start"), some.get("end"), path)
        elif each.get("namedPort"):
            names.append(NamedPort(str(each["namedPort"])))
        else:
            raise InvalidPolicy(f"{path}: write portNumber, portRange or namedPort")
    return Ports(numbers, tuple(names))


def _protocols(entry: JSON, where: str) -> Ports:
    """Read the protocols of v1alpha2; all where none are given."""
    given = objects(entry.get("protocols"), f"{where}.protocols")
    if not given:
        return ALL_PORTS
    numbers, names = port_sets.NONE, []
    for index, each in enumerate(given):
        path = f"{where}.protocols[{index}]"
        if each.get("destinationNamedPort"):
            names.append(NamedPort(str(each["destinationNamedPort"])))
            continue
        found = [protocol for protocol in PROTOCOLS if each.get(protocol.lower()) is not None]
        if len(found) != 1:
            raise InvalidPolicy(f"{path}: write one of tcp, udp, sctp, destinationNamedPort")
        port = each[found[0].lower()].get("destinationPort")
        if port is None:
            numbers |= port_sets.of_protocol(found[0])
        elif port.get("range"):
            numbers |= _range(found[0], port["range"].get("start"), port["range"].get("end"), path)
        else:
            numbers |= _range(found[0], port.get("number"), port.get("number"), path)
    return Ports(numbers, tuple(names))


def _protocol(entry: JSON, where: str) -> Protocol:
    protocol = entry.get("protocol") or "TCP"
    if protocol not in PROTOCOLS:
        raise InvalidPolicy(f"{where}.protocol: {protocol} is not one of TCP, UDP, SCTP")
    return cast(Protocol, protocol)


def _range(protocol: Protocol, first: object, last: object, where: str) -> int:
    if not isinstance(first, int) or not isinstance(last, int) or not 1 <= first <= last <= 65535:
        raise InvalidPolicy(f"{where}: ports go from 1 to 65535, the lower one first")
    return port_sets.of_range(protocol, first, last)
