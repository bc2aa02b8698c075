"""A bridge opens the pods that nobody isolates, and no others."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.network.bridges import MOST_BRIDGES, bridge, covers, is_bridge, outside
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import EVERYTHING, Requirement, Selector
from tests.unit.network.make import live

_KEYS, _VALUES = st.sampled_from(("app", "tier")), st.sampled_from(("a", "b"))
_REQUIREMENTS = st.one_of(
    st.builds(
        lambda key, operator, values: Requirement(key, operator, tuple(sorted(values))),
        _KEYS,
        st.sampled_from(("In", "NotIn")),
        st.sets(_VALUES, min_size=1),
    ),
    st.builds(Requirement, _KEYS, st.sampled_from(("Exists", "DoesNotExist"))),
)
_SELECTORS = st.builds(
    Selector.of, st.dictionaries(_KEYS, _VALUES, max_size=1), st.lists(_REQUIREMENTS, max_size=2)
)
_EVERY_POD = [
    {key: value for key, value in (("app", app), ("tier", tier)) if value}
    for app in (None, "a", "b", "c")
    for tier in (None, "a", "b", "c")
]


@given(st.lists(_SELECTORS, max_size=2))
def test_outside_of_selectors_is_just_what_none_of_them_selects(selectors: list[Selector]) -> None:
    turned = outside(selectors)
    assert turned is not None
    for labels in _EVERY_POD:
        selected = any(selector.matches(labels) for selector in selectors)
        assert any(each.matches(labels) for each in turned) is not selected


def test_many_selectors_of_several_requirements_take_too_many_bridges() -> None:
    several = [Selector.of({f"a{n}": "x", f"b{n}": "y"}) for n in range(5)]
    assert len(outside(several[:4]) or ()) == MOST_BRIDGES
    assert outside(several) is None


@given(_SELECTORS, _SELECTORS)
def test_a_selector_covers_only_what_it_selects(one: Selector, other: Selector) -> None:
    if covers(one, other):
        assert all(one.matches(labels) for labels in _EVERY_POD if other.matches(labels))
    assert covers(EVERYTHING, other)
    assert covers(one, one)


def test_a_bridge_opens_one_direction_and_is_told_by_what_it_says() -> None:
    made = bridge(Direction.EGRESS, Selector.of({"app": "a"}))
    assert made.spec == {
        "podSelector": {"matchLabels": {"app": "a"}},
        "policyTypes": ["Egress"],
        "ingress": [],
        "egress": [{}],
    }
    assert is_bridge(live(made))
    assert not is_bridge(replace(live(made), spec={**made.spec, "egress": []}))
