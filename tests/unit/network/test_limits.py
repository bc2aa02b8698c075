"""Nothing that an app team can write opens more than its profile lets an intent declare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.effective import Internet, MayDeclare
from bailiwick.policy.facts import EndpointPort, Service, ServicePort
from bailiwick.policy.limits import may_name_cluster, refused_range
from bailiwick.policy.network.compile import compile_network
from bailiwick.policy.rules import Entity
from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import Settings
from tests.unit.network.evaluator import in_block
from tests.unit.network.make import (
    CLUSTER,
    JSON,
    block,
    codes,
    compiled,
    effective,
    endpoints,
    having,
    namespace,
    opened,
)

PAYMENTS_ONLY: JSON = {"mayDeclare": {"namespaces": {"matchLabels": {"team": "payments"}}}}
NO_CLUSTER: JSON = {"mayDeclare": {"entities": ["Internet", "DNS"]}}
DB = {"to": {"service": {"name": "db"}}}


def leading_to(*addresses: str, namespace: str = "shop") -> FixedCluster:
    """Return the cluster with a Service `db` whose slices its team wrote."""
    return having(
        services=[Service(namespace, "db", ports=(ServicePort(5432, 5432),))],
        slices=[endpoints((namespace, "db"), a, ports=[EndpointPort(5432)]) for a in addresses],
    )


def alias(host: str, namespace: str = "shop") -> Service:
    return Service(namespace, "alias", type="ExternalName", external_name=host)


@pytest.mark.parametrize(
    "cidr, cidrs, internet, is_refused",
    [
        ("203.0.113.0/24", None, "Declared", False),
        ("0.0.0.0/0", None, "Declared", False),
        ("203.0.113.0/25", ("203.0.113.0/24",), "Declared", False),
        ("203.0.113.0/24", ("203.0.113.0/25", "203.0.113.128/25"), "Declared", True),
        ("203.0.112.0/23", ("203.0.113.0/24",), "Declared", True),
        ("2001:db8::/33", ("2001:db8::/32",), "Declared", False),
        ("2001:db8::/32", ("0.0.0.0/0",), "Declared", True),
        ("10.0.0.0/8", (), "Declared", True),
        ("not-a-range", None, "Declared", True),
        ("203.0.113.7/24", None, "Declared", True),
        # Where the profile denies the internet, ranges that lie in private space are left.
        ("10.0.0.0/8", None, "Denied", False),
        ("192.168.3.0/24", None, "Denied", False),
        ("fd12::/16", None, "Denied", False),
        ("0.0.0.0/0", None, "Denied", True),
        ("::/0", None, "Denied", True),
        ("10.0.0.0/7", None, "Denied", True),
        ("8.8.8.0/24", None, "Denied", True),
        ("8.8.8.0/24", ("8.8.8.0/24",), "Denied", True),
        ("fc00::/6", None, "Denied", True),
        ("::ffff:8.8.8.8/128", None, "Denied", True),
        ("64:ff9b::808:808/128", None, "Denied", True),
        ("2002:808:808::/48", None, "Denied", True),
    ],
)
def test_a_range_is_held_to_the_profile(
    cidr: str, cidrs: tuple[str, ...] | None, internet: str, is_refused: bool
) -> None:
    refused = refused_range(cidr, MayDeclare(cidrs=cidrs), Internet(internet))
    assert bool(refused) is is_refused


@pytest.mark.parametrize("address", ["8.8.8.8", "2600::1", "::ffff:8.8.8.8"])
def test_a_denied_internet_is_not_reached_through_a_service(address: str) -> None:
    network = compiled(DB, profile={"internet": "Denied"}, on=leading_to(address))
    assert codes(network) == ["TooWide"]
    assert opened(network) == []


@pytest.mark.parametrize("address, is_open", [("203.0.113.7", True), ("203.0.114.7", False)])
def test_addresses_behind_a_service_are_held_to_the_ranges_of_the_profile(
    address: str, is_open: bool
) -> None:
    profile = {"mayDeclare": {"cidrs": ["203.0.113.0/24"]}}
    network = compiled(DB, profile=profile, on=leading_to(address))
    assert codes(network) == ([] if is_open else ["TooWide"])
    assert bool(opened(network)) is is_open


def test_one_address_that_is_not_allowed_closes_the_whole_service() -> None:
    profile = {"mayDeclare": {"cidrs": ["203.0.113.0/24"]}}
    network = compiled(DB, profile=profile, on=leading_to("203.0.113.7", "2001:db8::1"))
    assert (codes(network), opened(network)) == (["TooWide"], [])


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::1"],
)
@pytest.mark.parametrize("by", ["intent", "profile"])
def test_no_service_leads_to_a_metadata_address(address: str, by: str) -> None:
    allowance = {"name": "db", **DB}
    rules, profile = ([DB], {}) if by == "intent" else ([], {"allowances": [allowance]})
    network = compiled(*rules, profile=profile, on=leading_to(address))
    assert (codes(network), opened(network)) == (["TooWide"], [])


@pytest.mark.parametrize("profile", [PAYMENTS_ONLY, NO_CLUSTER])
@pytest.mark.parametrize(
    "cidr, pod, elsewhere",
    [
        ("10.244.0.0/16", "10.244.1.9", "10.244.9.9"),
        ("10.0.0.0/8", "10.96.0.10", "10.1.2.3"),
        ("0.0.0.0/0", "10.244.0.9", "8.8.8.8"),
        ("fd00::/8", "fd44::9", "fd45::9"),
    ],
)
def test_pods_are_not_reached_by_their_addresses_where_the_profile_limits_which(
    profile: JSON, cidr: str, pod: str, elsewhere: str
) -> None:
    ((peer,),) = (
        entry["to"] for entry in opened(compiled({"to": {"cidr": cidr}}, profile=profile))
    )
    assert not in_block(peer["ipBlock"], pod)
    assert in_block(peer["ipBlock"], elsewhere)


@pytest.mark.parametrize("profile", [PAYMENTS_ONLY, NO_CLUSTER])
def test_a_range_or_an_address_inside_of_the_cluster_is_closed(profile: JSON) -> None:
    inside = compiled({"to": {"cidr": "10.244.1.0/28"}}, profile=profile)
    assert (codes(inside), opened(inside)) == (["ClusterAddress"], [])
    behind = compiled(DB, profile=profile, on=leading_to("10.244.1.9"))
    assert (codes(behind), opened(behind)) == (["TooWide"], [])


def test_a_range_is_as_written_where_the_intent_may_name_every_pod_anyhow() -> None:
    assert opened(compiled({"to": {"cidr": "10.0.0.0/8"}})) == [{"to": [block("10.0.0.0/8")]}]


@pytest.mark.parametrize(
    "cidr, code", [("10.0.0.0/8", ["ClusterRangesUnknown"]), ("203.0.113.0/24", [])]
)
def test_where_pods_are_not_known_private_ranges_are_refused(cidr: str, code: list[str]) -> None:
    unknown = replace(CLUSTER, all_nodes=())
    network = compiled({"to": {"cidr": cidr}}, profile=PAYMENTS_ONLY, on=unknown)
    assert codes(network) == code


def test_an_allowance_of_the_profile_is_not_held_to_what_an_intent_may_name() -> None:
    allowance = {"name": "all", "to": {"cidr": "10.0.0.0/8"}}
    profile = {**PAYMENTS_ONLY, "allowances": [allowance]}
    assert opened(compiled(profile=profile)) == [{"to": [block("10.0.0.0/8")]}]


@pytest.mark.parametrize(
    "host, is_open", [("api.payments.svc", True), ("spy.secret.svc.cluster.local", False)]
)
@pytest.mark.parametrize("by", ["intent", "profile"])
def test_an_alias_of_the_team_leads_only_where_the_intent_may_go(
    host: str, is_open: bool, by: str
) -> None:
    spy = Service("secret", "spy", {"app": "spy"}, (ServicePort(80, 80),))
    rule = {"to": {"service": {"name": "alias"}}}
    profile = {**PAYMENTS_ONLY, "allowances": [{"name": "a", **rule}] if by == "profile" else []}
    rules = [rule] if by == "intent" else []
    network = compiled(*rules, profile=profile, on=having(services=[alias(host), spy]))
    assert codes(network) == ([] if is_open else ["TooWide"])
    assert bool(opened(network)) is is_open


def test_an_alias_of_another_namespace_leads_an_intent_no_further() -> None:
    spy = Service("secret", "spy", {"app": "spy"}, (ServicePort(80, 80),))
    cluster = having(services=[alias("spy.secret.svc", namespace="payments"), spy])
    rule = {"to": {"service": {"name": "alias", "namespace": "payments"}}}
    network = compiled(rule, profile=PAYMENTS_ONLY, on=cluster)
    assert (codes(network), opened(network)) == (["TooWide"], [])
    allowance = {**PAYMENTS_ONLY, "allowances": [{"name": "a", **rule}]}
    assert codes(compiled(profile=allowance, on=cluster)) == []


@pytest.mark.parametrize("host", ["kubernetes.default", "metadata.google.internal", "10.0.0.1"])
def test_an_alias_for_any_other_host_is_closed(host: str) -> None:
    network = compiled({"to": {"service": {"name": "alias"}}}, on=having(services=[alias(host)]))
    assert (codes(network), opened(network)) == (["NotEnforceable"], [])


@pytest.mark.parametrize(
    "limits, is_allowed",
    [
        ({}, True),
        ({"entities": frozenset({Entity.CLUSTER})}, True),
        ({"entities": frozenset({Entity.NODES})}, False),
        ({"namespaces": Selector()}, True),
        ({"namespaces": Selector.of({"team": "a"})}, False),
        (
            {"namespaces": Selector.of({"team": "a"}), "entities": frozenset({Entity.CLUSTER})},
            False,
        ),
    ],
)
def test_the_cluster_is_every_namespace_and_limited_as_they_are(
    limits: dict[str, Any], is_allowed: bool
) -> None:
    assert may_name_cluster(MayDeclare(**limits)) is is_allowed


@pytest.mark.parametrize(
    "profile, to, words",
    [
        (PAYMENTS_ONLY, {"entity": "Cluster"}, "Cluster is every namespace"),
        (NO_CLUSTER, {"entity": "Nodes"}, "it may name: DNS, Internet"),
        (PAYMENTS_ONLY, {"namespace": "secret"}, "labels do not match"),
        (PAYMENTS_ONLY, {"namespace": "payment"}, "is not there"),
        (PAYMENTS_ONLY, {"service": {"name": "s", "namespace": "secret"}}, "labels do not match"),
        ({"internet": "Denied"}, {"cidr": "0.0.0.0/0"}, "on the internet"),
        ({"internet": "Denied"}, {"entity": "Internet"}, "denies the internet"),
    ],
)
@pytest.mark.parametrize("side", ["from", "to"])
def test_what_goes_beyond_is_refused_by_the_path_of_its_field(
    profile: JSON, to: JSON, words: str, side: str
) -> None:
    intent = effective({"name": "r", side: to}, profile=profile)
    assert intent.rules == ()
    (refusal,) = intent.loosened
    assert refusal.field == f"spec.network.allow[r].{side}"
    assert words in refusal.message


def test_labels_of_a_namespace_are_those_of_that_namespace_alone() -> None:
    named = {"namespace": "secret", "workload": {"matchLabels": {"team": "payments"}}}
    assert effective({"to": named}, profile=PAYMENTS_ONLY).rules == ()


def test_a_namespace_that_loses_its_label_is_closed_at_the_next_look() -> None:
    intent = effective({"to": {"namespace": "payments"}}, profile=PAYMENTS_ONLY)
    assert len(intent.rules) == 1
    relabelled = replace(CLUSTER, all_namespaces=(namespace("payments", team="spies"),))
    network = compile_network(intent, {}, relabelled, Settings())
    assert (codes(network), opened(network)) == (["TooWide"], [])
