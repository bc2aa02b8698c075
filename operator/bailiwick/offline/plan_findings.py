"""Findings of a plan: of the manifests, and of what merging and compiling intents said."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from bailiwick.api.meta import INTENT_NAME
from bailiwick.offline.documents import Place
from bailiwick.offline.findings import Finding
from bailiwick.offline.governing import Governed
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.policy_findings import of_ranges, of_unknown_fields
from bailiwick.policy.findings.finding import Severity, of_compiler, of_review
from bailiwick.policy.reach.model import PolicyKey
from bailiwick.policy.rules import Rule

_INTENT: Final = "SecurityIntent"
_PROFILE: Final = "SecurityProfile"
_ALLOWANCE: Final = "allowance "
_OF_OTHERS: Final = frozenset(
    {
        "TooWide",
        "NamespaceNotFound",
        "NoEndpoints",
        "UnresolvedPort",
        "ServiceNotFound",
    }
)
"""What cannot be known of a namespace that is not in the manifests."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where findings about a namespace stand: at its intent, or at its profile."""

    inventory: Inventory

    def intent(self, held: Governed, field: str = "") -> Place:
        """Return where a field of the namespace's intent stands, or the namespace."""
        name = held.namespace.name
        if held.has_intent:
            return self.inventory.place(_INTENT, name, INTENT_NAME, field)
        return self.inventory.place("Namespace", "", name)

    def of_policy(self, policy: PolicyKey) -> Place:
        """Return where a policy stands."""
        return self.inventory.place(policy.kind, policy.namespace, policy.name)

    def of(self, held: Governed, field: str) -> Place:
        """Return where the field of a message stands: `SecurityProfile NAME, allowance dns`."""
        if held.effective is None or not field.startswith(f"{_PROFILE} "):
            return self.intent(held, field)
        at = field.partition(", ")[2]
        if at.startswith(_ALLOWANCE):
            at = f"spec.network.allowances[{at.removeprefix(_ALLOWANCE)}]"
        return self.inventory.place(_PROFILE, "", held.effective.profile, at)


def of_manifests(inventory: Inventory) -> Iterator[Finding]:
    """Tell what of the manifests themselves may not be meant, or cannot be evaluated."""
    for remark in inventory.remarks:
        yield Finding(
            namespace=remark.namespace,
            severity=Severity.WARNING,
            code=remark.code,
            about=remark.about,
            message=remark.message,
            place=remark.place,
            detail=remark.detail,
        )
    for kind, namespace, name in sorted(inventory.not_evaluated):
        what = f"{kind} {namespace + '/' if namespace else ''}{name}"
        message = f"{what} is not evaluated here: what it may allow or deny is told as not known"
        place = inventory.place(kind, namespace, name)
        yield Finding(namespace, Severity.WARNING, "NotEvaluated", what, message, place)
    yield from of_ranges(inventory)
    yield from of_unknown_fields(inventory)


def of_intent(held: Governed, places: Places, unknown: Collection[str]) -> Iterator[Finding]:
    """Tell what stands between an intent and what it asks for.

    `unknown` are the namespaces that rules name and the manifests do not have.
    """
    namespace = held.namespace.name
    problem, effective = held.binding.problem, held.effective
    if problem is not None:
        place = places.intent(held)
        yield Finding(namespace, Severity.ERROR, problem.reason, "", problem.message, place)
    if effective is None:
        return
    for refusal in effective.loosened:
        message = f"{refusal.field}: {refusal.message}"
        place = places.of(held, refusal.field)
        yield Finding(namespace, Severity.ERROR, "Refused", refusal.field, message, place)
    for review in effective.reviews:
        told = of_review(namespace, review)
        yield Finding.at(places.of(held, told.field), told)
    elsewhere = {
        rule.field: names
        for rule in (*effective.rules, *effective.allowances)
        if (names := sorted(rule.namespaces() & set(unknown)))
    }
    for rule in effective.rules:
        for name in elsewhere.get(rule.field, ()):
            yield _elsewhere(held, rule, name, places)
    for finding in held.compiled.findings:
        if finding.field not in elsewhere or finding.code not in _OF_OTHERS:
            told = of_compiler(namespace, finding)
            yield Finding.at(places.of(held, told.field), told)


def _elsewhere(held: Governed, rule: Rule, namespace: str, places: Places) -> Finding:
    return Finding(
        namespace=held.namespace.name,
        severity=Severity.NOTE,
        code="NotInManifests",
        about=rule.name,
        message=f"rule {rule.name}: namespace {namespace} is not in these manifests, so whether "
        "it lets this through is not known",
        place=places.of(held, rule.field),
        detail=namespace,
    )
