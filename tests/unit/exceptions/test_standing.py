from __future__ import annotations

from datetime import datetime

import pytest

from bailiwick.policy.exceptions.matching import ImageMatch, Match
from bailiwick.policy.exceptions.ruling import State, rule
from bailiwick.policy.exceptions.standing import Standing, stand
from tests.unit.controls.make import NOW, digest
from tests.unit.exceptions.make import DAY, FREE, WARNING, exception, stamp

NEVER = None


def match(findings: int, fixable: int = 0) -> Match:
    return Match((ImageMatch("registry.example.com/shop/cart", digest(), findings, fixable),), True)


def standing(
    what: Match, last: datetime | None = NOW - DAY, expires: datetime = NOW + 60 * DAY
) -> Standing:
    ruling = rule(exception(expiresAt=stamp(expires)), FREE, NOW, WARNING)
    return stand(ruling, what, last)


@pytest.mark.parametrize(
    "what, last, state, words",
    [
        (match(2), NOW, State.ACTIVE, "2 findings in 1 image."),
        (match(2, fixable=1), NOW, State.ACTIVE, "2 findings"),
        (match(2, fixable=2), NOW, State.SUPERSEDED, "A fixed version is known"),
        (Match(judged=True), NOW, State.SUPERSEDED, "is gone from the images"),
        (Match(), NOW, State.MATCHES_NOTHING, "since 2026-11-24 12:00 UTC"),
        (Match(judged=True), NEVER, State.MATCHES_NOTHING, "Never matched anything"),
        (Match(), NEVER, State.MATCHES_NOTHING, "any image that runs"),
        # What is not known is not gone.
        (Match(unknown=True), NOW, State.ACTIVE, "was not scanned yet"),
        (Match(judged=True, unknown=True), NOW, State.ACTIVE, "was not scanned yet"),
    ],
)
def test_one_in_force_says_what_it_is_for(
    what: Match, last: datetime | None, state: State, words: str
) -> None:
    made = standing(what, last)
    assert (made.state, made.in_force) == (state, True)
    assert words in made.message
    assert "In force until 2027-01-23 12:00 UTC." in made.message


def test_that_it_ends_outweighs_what_it_matches() -> None:
    for what in (match(2), match(2, fixable=2), Match()):
        assert standing(what, expires=NOW + DAY).state is State.EXPIRES_SOON
        ended = standing(what, expires=NOW)
        assert (ended.state, ended.in_force) == (State.EXPIRED, False)
    assert "Is for 2 findings" in standing(match(2), expires=NOW).message
