"""Policies that hold open, for a moment, the pods that nobody isolates yet or any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.model import Policy
from bailiwick.policy.network.naming import bridge_name, own_labels
from bailiwick.policy.network.specs import LISTS, policy_types
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import Operator, Requirement, Selector

MOST_BRIDGES = 16
"""Of one direction, at one time."""

_OPPOSITE: dict[Operator, Operator] = {
    "In": "NotIn",
    "NotIn": "In",
    "Exists": "DoesNotExist",
    "DoesNotExist": "Exists",
}


def isolates(spec: Mapping[str, Any], direction: Direction) -> bool:
    """Say whether a policy isolates the pods that it selects in a direction."""
    return direction in policy_types(spec)


def is_open(spec: Mapping[str, Any], direction: Direction) -> bool:
    """Say whether a policy allows the pods that it selects everything in a direction."""
    entries = (entry or {} for entry in spec.get(LISTS[direction]) or ())
    return isolates(spec, direction) and not all(any(entry.values()) for entry in entries)


def is_bridge(policy: NetworkPolicy) -> bool:
    """Say whether a policy isolates nothing: it only holds open, whatever its labels say."""
    return all(is_open(policy.spec, Direction(each)) for each in policy_types(policy.spec))


def bridge(direction: Direction, selector: Selector) -> Policy:
    """Return the policy that opens a direction for some pods."""
    spec = {
        "podSelector": selector.to_json(),
        "policyTypes": [direction.value],
        "ingress": [],
        "egress": [],
        LISTS[direction]: [{}],
    }
    half = "ingress" if direction is Direction.INGRESS else "egress"
    return Policy(bridge_name(half, spec), "", "bridge", own_labels("bridge"), spec)


def outside(selectors: Iterable[Selector]) -> tuple[Selector, ...] | None:
    """Return selectors that together select just the pods that none of these selects.

    A selector says "and", so turning one of several requirements around takes a selector for
    each of them, and for many such selectors the choices multiply: None where there would be
    more than MOST_BRIDGES.
    """
    choices: set[frozenset[Requirement]] = {frozenset()}
    for selector in sorted(set(selectors)):
        turned = [Requirement(r.key, _OPPOSITE[r.operator], r.values) for r in _all_of(selector)]
        grown = {choice | {requirement} for choice in choices for requirement in turned}
        possible = {choice for choice in grown if not _contradicts_itself(choice)}
        choices = {c for c in possible if not any(other < c for other in possible)}
        if len(choices) > MOST_BRIDGES:
            return None
    return tuple(sorted(Selector.of({}, choice) for choice in choices))


def covers(one: Selector, other: Selector) -> bool:
    """Say whether a selector is known to select every pod that another selects."""
    return set(_all_of(one)) <= set(_all_of(other))


def _all_of(selector: Selector) -> list[Requirement]:
    return [
        *(Requirement(key, "In", (value,)) for key, value in selector.match_labels),
        *selector.match_expressions,
    ]


def _contradicts_itself(choice: frozenset[Requirement]) -> bool:
    return any(Requirement(r.key, _OPPOSITE[r.operator], r.values) in choice for r in choice)
