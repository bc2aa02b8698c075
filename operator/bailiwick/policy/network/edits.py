"""The writes for the policies of rules: those that allow more, and those that allow less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.model import Policy
from bailiwick.policy.network.specs import LISTS, canonical, same, text
from bailiwick.policy.rules import Direction


@dataclass(frozen=True, slots=True)
class Step:
    """One write: apply `policy`, or delete the one with the key `name`; `why` is for the log.

    Steps in a row of the same `wave` may be written at the same time, in whatever order they
    land; one without a wave is written alone.
    """

    action: Literal["apply", "delete"]
    name: str
    policy: Policy | None
    why: str
    wave: Literal["", "growing", "turning", "shrinking"] = ""


@dataclass(frozen=True, slots=True)
class Edits:
    """Writes in two halves: after the first all that is to be allowed is, and most of the old."""

    growing: tuple[Step, ...] = ()
    shrinking: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        """Say whether there is anything to write."""
        return bool(self.growing or self.shrinking)


def apply(policy: Policy, why: str) -> Step:
    """Return the step that writes a policy."""
    return Step("apply", policy.key, policy, why)


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
    the only one in its direction: then nothing that it loses waits for another. One whose
    selector or directions somebody edited cannot: it is written at once, and what it allowed by
    accident is lost before another that was edited so regains it.
    """
    creates: list[Step] = []
    grows: list[Step] = []
    turns: list[tuple[Step, Policy]] = []
    remade: list[Step] = []
    shrinks: list[Step] = []
    for policy in sorted(rules, key=lambda p: p.key):
        there = live.get(policy.key)
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
    counts = Counter(d for step, _ in turns for d in _directions(step))
    alone = {
        step.name
        for step, _ in turns
        if not remade and all(counts[each] == 1 for each in _directions(step))
    }
    unions = [
        apply(union, "grows before it shrinks") for step, union in turns if step.name not in alone
    ]
    last = [step for step, _ in turns if step.name not in alone]
    turning = [step for step, _ in turns if step.name in alone]
    return Edits(
        # One that did not grow before gains what others, once grown, are about to lose.
        (*_wave("growing", (*creates, *grows, *unions)), *_wave("turning", turning)),
        (*remade, *_wave("shrinking", (*last, *shrinks))),
    )


def _wave(
    name: Literal["growing", "turning", "shrinking"], steps: Iterable[Step]
) -> tuple[Step, ...]:
    return tuple(replace(step, wave=name) for step in steps)


def _directions(step: Step) -> list[str]:
    return canonical(step.policy.spec)["policyTypes"] if step.policy else []


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
