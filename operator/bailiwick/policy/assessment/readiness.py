"""The condition Ready: whether the operator did its work, and if not, who has to do what.

Reconciling and Stalled follow the rules of kstatus: the operator goes on by itself, or
somebody has to act.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Literal

from bailiwick.api.meta import BUILT_IN, Reason
from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.assessment.input import AssessmentInput, Truth
from bailiwick.policy.controls.network import closed_by_rule, first_of
from bailiwick.policy.controls.result import count, listing, sentence
from bailiwick.policy.dialects import in_words
from bailiwick.policy.effective import Enforcement
from bailiwick.policy.network.model import CompiledNetwork, NetworkFinding

Progress = Literal["", "Reconciling", "Stalled"]

_NEEDS_A_PERSON = frozenset({"NotEnforceable", "NotOurs", "TooManyRules", "TemplateFailed"})


@dataclass(frozen=True, slots=True)
class Statement:
    """What a condition says. `progress` is whether the operator goes on, or waits for a person."""

    status: Truth
    reason: str
    message: str
    progress: Progress = ""


def readiness(given: AssessmentInput) -> Statement:
    """Say whether all that the intent asks for was done; what hinders most comes first."""
    subject = given.subject
    if not isinstance(subject, Evidence):
        return Statement("False", subject.reason, sentence(subject.message), "Stalled")
    plan = subject.plan
    found = unreadable(subject) or not_written(subject)
    if found:
        return found
    if plan is None:
        return Statement(
            "False", Reason.PROGRESSING, "The rules are being worked out.", "Reconciling"
        )
    found = _refused(subject) or _closed(plan) or _not_rendered(plan)
    if found:
        return found
    if given.outdated_fields:
        return Statement(
            "False",
            Reason.CRD_OUTDATED,
            f"The CustomResourceDefinition in this cluster is older than the operator, so parts of "
            f"this status are left out: {listing(given.outdated_fields)}. Apply the CRDs of the "
            "operator's version.",
            "Stalled",
        )
    return _done(subject, plan)


def unreadable(evidence: Evidence, *, but: Container[str] = ()) -> Statement | None:
    """Name the kinds that cannot be read, if any, those in `but` left out."""
    kinds = {kind: why for kind, why in evidence.unreadable.items() if kind not in but}
    if not kinds:
        return None
    return Statement("False", Reason.UNREADABLE, cannot_read(kinds), "Stalled")


def cannot_read(kinds: Mapping[str, str]) -> str:
    """Say which kinds cannot be read, each with the reason, and what to do."""
    named = listing(f"{kind} ({why})" for kind, why in sorted(kinds.items()))
    return (
        f"The operator cannot read {named}. Policies that need them stay as they are. Give it the "
        "right to list and watch them; it goes on by itself then."
    )


def not_written(evidence: Evidence) -> Statement | None:
    """Name the policies that are not in the cluster as they should be, if any."""
    live = evidence.live
    if live.taken:
        return Statement(
            "False",
            Reason.NAME_TAKEN,
            "The names of these NetworkPolicies are needed here, and others made them: "
            f"{listing(live.taken)}. Nothing was done to them: delete them, or give them another "
            "name.",
            "Stalled",
        )
    if live.failed:
        first = live.failed[0]
        others = listing(each.name for each in live.failed[1:])
        return Statement(
            "False",
            Reason.APPLY_FAILED,
            f"{in_words(first.name)} could not be written, the API server says: "
            f"{sentence(first.words)} What was there stays, and it is tried again."
            + (f" Also: {others}." if others else ""),
            "Reconciling",
        )
    if live.pending:
        return Statement(
            "False",
            Reason.PROGRESSING,
            f"{count(len(live.pending), 'policy', 'policies')} yet to be written or removed: "
            f"{listing(live.pending)}.",
            "Reconciling",
        )
    return None


def _refused(evidence: Evidence) -> Statement | None:
    refused = evidence.effective.loosened
    if not refused:
        return None
    first = refused[0]
    others = listing(each.field for each in refused[1:])
    return Statement(
        "False",
        Reason.LOOSENING_REFUSED,
        f"{first.field} has no effect: {sentence(first.message)}"
        + (f" Also: {others}." if others else ""),
        "Stalled",
    )


def _closed(plan: CompiledNetwork) -> Statement | None:
    closed = [*closed_by_rule(plan, allowances=True), *closed_by_rule(plan, allowances=False)]
    if not closed:
        return None
    stuck = any(each.code in _NEEDS_A_PERSON for each in closed)
    return Statement(
        "False",
        closed_reason(closed),
        f"{count(len(closed), 'rule')} not in force: {first_of(closed)}",
        "Stalled" if stuck else "Reconciling",
    )


def _not_rendered(plan: CompiledNetwork) -> Statement | None:
    """Say why allowances are frozen, where it is not that a kind cannot be read."""
    if not plan.frozen_by:
        return None
    return Statement(
        "False",
        Reason.TEMPLATE_FAILED,
        "Allowances that templates give stay as they were, and it is tried again: "
        f"{sentence('; '.join(plan.frozen_by.values()))}",
        "Reconciling",
    )


def closed_reason(closed: list[NetworkFinding]) -> Reason:
    """Return the reason to give for rules that are closed."""
    codes = {each.code for each in closed}
    if "TemplateFailed" in codes:
        return Reason.TEMPLATE_FAILED
    if "TooManyRules" in codes:
        return Reason.TOO_MANY_RULES
    return Reason.RULES_NOT_ENFORCEABLE


def _done(evidence: Evidence, plan: CompiledNetwork) -> Statement:
    policies = count(len(plan.policies), "policy", "policies")
    profile = f"profile {evidence.effective.profile}"
    if evidence.effective.profile == BUILT_IN:
        profile = "the built-in profile, since no SecurityProfile is the default"
    if evidence.effective.enforcement is Enforcement.AUDIT:
        return Statement(
            "True",
            Reason.AUDIT_ONLY,
            f"Nothing is applied, because enforcement is Audit; with Enforce it would be "
            f"{policies}. Held to {profile}.",
        )
    return Statement("True", Reason.SUCCEEDED, f"{policies} in place, by {profile}.")
