"""The writes of a change, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bailiwick.policy.facts import NetworkPolicy
from bailiwick.policy.network.compile import isolation_policy
from bailiwick.policy.network.edits import Step
from bailiwick.policy.network.model import Frozen, Policy
from bailiwick.policy.network.plan import plan
from bailiwick.policy.rules import Direction
from tests.unit.network.changes import Live, carry_out, live_of
from tests.unit.network.make import JSON, compiled

CART = {"workload": {"matchLabels": {"app": "cart"}}}
RULES: tuple[JSON, ...] = (
    {"name": "a", "to": {"namespace": "payments"}},
    {"name": "b", "from": {"namespace": "payments"}, "to": CART},
)
INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS
ISOLATION = "bailiwick-isolation"


def desired(*rules: JSON, isolate: Sequence[Direction] = (INGRESS, EGRESS)) -> tuple[Policy, ...]:
    return compiled(*(rules or RULES), profile={"isolate": list(isolate)}).policies


def foreign(selector: JSON, *types: Direction) -> NetworkPolicy:
    return NetworkPolicy(
        "shop", "theirs", "t", spec={"podSelector": selector, "policyTypes": list(types)}
    )


def told(steps: Sequence[Step]) -> list[str]:
    """Name each write: the rule's name, or for others what they allow in each direction."""
    result = []
    for step in steps:
        if step.policy is None:
            result.append(f"delete {_short(step.name)}")
            continue
        spec = step.policy.spec
        held = [d.lower() for d in spec["policyTypes"] if spec[d.lower()] == [{}]]
        shut = [d.lower() for d in spec["policyTypes"] if spec[d.lower()] == []]
        state = [f"open {' '.join(held)}"] * bool(held) + [f"shut {' '.join(shut)}"] * bool(shut)
        result.append(" ".join(["apply", _short(step.name), *state]))
    return result


def _short(name: str) -> str:
    if name == ISOLATION:
        return "isolation"
    return "bridge" if name.startswith("bailiwick-bridge") else name[0]


def test_nothing_is_written_where_all_is_as_it_should_be() -> None:
    assert plan(live_of(desired()), desired()) == ()


def test_a_namespace_is_held_open_until_all_its_rules_are_there() -> None:
    assert told(plan({}, desired())) == [
        "apply isolation open ingress egress",
        "apply a",
        "apply b",
        "apply isolation shut ingress egress",
    ]


def test_a_release_is_the_same_the_other_way_round() -> None:
    assert told(plan(live_of(desired()), ())) == [
        "apply isolation open ingress egress",
        "delete a",
        "delete b",
        "delete isolation",
    ]


def test_the_isolation_alone_takes_one_write() -> None:
    alone = (isolation_policy(frozenset(Direction)),)
    assert told(plan({}, alone)) == ["apply isolation shut ingress egress"]
    assert told(plan(live_of(alone), ())) == ["delete isolation"]
    without = {n: p for n, p in live_of(desired()).items() if n != ISOLATION}
    assert told(plan(without, desired())) == ["apply isolation shut ingress egress"]


@pytest.mark.parametrize(
    "before, after, steps",
    [
        (
            [INGRESS],
            [INGRESS, EGRESS],
            [
                "apply isolation open egress shut ingress",
                "apply a",
                "apply isolation shut ingress egress",
            ],
        ),
        (
            [INGRESS, EGRESS],
            [INGRESS],
            [
                "apply isolation open egress shut ingress",
                "delete a",
                "apply isolation shut ingress",
            ],
        ),
        (
            [INGRESS],
            [EGRESS],
            [
                "apply isolation open ingress egress",
                "apply a",
                "delete b",
                "apply isolation shut egress",
            ],
        ),
    ],
)
def test_only_the_direction_that_changes_is_held_open(
    before: list[Direction], after: list[Direction], steps: list[str]
) -> None:
    assert told(plan(live_of(desired(isolate=before)), desired(isolate=after))) == steps


def test_after_a_crash_what_is_missing_is_done() -> None:
    steps = plan({}, desired())
    for done in range(len(steps)):
        rest = plan(carry_out({}, steps[:done]), desired())
        assert told(rest) == told(steps[done:])


@pytest.mark.parametrize(
    "selector, outside",
    [
        ({"matchLabels": {"app": "x"}}, [[("app", "NotIn", ["x"])]]),
        (
            {"matchLabels": {"app": "x", "tier": "y"}},
            [[("app", "NotIn", ["x"])], [("tier", "NotIn", ["y"])]],
        ),
        (
            {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            [[("app", "DoesNotExist", None)]],
        ),
        ({}, []),
    ],
)
def test_where_others_isolate_pods_a_bridge_opens_the_rest_of_them(
    selector: JSON, outside: list[list[tuple[str, str, list[str] | None]]]
) -> None:
    steps = plan({}, desired(isolate=[EGRESS]), [foreign(selector, EGRESS)])
    bridges = [s.policy for s in steps if s.policy and s.policy.half == "bridge"]
    assert [
        [
            (e["key"], e["operator"], e.get("values"))
            for e in b.spec["podSelector"]["matchExpressions"]
        ]
        for b in sorted(bridges, key=lambda b: str(b.spec))
    ] == outside
    assert all(b.spec["egress"] == [{}] for b in bridges)
    assert told(steps) == [
        *["apply bridge open egress"] * len(bridges),
        "apply a",
        "apply isolation shut egress",
        *["delete bridge"] * len(bridges),
    ]


def test_others_who_isolate_one_direction_leave_the_other_to_the_isolation() -> None:
    steps = plan({}, desired(), [foreign({"matchLabels": {"app": "x"}}, INGRESS)])
    assert told(steps) == [
        "apply bridge open ingress",
        "apply isolation open egress",
        "apply a",
        "apply b",
        "apply isolation shut ingress egress",
        "delete bridge",
    ]


def test_a_bridge_that_a_crash_left_is_used_and_then_removed() -> None:
    theirs = [foreign({"matchLabels": {"app": "x"}}, EGRESS)]
    steps = plan({}, desired(isolate=[EGRESS]), theirs)
    rest = plan(carry_out({}, steps[:2]), desired(isolate=[EGRESS]), theirs)
    assert told(rest) == ["apply isolation shut egress", "delete bridge"]
    ended = plan(carry_out({}, steps[:-1]), desired(isolate=[EGRESS]), theirs)
    assert told(ended) == ["delete bridge"]


def test_one_edit_in_a_direction_is_one_write_and_several_grow_before_they_shrink() -> None:
    others = tuple({**rule, "ports": [number]} for number, rule in enumerate(RULES, 80))
    out, in_ = others
    assert told(plan(live_of(desired()), desired(out, RULES[1]))) == ["apply a"]
    assert told(plan(live_of(desired()), desired(out, in_))) == ["apply a", "apply b"]
    third: JSON = {"name": "c", "to": {"namespace": "payments"}, "ports": [1]}
    steps = plan(live_of(desired(RULES[0], third)), desired(out, {**third, "ports": [2]}))
    assert told(steps) == ["apply a", "apply c", "apply a", "apply c"]
    union = steps[0].policy
    assert union is not None
    assert len(union.spec["egress"]) == 2


def test_what_is_removed_goes_after_what_is_added() -> None:
    third = {"name": "c", "to": CART, "ports": [1]}
    mixed = plan(live_of(desired(RULES[0], third)), desired(RULES[1]))
    assert told(mixed) == ["apply b", "delete a", "delete c", "delete c"]


def test_what_somebody_added_to_a_policy_is_taken_away_again() -> None:
    live = live_of(desired())
    name = next(n for n in live if n.startswith("a-"))
    live[name] = replace(live[name], spec={**live[name].spec, "egress": [{}]})
    assert told(plan(live, desired())) == ["apply a"]
    live = live_of(desired())
    wide = {**live[ISOLATION].spec, "ingress": [{}]}
    live[ISOLATION] = replace(live[ISOLATION], spec=wide)
    assert told(plan(live, desired())) == ["apply isolation shut ingress egress"]


def test_what_was_added_to_the_isolation_goes_after_a_rule_allows_it() -> None:
    live = live_of(desired({**RULES[0], "ports": [80]}))
    everywhere: list[JSON] = [{"to": [{"namespaceSelector": {}}]}]
    live[ISOLATION] = replace(live[ISOLATION], spec={**live[ISOLATION].spec, "egress": everywhere})
    assert told(plan(live, desired({**RULES[0], "ports": [443]}))) == [
        "apply a",
        "apply isolation shut ingress egress",
    ]


def test_the_rules_of_a_kind_that_cannot_be_read_stay_as_they_are() -> None:
    frozen = {Frozen("intent", "a", "egress")}
    without = tuple(p for p in desired() if p.rule != "a")
    assert plan(live_of(desired()), without, (), frozen) == ()
    assert told(plan(live_of(desired()), without)) == ["delete a"]


def test_a_namespace_does_not_become_isolated_while_a_rule_of_it_is_not_known() -> None:
    frozen = {Frozen("intent", "a", "egress")}
    without = tuple(p for p in desired() if p.rule != "a")
    assert plan({}, without, (), frozen) == ()
    # What is known of it is there: then the isolation that somebody deleted comes back.
    gone: Live = {n: p for n, p in live_of(desired()).items() if n != ISOLATION}
    assert told(plan(gone, without, (), frozen)) == ["apply isolation shut ingress egress"]


def test_a_release_does_not_wait_for_what_cannot_be_read() -> None:
    frozen = {Frozen("intent", "a", "egress")}
    steps = plan(live_of(desired()), (), (), frozen)
    assert carry_out(live_of(desired()), steps) == {}


def test_policies_whose_names_are_taken_isolate_without_the_isolation() -> None:
    rules = tuple(p for p in desired() if p.name != ISOLATION)
    taken = [replace(foreign({"matchLabels": {"app": "x"}}, EGRESS), name=ISOLATION)]
    steps = plan({}, rules, taken)
    assert told(steps) == [
        "apply bridge open ingress",
        "apply bridge open egress",
        "apply a",
        "apply b",
        "delete bridge",
        "delete bridge",
    ]


def test_the_order_of_anything_changes_nothing() -> None:
    theirs = [
        foreign({"matchLabels": {"app": "x"}}, EGRESS),
        foreign({"matchLabels": {"a": "b"}}, EGRESS),
    ]
    shuffled = plan({}, tuple(reversed(desired())), theirs[::-1])
    assert shuffled == plan({}, desired(), theirs)
