"""Which pods a policy of Cilium's kinds isolates, as a NetworkPolicy would say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bailiwick.policy.facts import Labels, NetworkPolicy
from bailiwick.policy.network.specs import NAMESPACE_NAME, isolation_spec
from bailiwick.policy.reach.kinds import cilium
from bailiwick.policy.reach.model import InvalidPolicy
from bailiwick.policy.rules import Direction


def isolating_specs(
    policy: NetworkPolicy, namespace: str, labels: Labels
) -> Iterator[Mapping[str, Any]]:
    """Return specs of NetworkPolicies that isolate the same pods, or more where that is not known.

    It decides what must not be held open for a moment, so that too much does no harm.
    """
    try:
        read = cilium.read(policy.namespace, policy.name, policy.spec)
    except InvalidPolicy:
        yield isolation_spec(Direction)
        return
    for each in read:
        if not each.subject.namespaces.matches({**labels, NAMESPACE_NAME: namespace}):
            continue
        directions = [
            direction
            for direction, side in each.sides.items()
            if side.isolates or any(rule.unknown for rule in side.rules)
        ]
        if directions:
            selector = each.subject.pods.to_json()
            yield {**isolation_spec(directions), "podSelector": selector}
