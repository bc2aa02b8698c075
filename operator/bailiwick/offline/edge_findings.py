"""Findings of the edges of a namespace: where what is possible is not what is declared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from bailiwick.offline.findings import Finding, Severity
from bailiwick.offline.governing import Governed
from bailiwick.offline.plan_findings import Places
from bailiwick.offline.snippets import mirrored, snippet
from bailiwick.policy.findings import words
from bailiwick.policy.findings.folding import Edge, folded, is_told
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.declared import Declared, DeclaredBy
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
    """The edges of one namespace, and what they are read against."""

    held: Governed
    rules: Mapping[str, Rule]
    edges: Sequence[NamespaceEdge]
    cut: Sequence[NamespaceEdge]
    workloads: Workloads
    foreign: Foreign
    places: Places

    def findings(self) -> Iterator[Finding]:
        """Tell where what is possible is not what is declared."""
        yield from self._widened()
        yield from self._half_open()
        yield from self._closed()
        yield from self._unknown()
        if self.cut:
            yield self._would_be_cut()

    def _widened(self) -> Iterator[Finding]:
        for policy, edges in self._by_policy(State.WIDENED, self.foreign.allows):
            yield self._of_policy(
                policy,
                Severity.ERROR,
                "WidenedByForeign",
                f"{policy} opens what the intent does not declare: {self._told(edges)}. Remove it, "
                "or declare this traffic",
            )

    def _closed(self) -> Iterator[Finding]:
        for policy, edges in self._by_policy(State.CLOSED, self.foreign.denies):
            yield self._of_policy(
                policy,
                Severity.WARNING,
                "NarrowedByForeign",
                f"{policy} denies what the intent declares: {self._told(edges)}",
            )

    def _unknown(self) -> Iterator[Finding]:
        for policy, edges in self._by_policy(State.UNKNOWN, self.foreign.perhaps):
            yield self._of_policy(
                policy,
                Severity.WARNING,
                "Unknown",
                f"{policy} has parts that cannot be evaluated here, so it is not known whether "
                f"this is possible: {self._told(edges)}",
            )
        own = [
            edge
            for edge in self._with(State.UNKNOWN)
            if not self._speaking_of(edge, self.foreign.perhaps)
        ]
        if own:
            yield self._note(
                "Unknown",
                "it is not known whether a range of addresses covers pods here: "
                f"{self._told(own)}. Where pods are meant, name them as a workload",
            )

    def _half_open(self) -> Iterator[Finding]:
        by_rule: dict[tuple[str, str], list[NamespaceEdge]] = defaultdict(list)
        for edge in self._with(State.HALF_OPEN):
            for by in edge.by:
                if not by.from_profile and by.rule in self.rules:
                    by_rule[by.rule, self._other_namespace(edge)].append(edge)
        for (name, other), edges in sorted(by_rule.items()):
            rule, here = self.rules[name], self.held.namespace.name
            yield Finding(
                namespace=here,
                severity=Severity.WARNING,
                code="HalfOpen",
                about=name,
                message=f"rule {name} opens this side only, and namespace {other} does not let it "
                f"through: {self._told(edges)}. Its owner would have to add the other half",
                place=self.places.of(self.held, rule.field),
                detail=other,
                suggestion=snippet(other, [mirrored(rule, here, other)]),
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
        return Finding(
            namespace=self.held.namespace.name,
            severity=Severity.NOTE,
            code=code,
            about="",
            message=message,
            place=self.places.intent(self.held, field),
        )

    def _of_policy(self, policy: str, severity: Severity, code: str, message: str) -> Finding:
        key = self.foreign.keys[policy]
        place = self.places.inventory.place(key.kind, key.namespace, key.name)
        return Finding(self.held.namespace.name, severity, code, policy, message, place)

    def _with(self, state: State) -> list[NamespaceEdge]:
        return [edge for edge in self.edges if edge.state is state]

    def _by_policy(self, state: State, policies: Declared) -> list[tuple[str, list[NamespaceEdge]]]:
        """Return the edges of a state by the policies that speak of them."""
        found: dict[str, list[NamespaceEdge]] = defaultdict(list)
        for edge in self._with(state):
            for policy in self._speaking_of(edge, policies):
                found[policy].append(edge)
        return sorted(found.items())

    def _speaking_of(self, edge: NamespaceEdge, policies: Declared) -> list[str]:
        found: set[DeclaredBy] = set()
        halves = (
            (edge.source, Direction.EGRESS, edge.target),
            (edge.target, Direction.INGRESS, edge.source),
        )
        for own, direction, end in halves:
            for number in self._numbers(own):
                for other in self._numbers(end):
                    found |= policies.by(number, direction, edge.ports, other=other)
                for place in () if isinstance(end, Workload) else (each[0] for each in end):
                    found |= policies.by(number, direction, edge.ports, place=place)
        return sorted(by.rule for by in found)

    def _numbers(self, end: End) -> Sequence[int]:
        return self.workloads.classes[end] if isinstance(end, Workload) else ()

    def _other_namespace(self, edge: NamespaceEdge) -> str:
        ends = [end.namespace for end in (edge.source, edge.target) if isinstance(end, Workload)]
        return next((name for name in ends if name != self.held.namespace.name), "")

    def _told(self, edges: Sequence[NamespaceEdge]) -> str:
        """Name some edges, folded."""
        names = Names(self.workloads.classes, self.held.namespace.name)
        rows = folded((Edge(edge.source, edge.target, edge.ports) for edge in edges), names, _TOLD)
        told = [f"{row.sources} to {row.targets} on {words.ports(row.says)}" for row in rows]
        return words.some(told, _TOLD, "; ")
