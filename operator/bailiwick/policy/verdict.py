"""Everything that is known of a namespace, made into one assessment of it.

Compliant is True only where every control that counts holds, the operator did its work, all
evidence could be read and is fresh, and something is known to enforce the policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from bailiwick.api.meta import ConditionType, Reason
from bailiwick.policy.assessment import aspects, history
from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.assessment.input import (
    Assessment,
    AssessmentInput,
    Condition,
    ControlReport,
    Transition,
    Truth,
)
from bailiwick.policy.assessment.previous import (
    condition_status,
    since_of_condition,
    since_of_control,
)
from bailiwick.policy.assessment.readiness import Statement, readiness
from bailiwick.policy.binding import Problem
from bailiwick.policy.controls.evaluate import Evaluated, evaluate, not_evaluated
from bailiwick.policy.controls.hygiene import too_old_at
from bailiwick.policy.controls.network import ENFORCER_UNKNOWN
from bailiwick.policy.controls.result import Outcome
from bailiwick.policy.effective import EffectiveIntent, Enforcement

NOTHING_EVALUATED = (
    "No control was evaluated: the profile switches all of them off, so there is nothing to be "
    "compliant with. Ask the platform team to switch on those that matter."
)
_ISOLATION = frozenset({"network-isolated-ingress", "network-isolated-egress"})


def assess(given: AssessmentInput) -> Assessment:
    """Assess a namespace. Equal input gives equal output."""
    ready = readiness(given)
    subject = given.subject
    if isinstance(subject, Evidence):
        controls = evaluate(subject)
        statements = _of_evidence(subject, ready, controls)
    else:
        exempt = subject.reason == Reason.NAMESPACE_EXEMPT
        controls = () if exempt else not_evaluated(subject.message)
        statements = _of_problem(ready, subject)
    past, omitted = _history(given, statements[ConditionType.COMPLIANT])
    return Assessment(
        conditions=_conditions(given, statements, ready),
        controls=tuple(
            ControlReport(each, _since(given, each.control.id, each.result.outcome))
            for each in controls
        ),
        history=past,
        history_omitted=omitted,
        next_change=_next_change(subject) if isinstance(subject, Evidence) else None,
    )


def _of_evidence(
    evidence: Evidence, ready: Statement, controls: Sequence[Evaluated]
) -> dict[ConditionType, Statement]:
    fresh = aspects.evidence_fresh(evidence)
    return {
        ConditionType.READY: ready,
        ConditionType.NETWORK_ENFORCED: aspects.network_enforced(evidence, controls),
        ConditionType.IMAGES_WITHIN_POLICY: aspects.images_within_policy(evidence, controls),
        ConditionType.EXCEPTIONS_VALID: aspects.exceptions_valid(evidence),
        ConditionType.EVIDENCE_FRESH: fresh,
        ConditionType.COMPLIANT: compliant(evidence, ready, fresh, controls),
    }


def _of_problem(ready: Statement, problem: Problem) -> dict[ConditionType, Statement]:
    unknown = aspects.NOT_EVALUATED
    unread = Statement("Unknown", problem.reason, ready.message)
    return {
        ConditionType.READY: ready,
        ConditionType.NETWORK_ENFORCED: unknown,
        ConditionType.IMAGES_WITHIN_POLICY: unknown,
        ConditionType.EXCEPTIONS_VALID: unknown,
        ConditionType.EVIDENCE_FRESH: unread if problem.reason == Reason.UNREADABLE else unknown,
        ConditionType.COMPLIANT: unread,
    }


def compliant(
    evidence: Evidence, ready: Statement, fresh: Statement, controls: Sequence[Evaluated]
) -> Statement:
    """Give the verdict. What cannot be known outweighs what fails: it may be worse than shown."""
    failing = [each for each in controls if each.result.outcome is Outcome.FAIL]
    unclear = [each for each in controls if each.result.outcome is Outcome.ERROR]
    enforcing = evidence.effective.enforcement is Enforcement.ENFORCE
    if evidence.unreadable:
        return Statement("Unknown", Reason.UNREADABLE, fresh.message)
    if enforcing and evidence.effective.isolate and not evidence.settings.enforcer:
        also = f" Besides, {aspects.named(failing, 'fails', 'fail')}" if failing else ""
        message = "Nothing is known to enforce NetworkPolicy in this cluster."
        return Statement("Unknown", Reason.ENFORCEMENT_UNPROVEN, message + also)
    if failing:
        audit = not enforcing and {each.control.id for each in failing} <= _ISOLATION
        return Statement(
            "False",
            Reason.AUDIT_ONLY if audit else Reason.CONTROLS_FAILED,
            aspects.named(failing, "fails", "fail"),
        )
    if fresh.status != "True":
        return Statement("Unknown", fresh.reason, fresh.message)
    if unclear:
        words = "could not be evaluated"
        return Statement("Unknown", Reason.NOT_EVALUATED, aspects.named(unclear, words, words))
    if ready.status != "True":
        return Statement("Unknown", ready.reason, ready.message)
    if not evidence.settings.enforcer:
        return Statement("Unknown", Reason.ENFORCEMENT_UNPROVEN, ENFORCER_UNKNOWN)
    return _holds(evidence.effective, controls)


def _holds(effective: EffectiveIntent, controls: Sequence[Evaluated]) -> Statement:
    passing = sum(each.result.outcome is Outcome.PASS for each in controls)
    warnings = [each for each in controls if each.result.outcome is Outcome.WARN]
    if not passing and not warnings:
        return Statement("Unknown", Reason.NOT_EVALUATED, NOTHING_EVALUATED)
    message = f"All controls that count hold: {passing} pass."
    if warnings:
        message += f" {aspects.named(warnings, 'warns', 'warn')}"
    if not effective.isolate:
        message += f" Profile {effective.profile} asks for no isolation, so there is none."
    return Statement("True", Reason.COMPLIANT, message)


def _conditions(
    given: AssessmentInput, statements: dict[ConditionType, Statement], ready: Statement
) -> tuple[Condition, ...]:
    everything = dict(statements)
    if ready.progress:
        everything[ConditionType(ready.progress)] = Statement("True", ready.reason, ready.message)
    return tuple(
        Condition(
            type=kind.value,
            status=each.status,
            reason=str(each.reason),
            message=each.message,
            observed_generation=given.generation,
            last_transition_time=since_of_condition(given.previous, kind, each.status) or given.now,
        )
        for kind, each in everything.items()
    )


def _since(given: AssessmentInput, control: str, outcome: Outcome) -> datetime:
    return since_of_control(given.previous, control, outcome) or given.now


def _history(given: AssessmentInput, verdict: Statement) -> tuple[tuple[Transition, ...], int]:
    past, omitted = history.read(given.previous)
    was = cast(Truth, condition_status(given.previous, ConditionType.COMPLIANT))
    if was != verdict.status:
        entry = history.follow(
            past, given.now, was, verdict.status, str(verdict.reason), verdict.message
        )
        past = (*past, entry)
    return history.bounded(past, omitted)


def _next_change(evidence: Evidence) -> datetime | None:
    instants = [evidence.effective.changes_at]
    instants += [each.standing.changes_at for each in evidence.exceptions]
    limit = evidence.effective.images.max_age
    for image in evidence.images or ():
        if image.state is not None:
            instants.append(image.state.changes_at)
        if limit is not None:
            instants.append(too_old_at(image, limit))
    soon = evidence.now + timedelta(microseconds=1)
    return min((at for at in instants if at is not None and at >= soon), default=None)
