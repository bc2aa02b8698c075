"""The writes for the policies of rules: those that allow more, and those that allow less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.model import Policy
from bailiwick.policy.network.specs import LISTS, canonical, same, text
from bailiwick.policy.rules import Direction


@dataclass(frozen=True, slots=True)
class Step:
    """One write: apply `policy`, or delete the policy called `name`; `why` is for the log.

    Steps in a row of the same `wave` may be written at the same time, in whatever order they
    land; one without a wave is written alone.
    """

    action: Literal["apply", "delete"]
    name: str
    policy: Policy | None
    why: str
    wave: Literal["", "growing", "shrinking"] = ""


@dataclass(frozen=True, slots=True)
class Edits:
    """Writes in two halves: after the first everything new is allowed, and all of the old still."""

    growing: tuple[Step, ...] = ()
    shrinking: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self.growing or self.shrinking)


def apply(policy: Policy, why: str) -> Step:
    """Return the step that writes a policy."""
    return Step("apply", policy.name, policy, why)


def delete(name: str) -> Step:
    """Return the step that deletes a policy."""
    return Step("delete", name, None, "not wanted")


def waves(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Go through steps in their order, those together that may be written at the same time."""
    gathered: list[Step] = []
    for step in steps:
        if gathered and not (step.wave and step.wave == gathered[-1].wave):
            yield gathered
            gathered = []
        gathered.append(step)
    if gathered:
        yield gathered


def edits(live: Mapping[str, NetworkPolicy], rules: Iterable[Policy]) -> Edits:
    """Return what leads from the live policies to those of the rules, but for deletions.

    A policy that loses something and gains something grows to the union first, unless it is
    the only one. One whose selector or directions somebody edited cannot: it is written at
    once, and what it allowed by accident is lost before another that was edited so regains it.
    """
    creates: list[Step] = []
    grows: list[Step] = []
    turns: list[tuple[Step, Policy]] = []
    remade: list[Step] = []
    shrinks: list[Step] = []
    for policy in sorted(rules, key=lambda p: p.name):
        there = live.get(policy.name)
        step = apply(policy, "missing" if there is None else "differs")
        if there is None:
            creates.append(step)
        elif same(there.spec, policy.spec):
            continue
        elif not _are_of_the_same_pods(there.spec, policy.spec):
            remade.append(step)
        elif (old := _entries(there.spec)) <= (new := _entries(policy.spec)):
            grows.append(step)
        elif new <= old:
            shrinks.append(step)
        else:
            turns.append((step, _union(there, policy)))
    alone = len(turns) + len(remade) == 1
    unions = [] if alone else [apply(union, "grows before it shrinks") for _, union in turns]
    last = [step for step, _ in turns]
    # One that did not grow before gains what others are about to lose, so it goes before them.
    first, together = (last, shrinks) if alone else ([], [*last, *shrinks])
    growing = (*creates, *grows, *unions)
    return Edits(
        tuple(replace(step, wave="growing") for step in growing),
        (*remade, *first, *(replace(step, wave="shrinking") for step in together)),
    )


def _union(live: NetworkPolicy, policy: Policy) -> Policy:
    old, new = canonical(live.spec), canonical(policy.spec)
    spec = {**policy.spec}
    for direction, name in LISTS.items():
        if direction in new["policyTypes"]:
            entries = {text(entry): entry for entry in (*old.get(name, ()), *new.get(name, ()))}
            spec[name] = [entries[key] for key in sorted(entries)]
    return replace(policy, spec=spec)


def _are_of_the_same_pods(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    old, new = canonical(one), canonical(other)
    return all(text(old[key]) == text(new[key]) for key in ("podSelector", "policyTypes"))


def _entries(spec: Mapping[str, Any]) -> frozenset[str]:
    known = canonical(spec)
    return frozenset(
        direction + text(entry)
        for direction in map(Direction, known["policyTypes"])
        for entry in known.get(LISTS[direction], ())
    )
