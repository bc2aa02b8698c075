"""The images' part of an intent's status: exact counts, and the worst of what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bailiwick.api.images_status import (
    EXCEPTED_BY_LIMIT,
    PROBLEM_LIMIT,
    WORKLOAD_LIMIT,
    WORST_LIMIT,
)
from bailiwick.policy.assessment.evidence import ImageFact
from bailiwick.policy.assessment.history import stamp
from bailiwick.policy.images.deadlines import Due, urgency
from bailiwick.policy.images.state import Verdict
from bailiwick.reports.fields import JSON, bounded, line, message, moment, present
from bailiwick.reports.finding import finding_fields

_Found = tuple[ImageFact, Due]


def images_status(images: Sequence[ImageFact] | None) -> JSON | None:
    """Write the images that run; None where they are not known."""
    if images is None:
        return None
    counts = Counter(_verdict(image) for image in images)
    problems, more_problems = bounded(
        [_problem(i) for i in images if _verdict(i) is not Verdict.CLEAN], PROBLEM_LIMIT
    )
    worst, more = _worst(images)
    return {
        "digests": len(images),
        **{v.value.lower(): counts[v] for v in Verdict},
        **_shares(images),
        "problems": list(problems),
        "problemsOmitted": more_problems,
        "worst": worst,
        "worstOmitted": more,
    }


def _shares(images: Sequence[ImageFact]) -> JSON:
    states = [each.state for each in images if each.state and not each.evidence_error]
    dues = [each.next_due for each in states if each.next_due]
    return present(
        overdue=sum(each.overdue for each in states),
        dueSoon=sum(each.due_soon for each in states),
        knownExploited=sum(each.known_exploited for each in states),
        noFix=sum(each.no_fix for each in states),
        nextDue=moment(min(dues, default=None)),
        excepted=sum(each.excepted for each in states),
        attested=sum(each.attested for each in states),
    )


def overdue(images: Sequence[ImageFact] | None) -> int | None:
    """Count the vulnerabilities past their deadline; None where images are not known."""
    if images is None:
        return None
    return sum(image.state.overdue for image in images if image.state)


def next_due(images: Sequence[ImageFact] | None) -> str | None:
    """Return the day (UTC) of the next deadline that has not passed; None where there is none."""
    dues = [i.state.next_due for i in images or () if i.state and i.state.next_due]
    return stamp(min(dues))[:10] if dues else None


def _verdict(image: ImageFact) -> Verdict:
    if image.evidence_error or image.state is None:
        return Verdict.UNSCANNED
    return image.state.verdict


def _problem(image: ImageFact) -> JSON:
    state, unknown = image.state, image.running.problem
    if image.evidence_error:
        reason, words = "EvidenceMissing", f"The findings cannot be read: {image.evidence_error}"
    elif unknown is not None:
        reason, words = unknown.reason, unknown.message
    elif state is not None:
        reason, words = state.reason, state.message
    else:
        reason, words = "NeverScanned", "This image was never scanned."
    return present(
        image=image.name,
        digest=image.running.digest,
        verdict=_verdict(image).value,
        reason=line(reason),
        message=message(words),
        remediation=message(state.remedy) if state and state.remedy else None,
        **_workloads(image),
    )


def _workloads(image: ImageFact) -> JSON:
    names = sorted({use.name for use in image.running.containers})
    shown, more = bounded(names, WORKLOAD_LIMIT)
    return {"workloads": [line(name) for name in shown], "workloadsOmitted": more}


def _worst(images: Sequence[ImageFact]) -> tuple[list[JSON], int]:
    # Each image's own list is bounded: what it left out is counted, and told to be there.
    found: list[_Found] = [
        (i, due) for i in images if i.state and not i.evidence_error for due in i.state.worst
    ]
    hidden = sum(i.state.worst_omitted for i in images if i.state and not i.evidence_error)
    shown, more = bounded(sorted(found, key=_order), WORST_LIMIT)
    return [_due(image, due) for image, due in shown], more + hidden


def _order(each: _Found) -> tuple[tuple[bool, bool, bool, int, bool, float], str, str, str, str]:
    image, due = each
    by = stamp(due.due_by) if due.due_by else "never"
    finding = due.finding
    name = image.name + (image.running.digest or "")
    return urgency(due), by, finding.id, finding.package, name


def _due(image: ImageFact, due: Due) -> JSON:
    finding = due.finding
    by, more = _names(due.excuse.by if due.excuse else ())
    keys, more_keys = _names(due.excuse.attested_by if due.excuse else ())
    return present(
        image=image.name,
        digest=line(image.running.digest or ""),
        **finding_fields(finding),
        firstSeen=stamp(due.seen.first),
        reappeared=moment(due.seen.returned),
        lastAbsent=moment(due.seen.absent),
        dueBy=moment(due.due_by),
        overdue=due.overdue,
        exceptedBy=by,
        exceptedByOmitted=more,
        attestedBy=keys,
        attestedByOmitted=more_keys,
    )


def _names(names: Sequence[str]) -> tuple[list[str] | None, int | None]:
    """Bound a list of what excuses; where there is none, there is nothing to count either."""
    shown, more = bounded(names, EXCEPTED_BY_LIMIT)
    return ([line(name) for name in shown], more) if shown else (None, None)
