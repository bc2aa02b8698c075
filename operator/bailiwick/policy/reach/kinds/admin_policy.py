"""The cluster-scoped policies of `policy.networking.k8s.io`, by their API's documentation.

AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1), ClusterNetworkPolicy (v1alpha2).
https://network-policy-api.sigs.k8s.io/
"""

from __future__ import annotations

from collections.abc import Callable

from bailiwick.policy.ports import PROTOCOLS
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
    UnknownPeer,
)
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import EVERYTHING

ADMIN = "AdminNetworkPolicy"
BASELINE = "BaselineAdminNetworkPolicy"
CLUSTER = "ClusterNetworkPolicy"
LAST_PRIORITY = 1000

Actions = dict[str, Action]

_FIELDS = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}
_DENY: Actions = {"Deny": Action.DENY}
_OF_BASELINE: Actions = {"Allow": Action.ALLOW, **_DENY}
_OF_ADMIN: Actions = {**_OF_BASELINE, "Pass": Action.PASS}
_OF_CLUSTER: Actions = {"Accept": Action.ALLOW, **_DENY, "Pass": Action.PASS}
_TIERS = {"Admin": Tier.ADMIN, "Baseline": Tier.BASELINE}


def read_admin(name: str, spec: JSON) -> Policy:
    """Read an AdminNetworkPolicy's spec; raises InvalidPolicy."""
    return _read(PolicyKey(ADMIN, "", name), Tier.ADMIN, spec, _OF_ADMIN, _ports)


def read_baseline(name: str, spec: JSON) -> Policy:
    """Read a BaselineAdminNetworkPolicy's spec; raises InvalidPolicy."""
    return _read(PolicyKey(BASELINE, "", name), Tier.BASELINE, spec, _OF_BASELINE, _ports)


def read_cluster(name: str, spec: JSON) -> Policy:
    """Read a ClusterNetworkPolicy's spec; raises InvalidPolicy."""
    given = fields(spec, "spec").get("tier")
    tier = _TIERS.get(given) if isinstance(given, str) else None
    if tier is None:
        raise InvalidPolicy(f"spec.tier: {given} is neither Admin nor Baseline")
    return _read(PolicyKey(CLUSTER, "", name), tier, spec, _OF_CLUSTER, _protocols)


def _read(
    key: PolicyKey,
    tier: Tier,
    spec: JSON,
    actions: Actions,
    ports: Callable[[JSON, str], Ports],
) -> Policy:
    spec = fields(spec, "spec")
    sides = {}
    for direction, (section, _) in _FIELDS.items():
        rules = [
            _rule(entry, f"spec.{section}[{number}]", direction, actions, ports)
            for number, entry in enumerate(objects(spec.get(section), f"spec.{section}"))
        ]
        if rules:
            sides[direction] = Side(tuple(rules), isolates=False)
    subject = _pods(fields(spec.get("subject"), "spec.subject"), "spec.subject")
    if subject is None:
        raise InvalidPolicy("spec.subject: write namespaces or pods")
    priority = 0 if key.kind == BASELINE else _priority(spec.get("priority"))
    return Policy(key, tier, subject, sides, priority)


def _priority(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= LAST_PRIORITY:
        raise InvalidPolicy(f"spec.priority: {given} is not a number from 0 to {LAST_PRIORITY}")
    return given


def _rule(
    entry: JSON,
    where: str,
    direction: Direction,
    actions: Actions,
    ports: Callable[[JSON, str], Ports],
) -> Rule:
    given = entry.get("action")
    action = actions.get(given) if isinstance(given, str) else None
    if action is None:
        raise InvalidPolicy(f"{where}.action: {given} is not one of {', '.join(actions)}")
    side = _FIELDS[direction][1]
    peers: list[Peer] = []
    for index, peer in enumerate(objects(entry.get(side), f"{where}.{side}")):
        peers += _peers(peer, f"{where}.{side}[{index}]", direction)
    if not peers:
        raise InvalidPolicy(f"{where}.{side}: write at least one peer")
    label = entry.get("name") or where.removeprefix("spec.")
    return Rule(action, tuple(peers), ports(entry, where), str(label))


def _peers(peer: JSON, where: str, direction: Direction) -> list[Peer]:
    """Read one entry of `from` or `to`; one with a field of a newer API is unknown."""
    pods = _pods(peer, where)
    if pods is not None:
        return [pods]
    if direction is Direction.EGRESS:
        if peer.get("nodes") is not None:
            return [NodesPeer(selector(peer["nodes"], f"{where}.nodes"))]
        networks = strings(peer.get("networks"), f"{where}.networks")
        names = strings(peer.get("domainNames"), f"{where}.domainNames")
        if networks or names:
            # Unlike NetworkPolicy, this API says that networks cover pods too.
            return [
                *(BlockPeer(block(cidr, (), f"{where}.networks"), True, True) for cidr in networks),
                *(NamePeer(name) for name in names),
            ]
    known = ", ".join(sorted(map(str, peer))) or "none that is known here"
    return [UnknownPeer(f"the fields of its peer are not understood: {known}")]


def _pods(peer: JSON, where: str) -> PodsPeer | None:
    if peer.get("namespaces") is not None:
        return namespaced(selector(peer["namespaces"], f"{where}.namespaces"), EVERYTHING)
    if peer.get("pods") is None:
        return None
    pods = fields(peer["pods"], f"{where}.pods")
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
        if each.get("portNumber") is not None:
            path += ".portNumber"
            one = fields(each["portNumber"], path)
            of = protocol(one.get("protocol"), f"{path}.protocol")
            numbers |= port_range(of, one.get("port"), one.get("port"), path)
        elif each.get("portRange") is not None:
            path += ".portRange"
            some = fields(each["portRange"], path)
            of = protocol(some.get("protocol"), f"{path}.protocol")
            numbers |= port_range(of, some.get("start"), some.get("end"), path)
        elif each.get("namedPort"):
            names.append(NamedPort(port_name(each["namedPort"], f"{path}.namedPort")))
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
            name = port_name(each["destinationNamedPort"], f"{path}.destinationNamedPort")
            names.append(NamedPort(name))
            continue
        found = [protocol for protocol in PROTOCOLS if each.get(protocol.lower()) is not None]
        if len(found) != 1:
            raise InvalidPolicy(f"{path}: write one of tcp, udp, sctp, destinationNamedPort")
        path = f"{path}.{found[0].lower()}"
        of_protocol = fields(each[found[0].lower()], path)
        if of_protocol.get("destinationPort") is None:
            numbers |= port_sets.of_protocol(found[0])
            continue
        path = f"{path}.destinationPort"
        port = fields(of_protocol["destinationPort"], path)
        some = fields(port.get("range"), f"{path}.range")
        first, last = (some.get("start"), some.get("end")) if some else (port.get("number"),) * 2
        numbers |= port_range(found[0], first, last, path)
    return Ports(numbers, tuple(names))
