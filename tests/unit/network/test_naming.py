"""Names are readable, valid and stable, and no two rules ever share one."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.network.naming import (
    ISOLATION_NAME,
    Half,
    bridge_name,
    policy_name,
    rule_label,
    rule_labels,
)
from bailiwick.policy.rules import Rule, WorkloadPeer
from bailiwick.policy.selectors import EVERYTHING, Selector
from tests.unit.network.make import compiled

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
HALVES: tuple[Half, ...] = ("ingress", "egress")
SELECTORS = (EVERYTHING, Selector.of({"app": "a"}), Selector.of({"app": "b"}))

# As the schema has them, and whatever else an older schema or a template may let through.
DECLARED = st.from_regex(_DNS_LABEL, fullmatch=True)
ANYTHING = st.text(max_size=80)
NAMES = st.one_of(DECLARED, ANYTHING)


def rule(name: str, *, from_profile: bool = False) -> Rule:
    return Rule(name, WorkloadPeer(), None, from_profile=from_profile)


def all_names(name: str) -> list[str]:
    """Return the names of every policy that rules of this name can give."""
    return [
        policy_name(rule(name, from_profile=from_profile), half, selector)
        for from_profile, half, selector in product((False, True), HALVES, SELECTORS)
    ]


@given(NAMES)
def test_every_rule_gets_valid_names_and_labels(name: str) -> None:
    for made in all_names(name):
        assert _DNS_LABEL.fullmatch(made)
    for half in HALVES:
        for value in rule_labels(rule(name), half).values():
            assert _LABEL_VALUE.fullmatch(value)


@given(st.lists(NAMES, unique=True, max_size=8))
def test_no_two_rules_halves_or_sets_of_pods_share_a_name(names: list[str]) -> None:
    made = [each for name in names for each in all_names(name)]
    made += [ISOLATION_NAME, *(bridge_name(half, {}) for half in HALVES)]
    assert len(set(made)) == len(made)
    assert len({rule_label(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "one, other",
    [
        ("a" * 63, "a" * 62 + "b"),
        ("a-b", "a--b"),
        ("pay", "Pay"),
        ("pay", "pay\n"),
        ("", "rule"),
        ("ä", "ö"),
        ("a.b", rule_label("a.b")),
        ("bailiwick-isolation", "bailiwick-bridge"),
    ],
)
def test_names_that_look_alike_stay_apart(one: str, other: str) -> None:
    assert not set(all_names(one)) & set(all_names(other))
    assert rule_label(one) != rule_label(other)
    assert not {ISOLATION_NAME, bridge_name("egress", {})} & {*all_names(one), *all_names(other)}


@given(NAMES, ANYTHING)
def test_a_label_that_stands_for_a_name_is_no_other_name(one: str, other: str) -> None:
    if rule_label(one) != one:
        assert rule_label(rule_label(one)) != rule_label(one)
    assert (rule_label(one) == rule_label(other)) is (one == other)


def test_a_policy_tells_its_rule_by_name_and_label() -> None:
    network = compiled({"name": "checkout-to-payments", "to": {"namespace": "payments"}})
    (policy,) = (p for p in network.policies if p.rule)
    # Upgrading must not rename what is there: this name is part of what the operator promises.
    assert policy.name == "checkout-to-payments-out-4nprmol2leks5ycb"
    assert policy.labels == {
        "app.kubernetes.io/managed-by": "bailiwick",
        "bailiwick.dev/rule": "checkout-to-payments",
        "bailiwick.dev/half": "egress",
        "bailiwick.dev/origin": "intent",
    }


def test_an_allowance_and_a_rule_of_one_name_are_told_apart() -> None:
    to = {"namespace": "payments"}
    network = compiled(
        {"name": "dns", "to": to}, profile={"allowances": [{"name": "dns", "to": to}]}
    )
    policies = [p for p in network.policies if p.rule == "dns"]
    assert {p.labels["bailiwick.dev/origin"] for p in policies} == {"intent", "profile"}
    assert len({p.name for p in policies}) == 2


def test_a_policy_has_labels_and_owners_of_ours_alone() -> None:
    (policy,) = compiled().policies
    owner = {"kind": "SecurityIntent", "name": "default", "uid": "u"}
    metadata = policy.manifest("shop", [owner])["metadata"]
    assert metadata == {
        "name": "bailiwick-isolation",
        "namespace": "shop",
        "labels": {"app.kubernetes.io/managed-by": "bailiwick", "bailiwick.dev/half": "isolation"},
        "ownerReferences": [owner],
    }
