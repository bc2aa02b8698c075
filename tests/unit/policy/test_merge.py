"""Profile and intent merged: an intent may only tighten, and reads what it did not get."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.api.intent import SecurityIntentSpec
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.policy.builtin import BUILT_IN_PROFILE
from bailiwick.policy.effective import EffectiveIntent, Enforcement, ExceptionTerms
from bailiwick.policy.facts import Namespace
from bailiwick.policy.merge import ProfileVersion, merge
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import (
    Direction,
    Entity,
    EntityPeer,
    NamespacePeer,
    ServicePeer,
    WorkloadPeer,
)
from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import Settings

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
CLUSTER = {
    "payments": Namespace("payments", "1", {"team": "payments"}),
    "secret": Namespace("secret", "2", {"team": "spies"}),
}


def merged(
    profile: dict[str, Any], intent: dict[str, Any], *, now: datetime = NOW
) -> EffectiveIntent:
    return merge(
        "shop",
        ProfileVersion("restricted", 3, SecurityProfileSpec.model_validate(profile)),
        SecurityIntentSpec.model_validate(intent),
        lookup=CLUSTER.get,
        settings=Settings(),
        now=now,
    )


def allowing(**rule: Any) -> dict[str, Any]:
    return {"network": {"allow": [{"name": "r", **rule}]}}


def test_a_rule_is_read_with_its_sides_ports_and_place() -> None:
    intent = allowing(
        **{"from": {"workload": {"matchLabels": {"app": "checkout"}}}},
        to={"namespace": "payments", "workload": {"matchLabels": {"app": "api"}}},
        ports=[8443, "9000-9100/UDP", "grpc"],
    )
    (rule,) = merged({}, intent).rules
    assert rule.source == WorkloadPeer(Selector.of({"app": "checkout"}))
    assert rule.target == NamespacePeer("payments", Selector.of({"app": "api"}))
    assert set(rule.ports) == {Port.number(8443), Port("UDP", 9000, 9100), Port.named("grpc")}
    assert rule.field == "spec.network.allow[r]"


def test_a_service_without_a_namespace_is_in_this_one() -> None:
    (rule,) = merged({}, allowing(to={"service": {"name": "cart"}})).rules
    assert rule.target == ServicePeer("shop", "cart")


def test_an_allowance_is_for_the_workloads_that_it_names() -> None:
    gateway = {
        "name": "gateway",
        "from": {"namespace": "ingress-nginx"},
        "toPorts": ["http"],
        "onlyIf": {"workload": {"matchLabels": {"exposed": "true"}}},
    }
    profile = {"network": {"allowances": [{"name": "dns", "entity": "DNS"}, gateway]}}
    dns, gate = merged(profile, {}).allowances
    assert (dns.source, dns.target) == (None, EntityPeer(Entity.DNS))
    assert gate.target == WorkloadPeer(Selector.of({"exposed": "true"}))
    assert gate.from_profile


@pytest.mark.parametrize(
    "minimum, initial, asked, held, refused",
    [
        ("Audit", "Audit", None, "Audit", []),
        ("Audit", "Enforce", None, "Enforce", []),
        ("Audit", "Enforce", "Audit", "Audit", []),
        ("Enforce", "Enforce", "Audit", "Enforce", ["spec.enforcement"]),
        ("Enforce", "Audit", None, "Enforce", []),
        ("Audit", "Audit", "Enforce", "Enforce", []),
    ],
)
def test_enforcement_never_goes_below_the_minimum(
    minimum: str, initial: str, asked: str | None, held: str, refused: list[str]
) -> None:
    profile = {"enforcement": {"minimum": minimum, "initial": initial}}
    result = merged(profile, {"enforcement": asked} if asked else {})
    assert result.enforcement is Enforcement(held)
    assert [r.field for r in result.loosened] == refused


@pytest.mark.parametrize(
    "limits, to, refused",
    [
        ({"entities": ["DNS"]}, {"entity": "Internet"}, "may name: DNS"),
        ({"entities": ["DNS"]}, {"fqdn": "api.example.com"}, "may name: DNS"),
        ({"entities": ["Internet"]}, {"entity": "Internet"}, None),
        ({"cidrs": ["203.0.113.0/24"]}, {"cidr": "203.0.113.0/25"}, None),
        ({"cidrs": ["203.0.113.0/24"]}, {"cidr": "203.0.0.0/16"}, "not inside a range"),
        ({"cidrs": ["203.0.113.0/24"]}, {"cidr": "2001:db8::/32"}, "not inside a range"),
        ({"cidrs": []}, {"cidr": "10.0.0.0/8"}, "those are: none"),
        (
            {"namespaces": {"matchLabels": {"team": "payments"}}},
            {"namespace": "secret"},
            "labels do not match",
        ),
        ({"namespaces": {"matchLabels": {"team": "payments"}}}, {"namespace": "payments"}, None),
        ({"namespaces": {"matchLabels": {"team": "x"}}}, {"namespace": "gone"}, "is not there"),
        ({"namespaces": {}}, {"service": {"namespace": "secret", "name": "s"}}, None),
        (
            {"namespaces": {"matchLabels": {"team": "payments"}}},
            {"service": {"namespace": "secret", "name": "s"}},
            "labels do not match",
        ),
        ({}, {"cidr": "0.0.0.0/0"}, None),
    ],
)
def test_an_intent_names_only_what_its_profile_lets_it(
    limits: dict[str, Any], to: dict[str, Any], refused: str | None
) -> None:
    result = merged({"network": {"mayDeclare": limits}}, allowing(to=to))
    if refused is None:
        assert (len(result.rules), result.loosened) == (1, ())
    else:
        assert result.rules == ()
        (refusal,) = result.loosened
        assert refusal.field == "spec.network.allow[r].to"
        assert refused in refusal.message


@pytest.mark.parametrize(
    "to", [{"entity": "Internet"}, {"fqdn": "a.example.com"}, {"cidr": "8.8.8.0/24"}]
)
def test_a_profile_that_denies_the_internet_closes_every_way_there(to: dict[str, Any]) -> None:
    assert merged({"network": {"internet": "Denied"}}, allowing(to=to)).rules == ()


@pytest.mark.parametrize(
    "now, in_force, lapsed, next_change",
    [
        ("2027-02-01T00:00", True, None, "2027-02-16T00:00"),
        ("2027-02-16T00:00", True, False, "2027-03-02T00:00"),
        ("2027-03-01T23:59", True, False, "2027-03-02T00:00"),
        ("2027-03-02T00:00", False, True, None),
    ],
)
def test_a_rule_lapses_at_the_end_of_its_day(
    now: str, in_force: bool, lapsed: bool | None, next_change: str | None
) -> None:
    intent = allowing(to={"namespace": "payments"}, reviewBy="2027-03-01")
    result = merged({}, intent, now=datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert bool(result.rules) is in_force
    assert [r.lapsed for r in result.reviews] == ([] if lapsed is None else [lapsed])
    expected = datetime.fromisoformat(next_change).replace(tzinfo=UTC) if next_change else None
    assert result.changes_at == expected


def test_deadlines_may_only_be_shorter() -> None:
    profile = {"images": {"remediateWithin": {"critical": "15d", "high": "30d"}}}
    intent = {"images": {"remediateWithin": {"critical": "7d", "high": "60d", "low": "90d"}}}
    result = merged(profile, intent)
    assert result.images.remediate_within == {
        "critical": timedelta(days=7),
        "high": timedelta(days=30),
        "low": timedelta(days=90),
    }
    (refusal,) = result.loosened
    assert refusal.field == "spec.images.remediateWithin.high"
    assert "30d at most" in refusal.message


def test_a_scan_must_be_as_fresh_as_the_profile_asks() -> None:
    profile = {"images": {"scan": {"maxAge": "24h", "rescanEvery": "12h"}}}
    tighter = merged(profile, {"images": {"scan": {"maxAge": "6h"}}}).images
    assert (tighter.scan_max_age, tighter.rescan_every) == (timedelta(hours=6), timedelta(hours=6))
    looser = merged(profile, {"images": {"scan": {"maxAge": "48h"}}})
    assert looser.images.scan_max_age == timedelta(hours=24)
    assert [r.field for r in looser.loosened] == ["spec.images.scan.maxAge"]


@pytest.mark.parametrize(
    "profile, intent, days, required, refused",
    [
        ({}, {}, 90, True, []),
        ({"maxDuration": "30d", "approval": "NotRequired"}, {}, 30, False, []),
        ({}, {"maxDuration": "7d"}, 7, True, []),
        ({}, {"maxDuration": "365d"}, 90, True, ["maxDuration"]),
        ({}, {"approval": "NotRequired"}, 90, True, ["approval"]),
        ({"approval": "NotRequired"}, {"approval": "Required"}, 90, True, []),
        ({"approval": "NotRequired"}, {"approval": "NotRequired"}, 90, False, []),
    ],
)
def test_an_intent_may_only_ask_more_of_exceptions(
    profile: dict[str, Any], intent: dict[str, Any], days: int, required: bool, refused: list[str]
) -> None:
    made = merged({"images": {"exceptions": profile}}, {"images": {"exceptions": intent}})
    assert made.images.exceptions == ExceptionTerms(timedelta(days=days), required)
    assert [r.field for r in made.loosened] == [f"spec.images.exceptions.{f}" for f in refused]


@pytest.mark.parametrize(
    "profile, intent, expected",
    [
        ({}, {}, "Deadline"),
        ({"noFix": "NoDeadline"}, {}, "NoDeadline"),
        ({"noFix": "NoDeadline"}, {"noFix": "Deadline"}, "Deadline"),
    ],
)
def test_an_intent_may_ask_for_deadlines_where_no_fix_is_known(
    profile: dict[str, Any], intent: dict[str, Any], expected: str
) -> None:
    assert merged({"images": profile}, {"images": intent}).images.no_fix == expected


def test_where_no_profile_could_be_chosen_exceptions_need_an_approval() -> None:
    spec = BUILT_IN_PROFILE.spec.images.exceptions
    assert (spec.max_duration, spec.approval) == ("90d", "Required")


def test_isolation_is_the_profiles() -> None:
    assert merged({}, {}).isolate == {Direction.INGRESS, Direction.EGRESS}
    assert merged({"network": {"isolate": ["Ingress"]}}, {}).isolate == {Direction.INGRESS}


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_rules_means_nothing(order: list[str]) -> None:
    rules = [{"name": n, "to": {"namespace": "payments"}} for n in order]
    result = merged({}, {"network": {"allow": rules}})
    assert {r.name for r in result.rules} == set("abcd")
