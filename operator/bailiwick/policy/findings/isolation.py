"""Pods that nothing isolates, in a direction that their profile asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bailiwick.policy.effective import EffectiveIntent, Enforcement
from bailiwick.policy.findings.finding import Finding, Severity, owner_of
from bailiwick.policy.findings.words import Names, some
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.rules import Direction

_TOLD: Final = 3


def unisolated(effective: EffectiveIntent, today: Graph, names: Names) -> Iterator[Finding]:
    """Tell of the pods of a namespace that no policy isolates today, by direction."""
    here, is_audit = effective.namespace, effective.enforcement is Enforcement.AUDIT
    for direction in sorted(effective.isolate):
        free = {
            workload
            for each in today.classes.all()
            if each.namespace == here
            and not each.signature.host_network
            and not _isolates(today, each.number, direction)
            for workload in each.workloads
        }
        if not free:
            continue
        told = some(names.several(free), _TOLD)
        yield Finding(
            here,
            Severity.NOTE if is_audit else Severity.ERROR,
            "Unisolated",
            direction.value,
            f"no policy restricts {direction.value.lower()} of {told}: "
            + ("Enforce would" if is_audit else "see condition Ready for why not"),
            "spec.enforcement" if is_audit else "",
            mender=owner_of(here),
        )


def _isolates(graph: Graph, number: int, direction: Direction) -> bool:
    sides = (policy.sides.get(direction) for policy in graph.of_class(number))
    return any(side is not None and side.isolates for side in sides)
