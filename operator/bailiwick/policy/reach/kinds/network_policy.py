"""`networking.k8s.io/v1` NetworkPolicy, by the API's documentation.

https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
"""

from __future__ import annotations

from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.kinds.fields import (
    JSON,
    block,
    fields,
    namespaced,
    objects,
    port_name,
    port_range,
    protocol,
    selector,
    strings,
)
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


def read(namespace: str, name: str, spec: JSON) -> Policy:
    """Read a NetworkPolicy's spec; raises InvalidPolicy."""
    spec = fields(spec, "spec")
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
    given = strings(spec.get("policyTypes"), "spec.policyTypes")
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
    pods, namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
    if peer.get("ipBlock") is not None:
        if pods is not None or namespaces is not None:
            raise InvalidPolicy(f"{where}: ipBlock stands alone, without a selector beside it")
        path = f"{where}.ipBlock"
        given = fields(peer["ipBlock"], path)
        return BlockPeer(block(given.get("cidr"), given.get("except"), path))
    if pods is None and namespaces is None:
        raise InvalidPolicy(f"{where}: write podSelector, namespaceSelector or ipBlock")
    selected = selector(pods, f"{where}.podSelector")
    if namespaces is not None:
        return namespaced(selector(namespaces, f"{where}.namespaceSelector"), selected)
    return PodsPeer(namespace, pods=selected)


def _ports(entry: JSON, where: str) -> Ports:
    given = objects(entry.get("ports"), f"{where}.ports")
    if not given:
        return ALL_PORTS
    numbers, names = port_sets.NONE, []
    for index, each in enumerate(given):
        path = f"{where}.ports[{index}]"
        of = protocol(each.get("protocol"), f"{path}.protocol")
        port, end = each.get("port"), each.get("endPort")
        if end is not None and (port is None or isinstance(port, str)):
            raise InvalidPolicy(f"{path}.endPort: it needs a port number to start from")
        if port is None:
            numbers |= port_sets.of_protocol(of)
        elif isinstance(port, str):
            names.append(NamedPort(port_name(port, f"{path}.port"), of))
        else:
            numbers |= port_range(of, port, port if end is None else end, path)
    return Ports(numbers, tuple(names))
