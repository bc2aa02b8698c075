from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.effective import ExceptionTerms
from bailiwick.policy.exceptions.ruling import Ruling, State, rule
from tests.unit.controls.make import NOW
from tests.unit.exceptions.make import (
    DANA,
    DAY,
    FREE,
    WARNING,
    approval,
    exception,
    stamp,
)

ASKING = ExceptionTerms()


def ruling(terms: ExceptionTerms | None = ASKING, now: datetime = NOW, **fields: Any) -> Ruling:
    return rule(exception(**fields), terms, now, WARNING)


@pytest.mark.parametrize(
    "fields, terms, state, words",
    [
        ({}, FREE, State.ACTIVE, "In force until 2027-01-23"),
        ({}, ASKING, State.AWAITING_APPROVAL, "nobody did yet"),
        ({"status": approval()}, ASKING, State.ACTIVE, "In force"),
        ({"status": approval(generation=2)}, ASKING, State.AWAITING_APPROVAL, "generation 2"),
        ({"generation": 2, "status": approval()}, ASKING, State.AWAITING_APPROVAL, "generation 1"),
        ({"status": approval(by=DANA)}, ASKING, State.AWAITING_APPROVAL, "is its author"),
        ({"status": approval(at=stamp(NOW + DAY))}, ASKING, State.AWAITING_APPROVAL, "is of 2026"),
        ({"status": {"approval": {"by": 1}}}, ASKING, State.AWAITING_APPROVAL, "nobody did"),
        ({"author": None, "status": approval()}, ASKING, State.INVALID, "Write spec.author"),
        ({"author": None}, FREE, State.ACTIVE, "In force"),
        ({"images": ["nginx"], "status": approval()}, ASKING, State.INVALID, "spec.images[0]"),
        ({"expiresAt": stamp(NOW)}, FREE, State.EXPIRED, "counts again"),
        ({"expiresAt": stamp(NOW + WARNING)}, FREE, State.EXPIRES_SOON, "In force until"),
        # The platform's own.
        ({"namespace": "", "author": None}, None, State.ACTIVE, "In force"),
        ({"namespace": "", "expiresAt": "2099-01-01T00:00:00Z"}, None, State.ACTIVE, "2099"),
    ],
)
def test_an_exception_stands_where_its_profile_lets_it(
    fields: dict[str, Any], terms: ExceptionTerms | None, state: State, words: str
) -> None:
    made = ruling(terms, **fields)
    assert made.state is state
    assert words in made.message
    assert made.in_force == (state in (State.ACTIVE, State.EXPIRES_SOON))


@pytest.mark.parametrize(
    "fields, terms, expected",
    [
        ({"expiresAt": stamp(NOW + 90 * DAY)}, FREE, State.ACTIVE),
        ({"expiresAt": stamp(NOW + 91 * DAY)}, FREE, State.INVALID),
        # It counts from when it was made.
        ({"created": NOW - 60 * DAY, "expiresAt": stamp(NOW + 31 * DAY)}, FREE, State.INVALID),
        # One that waits would be approved now.
        (
            {"created": NOW - 60 * DAY, "expiresAt": stamp(NOW + 31 * DAY)},
            ASKING,
            State.AWAITING_APPROVAL,
        ),
        ({"expiresAt": stamp(NOW + 91 * DAY)}, ASKING, State.INVALID),
        # It counts from when it was approved.
        (
            {
                "created": NOW - 60 * DAY,
                "expiresAt": stamp(NOW + 31 * DAY),
                "status": approval(),
            },
            ASKING,
            State.ACTIVE,
        ),
        (
            {
                "created": NOW - 60 * DAY,
                "expiresAt": stamp(NOW + 31 * DAY),
                "status": approval(at=stamp(NOW - 60 * DAY)),
            },
            ASKING,
            State.INVALID,
        ),
    ],
)
def test_what_lasts_longer_than_the_profile_allows_is_refused_whole(
    fields: dict[str, Any], terms: ExceptionTerms, expected: State
) -> None:
    made = ruling(terms, **fields)
    assert made.state is expected
    if expected is State.INVALID:
        assert "spec.expiresAt is more than 90d a" in made.message


def test_a_shorter_limit_of_the_profile_holds_for_what_is_there() -> None:
    short = ExceptionTerms(max_duration=timedelta(days=30), approval_required=False)
    assert ruling(short).state is State.INVALID


_STATUSES = st.one_of(
    st.just({}),
    st.builds(
        approval,
        by=st.sampled_from(["dana", "noor"]),
        at=st.integers(-100, 100).map(lambda days: stamp(NOW + days * DAY)),
        generation=st.integers(1, 2),
    ),
)
_FIELDS = st.fixed_dictionaries(
    {
        "created": st.integers(-100, 0).map(lambda days: NOW + days * DAY),
        "expiresAt": st.integers(-30, 200).map(lambda days: stamp(NOW + days * DAY)),
        "status": _STATUSES,
    }
)
_TERMS = st.builds(
    ExceptionTerms,
    st.integers(1, 120).map(lambda days: days * DAY),
    st.booleans(),
)


@given(_FIELDS, _TERMS, st.integers(0, 300))
def test_nothing_changes_before_it_says_so_not_even_the_words(
    fields: dict[str, Any], terms: ExceptionTerms, days: int
) -> None:
    first = ruling(terms, **fields)
    later = NOW + days * DAY
    if first.changes_at is None or later < first.changes_at:
        assert ruling(terms, now=later, **fields) == first


@given(_FIELDS, _TERMS)
def test_what_is_in_force_ends_in_time_and_was_let_by_somebody_else(
    fields: dict[str, Any], terms: ExceptionTerms
) -> None:
    declared = exception(**fields)
    made = rule(declared, terms, NOW, WARNING)
    if not made.in_force:
        return
    assert declared.expires_at is not None
    assert declared.expires_at > NOW
    begun = [declared.created, *([declared.approval.at] if declared.approval else [])]
    assert declared.expires_at <= max(begun) + terms.max_duration
    if terms.approval_required:
        assert declared.approval is not None
        assert declared.approval.by != declared.author
        assert declared.approval.generation == declared.generation
