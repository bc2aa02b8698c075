"""What to add so that a connection becomes possible: rules of intents, or policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bailiwick.api.intent import AllowRule
from bailiwick.offline.ends import INTERNET, NamedEnd
from bailiwick.offline.planning import Plan
from bailiwick.offline.selecting import labels_of
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.declared import declared_rule
from bailiwick.policy.effective import EffectiveIntent, Refusal
from bailiwick.policy.findings.mirror import ports
from bailiwick.policy.limits import beyond_profile
from bailiwick.policy.network.naming import slug
from bailiwick.policy.ports import Port
from bailiwick.policy.reach.explain import Explanation
from bailiwick.policy.reach.halves import Outcome
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.rules import Direction
from bailiwick.reports.snippets import policy_as_yaml, snippet

JSON = dict[str, Any]

_SIDES = {Direction.INGRESS: ("to", "from"), Direction.EGRESS: ("from", "to")}
_LISTS = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}


@dataclass(frozen=True, slots=True)
class Suggester:
    """Suggests what to add; where the profile would refuse that, a comment says so.

    `rules` are the names of the rules of each namespace that has an intent, `intents` what those
    are held to.
    """

    cluster: FixedCluster
    rules: Mapping[str, frozenset[str]]
    intents: Mapping[str, EffectiveIntent]

    @classmethod
    def of(cls, plan: Plan) -> Suggester:
        """Make one for all namespaces of a plan."""
        effective = {each.name: each.held.effective for each in plan.namespaces}
        return cls(
            plan.cluster,
            {each.name: each.rules for each in plan.namespaces},
            {name: held for name, held in effective.items() if held is not None},
        )

    def suggest(
        self, source: NamedEnd, target: NamedEnd, port: Port, explanation: Explanation
    ) -> list[str]:
        """Return YAML that opens what is denied; none where a rule of somebody else denies it."""
        denied = [
            half
            for half in (explanation.egress, explanation.ingress)
            if half is not None and half.outcome is Outcome.DENIED
        ]
        if any(reason.rule for half in denied for reason in half.reasons):
            return []
        rules: dict[str, list[JSON]] = {}
        policies: list[str] = []
        for half in denied:
            is_egress = half.direction is Direction.EGRESS
            own, other = (source, target) if is_egress else (target, source)
            for workload in own.workloads:
                if workload.namespace in self.rules:
                    rule = self._rule(half.direction, workload, other, port)
                    known = rules.setdefault(workload.namespace, [])
                    known += [] if rule in known else [rule]
                else:
                    policies.append(self._policy(half.direction, workload, other, port))
        return [self._snippet(namespace, known) for namespace, known in rules.items()] + policies

    def _snippet(self, namespace: str, rules: Sequence[JSON]) -> str:
        refusals = dict.fromkeys(filter(None, (self._refusal(namespace, r) for r in rules)))
        return "\n".join([*(f"# {each}" for each in refusals), snippet(namespace, rules)])

    def _refusal(self, namespace: str, given: JSON) -> str:
        """Say why the profile of a namespace would refuse a rule; empty where it would not."""
        held = self.intents.get(namespace)
        if held is None:
            return ""
        rule = declared_rule(namespace, AllowRule.model_validate(given))
        problem = (
            rule
            if isinstance(rule, Refusal)
            else beyond_profile(
                rule, namespace, held.may_declare, held.internet, self.cluster.namespace
            )
        )
        return f"Refused by SecurityProfile {held.profile}: {problem.message}" if problem else ""

    def _rule(self, direction: Direction, own: Workload, other: NamedEnd, port: Port) -> JSON:
        mine, theirs = _SIDES[direction]
        sides = {
            mine: {"workload": self._selector(own)},
            theirs: self._peer(other, own.namespace),
        }
        name = _name(direction, own, other)
        if name in self.rules[own.namespace]:
            name = slug(f"{name}-{port}", 63)
        return {
            "name": name,
            "from": sides["from"],
            "to": sides["to"],
            "ports": ports([port]),
            "reason": "say why",
        }

    def _policy(self, direction: Direction, own: Workload, other: NamedEnd, port: Port) -> str:
        section, side = _LISTS[direction]
        entry: JSON = {side: list(self._network_peers(other, own.namespace))}
        entry["ports"] = [port.to_json()]
        spec = {
            "podSelector": self._selector(own),
            "policyTypes": [direction.value],
            section: [entry],
        }
        # Both halves may be needed, and each is a policy of its own.
        name = slug(f"{_name(direction, own, other)}-{section}", 63)
        return policy_as_yaml(own.namespace, name, spec)

    def _peer(self, end: NamedEnd, here: str) -> JSON:
        if end.address:
            return {"entity": "Internet"} if _is_internet(end) else {"cidr": _block(end)}
        workload = end.workloads[0]
        peer: JSON = {"workload": self._selector(workload)}
        return peer if workload.namespace == here else {"namespace": workload.namespace, **peer}

    def _network_peers(self, end: NamedEnd, here: str) -> Iterator[JSON]:
        if end.address:
            yield {"ipBlock": {"cidr": "0.0.0.0/0" if _is_internet(end) else _block(end)}}
        for workload in end.workloads:
            peer: JSON = {"podSelector": self._selector(workload)}
            if workload.namespace != here:
                name = {"kubernetes.io/metadata.name": workload.namespace}
                peer = {"namespaceSelector": {"matchLabels": name}, **peer}
            yield peer

    def _selector(self, workload: Workload) -> JSON:
        labels: Mapping[str, str] = labels_of(workload, self.cluster.pods(workload.namespace))
        return {"matchLabels": dict(labels)} if labels else {}


def _name(direction: Direction, own: Workload, other: NamedEnd) -> str:
    there = other.workloads[0].name if other.workloads else other.address
    there = INTERNET if _is_internet(other) else there
    ends = (own.name, there) if direction is Direction.EGRESS else (there, own.name)
    return slug("-to-".join(ends), 63)


def _is_internet(end: NamedEnd) -> bool:
    return end.text.partition(":")[0] == INTERNET


def _block(end: NamedEnd) -> str:
    return f"{end.address}/{128 if ':' in end.address else 32}"
