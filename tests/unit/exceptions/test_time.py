"""With a moved clock: at its end an exception stops to count, and nothing else has to happen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bailiwick.policy.assessment.evidence import Evidence, ExceptionFact
from bailiwick.policy.exceptions.model import DeclaredException
from bailiwick.policy.exceptions.ruling import State
from bailiwick.policy.exceptions.standing import stand
from bailiwick.reports.exceptions import exception_status, last_matched
from bailiwick.reports.status import StatusUpdate
from tests.unit.controls.make import NOW, critical, evidence, image, running
from tests.unit.exceptions.make import DAY, coverage, exception
from tests.unit.verdict.make import report

OVERDUE = critical()  # 15 days after it was first seen
END = NOW + 60 * DAY


def at(
    now: datetime, *exceptions: DeclaredException, seen: timedelta = 20 * DAY
) -> tuple[Evidence, StatusUpdate]:
    """Look at a namespace in which one finding was first seen so long before NOW."""
    covered = coverage(*exceptions, now=now)
    scanned = NOW - now + timedelta(hours=1)  # an hour before that look
    fact = image(
        OVERDUE,
        seen=seen,
        scanned=scanned,
        now=now,
        excuses=covered.excuses(running(), [OVERDUE]),
    )
    facts = tuple(
        ExceptionFact(e.label, stand(ruling, covered.matches()[e.key], None))
        for e, ruling in covered.ruled
    )
    subject = evidence(now=now, images=(fact,), exceptions=facts)
    return subject, report(subject, now=now)


def control(update: StatusUpdate) -> dict[str, Any]:
    (found,) = (c for c in update.status["controls"] if c["id"] == "images-vulnerabilities")
    one: dict[str, Any] = found
    return one


def test_what_an_exception_is_for_is_skipped_until_the_very_instant_of_its_end() -> None:
    declared = exception()
    assert control(at(NOW)[1])["result"] == "fail"
    for now in (NOW, END - timedelta(seconds=1)):
        update = at(now, declared)[1]
        assert control(update)["result"] == "skip"
        assert "excepted by openssl" in control(update)["message"]
        assert (update.status["overdue"], update.status["images"]["excepted"]) == (0, 1)
        assert "nextDue" not in update.status
        assert update.status["images"]["worst"][0]["exceptedBy"] == ["openssl"]
    for now in (END, END + timedelta(days=1)):
        update = at(now, declared)[1]
        assert control(update)["result"] == "fail"
        assert (update.status["overdue"], update.status["images"]["excepted"]) == (1, 0)
        assert "exceptedBy" not in update.status["images"]["worst"][0]


def test_it_is_known_beforehand_when_to_look_again() -> None:
    declared = exception()
    # The warning, then the end; the heartbeat comes more often than either.
    soon = END - 14 * DAY
    assert at(soon - timedelta(hours=1), declared)[1].next_wake == soon
    assert at(END - timedelta(hours=1), declared)[1].next_wake == END


def test_a_finding_that_is_not_due_yet_is_no_next_deadline_while_it_is_excepted() -> None:
    fresh = 1 * DAY
    assert at(NOW, seen=fresh)[1].status["nextDue"] == "2026-12-08"
    update = at(NOW, exception(), seen=fresh)[1]
    assert "nextDue" not in update.status
    assert control(update)["result"] == "pass"


def test_another_finding_that_is_overdue_is_not_hidden_by_an_excepted_one() -> None:
    other = critical("CVE-2026-2")
    covered = coverage(exception())
    found = [OVERDUE, other]
    fact = image(*found, seen=20 * DAY, excuses=covered.excuses(running(), found))
    update = report(evidence(images=(fact,)))
    assert control(update)["result"] == "fail"
    assert update.status["overdue"] == 1
    first, second = update.status["images"]["worst"]
    assert (first["vulnerability"], first["overdue"]) == ("CVE-2026-2", True)
    assert (second["vulnerability"], second["overdue"]) == ("CVE-2026-1", False)


def test_the_last_match_moves_when_it_begins_and_ends_and_not_in_between() -> None:
    declared = exception()
    covered = coverage(declared)
    none = covered.matches()[declared.key]
    covered.excuses(running(), [OVERDUE])
    some = covered.matches()[declared.key]

    def written(match: Any, previous: dict[str, Any], now: datetime) -> dict[str, Any]:
        ruling = covered.ruled[0][1]
        standing = stand(ruling, match, last_matched(previous, match, now))
        return exception_status(
            generation=1, standing=standing, match=match, previous=previous, now=now
        )

    never = written(none, {}, NOW)
    assert "lastMatched" not in never
    begun = written(some, never, NOW + DAY)
    assert begun["lastMatched"] == "2026-11-25T12:00:00Z"
    assert written(some, begun, NOW + 2 * DAY) == begun
    gone = written(none, begun, NOW + 3 * DAY)
    assert gone["lastMatched"] == "2026-11-27T12:00:00Z"
    assert written(none, gone, NOW + 4 * DAY) == gone
    assert gone["state"] == State.MATCHES_NOTHING
