"""What is possible in a namespace, given every policy, and where that is not what is declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bailiwick.api.meta import ORIGIN_LABEL
from bailiwick.policy.effective import EffectiveIntent, Enforcement
from bailiwick.policy.findings.edges import EdgeReport, Foreign
from bailiwick.policy.findings.finding import (
    PLATFORM_TEAM,
    Finding,
    Severity,
    in_order,
)
from bailiwick.policy.findings.folding import Edge, folded, is_told
from bailiwick.policy.findings.incoming import Ask, Incoming, incoming
from bailiwick.policy.findings.isolation import unisolated
from bailiwick.policy.findings.words import Names, outside
from bailiwick.policy.findings.words import ports as in_words
from bailiwick.policy.network.model import CompiledNetwork
from bailiwick.policy.reach.declared import Declared, DeclaredBy
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import Policy, PolicyKey
from bailiwick.policy.reach.namespace_edges import (
    NamespaceEdge,
    State,
    cut_edges,
    namespace_edges,
)
from bailiwick.policy.reach.neighbourhood import Neighbourhood
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.workloads import Workloads


@dataclass(frozen=True, slots=True)
class Desired:
    """The policies that an intent comes to, each with the rule that it was made of."""

    policies: tuple[Policy, ...]
    made_of: Mapping[PolicyKey, DeclaredBy | None]

    @classmethod
    def of(cls, namespace: str, compiled: CompiledNetwork) -> Desired:
        """Read them from what compiling an intent gave."""
        policies, made_of = [], {}
        for each in compiled.policies:
            from_profile = each.labels.get(ORIGIN_LABEL) == "profile"
            for policy in each.read(namespace):
                made_of[policy.key] = DeclaredBy(each.rule, from_profile) if each.rule else None
                policies.append(policy)
        return cls(tuple(policies), made_of)

    def requests(self) -> dict[DeclaredBy, tuple[str, ...]]:
        """Return the requests that rules are limited to, in words."""
        found: dict[DeclaredBy, tuple[str, ...]] = {}
        for policy in self.policies:
            by = self.made_of[policy.key]
            limits = (rule.http for side in policy.sides.values() for rule in side.rules)
            for http in filter(None, limits):
                if by is not None:
                    found[by] = http
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """Connections that say the same, in words."""

    sources: str
    targets: str
    ports: str


@dataclass(frozen=True, slots=True, order=True)
class EdgeRow:
    """An edge in words, its state, and the rules that open it."""

    source: str
    target: str
    ports: str
    state: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What Enforce would change: how many connections it would cut, which, and how many stay."""

    cut: int
    stay: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class NamespaceReach:
    """What a namespace's policies come to.

    An edge is one workload of the namespace with one other end: a workload, addresses outside, or
    everyone else where a side restricts nobody. `declared_edges` are those that intent and
    profile declare, `effective_edges` those that are possible today; ports are not counted.
    `audit` is there while nothing is enforced. `unreadable` are the kinds of policies that could
    not be read, with the reason: nothing here is certain then.
    """

    declared_edges: int
    effective_edges: int
    findings: tuple[Finding, ...] = ()
    incoming: tuple[Incoming, ...] = ()
    audit: Audit | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[EdgeRow, ...] = ()

    def of_code(self, *codes: str) -> list[Finding]:
        """Return the findings of some codes."""
        return [each for each in self.findings if each.code in codes]


@dataclass(frozen=True)
class Held:
    """A namespace as it is held: what is there, and what there is to be.

    `live` are the policies that are in the namespace, of which `foreign` were made by others;
    those of the whole cluster are in the `neighbourhood`.
    """

    effective: EffectiveIntent
    desired: Desired
    live: Sequence[Policy]
    foreign: frozenset[PolicyKey]
    neighbourhood: Neighbourhood
    asks: Sequence[Ask] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def look(self) -> NamespaceReach:
        """Work out what is possible, and where it is not what is declared."""
        here = self.effective.namespace
        edges = namespace_edges(here, self._read, self._declared)
        cut = cut_edges(here, self._now, self._read) if self._is_audit else []
        today = namespace_edges(here, self._now, self._declared_today) if self._is_audit else edges
        rules = {rule.name: rule for rule in self.effective.rules}
        report = EdgeReport(
            here, rules, self._names, edges, cut, self._read, self._declared, self._foreign_policies
        )
        findings = [
            *self._unread(),
            *report.findings(),
            *unisolated(self.effective, self._now.graph, self._names),
        ]
        audit = self._audited(report, today) if self._is_audit else None
        return NamespaceReach(
            len({(e.source, e.target) for e in _counted(edges) if e.state in _DECLARED}),
            len({(e.source, e.target) for e in _counted(today) if e.state in _POSSIBLE}),
            tuple(in_order(findings)),
            tuple(incoming(here, self._read.graph, self.asks)),
            audit,
            self.unreadable,
            tuple(sorted(self._row(edge) for edge in _counted(edges))),
        )

    def _row(self, edge: NamespaceEdge) -> EdgeRow:
        ends = [
            self._names.one(end) if isinstance(end, Workload) else outside(end)
            for end in (edge.source, edge.target)
        ]
        by = tuple(sorted({each.rule for each in edge.by}))
        return EdgeRow(ends[0], ends[1], in_words(edge.ports), edge.state.value, by)

    @property
    def _is_audit(self) -> bool:
        return self.effective.enforcement is Enforcement.AUDIT

    @cached_property
    def _now(self) -> Workloads:
        """What is possible today."""
        return Workloads(self.neighbourhood.graph(self.live))

    @cached_property
    def _read(self) -> Workloads:
        """What is possible today, or in Audit would be once it is enforced."""
        if not self._is_audit:
            return self._now
        others = [policy for policy in self.live if policy.key in self.foreign]
        return Workloads(self.neighbourhood.graph([*others, *self.desired.policies]))

    @cached_property
    def _declared(self) -> Declared:
        return self._declared_in(self._read.graph)

    @cached_property
    def _declared_today(self) -> Declared:
        return self._declared_in(self._now.graph)

    def _declared_in(self, graph: Graph) -> Declared:
        return Declared(graph, self.desired.made_of, policies=self.desired.policies)

    @cached_property
    def _names(self) -> Names:
        near = self.neighbourhood
        return Names(self._now.classes, near.here, near.others)

    @property
    def _foreign_policies(self) -> Foreign:
        everywhere = {policy.key for policy in self.neighbourhood.policies}
        cluster_wide = {key for key in everywhere if not key.namespace}
        return Foreign.of(self._read.graph, sorted(self.foreign | cluster_wide))

    def _unread(self) -> Iterator[Finding]:
        for kind, why in sorted(self.unreadable.items()):
            yield Finding(
                self.effective.namespace,
                Severity.WARNING,
                "Unknown",
                kind,
                f"{kind} cannot be read ({why}): what they allow or deny is in nothing that is "
                "said here. Give the operator the right to list and watch them",
                mender=PLATFORM_TEAM,
            )

    def _audited(self, report: EdgeReport, today: Iterable[NamespaceEdge]) -> Audit:
        told = [edge for edge in report.cut if is_told(edge.source, edge.target)]
        rows = folded((Edge(e.source, e.target, e.ports) for e in told), self._names)
        gone = {(edge.source, edge.target) for edge in told}
        possible = {(e.source, e.target) for e in _counted(today) if e.state in _POSSIBLE}
        return Audit(
            len(gone),
            len(possible - gone),
            tuple(Row(row.sources, row.targets, in_words(row.says)) for row in rows),
        )


_DECLARED = frozenset({State.OPEN, State.CLOSED, State.HALF_OPEN})
_POSSIBLE = frozenset({State.OPEN, State.WIDENED})


def _counted(edges: Iterable[NamespaceEdge]) -> Iterator[NamespaceEdge]:
    """Go through the edges that people count: few workloads talk to themselves."""
    return (edge for edge in edges if is_told(edge.source, edge.target))
