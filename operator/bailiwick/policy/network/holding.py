"""What is held open while the policies of a namespace change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.bridges import bridge, covers, is_open, isolates, outside
from bailiwick.policy.network.model import Policy
from bailiwick.policy.network.naming import ISOLATION_NAME
from bailiwick.policy.network.specs import ORDER
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import EVERYTHING, Selector

Spec = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hold:
    """Directions in which the isolation policy itself holds open, and policies for the others."""

    opened: tuple[Direction, ...] = ()
    bridges: tuple[Policy, ...] = ()


def hold(
    live: Mapping[str, NetworkPolicy],
    after: Sequence[Spec],
    foreign: Sequence[Spec],
    bridges: Collection[str],
    isolation: Policy | None,
) -> Hold:
    """Hold open the pods that nobody isolates before the change, or after it.

    `after` are the specs of ours that are to be, `bridges` the names of live policies that hold
    open already. Pods that policies of others isolate are never among them: holding those open
    would open what they closed. The isolation policy itself holds open where nobody isolates
    any pod: it needs no second object then. Where too many selectors would be needed nothing is
    held, and pods are cut off until all their rules are there: never opened wider.
    """
    there = live.get(ISOLATION_NAME)
    usable = selects_all(there.spec) if there else isolation is not None
    opened = []
    made = []
    for direction in ORDER:
        if there and usable and is_open(there.spec, direction):
            opened.append(direction)
            continue
        gaps = _gaps(direction, [p.spec for p in live.values()], after, foreign)
        if EVERYTHING in gaps and usable:
            opened.append(direction)
            continue
        already = [
            selector_of(live[name].spec) for name in bridges if is_open(live[name].spec, direction)
        ]
        made += [bridge(direction, gap) for gap in _not_covered(gaps, already)]
    return Hold(tuple(opened), tuple(made))


def selects_all(spec: Spec) -> bool:
    """Say whether a policy selects every pod of its namespace."""
    return not selector_of(spec)


def selector_of(spec: Spec) -> Selector:
    """Return the selector of a policy's pods."""
    return Selector.from_json(spec.get("podSelector"))


def _gaps(
    direction: Direction, live: Sequence[Spec], after: Sequence[Spec], foreign: Sequence[Spec]
) -> set[Selector]:
    """Return what selects the pods that are isolated only before, only after, or never."""
    ours_before = [s for s in live if isolates(s, direction) and not is_open(s, direction)]
    ours_after = [s for s in after if isolates(s, direction)]
    if not ours_before and not ours_after:
        return set()
    theirs = [s for s in foreign if isolates(s, direction)]
    before = outside(map(selector_of, (*theirs, *ours_before)))
    then = outside(map(selector_of, (*theirs, *ours_after)))
    if before == then:
        return set()
    return {*(before or ()), *(then or ())}


def _not_covered(gaps: Collection[Selector], already: Iterable[Selector]) -> list[Selector]:
    needed: list[Selector] = []
    covering = list(already)
    for gap in sorted(gaps, key=lambda g: (len(g.match_expressions), g)):
        if not any(covers(other, gap) for other in covering):
            needed.append(gap)
            covering.append(gap)
    return needed
