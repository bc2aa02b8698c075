"""A change of a profile reaches its namespaces in batches, and stops where they fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.rollout import Decision, Member, Phase, Terms, decide

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
STARTED = NOW - timedelta(seconds=30)
TERMS = Terms("50%", timedelta(seconds=60))


def step(
    *members: Member,
    admitted: frozenset[str] = frozenset(),
    last_batch_at: datetime | None = None,
    now: datetime = NOW,
) -> Decision:
    return decide(
        2,
        members,
        TERMS,
        started_at=STARTED,
        admitted=admitted,
        last_batch_at=last_batch_at,
        now=now,
    )


def old(name: str) -> Member:
    return Member(name, 1, ready=True)


def updated(name: str, *, ready: bool | None = True, since: datetime = NOW) -> Member:
    return Member(name, 2, ready, since)


def test_the_first_batch_starts_at_once_in_order_of_names() -> None:
    decision = step(old("d"), old("c"), old("b"), old("a"))
    assert decision.admitted == {"a", "b"}
    assert decision.started_batch
    assert (decision.phase, decision.updated, decision.total) == (Phase.PROGRESSING, 0, 4)


def test_the_next_batch_waits_until_the_last_is_ready() -> None:
    decision = step(updated("a"), old("b"), old("c"), old("d"), admitted=frozenset("ab"))
    assert decision.admitted == {"a", "b"}
    assert not decision.started_batch


def test_the_instant_of_the_next_batch_is_told_while_the_last_is_not_ready_yet() -> None:
    members = (updated("a"), old("b"), old("c"), old("d"))
    settling = step(*members, admitted=frozenset("ab"), last_batch_at=NOW)
    assert settling.next_at == NOW + timedelta(seconds=60)
    late = step(*members, admitted=frozenset("ab"), last_batch_at=NOW, now=settling.next_at)
    assert (late.phase, late.next_at) == (Phase.PROGRESSING, None)


def test_the_next_batch_waits_for_the_pause() -> None:
    members = (updated("a"), updated("b"), old("c"), old("d"))
    begun = NOW - timedelta(seconds=20)
    waiting = step(*members, last_batch_at=begun)
    assert waiting.admitted == {"a", "b"}
    assert waiting.next_at == begun + timedelta(seconds=60)
    assert step(*members, last_batch_at=begun, now=begun + timedelta(seconds=60)).admitted == set(
        "abcd"
    )


def test_it_stops_when_a_namespace_fails_and_names_it() -> None:
    decision = step(updated("a"), updated("b", ready=False), old("c"), old("d"))
    assert (decision.phase, decision.failed) == (Phase.STOPPED, ("b",))
    assert decision.admitted == {"a", "b"}


def test_a_namespace_that_was_not_ready_before_does_not_stop_it() -> None:
    ill = updated("b", ready=False, since=STARTED - timedelta(seconds=1))
    decision = step(updated("a"), ill, old("c"), old("d"))
    assert decision.admitted == set("abcd")
    assert (decision.failed, decision.stopped_by) == (("b",), ())


def test_a_namespace_that_failed_in_the_second_of_the_start_stops_it() -> None:
    ill = updated("a", ready=False, since=STARTED.replace(microsecond=0))
    assert step(ill, old("b")).phase is Phase.STOPPED


def test_it_goes_on_when_the_failed_namespace_is_ready_again() -> None:
    decision = step(updated("a"), updated("b"), old("c"), old("d"))
    assert decision.admitted == set("abcd")


def test_a_namespace_without_a_status_never_waits() -> None:
    assert "new" in step(old("a"), Member("new", None, None)).admitted


def test_it_is_complete_when_every_namespace_is_there() -> None:
    assert step(updated("a"), updated("b")).phase is Phase.COMPLETE
    assert step().phase is Phase.COMPLETE


@pytest.mark.parametrize(
    "batch, total, size", [("10%", 5, 1), ("10%", 25, 3), (4, 100, 4), ("100%", 7, 7)]
)
def test_the_size_of_a_batch_is_rounded_up(batch: int | str, total: int, size: int) -> None:
    assert Terms(batch).batch_size(total) == size


@given(st.integers(1, 40), st.sampled_from(["1%", "10%", "34%", "100%", 1, 3]))
def test_a_rollout_without_failures_ends_and_no_batch_is_larger_than_asked(
    total: int, batch: int | str
) -> None:
    terms = Terms(batch, timedelta(seconds=1))
    generations = {f"ns-{i:02}": 1 for i in range(total)}
    admitted: frozenset[str] = frozenset()
    last: datetime | None = None
    now = NOW
    for _ in range(2 * total + 2):
        members = [Member(n, g, ready=True) for n, g in generations.items()]
        decision = decide(
            2, members, terms, started_at=NOW, admitted=admitted, last_batch_at=last, now=now
        )
        assert len(decision.admitted - admitted) <= terms.batch_size(total)
        if decision.phase is Phase.COMPLETE:
            break
        last = now if decision.started_batch else last
        admitted = decision.admitted
        generations |= dict.fromkeys(admitted, 2)
        now += timedelta(seconds=1)
    assert set(generations.values()) == {2}
