from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bailiwick.api.imagescan import ImageScanStatus
from bailiwick.api.profile import SecurityProfileStatus
from bailiwick.api.rescan import RescanRequestStatus
from bailiwick.policy.images.findings import HygieneFacts, ScanReport
from bailiwick.policy.images.state import Failure
from bailiwick.policy.rollout import Decision, Phase
from bailiwick.reports.profiles import profile_status
from bailiwick.reports.rescans import RescannedImage, rescan_status
from bailiwick.reports.scans import scan_status
from tests.unit.controls.make import NOW, critical, digest
from tests.unit.verdict.make import conditions

LATER = NOW + timedelta(minutes=1)
FAILURE = Failure("PullDenied", "The registry wants credentials", NOW, count=3)
REPORT = ScanReport.of(
    digest(),
    NOW,
    [critical(f"CVE-2026-{n}") for n in range(30)],
    scanner="Grype",
    scanner_version="0.104",
    database_built=NOW - timedelta(days=1),
    hygiene=HygieneFacts(user="", shells=tuple(f"/bin/sh{n:02}" for n in range(25))),
)


def scan(**changes: Any) -> dict[str, Any]:
    made = scan_status(
        **{
            "generation": 1,
            "report": None,
            "scanning": False,
            "failure": None,
            "previous": {},
            "now": NOW,
            **changes,
        }
    )
    assert ImageScanStatus.model_validate(made).to_json() == made
    return made


@pytest.mark.parametrize(
    "changes,phase,ready",
    [
        ({}, "Queued", ("False", "Scanning")),
        ({"scanning": True}, "Scanning", ("False", "Scanning")),
        ({"report": REPORT}, "Scanned", ("True", "Succeeded")),
        ({"report": REPORT, "scanning": True}, "Scanning", ("True", "Scanning")),
        ({"failure": FAILURE}, "Failed", ("False", "PullDenied")),
        ({"failure": FAILURE, "report": REPORT}, "Failed", ("False", "PullDenied")),
    ],
)
def test_a_scan_says_where_it_stands(
    changes: dict[str, Any], phase: str, ready: tuple[str, str]
) -> None:
    made = scan(**changes)
    assert made["phase"] == phase
    found = conditions(made)["Ready"]
    assert (found["status"], found["reason"]) == ready


def test_a_failed_rescan_keeps_the_last_good_result_and_says_so() -> None:
    made = scan(report=REPORT, failure=FAILURE)
    assert made["critical"] == 30
    assert made["attempts"] == 3
    assert "last good scan is kept" in conditions(made)["Ready"]["message"]


def test_lists_of_a_scan_are_bounded_and_their_rest_is_counted() -> None:
    made = scan(report=REPORT)
    assert (len(made["worst"]), made["worstOmitted"]) == (20, 10)
    assert (len(made["hygiene"]["shells"]), made["hygiene"]["omitted"]) == (20, 5)
    assert made["counts"]["critical"] == {"total": 30, "fixable": 30}


def test_what_a_scanner_did_not_tell_is_absent() -> None:
    made = scan(report=replace(REPORT, database_built=None, hygiene=HygieneFacts()))
    assert "databaseBuilt" not in made["scanner"]
    assert made["hygiene"] == {"omitted": 0}


def test_a_scan_remembers_when_it_began() -> None:
    begun = scan(scanning=True, started_at=NOW)
    assert begun["startedAt"] == "2026-11-24T12:00:00Z"
    after_a_restart = scan(report=REPORT, previous=begun, now=LATER)
    assert after_a_restart["startedAt"] == begun["startedAt"]
    again = scan(report=REPORT, scanning=True, started_at=LATER, previous=begun, now=LATER)
    assert again["startedAt"] == "2026-11-24T12:01:00Z"


GOOD = RescannedImage("registry.example.com/shop/cart", LATER)
WAITING = RescannedImage("registry.example.com/shop/ads", NOW - timedelta(days=1))
FAILED = RescannedImage(
    "registry.example.com/shop/mail", None, LATER, "PullDenied", "The registry wants credentials"
)


def rescan(*images: RescannedImage, **changes: Any) -> dict[str, Any]:
    made = rescan_status(
        **{
            "generation": 1,
            "requested": NOW,
            "images": images,
            "unknown": (),
            "previous": {},
            "now": LATER,
            **changes,
        }
    )
    assert RescanRequestStatus.model_validate(made).to_json() == made
    return made


@pytest.mark.parametrize(
    "images,done,expected",
    [
        ((GOOD, WAITING), 1, {"Ready": "False", "Complete": "False", "Reconciling": "True"}),
        ((GOOD,), 1, {"Ready": "True", "Complete": "True"}),
        ((), 0, {"Ready": "True", "Complete": "True"}),
        (
            (GOOD, FAILED),
            2,
            {"Ready": "False", "Complete": "True", "Failed": "True", "Stalled": "True"},
        ),
    ],
)
def test_a_request_says_how_far_it_is(
    images: tuple[RescannedImage, ...], done: int, expected: dict[str, str]
) -> None:
    made = rescan(*images)
    assert {c["type"]: c["status"] for c in made["conditions"]} == expected
    assert (made["done"], made["total"]) == (done, len(images))
    assert ("completed" in made) == (expected["Complete"] == "True")


def test_an_old_result_or_failure_is_no_answer_to_a_request() -> None:
    stale = replace(FAILED, failed_at=NOW - timedelta(minutes=1), scanned_at=None)
    assert rescan(stale, WAITING)["done"] == 0


def test_a_result_that_came_after_a_failure_counts() -> None:
    mended = replace(FAILED, scanned_at=LATER)
    assert rescan(mended)["failed"] == []


def test_an_image_that_does_not_run_here_is_told() -> None:
    made = rescan(GOOD, unknown=("shop/typo",))
    assert made["failed"][0]["reason"] == "NotRunning"
    assert "shop/typo does not run in this namespace" in made["failed"][0]["message"]


def test_a_request_that_is_done_stays_as_it_was() -> None:
    done = rescan(GOOD)
    assert rescan(WAITING, previous=done, now=NOW + timedelta(days=1)) == done


def profile(phase: Phase = Phase.COMPLETE, **changes: Any) -> dict[str, Any]:
    fields = {
        k: changes.pop(k)
        for k in ("updated", "total", "failed", "stopped_by", "next_at")
        if k in changes
    }
    decision = Decision(
        phase,
        frozenset(),
        **{"updated": 10, "total": 10, **fields},
    )
    made = profile_status(generation=3, rollout=decision, previous={}, now=NOW, **changes)
    assert SecurityProfileStatus.model_validate(made).to_json() == made
    return made


@pytest.mark.parametrize(
    "changes,reason,progress",
    [
        ({}, "Succeeded", None),
        ({"total": 0, "updated": 0}, "Succeeded", None),
        (
            {"phase": Phase.PROGRESSING, "updated": 4, "next_at": LATER},
            "Progressing",
            "Reconciling",
        ),
        (
            {"phase": Phase.STOPPED, "updated": 1, "stopped_by": ("shop",)},
            "RolloutStopped",
            "Stalled",
        ),
        ({"other_defaults": ("open",)}, "DefaultProfileAmbiguous", "Stalled"),
        ({"control_ids": ("image-nonroot",)}, "ControlUnknown", "Stalled"),
        ({"control_ids": ("image-non-root",)}, "Succeeded", None),
    ],
)
def test_a_profile_says_what_is_wrong_with_it(
    changes: dict[str, Any], reason: str, progress: str | None
) -> None:
    found = conditions(profile(**changes))
    assert found["Ready"]["reason"] == reason
    assert (found["Ready"]["status"] == "True") == (progress is None)
    assert set(found) - {"Ready"} == ({progress} if progress else set())


def test_a_profile_that_names_an_unknown_control_is_told_which_there_are() -> None:
    message = conditions(profile(control_ids=("image-nonroot",)))["Ready"]["message"]
    assert "image-nonroot" in message
    assert "image-non-root" in message


def test_the_namespaces_that_stopped_a_rollout_are_bounded_and_counted() -> None:
    names = tuple(f"team-{n:03}" for n in range(30))
    made = profile(Phase.STOPPED, updated=30, total=300, failed=names)["rollout"]
    assert (len(made["failed"]), made["failedOmitted"]) == (20, 10)
