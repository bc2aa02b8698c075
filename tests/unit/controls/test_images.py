from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bailiwick.policy.assessment.evidence import Evidence, ImageFact
from bailiwick.policy.controls import hygiene, images
from bailiwick.policy.controls.catalogue import CATALOGUE
from bailiwick.policy.controls.control import Subject
from bailiwick.policy.controls.result import Outcome
from bailiwick.policy.images.state import Failure
from tests.unit.controls.make import (
    HYGIENE,
    NOW,
    critical,
    evidence,
    image,
    images_terms,
    running,
    unidentified,
)

FAILURE = Failure("PullDenied", "The registry wants credentials", NOW)


def of(*facts: ImageFact) -> Evidence:
    return evidence(images=facts)


@pytest.mark.parametrize(
    "fact,known,scanned,fresh,mended",
    [
        (image(critical()), "pass", "pass", "pass", "pass"),
        (image(critical(), seen=timedelta(days=16)), "pass", "pass", "pass", "fail"),
        (image(scanned=timedelta(days=2)), "pass", "pass", "error", "pass"),
        (image(scanned=None), "pass", "error", "error", "error"),
        (image(scanned=None, scanning=True), "pass", "error", "error", "error"),
        (image(scanned=None, failure=FAILURE), "pass", "fail", "error", "error"),
        (image(failure=FAILURE), "pass", "pass", "pass", "pass"),
        (replace(image(), evidence_error="gone"), "pass", "error", "pass", "error"),
        (unidentified(), "error", "error", "error", "error"),
    ],
)
def test_what_is_not_known_of_an_image_is_never_a_pass(
    fact: ImageFact, known: str, scanned: str, fresh: str, mended: str
) -> None:
    given = of(fact)
    controls = (images.known, images.scanned, images.fresh, images.vulnerabilities)
    assert [c(given).outcome.value for c in controls] == [known, scanned, fresh, mended]


def test_an_image_that_is_fine_does_not_hide_one_that_is_not() -> None:
    bad = image(critical(), seen=timedelta(days=16), name="shop/ads", number=2)
    result = images.vulnerabilities(of(image(), bad))
    assert result.outcome is Outcome.FAIL
    assert result.message.startswith("1 vulnerability past the deadline in 1 image. ")
    assert "registry.example.com/shop/ads: CVE-2026-1 in openssl 1.2.3" in result.message
    assert "update it to 1.2.4" in result.message


def test_without_deadlines_there_is_nothing_to_be_late_for() -> None:
    given = evidence(effective=images_terms(remediate_within={}))
    assert images.vulnerabilities(given).outcome is Outcome.SKIP


@pytest.mark.parametrize("control", [c for c in CATALOGUE if c.subject is Subject.IMAGES])
def test_images_that_are_not_known_are_an_error_and_none_at_all_a_skip(control: Any) -> None:
    assert control.check(evidence(images=None)).outcome is Outcome.ERROR
    assert control.check(evidence(images=())).outcome is Outcome.SKIP


@pytest.mark.parametrize(
    "listed,outcome",
    [
        (("registry.example.com/*",), "pass"),
        (("registry.example.com/other/*",), "fail"),
        ((), "fail"),
    ],
)
def test_only_listed_registries(listed: tuple[str, ...], outcome: str) -> None:
    result = hygiene.registries(evidence(effective=images_terms(registries=listed)))
    assert result.outcome == outcome


def test_an_image_without_a_readable_name_is_an_error() -> None:
    nameless = ImageFact(replace(running(), reference=None, declared=("UPPER//x",)))
    assert hygiene.registries(of(nameless)).outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "how,tag,outcome",
    [
        ("Digest", "", "pass"),
        ("Digest", "1.2", "fail"),
        ("NotLatest", "1.2", "pass"),
        ("NotLatest", "latest", "fail"),
        ("Off", "latest", "skip"),
    ],
)
def test_images_are_pinned_as_the_profile_asks(how: str, tag: str, outcome: str) -> None:
    given = evidence(effective=images_terms(pinned=how), images=(ImageFact(running(tag=tag)),))
    assert hygiene.pinned(given).outcome == outcome


def test_a_name_without_tag_means_latest() -> None:
    fact = ImageFact(replace(running(), declared=("registry.example.com/shop/cart",)))
    given = evidence(effective=images_terms(pinned="NotLatest"), images=(fact,))
    assert hygiene.pinned(given).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "facts,outcome,words",
    [
        (HYGIENE, "pass", ""),
        (replace(HYGIENE, shells=("/bin/sh",)), "warn", "shells (/bin/sh)"),
        (replace(HYGIENE, package_managers=("/usr/bin/apt",)), "fail", "package managers"),
        (replace(HYGIENE, package_managers=None), "error", "What is in 1 image is not known"),
        (replace(HYGIENE, package_managers=None, shells=("/bin/sh",)), "error", ""),
        (replace(HYGIENE, debug_tools=("/usr/bin/gdb",)), "pass", ""),
        (None, "error", ""),
    ],
)
def test_images_are_minimal_as_far_as_the_profile_asks(
    facts: Any, outcome: str, words: str
) -> None:
    result = hygiene.minimal(of(image(hygiene=facts)))
    assert result.outcome == outcome
    assert words in result.message


def test_an_image_is_named_once_with_all_that_it_holds() -> None:
    fat = replace(HYGIENE, shells=("/bin/sh",), package_managers=("/usr/bin/apt", "/usr/bin/dpkg"))
    slim = image(name="shop/ads", number=2)
    result = hygiene.minimal(of(image(hygiene=fat), slim))
    assert result.message == (
        "1 image holds programs that a service does not need: registry.example.com/shop/cart: "
        "package managers (/usr/bin/apt, /usr/bin/dpkg), shells (/bin/sh)."
    )


@pytest.mark.parametrize(
    "user,outcome",
    [("1000", "pass"), ("app", "pass"), ("", "fail"), ("0:0", "fail"), (None, "error")],
)
def test_images_do_not_ask_for_root(user: str | None, outcome: str) -> None:
    result = hygiene.non_root(of(image(hygiene=replace(HYGIENE, user=user))))
    assert result.outcome == outcome


@pytest.mark.parametrize(
    "days,outcome", [(89, "pass"), (90, "fail"), (400, "fail"), (None, "error")]
)
def test_images_are_not_older_than_the_profile_allows(days: int | None, outcome: str) -> None:
    created = NOW - timedelta(days=days) if days is not None else None
    result = hygiene.age(of(image(hygiene=replace(HYGIENE, created=created))))
    assert result.outcome == outcome


def test_no_age_is_asked_for_where_the_profile_sets_none() -> None:
    assert hygiene.age(evidence(effective=images_terms(max_age=None))).outcome is Outcome.SKIP
