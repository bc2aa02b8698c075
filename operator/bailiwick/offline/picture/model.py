"""What is in a picture: groups of workloads, what connects them, and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from bailiwick.offline.findings import Finding
from bailiwick.policy.reach.explain import Explanation


class Stroke(StrEnum):
    """How a line is drawn, the most alarming first.

    UNDECLARED is possible where no intent speaks of it; the others are states of the edges of an
    intent.
    """

    WIDENED = "widened"
    UNKNOWN = "unknown"
    CLOSED = "closed"
    HALF_OPEN = "half-open"
    CUT = "would be cut"
    UNDECLARED = "undeclared"
    DECLARED = "declared"


USUAL: frozenset[Stroke] = frozenset({Stroke.DECLARED, Stroke.UNDECLARED})
"""The strokes that alarm nobody."""

MEANINGS: dict[Stroke, str] = {
    Stroke.DECLARED: "declared by an intent or its profile, and possible",
    Stroke.UNDECLARED: "possible, and no intent speaks of it",
    Stroke.WIDENED: "possible, though the intent does not declare it",
    Stroke.HALF_OPEN: "declared on one side, and the other side does not let it through",
    Stroke.CUT: "possible today, and cut once the intent is enforced",
    Stroke.CLOSED: "declared, and another policy denies it",
    Stroke.UNKNOWN: "nobody can tell from what is given here",
}
"""What to say of each, in the order of a legend."""


class Side(StrEnum):
    """What a group is: a namespace, or one of both sides of what is outside of the cluster."""

    NAMESPACE = "namespace"
    COMES_IN = "comes in"
    GOES_OUT = "goes out"


@dataclass(frozen=True, slots=True)
class Group:
    """A namespace, or the addresses outside; `held` says what an intent holds it to."""

    side: Side
    name: str
    held: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A workload, or addresses outside of the cluster; `group` is the number of its group.

    `kind` is empty for addresses. `ports` are those on which it can be reached. `open_in` and
    `open_out`: nothing restricts what reaches it, or what it reaches. No line is drawn for what two
    such ends can do.
    """

    group: int
    name: str
    kind: str = ""
    ports: str = ""
    open_in: bool = False
    open_out: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """Why some ports of a line are as they are.

    `enforced` is why they will be otherwise once every intent is enforced, `add` is YAML that
    would open them.
    """

    ports: str
    explanation: Explanation
    enforced: Explanation | None = None
    add: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """What connects two nodes, by their numbers; `by` are the rules that declare it."""

    source: int
    target: int
    stroke: Stroke
    ports: str
    by: tuple[str, ...] = ()
    whys: tuple[Why, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn, in an order that depends on nothing but what it is.

    `notes` are what was assumed or may not be read, so that it is not known, and `findings` those
    of namespaces of which nothing is drawn.
    """

    groups: tuple[Group, ...] = ()
    nodes: tuple[Node, ...] = ()
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def alarming(self) -> set[int]:
        """Return the nodes that have a line that is not as its intent would have it."""
        return {
            end
            for line in self.lines
            if line.stroke not in USUAL
            for end in (line.source, line.target)
        }

    def inner_lines(self) -> dict[int, list[Line]]:
        """Return the lines between different nodes of one group, by the group."""
        found: dict[int, list[Line]] = defaultdict(list)
        for line in self.lines:
            group = self.nodes[line.source].group
            if line.source != line.target and self.nodes[line.target].group == group:
                found[group].append(line)
        return found

    def members(self, group: int) -> list[int]:
        """Return the numbers of the nodes of a group."""
        return [number for number, node in enumerate(self.nodes) if node.group == group]

    def bundles(self) -> list[Bundle]:
        """Return the lines between different groups, those of one stroke as one, in order."""
        found: dict[tuple[int, int, Stroke], list[int]] = defaultdict(list)
        for number, line in enumerate(self.lines):
            source, target = self.nodes[line.source].group, self.nodes[line.target].group
            if source != target:
                found[source, target, line.stroke].append(number)
        return [Bundle(*key, tuple(found[key])) for key in sorted(found)]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The lines of one stroke from one group to another, by their numbers."""

    source: int
    target: int
    stroke: Stroke
    lines: tuple[int, ...]
