"""The order in which a namespace's policies change.

At every moment what is allowed lies between the intersection and the union of before and
after, after a crash between any two steps as well: the plan is made anew from what is there.

An allow policy isolates the pods that it selects, so a direction that becomes isolated, or is
released, is held open meanwhile (docs/decisions/0001). Edits grow first and shrink last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.bridges import bridge, is_bridge, is_isolating
from bailiwick.policy.network.model import Frozen, Policy
from bailiwick.policy.network.naming import (
    HALF_LABEL,
    ISOLATION_NAME,
    ORIGIN_LABEL,
    RULE_LABEL,
    own_labels,
)
from bailiwick.policy.network.specs import (
    LISTS,
    ORDER,
    canonical,
    isolation_spec,
    policy_types,
    same,
    text,
)
from bailiwick.policy.rules import Direction

LivePolicy = NetworkPolicy


@dataclass(frozen=True, slots=True)
class Step:
    """One write: apply `policy`, or delete the policy called `name`; `why` is for the log."""

    action: Literal["apply", "delete"]
    name: str
    policy: Policy | None
    why: str


def plan(
    live: Mapping[str, LivePolicy],
    desired: Sequence[Policy],
    foreign: Sequence[NetworkPolicy] = (),
    frozen: Collection[Frozen] = (),
) -> tuple[Step, ...]:
    """Return the writes that lead from `live` to `desired`, in order; empty when they are equal.

    `live` holds the namespace's policies that are ours, by name, and `foreign` all others of
    the namespace. Nothing desired (`()`) releases the namespace. What is there of `frozen`
    rules stays, and nothing becomes isolated while some rule is frozen.
    """
    isolation = next((p for p in desired if p.name == ISOLATION_NAME), None)
    rules = [p for p in desired if p.name != ISOLATION_NAME]
    there = live.get(ISOLATION_NAME)
    before = _directions(there.spec) if there else frozenset()
    after = _directions(isolation.spec) if isolation else frozenset()
    if frozen and after - before:
        return ()
    steps = _hold_open(live, before, after, foreign)
    steps += _edits(live, rules)
    unwanted = live.keys() - {p.name for p in desired}
    leaving = sorted(n for n in unwanted if n != ISOLATION_NAME and not is_bridge(live[n]))
    steps += [_delete(name) for name in leaving if not _is_frozen(live[name], frozen)]
    steps += _close(there, isolation, opened=any(s.name == ISOLATION_NAME for s in steps))
    bridges = {n for n in unwanted if is_bridge(live[n])} | {
        s.name for s in steps if s.policy and s.policy.half == "bridge"
    }
    return (*steps, *(_delete(name) for name in sorted(bridges)))


def _hold_open(
    live: Mapping[str, LivePolicy],
    before: frozenset[Direction],
    after: frozenset[Direction],
    foreign: Sequence[NetworkPolicy],
) -> list[Step]:
    """Hold the directions open that become isolated or are released.

    The isolation policy itself does so where nobody isolates any pod in that direction; else
    a policy of its own, for the pods that are not isolated, where a selector can say so.
    """
    opened = []
    steps = []
    for direction in ORDER:
        if direction not in before ^ after:
            continue
        releasing = direction in before
        ours = [] if releasing else [p for p in live.values() if not is_bridge(p)]
        isolating = [p for p in (*foreign, *ours) if is_isolating(p, direction)]
        if not isolating:
            opened.append(direction)
            continue
        held = any(is_bridge(p) and is_isolating(p, direction) for p in live.values())
        made = None if held else bridge(direction, isolating)
        if made is not None:
            steps.append(Step("apply", made.name, made, "holds open what nobody isolates"))
    there = live.get(ISOLATION_NAME)
    spec = isolation_spec(before | frozenset(opened), opened)
    if opened and not (there and same(there.spec, spec)):
        policy = Policy(ISOLATION_NAME, "", "isolation", own_labels("isolation"), spec)
        steps.insert(0, Step("apply", ISOLATION_NAME, policy, "holds the namespace open"))
    return steps


def _edits(live: Mapping[str, LivePolicy], rules: Iterable[Policy]) -> list[Step]:
    """Create, then grow, then shrink; policies that do both at once grow to the union first."""
    creates: list[Step] = []
    grows: list[Step] = []
    shrinks: list[Step] = []
    turns: list[Step] = []
    for policy in rules:
        there = live.get(policy.name)
        if there is None:
            creates.append(Step("apply", policy.name, policy, "missing"))
        elif not same(there.spec, policy.spec):
            old, new = _entries(there.spec), _entries(policy.spec)
            step = Step("apply", policy.name, policy, "differs")
            (grows if old <= new else shrinks if new <= old else turns).append(step)
    if len(turns) == 1 and not shrinks:
        return [*creates, *grows, *turns]
    unions = [
        replace(step, policy=_union(live[step.name], step.policy), why="grows before it shrinks")
        for step in turns
        if step.policy is not None
    ]
    return [*creates, *grows, *unions, *turns, *shrinks]


def _close(there: LivePolicy | None, isolation: Policy | None, *, opened: bool) -> list[Step]:
    if isolation is None:
        return [_delete(ISOLATION_NAME)] if there or opened else []
    if there is not None and same(there.spec, isolation.spec) and not opened:
        return []
    return [Step("apply", ISOLATION_NAME, isolation, "isolates the namespace")]


def _union(live: LivePolicy, policy: Policy) -> Policy:
    old, new = canonical(live.spec), canonical(policy.spec)
    spec = {**policy.spec}
    for name in LISTS.values():
        entries = {text(entry): entry for entry in (*old.get(name, ()), *new.get(name, ()))}
        spec[name] = [entries[key] for key in sorted(entries)]
    return replace(policy, spec=spec)


def _entries(spec: Mapping[str, object]) -> frozenset[str]:
    known = canonical(spec)
    return frozenset(name + text(entry) for name in LISTS.values() for entry in known.get(name, ()))


def _directions(spec: Mapping[str, object]) -> frozenset[Direction]:
    return frozenset(map(Direction, policy_types(spec)))


def _is_frozen(policy: LivePolicy, frozen: Collection[Frozen]) -> bool:
    labels = policy.labels
    return any(
        (f.origin, f.rule, f.half)
        == (labels.get(ORIGIN_LABEL), labels.get(RULE_LABEL), labels.get(HALF_LABEL))
        for f in frozen
    )


def _delete(name: str) -> Step:
    return Step("delete", name, None, "not wanted")
