"""Why a connection is possible or not, in words, and what would make it so."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bailiwick.offline.ends import NamedEnd
from bailiwick.offline.planning import Plan
from bailiwick.offline.suggestions import Suggester
from bailiwick.offline.table import WIDTH
from bailiwick.policy.ports import Port
from bailiwick.policy.reach.explain import Explanation, Place, explain
from bailiwick.policy.reach.halves import Half, Outcome, Reason
from bailiwick.policy.reach.model import Action, PolicyKey

_VERBS: Final = {
    Action.ALLOW: "allows this",
    Action.DENY: "denies this",
    Action.PASS: "leaves this to the policies of the next tier",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of connections from one end to another on one port, and why.

    `labels` tell the pods apart of which this holds, where it does not hold for all of a
    workload. `enforced` is the outcome with every intent enforced, where that is another.
    """

    source: NamedEnd
    target: NamedEnd
    port: Port
    explanation: Explanation
    labels: tuple[str, ...] = ()
    enforced: Outcome | None = None
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains connections in a plan."""

    plan: Plan

    def answers(self, source: NamedEnd, target: NamedEnd, ports: Iterable[Port]) -> list[Answer]:
        """Explain each port; pods of which all is alike are in one answer."""
        suggester = Suggester.of(self.plan)
        answers = []
        for port in ports:
            groups = self._groups(source, target, port)
            for explanation, pairs in groups.items():
                answers.append(
                    Answer(
                        source,
                        target,
                        port,
                        explanation,
                        self._labels(pairs) if len(groups) > 1 else (),
                        self._enforced(pairs[0], port, explanation),
                        tuple(suggester.suggest(source, target, port, explanation)),
                    )
                )
        return answers

    def as_text(self, answer: Answer) -> list[str]:
        """Return the lines that tell an answer."""
        outcome = answer.explanation.outcome
        lines = [f"{_ends(answer)} on {answer.port}: {_in_words(outcome)}"]
        lines += [f"  for pods with {labels}" for labels in answer.labels]
        for half, verb, end in _halves(answer):
            lines += ["", f"  {verb} {end}: {_in_words(half.outcome)}"]
            for told in dict.fromkeys(self.reasons(half)):
                lines += textwrap.wrap(
                    told,
                    WIDTH,
                    initial_indent="    ",
                    subsequent_indent="      ",
                    break_on_hyphens=False,
                    break_long_words=False,
                )
        if answer.enforced is not None:
            lines += ["", f"  With every intent enforced it would be {_in_words(answer.enforced)}."]
        for suggestion in answer.suggestions:
            lines += ["", "  To allow it, add", *(f"    {s}" for s in suggestion.splitlines())]
        if outcome is Outcome.DENIED and not answer.suggestions:
            lines += ["", "  No rule can allow it: who owns what denies it has to change that."]
        return lines

    def as_data(self, answer: Answer) -> dict[str, Any]:
        """Return an answer as JSON."""
        found: dict[str, Any] = {
            "from": answer.source.text,
            "to": answer.target.text,
            "port": str(answer.port),
            "outcome": answer.explanation.outcome.value,
        }
        if answer.labels:
            found["pods"] = list(answer.labels)
        for half, _, _ in _halves(answer):
            found[half.direction.value.lower()] = {
                "outcome": half.outcome.value,
                "reasons": [_reason_data(reason) for reason in half.reasons],
                "passed": [_reason_data(reason) for reason in half.passed],
            }
        if answer.enforced is not None:
            found["enforced"] = answer.enforced.value
        if answer.suggestions:
            found["add"] = list(answer.suggestions)
        return found

    def reasons(self, half: Half) -> Iterator[str]:
        """Say what decided a half, policy by policy, rule by rule."""
        if not half.reasons:
            yield "no policy restricts this, so everything is open"
        ours = []
        for reason in (*half.passed, *half.reasons):
            if reason.policy is None:
                yield f"Kubernetes always lets through {reason.rule}"
            elif reason.action is None and reason.policy in self.plan.made_of:
                ours.append(self.plan.made_of[reason.policy])
            else:
                yield self._reason(reason, reason.policy)
        if ours:
            named = sorted({by.rule for by in ours if by is not None})
            those = f"; those are: {', '.join(named)}" if named else ""
            sure = "" if half.outcome is Outcome.DENIED else " for certain"
            yield f"the intent isolates it, and none of its rules for it allows this{sure}{those}"

    def _groups(
        self, source: NamedEnd, target: NamedEnd, port: Port
    ) -> dict[Explanation, list[tuple[Place, Place]]]:
        workloads = self.plan.world.workloads
        found: dict[Explanation, list[tuple[Place, Place]]] = {}
        for one in source.places(workloads):
            for other in target.places(workloads):
                told = explain(workloads.graph, one, other, port.protocol, port.first)
                found.setdefault(told, []).append((one, other))
        return found

    def _enforced(
        self, pair: tuple[Place, Place], port: Port, explanation: Explanation
    ) -> Outcome | None:
        graph = self.plan.after.workloads.graph
        outcome = explain(graph, *pair, port.protocol, port.first).outcome
        return outcome if outcome is not explanation.outcome else None

    def _labels(self, pairs: Iterable[tuple[Place, Place]]) -> tuple[str, ...]:
        classes = self.plan.world.workloads.graph.classes
        found = {
            ", ".join(f"{key}={value}" for key, value in classes[place.number].signature.labels)
            for pair in pairs
            for place in pair
            if place.number is not None
        }
        return tuple(sorted(found))

    def _reason(self, reason: Reason, policy: PolicyKey) -> str:
        rule = f", {reason.rule}" if reason.rule else ""
        made_of = self.plan.made_of.get(policy)
        if made_of is not None:
            of = "allowance {} of the profile" if made_of.from_profile else "rule {} of the intent"
            rule = f", of {of.format(made_of.rule)},"
        if reason.unknown:
            return f"{policy}{rule} may say something of this: {reason.unknown}"
        if reason.action is None:
            return f"{policy} isolates it, and no rule allows this"
        only = f", for these requests only: {'; '.join(reason.http)}" if reason.http else ""
        return f"{policy}{rule} {_VERBS[reason.action]}{only}"


def _halves(answer: Answer) -> Iterator[tuple[Half, str, str]]:
    egress, ingress = answer.explanation.egress, answer.explanation.ingress
    if egress is not None:
        yield egress, "Leaving", answer.source.name
    if ingress is not None:
        yield ingress, "Entering", answer.target.name


def _ends(answer: Answer) -> str:
    return f"{answer.source.name} → {answer.target.name}"


def _in_words(outcome: Outcome) -> str:
    return "not known" if outcome is Outcome.UNKNOWN else outcome.value.lower()


def _reason_data(reason: Reason) -> dict[str, Any]:
    found: dict[str, Any] = {"policy": str(reason.policy or "")}
    if reason.rule:
        found["rule"] = reason.rule
    if reason.action is not None:
        found["action"] = reason.action.value
    if reason.unknown:
        found["unknown"] = reason.unknown
    if reason.http:
        found["http"] = list(reason.http)
    return found
