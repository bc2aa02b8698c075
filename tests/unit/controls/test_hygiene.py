"""What images hold that services do not need, and who runs them as root."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bailiwick.policy.assessment.evidence import ImageFact
from bailiwick.policy.controls.catalogue import CATALOGUE
from bailiwick.policy.controls.evaluate import evaluate_one
from bailiwick.policy.controls.result import Result
from bailiwick.policy.images.inventory import ContainerUse
from tests.unit.controls.make import HYGIENE, effective, evidence, image


def judged(control: str, *images: ImageFact) -> Result:
    (found,) = [each for each in CATALOGUE if each.id == control]
    asked = effective(controls={control: "Fail"})
    return evaluate_one(found, evidence(images=images, effective=asked))


def holding(**facts: Any) -> ImageFact:
    return image(hygiene=replace(HYGIENE, **facts))


def run(user: str | None, **asked: Any) -> ImageFact:
    found = holding(user=user)
    use = ContainerUse("ReplicaSet/cart-6d4", "main", "main", "Deployment/cart", **asked)
    return replace(found, running=replace(found.running, containers=(use,)))


@pytest.mark.parametrize(
    "found, outcome, words",
    [
        (run("1000"), "pass", "none of which"),
        (run(""), "fail", "by its own configuration"),
        (run("root"), "fail", "by its own configuration"),
        (run("", run_as_user=1000), "pass", "none of which"),
        (run(None, run_as_user=1000), "pass", "none of which"),
        (run("1000", run_as_user=0), "fail", "runAsUser: 0 in Deployment/cart"),
        (run("", run_as_non_root=True), "pass", "none of which"),
        (run("", run_as_non_root=False), "fail", "by its own configuration"),
        (run(None), "error", "not known"),
    ],
)
def test_who_runs_is_said_by_the_pod_or_else_by_the_image(
    found: ImageFact, outcome: str, words: str
) -> None:
    result = judged("image-non-root", found)
    assert result.outcome == outcome
    assert words in result.message


def test_an_image_that_is_only_mounted_runs_as_nobody() -> None:
    mounted = holding(user="")
    use = ContainerUse("Pod/cart", "models", "volume")
    mounted = replace(mounted, running=replace(mounted.running, containers=(use,)))
    assert judged("image-non-root", mounted).outcome == "pass"


@pytest.mark.parametrize("year", [1, 1970, 1980])
def test_the_zero_dates_of_reproducible_builds_are_no_dates(year: int) -> None:
    result = judged("image-age", holding(created=datetime(year, 1, 1, tzinfo=UTC)))
    assert result.outcome == "error"
    assert "age" in result.message


@pytest.mark.parametrize(
    "control, facts, outcome, words",
    [
        ("image-os-supported", {"os_end_of_life": True}, "fail", "no more updates"),
        ("image-os-supported", {"os_end_of_life": False}, "pass", "with updates"),
        ("image-os-supported", {"os_end_of_life": None}, "error", "not known"),
        ("image-no-setuid", {"setuid": ("/usr/bin/su",)}, "fail", "/usr/bin/su"),
        ("image-no-setuid", {"setuid": ()}, "pass", "without"),
        ("image-no-setuid", {"setuid": None}, "error", "not known"),
        ("image-multi-stage", {"build_tools": ("/usr/bin/gcc-12",)}, "fail", "gcc-12"),
        ("image-multi-stage", {"build_tools": ("package golang-go",)}, "fail", "golang-go"),
        (
            "image-multi-stage",
            {"build_tools": ("/usr/bin/make", "/usr/bin/git")},
            "pass",
            "without",
        ),
        ("image-multi-stage", {"build_tools": None}, "error", "not known"),
    ],
)
def test_each_is_a_control_that_the_profile_may_ask_for(
    control: str, facts: dict[str, Any], outcome: str, words: str
) -> None:
    result = judged(control, holding(**facts))
    assert result.outcome == outcome
    assert words in result.message


@pytest.mark.parametrize(
    "control",
    ["image-minimal", "image-non-root", "image-age", "image-os-supported", "image-no-setuid"],
)
def test_with_a_scanner_that_does_not_tell_it_is_an_error_that_names_the_scanner(
    control: str,
) -> None:
    told = replace(image(), hygiene=None, scanner="Trivy 0.70")
    result = judged(control, told)
    assert result.outcome == "error"
    assert "Trivy 0.70 did not tell it" in result.message
