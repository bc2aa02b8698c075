"""At every moment of a change, what is allowed lies between before and after, crashes included."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network import bridges
from bailiwick.policy.network.compile import isolation_policy
from bailiwick.policy.network.edits import Step, waves
from bailiwick.policy.network.model import Policy
from bailiwick.policy.network.plan import plan
from bailiwick.policy.rules import Direction
from tests.unit.network.changes import (
    Live,
    allowed,
    carry_out,
    desired_sets,
    drifted,
    edits,
    foreign_sets,
    live_of,
)

BOTH = (isolation_policy(frozenset(Direction)),)
crashes = st.lists(st.integers(0, 6), max_size=3)


def change(
    live: Live,
    desired: Sequence[Policy],
    foreign: Sequence[NetworkPolicy],
    crashed_after: Sequence[int],
    *,
    cuts: bool = False,
    order: Random | None = None,
) -> Live:
    """Lead to `desired`, beginning anew after each crash, and check each state on the way.

    `cuts` says that less than both may be allowed on the way; more than either never is.
    """
    before, after = allowed(live, foreign), allowed(live_of(desired), foreign)
    for steps_done in (*crashed_after, None):
        for step in mixed(plan(live, desired, foreign), order)[:steps_done]:
            live = carry_out(live, [step])
            now = allowed(live, foreign)
            assert now <= before | after, f"wider after {step}"
            assert cuts or before & after <= now, f"a gap after {step}"
    assert plan(live, desired, foreign) == ()
    assert allowed(live, foreign) == after
    assert live.keys() == {p.key for p in desired}
    return live


def mixed(steps: Sequence[Step], order: Random | None) -> list[Step]:
    together = list(waves(steps))
    if order:
        for wave in together:
            order.shuffle(wave)
    return [step for wave in together for step in wave]


@given(
    st.one_of(edits(), st.tuples(desired_sets(), desired_sets())),
    foreign_sets(),
    crashes,
    st.randoms(use_true_random=False),
)
def test_writes_that_go_together_may_land_in_any_order(
    edit: tuple[Sequence[Policy], Sequence[Policy]],
    foreign: Sequence[NetworkPolicy],
    crashed_after: Sequence[int],
    order: Random,
) -> None:
    before, after = edit
    change(live_of(before), after, foreign, crashed_after, order=order)


@given(desired_sets(), desired_sets(), desired_sets(), foreign_sets(), crashes)
def test_a_change_never_opens_more_nor_cuts_more_than_before_and_after(
    first: Sequence[Policy],
    second: Sequence[Policy],
    third: Sequence[Policy],
    foreign: Sequence[NetworkPolicy],
    crashed_after: Sequence[int],
) -> None:
    # The second change starts from wherever the first one crashed.
    half_way = carry_out(live_of(first), plan(live_of(first), second, foreign)[:3])
    change(live_of(first), second, foreign, crashed_after)
    change(half_way, third, foreign, crashed_after)


@given(desired_sets(), foreign_sets(), crashes)
@example(BOTH, (), [1])
def test_neither_does_a_switch_to_enforce_and_back(
    desired: Sequence[Policy], foreign: Sequence[NetworkPolicy], crashed_after: Sequence[int]
) -> None:
    live = change({}, desired, foreign, crashed_after)
    assert change(live, (), foreign, crashed_after) == {}


@given(edits(), foreign_sets(), crashes)
def test_neither_does_an_edit_of_many_rules_at_once(
    edit: tuple[Sequence[Policy], Sequence[Policy]],
    foreign: Sequence[NetworkPolicy],
    crashed_after: Sequence[int],
) -> None:
    before, after = edit
    change(live_of(before), after, foreign, crashed_after)


@given(desired_sets().flatmap(drifted), desired_sets(), foreign_sets(), crashes)
def test_neither_does_the_repair_of_what_somebody_edited_or_deleted(
    live: Live,
    desired: Sequence[Policy],
    foreign: Sequence[NetworkPolicy],
    crashed_after: Sequence[int],
) -> None:
    change(live, desired, foreign, crashed_after)


@given(desired_sets().flatmap(drifted), desired_sets(), foreign_sets(), crashes)
def test_where_no_bridge_can_be_written_pods_are_cut_off_and_never_opened(
    live: Live,
    desired: Sequence[Policy],
    foreign: Sequence[NetworkPolicy],
    crashed_after: Sequence[int],
) -> None:
    # A bridge selects whom others do not, and many selectors of several requirements turned
    # around take more of them than are written. What is sure then is that nothing is opened.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridges, "MOST_BRIDGES", 0)
        change(live, desired, foreign, crashed_after, cuts=True)
