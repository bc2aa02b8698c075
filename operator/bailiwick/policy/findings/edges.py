"""Findings of the edges of a namespace: where what is possible is not what is declared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from bailiwick.policy.findings import words
from bailiwick.policy.findings.finding import (
    PLATFORM_TEAM,
    Finding,
    Missing,
    Severity,
    owner_of,
)
from bailiwick.policy.findings.folding import Edge, folded, is_told
from bailiwick.policy.findings.mirror import mirrored
from bailiwick.policy.findings.shadowed import shadowed
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.declared import Declared, DeclaredBy, holds
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import Action, PolicyKey
from bailiwick.policy.reach.namespace_edges import End, NamespaceEdge, State
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.workloads import Workloads
from bailiwick.policy.rules import Direction, Rule

_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Foreign:
    """What policies that no intent gave allow, deny, and may do for all that is known.

    Each is told by its key in words; `keys` leads from there to the policy.
    """

    allows: Declared
    denies: Declared
    perhaps: Declared
    keys: Mapping[str, PolicyKey]

    @classmethod
    def of(cls, graph: Graph, keys: Iterable[PolicyKey]) -> Foreign:
        """Look at the policies of these keys."""
        by_word = {str(key): key for key in keys}
        rules = {key: DeclaredBy(word) for word, key in by_word.items()}
        return cls(
            Declared(graph, rules),
            Declared(graph, rules, Action.DENY),
            Declared(graph, rules, None, attrgetter("possible")),
            by_word,
        )


@dataclass(frozen=True, slots=True)
class EdgeReport:
    """The edges of the namespace `here`, and what they are read against.

    `rules` are those of its intent, by name, `declared` what they and its profile come to.
    """

    here: str
    rules: Mapping[str, Rule]
    names: Names
    edges: Sequence[NamespaceEdge]
    cut: Sequence[NamespaceEdge]
    workloads: Workloads
    declared: Declared
    foreign: Foreign

    def findings(self) -> Iterator[Finding]:
        """Tell where what is possible is not what is declared."""
        yield from self._widened()
        yield from self._half_open()
        yield from self._closed()
        yield from self._unknown()
        yield from self._shadowed()
        if self.cut:
            yield self._would_be_cut()

    def _widened(self) -> Iterator[Finding]:
        for policy, edges in self._by_policy(State.WIDENED, self.foreign.allows):
            yield self._of_policy(
                policy,
                Severity.ERROR,
                "WidenedByForeign",
                f"{policy} opens what the intent does not declare: {self.told(edges)}. Remove it, "
                "or declare this traffic",
            )

    def _closed(self) -> Iterator[Finding]:
        for policy, edges in self._by_policy(State.CLOSED, self.foreign.denies, of_cluster=True):
            yield self._of_policy(
                policy,
                Severity.WARNING,
                "NarrowedByForeign",
                f"{policy} denies what the intent declares: {self.told(edges)}",
            )
        isolating: dict[str, list[NamespaceEdge]] = defaultdict(list)
        for edge in self._with(State.CLOSED):
            for policy in self._isolating(edge):
                isolating[policy].append(edge)
        for policy, edges in sorted(isolating.items()):
            yield self._of_policy(
                policy,
                Severity.WARNING,
                "NarrowedByForeign",
                f"{policy} isolates pods that the profile leaves open, and so closes what the "
                f"intent declares: {self.told(edges)}. Remove it, or add this traffic to it",
            )

    def _unknown(self) -> Iterator[Finding]:
        for policy, edges in self._by_policy(State.UNKNOWN, self.foreign.perhaps, of_cluster=True):
            yield self._of_policy(
                policy,
                Severity.WARNING,
                "Unknown",
                f"{policy} has parts that cannot be evaluated here, so it is not known whether "
                f"this is possible: {self.told(edges)}",
            )
        # Of addresses outside only those are not known that the rule names by host or entity: it
        # means what it says of them.
        left = [
            edge
            for edge in self._with(State.UNKNOWN)
            if isinstance(edge.source, Workload)
            and isinstance(edge.target, Workload)
            and not self._speaking_of(edge, self.foreign.perhaps, of_cluster=True)
        ]
        elsewhere: dict[str, list[NamespaceEdge]] = defaultdict(list)
        own = []
        for edge in left:
            if self._is_unknown_here(edge):
                own.append(edge)
            else:
                elsewhere[self._other_namespace(edge)].append(edge)
        for other, edges in sorted(elsewhere.items()):
            yield Finding(
                self.here,
                Severity.NOTE,
                "Unknown",
                "",
                f"namespace {other} has policies that cannot be evaluated here, so it is not known "
                f"whether it lets this through: {self.told(edges)}",
                detail=other,
                mender=owner_of(other),
            )
        if own:
            yield self._note(
                "Unknown",
                "it is not known whether a range of addresses covers pods here: "
                f"{self.told(own)}. Where pods are meant, name them as a workload",
            )

    def _half_open(self) -> Iterator[Finding]:
        by_rule: dict[tuple[str, str], list[NamespaceEdge]] = defaultdict(list)
        for edge in self._with(State.HALF_OPEN):
            for by in edge.by:
                if not by.from_profile and by.rule in self.rules:
                    by_rule[by.rule, self._other_namespace(edge)].append(edge)
        for (name, other), edges in sorted(by_rule.items()):
            rule = self.rules[name]
            yield Finding(
                self.here,
                Severity.WARNING,
                "HalfOpen",
                name,
                f"rule {name} opens this side only, and namespace {other} does not let it "
                f"through: {self.told(edges)}. Its owner would have to add the other half",
                rule.field,
                other,
                owner_of(other),
                missing=Missing(other, mirrored(rule, self.here, other, rule.reason or "say why")),
            )

    def _shadowed(self) -> Iterator[Finding]:
        graph = self.workloads.graph
        own = [each.number for each in graph.classes.all() if each.namespace == self.here]
        for name in shadowed(self.rules, sorted(own), self.declared):
            yield Finding(
                self.here,
                Severity.NOTE,
                "Shadowed",
                name,
                f"rule {name} adds nothing for the pods that run now: other rules open all of it. "
                "Remove it, or narrow the others",
                self.rules[name].field,
                mender=owner_of(self.here),
            )

    def _would_be_cut(self) -> Finding:
        told = sum(is_told(edge.source, edge.target) for edge in self.cut)
        count = "1 connection" if told == 1 else f"{told} connections"
        return self._note(
            "WouldBeCut",
            f"Enforce would cut {count} that {'is' if told == 1 else 'are'} possible today",
            "spec.enforcement",
        )

    def _note(self, code: str, message: str, field: str = "") -> Finding:
        mender = owner_of(self.here)
        return Finding(self.here, Severity.NOTE, code, "", message, field, mender=mender)

    def _of_policy(self, policy: str, severity: Severity, code: str, message: str) -> Finding:
        key = self.foreign.keys[policy]
        mender = owner_of(key.namespace) if key.namespace else PLATFORM_TEAM
        return Finding(self.here, severity, code, policy, message, mender=mender, policy=key)

    def _with(self, state: State) -> list[NamespaceEdge]:
        return [edge for edge in self.edges if edge.state is state]

    def _by_policy(
        self, state: State, policies: Declared, *, of_cluster: bool = False
    ) -> list[tuple[str, list[NamespaceEdge]]]:
        """Return the edges of a state by the policies that speak of them."""
        found: dict[str, list[NamespaceEdge]] = defaultdict(list)
        for edge in self._with(state):
            for policy in self._speaking_of(edge, policies, of_cluster=of_cluster):
                found[policy].append(edge)
        return sorted(found.items())

    def _speaking_of(
        self, edge: NamespaceEdge, policies: Declared, *, of_cluster: bool = False
    ) -> list[str]:
        """Return the policies that speak of the namespace's own halves of an edge.

        `of_cluster`: of the half in another namespace too, where they are policies of the cluster.
        """
        found: set[str] = set()
        for own, number, direction, end in self._halves(edge):
            speaking: set[DeclaredBy] = set()
            for other in self._numbers(end):
                speaking |= policies.by(number, direction, edge.ports, other=other)
            for place in () if isinstance(end, Workload) else (each[0] for each in end):
                speaking |= policies.by(number, direction, edge.ports, place=place)
            is_own = own.namespace == self.here
            found |= {
                by.rule
                for by in speaking
                if is_own or (of_cluster and not self.foreign.keys[by.rule].namespace)
            }
        return sorted(found)

    def _isolating(self, edge: NamespaceEdge) -> list[str]:
        """Return the policies of others that isolate where the namespace's intent does not."""
        found: set[PolicyKey] = set()
        for number, direction, _ in self._own_halves(edge):
            if self.declared.openings(number, direction) is None:
                for policy in self.workloads.graph.of_class(number):
                    side = policy.sides.get(direction)
                    if side is not None and side.isolates:
                        found.add(policy.key)
        return sorted(str(key) for key in found & set(self.foreign.keys.values()))

    def _own_halves(self, edge: NamespaceEdge) -> Iterator[tuple[int, Direction, End]]:
        """Go through the halves in the namespace itself: those of others are not its affair."""
        for own, number, direction, end in self._halves(edge):
            if own.namespace == self.here:
                yield number, direction, end

    def _is_unknown_here(self, edge: NamespaceEdge) -> bool:
        """Whether the namespace's own policies leave it open if an edge is possible."""
        return any(
            entry.ports & edge.ports and holds(entry.unknown, other)
            for number, direction, end in self._own_halves(edge)
            for entry in self.workloads.graph.table(number, direction)
            for other in self._numbers(end)
        )

    def _halves(self, edge: NamespaceEdge) -> Iterator[tuple[Workload, int, Direction, End]]:
        for own, direction, end in (
            (edge.source, Direction.EGRESS, edge.target),
            (edge.target, Direction.INGRESS, edge.source),
        ):
            if isinstance(own, Workload):
                for number in self._numbers(own):
                    yield own, number, direction, end

    def _numbers(self, end: End) -> Sequence[int]:
        return self.workloads.classes[end] if isinstance(end, Workload) else ()

    def _other_namespace(self, edge: NamespaceEdge) -> str:
        ends = [end.namespace for end in (edge.source, edge.target) if isinstance(end, Workload)]
        return next((name for name in ends if name != self.here), "")

    def told(self, edges: Sequence[NamespaceEdge]) -> str:
        """Name some edges, folded."""
        told = (Edge(edge.source, edge.target, edge.ports) for edge in edges)
        rows = folded(told, self.names, _TOLD)
        lines = [f"{row.sources} to {row.targets} on {words.ports(row.says)}" for row in rows]
        return words.some(lines, _TOLD, "; ")
