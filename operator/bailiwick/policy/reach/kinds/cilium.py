"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy (`cilium.io/v2`).

They stand in the tier of the namespace's own policies, beside NetworkPolicy: what any of them
allows is allowed, unless one of Cilium's denies it. What is not understood is unknown, by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bailiwick.policy.reach.kinds import cilium_peers
from bailiwick.policy.reach.kinds.cilium_peers import Doubt
from bailiwick.policy.reach.kinds.fields import fields, objects
from bailiwick.policy.reach.model import (
    Action,
    AnyonePeer,
    Peer,
    PodsPeer,
    Policy,
    PolicyKey,
    Rule,
    Side,
    Tier,
    UnknownPeer,
)
from bailiwick.policy.rules import Direction

KIND = "CiliumNetworkPolicy"
CLUSTERWIDE = "CiliumClusterwideNetworkPolicy"

JSON = Mapping[str, Any]

_SECTIONS = {
    Direction.INGRESS: (("ingress", Action.ALLOW), ("ingressDeny", Action.DENY)),
    Direction.EGRESS: (("egress", Action.ALLOW), ("egressDeny", Action.DENY)),
}
_PREFIX = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


def read(namespace: str, name: str, body: JSON) -> list[Policy]:
    """Read a policy; an empty namespace is the cluster-wide kind. Raises InvalidPolicy.

    Each entry of `specs` is a policy of its own. Host policies, which select nodes, are none.
    """
    kind = KIND if namespace else CLUSTERWIDE
    given = [("spec", fields(body["spec"], "spec"))] if body.get("spec") else []
    given += [(f"specs[{i}]", each) for i, each in enumerate(objects(body.get("specs"), "specs"))]
    policies = []
    for number, (where, spec) in enumerate(given):
        if spec.get("nodeSelector") is not None:
            continue
        label = name if number == 0 else f"{name} ({where})"
        policies.append(_policy(PolicyKey(kind, namespace, label), spec, where))
    return policies


def _policy(key: PolicyKey, spec: JSON, where: str) -> Policy:
    subject = cilium_peers.endpoints(
        key.namespace, spec.get("endpointSelector"), f"{where}.endpointSelector"
    )
    if isinstance(subject, Doubt):
        return _doubtful(key, subject.why)
    if key.namespace:
        # A selector of another namespace selects nothing: the policy stays in its own.
        subject = PodsPeer(key.namespace, subject.namespaces, subject.pods)
    sides = {}
    default_deny = fields(spec.get("enableDefaultDeny"), f"{where}.enableDefaultDeny")
    for direction, sections in _SECTIONS.items():
        has_rules = any(spec.get(section) for section, _ in sections)
        asked = default_deny.get(direction.value.lower())
        isolates = has_rules if asked is None else bool(asked)
        if not (has_rules or isolates):
            continue
        rules = [
            rule
            for section, action in sections
            for number, entry in enumerate(objects(spec.get(section), f"{where}.{section}"))
            for rule in _rules(key.namespace, entry, direction, action, (where, section, number))
        ]
        # A node reaches the pods on it whatever policies say; pods reach it only as they may.
        spares_own_node = direction is Direction.INGRESS
        sides[direction] = Side(tuple(rules), isolates, spares_own_node)
    return Policy(key, Tier.NAMESPACE, subject, sides)


def _doubtful(key: PolicyKey, why: str) -> Policy:
    """Return the policy of which it is not known whom it selects: any pod that it can."""
    rules = tuple(
        Rule(action, (UnknownPeer(why),), unknown=why) for action in (Action.ALLOW, Action.DENY)
    )
    sides = {direction: Side(rules, isolates=False) for direction in Direction}
    return Policy(key, Tier.NAMESPACE, PodsPeer(key.namespace), sides)


def _rules(
    namespace: str,
    entry: JSON,
    direction: Direction,
    action: Action,
    place: tuple[str, str, int],
) -> Iterator[Rule]:
    """Read one entry: a rule for its certain peers, and one for each doubt."""
    where, section, number = place
    label = f"{section}[{number}]"
    path = f"{where}.{label}"
    if not entry.get("toPorts") and entry.get("icmps"):
        return  # of ICMP alone: no port is meant
    found = cilium_peers.peers(namespace, entry, _PREFIX[direction], path)
    if found is None:
        if not entry.get("toPorts"):
            return  # an empty entry allows nobody
        found = [AnyonePeer()]
    ports, limits = cilium_peers.ports(entry.get("toPorts"), f"{path}.toPorts")
    certain: list[Peer] = [each for each in found if not isinstance(each, Doubt)]
    if certain:
        yield Rule(action, tuple(certain), ports, label, http=limits)
    for doubt in found:
        if isinstance(doubt, Doubt):
            yield Rule(
                action, doubt.peers or (UnknownPeer(doubt.why),), ports, label, doubt.why, limits
            )
