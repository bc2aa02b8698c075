"""Policies that restrict traffic and are not evaluated here: what they may touch is unknown.

Calico's and Antrea's own kinds. Theirs may be asked before those of Kubernetes or after them, by
orders and tiers of their own, so that with them nothing else decides for certain.
https://docs.tigera.io/calico/latest/reference/resources/networkpolicy
https://antrea.io/docs/main/docs/antrea-network-policy/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bailiwick.policy.reach.model import (
    Action,
    AnyonePeer,
    PodsPeer,
    Policy,
    PolicyKey,
    Rule,
    Side,
    Tier,
)
from bailiwick.policy.rules import Direction

CALICO: Final = ("projectcalico.org", "crd.projectcalico.org")
ANTREA: Final = "crd.antrea.io"
KINDS: Final[Mapping[tuple[str, str], bool]] = {
    **{(group, "NetworkPolicy"): True for group in (*CALICO, ANTREA)},
    **{(group, "GlobalNetworkPolicy"): False for group in CALICO},
    (ANTREA, "ClusterNetworkPolicy"): False,
}
"""Their groups and kinds, and whether they have a namespace."""

_FIRST: Final = -1
_SECTIONS: Final = {Direction.INGRESS: "ingress", Direction.EGRESS: "egress"}


def qualified(group: str, kind: str) -> str:
    """Return a kind as kubectl tells it from one of the same name: `NetworkPolicy.GROUP`."""
    return f"{kind}.{group}"


def read(group: str, kind: str, namespace: str, name: str, spec: Mapping[str, Any]) -> Policy:
    """Return a policy that may allow and deny everything in the directions that it speaks of.

    Whom it selects is not looked at: any pod of its namespace, or of the cluster.
    """
    key = PolicyKey(qualified(group, kind), namespace, name)
    why = f"policies of the kind {key.kind} are not evaluated here"
    return doubt(key, why, _directions(group, spec))


def doubt(key: PolicyKey, why: str, directions: Iterable[Direction] = Direction) -> Policy:
    """Return what stands for such a policy, or for all of them in a namespace or the cluster."""
    rules = tuple(Rule(a, (AnyonePeer(),), unknown=why) for a in (Action.ALLOW, Action.DENY))
    sides = {each: Side(rules, isolates=False) for each in directions}
    return Policy(key, Tier.ADMIN, PodsPeer(key.namespace), sides, _FIRST)


def _directions(group: str, spec: Mapping[str, Any]) -> list[Direction]:
    """Return those that it speaks of, which is both where that cannot be told."""
    types = spec.get("types")
    if group in CALICO and isinstance(types, Sequence) and types:
        return [each for each in Direction if each.value in types] or list(Direction)
    named = [each for each, section in _SECTIONS.items() if spec.get(section)]
    if group in CALICO and named != [Direction.EGRESS]:
        # Calico isolates ingress, unless there are rules of egress alone.
        return list(dict.fromkeys([Direction.INGRESS, *named]))
    return named
