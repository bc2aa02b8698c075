"""Policies that somebody else made, and what they open for pods of a namespace.

Whether what they open is more than what was declared is not worked out here: any opening in
an isolated direction counts, because a tick that is wrong is worse than a policy looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bailiwick.policy.facts import Labels, NetworkPolicy
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import Selector


@dataclass(frozen=True, slots=True)
class Opening:
    """A policy that opens something for pods of its namespace, and in which directions."""

    name: str
    directions: frozenset[Direction]


def widening(
    policies: Iterable[NetworkPolicy],
    isolated: frozenset[Direction],
    pod_labels: Iterable[Labels],
) -> tuple[Opening, ...]:
    """Return the policies that select pods and allow something in an isolated direction."""
    labels = tuple(pod_labels)
    openings = []
    for policy in policies:
        selector = Selector.from_json(policy.spec.get("podSelector"))
        directions = _opened(policy) & isolated
        if directions and any(selector.matches(each) for each in labels):
            openings.append(Opening(policy.name, directions))
    return tuple(sorted(openings, key=lambda o: o.name))


def _opened(policy: NetworkPolicy) -> frozenset[Direction]:
    # networking.k8s.io/v1: without policyTypes, Ingress, and Egress where it has egress rules.
    rules = {
        Direction.INGRESS: policy.spec.get("ingress") or (),
        Direction.EGRESS: policy.spec.get("egress") or (),
    }
    types = policy.spec.get("policyTypes") or (
        ["Ingress", "Egress"] if rules[Direction.EGRESS] else ["Ingress"]
    )
    return frozenset(
        direction for direction, opened in rules.items() if opened and direction in types
    )
