"""What is said of exceptions: on each of them, and on the intent of their namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bailiwick.api.exception import MATCH_LIMIT
from bailiwick.api.meta import ConditionType, Reason
from bailiwick.policy.assessment.evidence import ExceptionFact
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.exceptions.matching import Match
from bailiwick.policy.exceptions.ruling import State
from bailiwick.policy.exceptions.standing import Standing
from bailiwick.reports.fields import JSON, bounded, condition, line, message, moment, present


def exception_status(
    *,
    generation: int,
    standing: Standing,
    match: Match,
    previous: Mapping[str, Any],
    now: datetime,
) -> JSON:
    """Write the status of an exception, all but the approval, which is not ours to write."""
    images, more_images = bounded(match.images, MATCH_LIMIT)
    findings = sorted(each for image in match.images for each in image.listed)[:MATCH_LIMIT]
    return present(
        observedGeneration=generation,
        state=standing.state.value,
        message=message(standing.message),
        lastMatched=moment(last_matched(previous, match, now)),
        matchedImages=len(match.images),
        matchedFindings=match.findings,
        fixableFindings=match.fixable,
        images=[
            {"image": line(i.repository), "digest": i.digest, "findings": i.findings}
            for i in images
        ],
        imagesOmitted=more_images,
        findings=[
            present(
                vulnerability=line(each.vulnerability),
                package=line(each.package),
                version=line(each.version) or None,
                fixedVersion=line(each.fixed_version) or None,
                image=line(each.repository),
                digest=each.digest,
            )
            for each in findings
        ],
        findingsOmitted=match.findings - len(findings),
        conditions=_conditions(standing, generation=generation, previous=previous, now=now),
    )


def unjudged_status(
    *, generation: int, why: str, previous: Mapping[str, Any], now: datetime
) -> JSON:
    """Write the status of an exception that nothing can be said of, and that excepts nothing."""
    words = f"Excepts nothing, because nothing is judged here: {why}"

    def say(kind: ConditionType) -> JSON:
        return condition(
            kind,
            "False",
            Reason.NOT_EVALUATED,
            words,
            generation=generation,
            previous=previous,
            now=now,
        )

    return present(
        observedGeneration=generation,
        message=message(words),
        lastMatched=previous.get("lastMatched"),
        conditions=[say(ConditionType.READY), say(ConditionType.IN_FORCE)],
    )


def last_matched(previous: Mapping[str, Any], match: Match, now: datetime) -> datetime | None:
    """Return when an exception last matched: when that began, or, if it has, when it ended.

    It must not move in between, or the status never rests.
    """
    known = instant(previous.get("lastMatched"))
    if match.unknown and not match.findings:
        return known
    if bool(match.findings) == bool(previous.get("matchedFindings")):
        return known if known or not match.findings else now
    return now


def exceptions_status(facts: Sequence[ExceptionFact]) -> JSON:
    """Count the exceptions of a namespace for its intent."""
    states = [each.standing.state for each in facts]
    return {
        "active": sum(each.standing.in_force for each in facts),
        "expiringSoon": states.count(State.EXPIRES_SOON),
        "expired": states.count(State.EXPIRED),
        "awaitingApproval": states.count(State.AWAITING_APPROVAL),
        "invalid": states.count(State.INVALID),
    }


def _conditions(
    standing: Standing, *, generation: int, previous: Mapping[str, Any], now: datetime
) -> list[JSON]:
    def say(kind: ConditionType, holds: bool, reason: str, words: str) -> JSON:
        return condition(
            kind,
            "True" if holds else "False",
            reason,
            words,
            generation=generation,
            previous=previous,
            now=now,
        )

    if standing.state is State.INVALID:
        ready = say(ConditionType.READY, False, Reason.INVALID, standing.message)
    else:
        # What waits for an approval, or has expired, is as its author wrote it.
        ready = say(ConditionType.READY, True, Reason.SUCCEEDED, "Evaluated.")
    in_force = standing.in_force
    return [ready, say(ConditionType.IN_FORCE, in_force, standing.state, standing.message)]
