from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bailiwick.policy.assessment.input import Rescan
from tests.unit.controls.make import HYGIENE, NOW, critical, effective, evidence, image
from tests.unit.verdict.make import HEARTBEAT, conditions, later, report, status


def _at(now: Any, **changes: Any) -> Any:
    return evidence(now=now, **changes)


def test_since_and_last_transition_stay_while_the_result_does() -> None:
    first = status()
    after = status(previous=first, now=later(hours=1), generation=5)
    for kind, each in conditions(after).items():
        assert each["lastTransitionTime"] == conditions(first)[kind]["lastTransitionTime"]
        assert each["observedGeneration"] == 5
    assert [c["since"] for c in after["controls"]] == [c["since"] for c in first["controls"]]


def test_since_moves_with_the_result_and_only_there() -> None:
    first = status()
    late = evidence(images=(image(critical(), seen=timedelta(days=16)),))
    after = status(late, previous=first, now=later(hours=1))
    moved = [
        new["id"]
        for old, new in zip(first["controls"], after["controls"], strict=True)
        if old["since"] != new["since"]
    ]
    assert moved == ["images-vulnerabilities"]
    found = conditions(after)
    assert found["Compliant"]["lastTransitionTime"] == "2026-11-24T13:00:00Z"
    assert found["Ready"]["lastTransitionTime"] == "2026-11-24T12:00:00Z"


def test_the_heartbeat_writes_and_nothing_before_it_does() -> None:
    first = report()
    before = report(previous=first.status, now=later(hours=5, minutes=59))
    assert not before.write
    assert before.status["evaluatedAt"] == "2026-11-24T12:00:00Z"
    due = report(previous=first.status, now=later(hours=6))
    assert due.write
    assert due.status == {**first.status, "evaluatedAt": "2026-11-24T18:00:00Z"}


def test_a_change_moves_evaluated_at_at_once() -> None:
    first = report()
    after = report(previous=first.status, now=later(minutes=1), generation=5)
    assert after.write
    assert after.status["evaluatedAt"] == "2026-11-24T12:01:00Z"


def test_an_evaluation_in_the_future_does_not_silence_the_heartbeat() -> None:
    first = report().status | {"evaluatedAt": "2036-01-01T00:00:00Z"}
    after = report(previous=first)
    assert after.write
    assert after.status["evaluatedAt"] == "2026-11-24T12:00:00Z"


def test_instants_in_another_spelling_and_keyed_lists_in_another_order_are_no_change() -> None:
    first = report().status
    other = {
        **first,
        "conditions": [
            {**c, "lastTransitionTime": c["lastTransitionTime"].replace("Z", "+00:00")}
            for c in reversed(first["conditions"])
        ],
    }
    assert not report(previous=other).write


def test_a_status_that_cannot_be_read_is_written_anew() -> None:
    broken = {"conditions": "none", "controls": [1], "history": [{"at": "?"}], "evaluatedAt": 3}
    assert report(previous=broken).status == report().status


def test_time_wakes_the_namespace_at_what_comes_first() -> None:
    fresh_until = later(hours=23)
    assert report().next_wake == NOW + HEARTBEAT
    near = effective(changes_at=later(minutes=5))
    assert report(evidence(effective=near)).next_wake == later(minutes=5)
    old = image(hygiene=replace(HYGIENE, created=NOW - timedelta(days=90) + timedelta(minutes=3)))
    assert report(evidence(images=(old,))).next_wake == later(minutes=3)
    almost = image(scanned=timedelta(hours=23, minutes=59))
    assert report(evidence(images=(almost,))).next_wake == later(minutes=1)
    assert fresh_until > NOW + HEARTBEAT


def test_an_image_that_grew_too_old_wakes_nobody_again() -> None:
    old = image(hygiene=replace(HYGIENE, created=NOW - timedelta(days=90)))
    assert report(evidence(images=(old,))).next_wake == NOW + HEARTBEAT


def test_the_next_deadline_is_a_day_in_words() -> None:
    made = status(evidence(images=(image(critical(), seen=timedelta(days=5)),)))
    assert made["nextDue"] == "2026-12-04"
    assert "nextDue" not in status(evidence(images=(image(),)))


def test_a_rescan_is_told_when_asked_and_when_done() -> None:
    asked = Rescan(later(hours=-1), None, "RescanRequest now")
    assert status(rescan=asked)["rescan"] == {
        "requested": "2026-11-24T11:00:00Z",
        "reason": "RescanRequest now",
        "failed": [],
        "failedOmitted": 0,
    }
    done = Rescan(later(hours=-1), NOW)
    assert status(rescan=done)["rescan"]["completed"] == "2026-11-24T12:00:00Z"


def test_a_rescan_tells_how_many_of_how_many_and_what_failed() -> None:
    failed = tuple((f"shop/app-{n:02}", "The registry cannot be reached.") for n in range(20))
    found = status(rescan=Rescan(NOW, None, "", 90, 50, failed, 30))["rescan"]
    assert (found["total"], found["done"], found["failedOmitted"]) == (90, 50, 10)
    assert found["failed"][0] == {"image": "shop/app-00", "message": failed[0][1]}
