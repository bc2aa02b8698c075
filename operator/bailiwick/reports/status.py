"""The status of a SecurityIntent: an assessment in the API's JSON, and whether to write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bailiwick.api.intent_status import REFUSED_LIMIT
from bailiwick.api.rescan import RESCAN_FAILED_LIMIT
from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.assessment.history import stamp
from bailiwick.policy.assessment.input import (
    Assessment,
    AssessmentInput,
    Condition,
    ControlReport,
    Rescan,
    Transition,
)
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.controls.control import Stage
from bailiwick.policy.controls.result import Outcome
from bailiwick.reports.exceptions import exceptions_status
from bailiwick.reports.fields import (
    JSON,
    bounded,
    differs,
    line,
    message,
    moment,
    present,
    without_fields,
)
from bailiwick.reports.images import images_status, next_due, overdue
from bailiwick.reports.network import network_status

_TO_BE_MENDED = frozenset({Outcome.FAIL, Outcome.WARN, Outcome.ERROR})


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """A status for server-side apply; `write` is False where nothing has to be written.

    `next_wake` is when time alone asks for another look: a date, a deadline, or the heartbeat.
    """

    status: JSON
    write: bool
    next_wake: datetime


def update(given: AssessmentInput, assessment: Assessment, heartbeat: timedelta) -> StatusUpdate:
    """Make the status of an intent, written where it says something new or the heartbeat is due."""
    status = without_fields(intent_status(given, assessment), given.outdated_fields)
    write, evaluated_at = needs_write(given, status, heartbeat)
    status = without_fields({**status, "evaluatedAt": stamp(evaluated_at)}, given.outdated_fields)
    wakes = [evaluated_at + heartbeat]
    if assessment.next_change is not None:
        wakes.append(assessment.next_change)
    return StatusUpdate(status, write, min(wakes))


def needs_write(
    given: AssessmentInput, status: JSON, heartbeat: timedelta
) -> tuple[bool, datetime]:
    """Say whether a status is to be written, and the evaluatedAt that it then has."""
    last = instant(given.previous.get("evaluatedAt"))
    if differs(given.previous, status, "evaluatedAt"):
        return True, given.now
    if last is None:
        return "evaluatedAt" not in given.outdated_fields, given.now
    # An instant in the future is not ours, or the clock was wrong: it must not silence us.
    due = given.now >= last + heartbeat or last > given.now + timedelta(minutes=1)
    return due, given.now if due else last


def intent_status(given: AssessmentInput, assessment: Assessment) -> JSON:
    """Write the whole status but `evaluatedAt`."""
    status: JSON = {
        "observedGeneration": given.generation,
        "conditions": [_condition(each) for each in assessment.conditions],
        "history": [_transition(each) for each in assessment.history],
        "historyOmitted": assessment.history_omitted,
    }
    if assessment.controls:
        status["stages"] = stages(assessment.controls)
        status["controls"] = [_control(each) for each in assessment.controls]
    if given.rescan is not None:
        status["rescan"] = _rescan(given.rescan)
    if isinstance(given.subject, Evidence):
        # Where nothing could be evaluated there is no number: 0 would look like all was well.
        outcomes = [report.evaluated.result.outcome for report in assessment.controls]
        status["failing"] = sum(outcome is Outcome.FAIL for outcome in outcomes)
        status |= _of_evidence(given, given.subject)
    return status


def _rescan(rescan: Rescan) -> JSON:
    failed = rescan.failed[:RESCAN_FAILED_LIMIT]
    return present(
        requested=stamp(rescan.requested),
        completed=moment(rescan.completed),
        reason=message(rescan.reason) or None,
        total=rescan.total,
        done=rescan.done,
        failed=[{"image": message(name), "message": message(words)} for name, words in failed],
        failedOmitted=rescan.failed_count - len(failed),
    )


def stages(controls: Sequence[ControlReport]) -> JSON:
    """Count the results by stage; every stage and every result is there."""
    result = {stage.value: {outcome.value: 0 for outcome in Outcome} for stage in Stage}
    for each in controls:
        result[each.evaluated.control.stage][each.evaluated.result.outcome] += 1
    return result


def _of_evidence(given: AssessmentInput, evidence: Evidence) -> JSON:
    effective = evidence.effective
    refused, omitted = bounded(effective.loosened, REFUSED_LIMIT)
    return present(
        enforcement=effective.enforcement.value,
        profile=present(
            name=effective.profile,
            generation=effective.profile_generation,
            chosenBy=given.chosen_by,
        ),
        refused=[{"field": line(r.field), "message": message(r.message)} for r in refused],
        refusedOmitted=omitted,
        network=network_status(evidence),
        images=images_status(evidence.images),
        exceptions=exceptions_status(evidence.exceptions),
        overdue=overdue(evidence.images),
        nextDue=next_due(evidence.images),
    )


def _condition(each: Condition) -> JSON:
    return {
        "type": each.type,
        "status": each.status,
        "observedGeneration": each.observed_generation,
        "lastTransitionTime": stamp(each.last_transition_time),
        "reason": each.reason,
        "message": message(each.message),
    }


def _control(report: ControlReport) -> JSON:
    control, result = report.evaluated.control, report.evaluated.result
    return present(
        id=control.id,
        stage=control.stage.value,
        result=result.outcome.value,
        since=stamp(report.since),
        message=message(result.message),
        evidence=message(report.evaluated.evidence) or None,
        remediation=control.remediation if result.outcome in _TO_BE_MENDED else None,
        refs=list(control.refs),
    )


def _transition(each: Transition) -> JSON:
    return {
        "at": stamp(each.at),
        "from": each.was,
        "to": each.now,
        "reason": line(each.reason),
        "message": each.message,
        "digest": each.digest,
    }
