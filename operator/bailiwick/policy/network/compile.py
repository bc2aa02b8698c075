"""An effective intent compiled to policies: NetworkPolicies, and Cilium's own where needed.

One policy isolates every pod of the namespace; each rule adds one policy for each of its
halves that lies in the namespace and in an isolated direction. A half in a direction that is
not isolated is left out: it would isolate the pods that it selects. What cannot be resolved
is closed with a finding, never opened wider; what needs a kind that cannot be read is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bailiwick.policy.cluster import ClusterView
from bailiwick.policy.dialects import Dialect
from bailiwick.policy.effective import EffectiveIntent, Internet
from bailiwick.policy.network import cilium, cilium_rules
from bailiwick.policy.network import findings as say
from bailiwick.policy.network.model import CompiledNetwork, Frozen, NetworkFinding, Policy
from bailiwick.policy.network.naming import (
    ISOLATION_NAME,
    Half,
    origin,
    own_labels,
    policy_name,
    rule_label,
    rule_labels,
)
from bailiwick.policy.network.peers import Resolver, is_local
from bailiwick.policy.network.reading import Closed, Reading, Unreadable
from bailiwick.policy.network.resolved import Resolved
from bailiwick.policy.network.specs import Opening, isolation_spec, rule_spec
from bailiwick.policy.network.template_rules import TemplateFailure
from bailiwick.policy.rules import Direction, Entity, EntityPeer, Rule, TemplateRequest
from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import Settings

Rendered = Mapping[str, tuple[Rule, ...] | TemplateFailure]

_HALF: dict[Direction, Half] = {Direction.INGRESS: "ingress", Direction.EGRESS: "egress"}


def compile_network(
    effective: EffectiveIntent,
    rendered: Rendered,
    cluster: ClusterView,
    settings: Settings,
) -> CompiledNetwork:
    """Compile an effective intent; `rendered` gives each template's rules, by allowance name.

    Equal input gives equal output, whatever the order of anything in it.
    """
    work = _Work(effective, Reading(cluster, settings))
    for rule in work.rules_in_force(rendered):
        work.add(rule)
    say.about_host_network(effective.namespace, work.reading, work.findings)
    return work.result()


@dataclass(slots=True)
class _Half:
    """One half of one or more rules that share a name."""

    rule: Rule
    direction: Direction
    selector: Selector
    dialect: Dialect
    openings: list[Opening] = field(default_factory=list)


class _Work:
    def __init__(self, effective: EffectiveIntent, reading: Reading) -> None:
        self.effective = effective
        self.reading = reading
        self.findings: list[NetworkFinding] = []
        self.halves: dict[str, _Half] = {}
        self.frozen: set[Frozen] = set()
        self.frozen_by: dict[str, str] = {}
        self.declared = 0
        self.opened = 0

    def rules_in_force(self, rendered: Rendered) -> list[Rule]:
        """Return allowances, templates' rules and the intent's rules, within the limit."""
        effective, limit = self.effective, self.reading.settings.rule_limit
        rules = sorted(effective.rules, key=lambda r: (r.name, str(r)))
        if len(rules) > limit:
            self.findings.append(say.too_many_rules([r.name for r in rules[limit:]], limit))
            self.declared += sum(_edges(rule) for rule in rules[limit:])
        allowances = list(effective.allowances)
        for request in effective.templates:
            allowances += self._from_template(request, rendered)
        if effective.internet is Internet.OPEN:
            allowances.append(_open_internet(effective))
        return [*sorted(allowances, key=lambda r: (r.name, str(r))), *rules[:limit]]

    def _from_template(self, request: TemplateRequest, rendered: Rendered) -> Sequence[Rule]:
        outcome = rendered.get(request.name, TemplateFailure("it was not rendered"))
        if not isinstance(outcome, TemplateFailure):
            return outcome
        self.declared += 1
        if outcome.unreadable:
            self.frozen_by[outcome.unreadable] = outcome.message
            self.findings.append(say.frozen(request, outcome.unreadable))
            for direction in self.effective.isolate:
                self.frozen.add(Frozen("profile", rule_label(request.name), _HALF[direction]))
        else:
            self.findings.append(say.template_failed(request, outcome.message))
        return ()

    def add(self, rule: Rule) -> None:
        """Compile one rule."""
        self.declared += _edges(rule)
        directions = self._directions(rule)
        try:
            if directions is None:
                raise Closed("NotOurs", say.NOT_OURS)
            if not directions:
                self.opened += _edges(rule)
                return
            dialect = self._dialect(rule)
            resolver = Resolver(self.effective, self.reading, rule, self.findings, dialect)
            source, target = resolver.source(), resolver.target()
            self._halves(rule, source, target, dialect)
            self.opened += max(_edges(rule) - target.closed_ports, 0)
            say.about_workloads(
                rule,
                self.effective.namespace,
                (*source.local, *target.local),
                self.reading,
                self.findings,
            )
        except Closed as closed:
            self.findings.append(
                NetworkFinding(rule.name, closed.code, "closed", closed.message, rule.field)
            )
        except Unreadable as unreadable:
            self._freeze(rule, directions or (), unreadable.kind)

    def _directions(self, rule: Rule) -> list[Direction] | None:
        """Return the isolated directions that a rule has a half in; None where it has none."""
        here = self.effective.namespace
        possible = []
        if is_local(rule.target, here):
            possible.append(Direction.INGRESS)
        if is_local(rule.source, here):
            possible.append(Direction.EGRESS)
        if not possible:
            return None
        return [d for d in possible if d in self.effective.isolate]

    def _dialect(self, rule: Rule) -> Dialect:
        """Choose the one kind of policy that a rule is written in, whatever both could say of it.

        Raises Closed where none can say it.
        """
        if cilium_rules.is_needed(rule, self.reading) and self.reading.speaks_cilium():
            cilium_rules.check(rule)
            return Dialect.CILIUM
        if rule.http and not self.effective.open_ports_without_http:
            raise Closed("NotEnforceable", say.HTTP_CLOSED)
        if rule.http:
            self.findings.append(
                NetworkFinding(rule.name, "NotEnforceable", "warning", say.HTTP_OPEN, rule.field)
            )
        return Dialect.NETWORK_POLICY

    def _halves(self, rule: Rule, source: Resolved, target: Resolved, dialect: Dialect) -> None:
        """Open the halves that lie here: a Service's name alone does not say where its pods are."""
        if not source.local and not target.local:
            raise Closed("NotOurs", say.NOT_OURS)
        ends = {Direction.EGRESS: source, Direction.INGRESS: target}
        here = {d for d, end in ends.items() if end.local and d in self.effective.isolate}
        openings = target.openings
        http = rule.http if dialect is Dialect.CILIUM else ()
        if http:
            openings = cilium_rules.that_carry_http(openings)
        # Requests are told apart once: where they arrive, if that is ours to say.
        at = Direction.INGRESS if Direction.INGRESS in here else Direction.EGRESS
        if Direction.EGRESS in here:
            limits = http if at is Direction.EGRESS else ()
            opened = [each if each.lookups else replace(each, http=limits) for each in openings]
            self._half(rule, Direction.EGRESS, source.local, opened, dialect)
        if Direction.INGRESS in here:
            peers = tuple(peer for opening in source.openings for peer in opening.peers)
            opened = [Opening(peers, opening.ports, http) for opening in openings]
            self._half(rule, Direction.INGRESS, target.local, opened, dialect)

    def _half(
        self,
        rule: Rule,
        direction: Direction,
        selectors: Sequence[Selector],
        openings: Sequence[Opening],
        dialect: Dialect,
    ) -> None:
        for selector in selectors:
            name = policy_name(rule, _HALF[direction], selector, dialect)
            half = self.halves.setdefault(name, _Half(rule, direction, selector, dialect))
            half.openings.extend(openings)

    def _spec(self, half: _Half) -> dict[str, Any]:
        if half.dialect is Dialect.NETWORK_POLICY:
            return rule_spec(half.direction, half.selector, half.openings)
        denied = cilium_rules.denied(half.openings, self.effective)
        return cilium.planned_spec(half.direction, half.selector, half.openings, denied)

    def _freeze(self, rule: Rule, directions: Sequence[Direction], kind: str) -> None:
        self.frozen_by[kind] = self.reading.why_unreadable(kind)
        self.findings.append(say.frozen(rule, kind))
        for direction in directions:
            self.frozen.add(Frozen(origin(rule), rule_label(rule.name), _HALF[direction]))

    def result(self) -> CompiledNetwork:
        policies = [
            Policy(
                name,
                half.rule.name,
                _HALF[half.direction],
                rule_labels(half.rule, _HALF[half.direction]),
                self._spec(half),
                half.dialect,
            )
            for name, half in self.halves.items()
        ]
        if self.effective.isolate:
            policies.append(isolation_policy(self.effective.isolate))
        return CompiledNetwork(
            policies=tuple(sorted(policies, key=lambda p: p.name)),
            findings=tuple(sorted(set(self.findings))),
            depends_on=frozenset(self.reading.looked_at),
            frozen=frozenset(self.frozen),
            frozen_by=dict(sorted(self.frozen_by.items())),
            declared_edges=self.declared,
            opened_edges=self.opened,
        )


def isolation_policy(isolate: frozenset[Direction]) -> Policy:
    """Return the policy that isolates every pod of a namespace in these directions."""
    return Policy(ISOLATION_NAME, "", "isolation", own_labels("isolation"), isolation_spec(isolate))


def _edges(rule: Rule) -> int:
    return max(len(set(rule.ports)), 1)


def _open_internet(effective: EffectiveIntent) -> Rule:
    return Rule(
        name="internet",
        source=None,
        target=EntityPeer(Entity.INTERNET),
        from_profile=True,
        field=f"SecurityProfile {effective.profile}, spec.network.internet",
    )
