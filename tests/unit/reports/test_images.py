from __future__ import annotations

from datetime import timedelta

from bailiwick.api.images_status import ImagesStatus
from bailiwick.policy.images.findings import Finding, Severity
from bailiwick.reports.images import images_status
from tests.unit.controls.make import NOW, image

DAY = timedelta(days=1)
PURL = "pkg:deb/debian/openssl@3.0.11"
OPENSSL = Finding("CVE-1", "openssl", "3.0.11", Severity.CRITICAL, "3.0.13", purl=PURL)
TAR = Finding("CVE-2", "tar", "1.34", Severity.LOW, known_exploited=False)


def test_an_image_with_overdue_findings_says_what_to_do_and_who_runs_it() -> None:
    made = images_status([image(OPENSSL, TAR, seen=400 * DAY)])
    assert made is not None
    assert ImagesStatus.model_validate(made).to_json() == made
    (problem,) = made["problems"]
    assert problem["verdict"] == "Violating"
    assert "openssl fixed in 3.0.13" in problem["remediation"]
    assert problem["workloads"] == ["Deployment/cart"]
    assert (made["overdue"], made["noFix"], made["dueSoon"]) == (1, 1, 0)


def test_an_image_that_is_only_stale_has_nothing_to_rebuild() -> None:
    made = images_status([image(scanned=9 * DAY)])
    assert made is not None
    (problem,) = made["problems"]
    assert problem["verdict"] == "Stale"
    assert "remediation" not in problem


def test_the_next_deadline_of_all_images_is_told_with_its_time() -> None:
    soon = image(OPENSSL, seen=14 * DAY)
    later = image(OPENSSL, number=2, seen=DAY)
    made = images_status([later, soon])
    assert made is not None
    assert made["nextDue"] == f"{NOW + DAY:%Y-%m-%dT%H:%M:%SZ}"
    assert made["dueSoon"] == 1
