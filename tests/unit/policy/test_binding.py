"""The namespace's label decides first, then the intent, then the default profile."""

from __future__ import annotations

import pytest

from bailiwick.api.meta import BUILT_IN, PROFILE_LABEL
from bailiwick.policy.binding import ProfileTerms, bind
from bailiwick.policy.facts import Namespace
from bailiwick.policy.selectors import Selector

PROFILES = {
    "restricted": ProfileTerms("restricted", default=True),
    "open": ProfileTerms("open"),
    "lab": ProfileTerms("lab", usable_by=Selector.of({"stage": "lab"})),
}


@pytest.mark.parametrize(
    "labels, named, bound",
    [
        ({PROFILE_LABEL: "open"}, None, "open"),
        ({PROFILE_LABEL: "open"}, "open", "open"),
        ({PROFILE_LABEL: "lab"}, None, "lab"),
        ({}, "open", "open"),
        ({"stage": "lab"}, "lab", "lab"),
        ({}, None, "restricted"),
    ],
)
def test_a_namespace_gets_its_profile(
    labels: dict[str, str], named: str | None, bound: str
) -> None:
    result = bind(Namespace("shop", "1", labels), named, PROFILES)
    assert (result.profile, result.problem, result.refused) == (bound, None, ())


def test_an_intent_cannot_name_another_profile_than_the_label() -> None:
    result = bind(Namespace("shop", "1", {PROFILE_LABEL: "restricted"}), "open", PROFILES)
    assert result.profile == "restricted"
    assert [r.field for r in result.refused] == ["spec.profile"]


@pytest.mark.parametrize(
    "labels, named, reason, words",
    [
        ({}, "nope", "ProfileNotFound", "lab, open, restricted"),
        ({PROFILE_LABEL: "nope"}, None, "ProfileNotFound", "label"),
        ({}, "lab", "ProfileNotAllowed", "usableBy"),
    ],
)
def test_a_profile_that_cannot_be_had_changes_nothing_and_says_why(
    labels: dict[str, str], named: str | None, reason: str, words: str
) -> None:
    problem = bind(Namespace("shop", "1", labels), named, PROFILES).problem
    assert problem is not None
    assert problem.reason == reason
    assert words in problem.message


def test_two_default_profiles_are_a_problem_that_names_both() -> None:
    two = {n: ProfileTerms(n, default=True) for n in ("a", "b")}
    problem = bind(Namespace("shop", "1"), None, two).problem
    assert problem is not None
    assert (problem.reason, "a, b" in problem.message) == ("DefaultProfileAmbiguous", True)


def test_without_a_default_the_built_in_profile_holds() -> None:
    assert bind(Namespace("shop", "1"), None, {}).profile == BUILT_IN
