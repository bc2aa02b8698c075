"""Policies that hold open, for a moment, the pods that nobody isolates yet or any more."""

from __future__ import annotations

from collections.abc import Iterable

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.model import Policy
from bailiwick.policy.network.naming import HALF_LABEL, bridge_name, own_labels
from bailiwick.policy.network.specs import LISTS, policy_types
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import Operator, Requirement, Selector

_OPPOSITE: dict[Operator, Operator] = {
    "In": "NotIn",
    "NotIn": "In",
    "Exists": "DoesNotExist",
    "DoesNotExist": "Exists",
}


def is_bridge(policy: NetworkPolicy) -> bool:
    """Say whether a policy of ours is one that holds open."""
    return policy.labels.get(HALF_LABEL) == "bridge"


def is_isolating(policy: NetworkPolicy, direction: Direction) -> bool:
    """Say whether a policy isolates the pods that it selects in a direction."""
    return direction in policy_types(policy.spec)


def bridge(direction: Direction, isolating: Iterable[NetworkPolicy]) -> Policy | None:
    """Return the policy that opens a direction for the pods that `isolating` do not select.

    None where there are no such pods, or where no selector can say which they are: a selector
    is a conjunction, so only those of a single requirement can be turned around.
    """
    requirements: list[Requirement] = []
    for policy in isolating:
        selector = Selector.from_json(policy.spec.get("podSelector"))
        single = _single(selector)
        if single is None:
            return None
        requirements.append(Requirement(single.key, _OPPOSITE[single.operator], single.values))
    outside = Selector.of({}, requirements)
    spec = {
        "podSelector": outside.to_json(),
        "policyTypes": [direction.value],
        "ingress": [],
        "egress": [],
        LISTS[direction]: [{}],
    }
    half = "ingress" if direction is Direction.INGRESS else "egress"
    return Policy(bridge_name(half, spec), "", "bridge", own_labels("bridge"), spec)


def _single(selector: Selector) -> Requirement | None:
    requirements = [
        *(Requirement(key, "In", (value,)) for key, value in selector.match_labels),
        *selector.match_expressions,
    ]
    return requirements[0] if len(requirements) == 1 else None
