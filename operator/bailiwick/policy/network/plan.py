"""The order in which a namespace's policies change.

At every moment what is allowed lies between the intersection and the union of before and
after, after a crash between any two steps as well: the plan is made anew from what is there.

An allow policy isolates the pods that it selects, so a direction that becomes isolated, or is
released, is held open meanwhile (docs/decisions/0001). What allows more comes first, then the
isolation, then what allows less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from bailiwick.api.meta import HALF_LABEL, ORIGIN_LABEL, RULE_LABEL
from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.bridges import is_bridge
from bailiwick.policy.network.edits import Edits, Step, apply, delete, edits
from bailiwick.policy.network.holding import Hold, hold, selects_all
from bailiwick.policy.network.model import Frozen, Policy
from bailiwick.policy.network.naming import ISOLATION_NAME, own_labels
from bailiwick.policy.network.specs import LISTS, isolation_spec, policy_types, same
from bailiwick.policy.rules import Direction

LivePolicy = NetworkPolicy
Live = Mapping[str, LivePolicy]

__all__ = ["LivePolicy", "Step", "plan"]


def plan(
    live: Live,
    desired: Sequence[Policy],
    foreign: Sequence[NetworkPolicy] = (),
    frozen: Collection[Frozen] = (),
) -> tuple[Step, ...]:
    """Return the writes that lead from `live` to `desired`, in order; empty when they are equal.

    `live` holds the namespace's policies that are ours, by name, and `foreign` all others of
    the namespace. Nothing desired (`()`) releases the namespace. Else what is there of `frozen`
    rules stays, and nothing becomes isolated while there is nothing of one of them.
    """
    isolation = next((p for p in desired if p.name == ISOLATION_NAME), None)
    there = live.get(ISOLATION_NAME)
    kept = _kept(live, frozen) if desired else {}
    if desired and _becomes_isolated(there, isolation) and _is_missing(frozen, kept.values()):
        return ()
    wanted = {p.key for p in desired} | kept.keys()
    unwanted = {name: live[name] for name in live.keys() - wanted - {ISOLATION_NAME}}
    bridges = {name for name, policy in unwanted.items() if is_bridge(policy)}
    leaving = sorted(unwanted.keys() - bridges)
    changes = edits(live, [p for p in desired if p.name != ISOLATION_NAME])
    held = Hold()
    if changes or leaving:  # the isolation alone changes in one write, which needs no bridge
        after = [*(p.spec for p in desired), *(p.spec for p in kept.values())]
        held = hold(live, after, [p.spec for p in foreign], bridges, isolation)
        bridges |= {policy.name for policy in held.bridges}
    steps = _ordered(held, changes, leaving, there, isolation)
    return (*steps, *(delete(name) for name in sorted(bridges)))


def _ordered(
    held: Hold,
    changes: Edits,
    leaving: Iterable[str],
    there: LivePolicy | None,
    isolation: Policy | None,
) -> list[Step]:
    steps = [apply(policy, "holds open what nobody isolates") for policy in held.bridges]
    now = there.spec if there else None

    def isolate(spec: Mapping[str, Any], why: str) -> None:
        nonlocal now
        if now is None or not same(now, spec):
            policy = Policy(ISOLATION_NAME, "", "isolation", own_labels("isolation"), spec)
            steps.append(apply(policy, why))
            now = spec

    if held.opened:
        isolate(_opened(now, held.opened), "holds the namespace open")
    steps += changes.growing
    shrinking = [*changes.shrinking, *map(delete, leaving)]
    if isolation and shrinking:
        isolate(_between(there, isolation, held.opened), "isolates before less is allowed")
    steps += shrinking
    if isolation:
        isolate(isolation.spec, "isolates the namespace")
    elif now is not None:
        steps.append(delete(ISOLATION_NAME))
    return steps


def _opened(spec: Mapping[str, Any] | None, opened: Iterable[Direction]) -> dict[str, Any]:
    """Return a spec of the isolation that allows everything in some directions, the rest as is."""
    types = _directions(spec) if spec else frozenset()
    result = isolation_spec(types | set(opened), opened)
    for direction in types - set(opened):
        result[LISTS[direction]] = (spec or {}).get(LISTS[direction]) or []
    return result


def _between(
    there: LivePolicy | None, isolation: Policy, opened: Iterable[Direction]
) -> dict[str, Any]:
    """Return a spec that isolates where the one before or the one after does."""
    before = _directions(there.spec) if there and selects_all(there.spec) else frozenset()
    return isolation_spec(before | _directions(isolation.spec) | set(opened), opened)


def _becomes_isolated(there: LivePolicy | None, isolation: Policy | None) -> bool:
    if isolation is None:
        return False
    before = _directions(there.spec) if there and selects_all(there.spec) else frozenset()
    return bool(_directions(isolation.spec) - before)


def _directions(spec: Mapping[str, Any]) -> frozenset[Direction]:
    return frozenset(map(Direction, policy_types(spec)))


def _kept(live: Live, frozen: Collection[Frozen]) -> dict[str, LivePolicy]:
    return {n: p for n, p in live.items() if any(_is_of(p, each) for each in frozen)}


def _is_missing(frozen: Iterable[Frozen], kept: Collection[LivePolicy]) -> bool:
    return any(not any(_is_of(policy, each) for policy in kept) for each in frozen)


def _is_of(policy: LivePolicy, frozen: Frozen) -> bool:
    labels = policy.labels
    return (frozen.origin, frozen.rule, frozen.half) == (
        labels.get(ORIGIN_LABEL),
        labels.get(RULE_LABEL),
        labels.get(HALF_LABEL),
    )
