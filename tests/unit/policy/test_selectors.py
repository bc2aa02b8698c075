"""Label selectors mean what the API's documentation says, and are equal when they mean the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.selectors import EVERYTHING, Requirement, Selector
from tests.unit.network.evaluator import selects

KEYS, VALUES = st.sampled_from(["app", "tier"]), st.sampled_from(["a", "b", "c"])
LABELS = st.dictionaries(KEYS, VALUES)


def _expressions() -> st.SearchStrategy[dict[str, Any]]:
    valued = st.fixed_dictionaries(
        {
            "key": KEYS,
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(VALUES, min_size=1),
        }
    )
    bare = st.fixed_dictionaries(
        {"key": KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}
    )
    return st.one_of(valued, bare)


SELECTORS = st.fixed_dictionaries(
    {}, optional={"matchLabels": LABELS, "matchExpressions": st.lists(_expressions(), max_size=3)}
)


@pytest.mark.parametrize(
    "selector, labels, is_selected",
    [
        ({}, {}, True),
        (None, {"app": "a"}, True),
        ({"matchLabels": {"app": "a"}}, {"app": "a", "tier": "x"}, True),
        ({"matchLabels": {"app": "a", "tier": "x"}}, {"app": "a"}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}, {}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]}, {}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, {"app": ""}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, {"tier": "x"}, True),
    ],
)
def test_a_selector_selects_by_all_that_it_says(
    selector: dict[str, Any] | None, labels: dict[str, str], is_selected: bool
) -> None:
    assert Selector.from_json(selector).matches(labels) is is_selected


@given(SELECTORS, LABELS)
def test_it_is_read_and_written_without_a_change_of_meaning(
    selector: dict[str, Any], labels: dict[str, str]
) -> None:
    read = Selector.from_json(selector)
    assert read.matches(labels) is selects(selector, labels)
    assert Selector.from_json(read.to_json()) == read
    assert selects(read.to_json(), labels) is selects(selector, labels)


@given(SELECTORS, st.randoms())
def test_the_order_of_what_it_says_means_nothing(selector: dict[str, Any], random: Any) -> None:
    shuffled = {
        key: random.sample(value, len(value))
        if isinstance(value, list)
        else dict(random.sample(list(value.items()), len(value)))
        for key, value in selector.items()
    }
    assert Selector.from_json(shuffled) == Selector.from_json(selector)
    assert list(Selector.from_json(shuffled).to_json()) == list(
        Selector.from_json(selector).to_json()
    )


def test_the_selector_of_everything_is_false() -> None:
    assert not EVERYTHING
    assert Selector.of({"app": "a"})
    assert Selector.of({}, [Requirement("app", "Exists")])
