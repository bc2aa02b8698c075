"""A rule becomes one policy for each of its halves that lies in the namespace."""

from __future__ import annotations

import pytest

from bailiwick.policy.facts import Owner
from bailiwick.policy.findings.finding import of_compiler
from bailiwick.policy.settings import Settings
from tests.unit.network.make import (
    CLUSTER,
    JSON,
    NAME,
    allowing,
    codes,
    compiled,
    halves,
    having,
    namespace,
    opened,
    pod,
    port,
)

CART = {"workload": {"matchLabels": {"app": "cart"}}}
WEB = {"workload": {"matchLabels": {"app": "web"}}}
API = {"namespace": "payments", "workload": {"matchLabels": {"app": "api"}}}
PAYMENTS = {"namespaceSelector": {"matchLabels": {NAME: "payments"}}}


def test_without_rules_every_pod_is_isolated_both_ways() -> None:
    (policy,) = compiled().policies
    assert policy.name == "bailiwick-isolation"
    assert policy.spec == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [],
    }


def test_a_profile_that_isolates_nothing_gives_no_policies() -> None:
    assert compiled({"from": WEB, "to": CART}, profile={"isolate": []}).policies == ()


def test_a_rule_inside_the_namespace_opens_both_halves() -> None:
    network = compiled({"from": WEB, "to": CART, "ports": ["http"]})
    (egress,) = halves(network, "egress")
    assert egress.spec == {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Egress"],
        "ingress": [],
        "egress": [
            {"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": [port("http")]}
        ],
    }
    (ingress,) = halves(network, "ingress")
    assert ingress.spec == {
        "podSelector": {"matchLabels": {"app": "cart"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [port("http")]}
        ],
        "egress": [],
    }


@pytest.mark.parametrize(
    "rule, half, entry",
    [
        ({"from": WEB, "to": API}, "egress", "to"),
        ({"from": API, "to": WEB}, "ingress", "from"),
    ],
)
def test_a_rule_with_another_namespace_opens_our_half_alone(
    rule: JSON, half: str, entry: str
) -> None:
    network = compiled(rule)
    (policy,) = (p for p in network.policies if p.rule)
    assert policy.half == half
    peer = {**PAYMENTS, "podSelector": {"matchLabels": {"app": "api"}}}
    assert policy.spec[half] == [{entry: [peer]}]


def test_all_pods_of_a_namespace_are_named_without_a_pod_selector() -> None:
    assert opened(compiled({"to": {"namespace": "payments"}})) == [{"to": [PAYMENTS]}]


def test_a_missing_side_is_every_workload_of_the_namespace() -> None:
    (egress,) = halves(compiled({"to": API}), "egress")
    assert egress.spec["podSelector"] == {}
    network = compiled({"to": CART})
    assert opened(network, "ingress") == [{"from": [{"podSelector": {}}]}]


def test_naming_ones_own_namespace_is_naming_its_workloads() -> None:
    own = compiled({"to": {"namespace": "shop", **CART}})
    assert own.policies == compiled({"to": CART}).policies


@pytest.mark.parametrize(
    "ports, written",
    [
        ([8443], [port(8443)]),
        (["9000-9100/UDP"], [port(9000, "UDP", 9100)]),
        (["9000-9000"], [port(9000)]),
        (["5000/SCTP"], [port(5000, "SCTP")]),
        (["grpc", 80, "53/UDP"], [port("grpc"), port(80), port(53, "UDP")]),
    ],
)
def test_ports_are_numbers_ranges_and_names_of_each_protocol(
    ports: list[int | str], written: list[JSON]
) -> None:
    (entry,) = opened(compiled({"to": API, "ports": ports}))
    assert entry["ports"] == written


def test_a_rule_without_ports_is_for_all_ports() -> None:
    (entry,) = opened(compiled({"to": API}))
    assert "ports" not in entry


def test_a_direction_that_is_not_isolated_gets_no_policy_that_would_isolate_it() -> None:
    network = compiled({"from": WEB, "to": CART}, profile={"isolate": ["Ingress"]})
    assert [p.half for p in network.policies] == ["isolation", "ingress"]
    assert network.policies[0].spec["policyTypes"] == ["Ingress"]


def test_a_rule_between_two_other_namespaces_opens_nothing_and_says_so() -> None:
    network = compiled({"from": API, "to": {"namespace": "secret"}})
    assert codes(network) == ["NotOurs"]
    assert (network.declared_edges, network.opened_edges) == (1, 0)


@pytest.mark.parametrize("to", [{"fqdn": "api.example.com"}, {"fqdn": "*.example.com"}])
def test_a_host_name_is_a_finding_and_opens_nothing(to: JSON) -> None:
    network = compiled({"name": "partner", "to": to})
    assert [(f.rule, f.code, f.severity) for f in network.findings] == [
        ("partner", "NotEnforceable", "closed")
    ]
    assert [p.name for p in network.policies] == ["bailiwick-isolation"]


def test_http_closes_the_rule_and_its_ports() -> None:
    rule = {"name": "charge", "to": API, "ports": [8443], "http": [{"path": "/charge"}]}
    network = compiled(rule)
    assert [(f.rule, f.code, f.severity) for f in network.findings] == [
        ("charge", "NotEnforceable", "closed")
    ]
    assert opened(network) == []
    network = compiled(rule, profile={"httpWithoutEnforcer": "AllowPort"})
    assert codes(network, "warning") == ["NotEnforceable"]
    assert [entry["ports"] for entry in opened(network)] == [[port(8443)]]


def test_an_allowance_is_opened_for_the_workloads_it_names_alone() -> None:
    gateway = {
        "name": "gateway",
        "from": {"namespace": "payments"},
        "toPorts": ["http"],
        "onlyIf": {"workload": {"matchLabels": {"exposed": "true"}}},
    }
    (policy,) = halves(compiled(profile={"allowances": [gateway]}), "ingress")
    assert policy.spec["podSelector"] == {"matchLabels": {"exposed": "true"}}
    assert policy.spec["ingress"] == [{"from": [PAYMENTS], "ports": [port("http")]}]


def test_the_edges_are_counted_port_by_port() -> None:
    network = compiled(
        {"to": API, "ports": [8443, "grpc"]}, {"to": {"fqdn": "a.example.com"}, "ports": [443]}
    )
    assert (network.declared_edges, network.opened_edges) == (3, 2)


def test_rules_beyond_the_limit_are_closed_in_the_order_of_their_names() -> None:
    rules = [{"name": name, "to": API} for name in ("c", "a", "b")]
    network = compiled(*rules, settings=Settings(rule_limit=2))
    assert [p.rule for p in halves(network, "egress")] == ["a", "b"]
    (finding,) = (f for f in network.findings if f.code == "TooManyRules")
    assert finding.severity == "closed"
    assert "at most 2 rules" in finding.message
    assert finding.field == "spec.network.allow"


def test_allowances_do_not_count_among_the_rules() -> None:
    network = compiled({"to": API}, profile=allowing("DNS"), settings=Settings(rule_limit=1))
    assert {p.rule for p in halves(network, "egress")} == {"it", "r0"}


def test_a_namespace_that_is_not_there_is_told_and_the_rule_waits_for_it() -> None:
    network = compiled({"to": {"namespace": "gone"}})
    assert codes(network, "warning") == ["NamespaceNotFound"]
    assert opened(network) == [{"to": [{"namespaceSelector": {"matchLabels": {NAME: "gone"}}}]}]
    assert "namespaces/gone" in network.depends_on


def test_pods_on_the_network_of_their_node_are_told() -> None:
    agent = pod("shop", "agent-1", {"app": "agent"}, host_network=True)
    network = compiled(
        {"to": {"workload": {"matchLabels": {"app": "agent"}}}}, on=having(pods=[agent])
    )
    assert [(f.rule, f.code) for f in network.findings] == [
        ("", "HostNetwork"),
        ("r0", "HostNetwork"),
    ]
    assert "agent-1" in network.findings[0].message


def test_a_pod_that_is_replaced_changes_nothing_that_is_said_of_it() -> None:
    def told(name: str) -> list[tuple[str, str]]:
        labels, owner = {"app": "agent"}, Owner("DaemonSet", "agent")
        agent = pod("shop", name, labels, owner=owner, host_network=True)
        network = compiled({"to": {"workload": {"matchLabels": labels}}}, on=having(pods=[agent]))
        return [(of_compiler("shop", found).id, found.message) for found in network.findings]

    assert told("agent-x7k2p") == told("agent-9qz4m")
    assert len(told("agent-x7k2p")) == 2


@pytest.mark.parametrize(
    "rule, code",
    [
        ({"to": {"workload": {"matchLabels": {"app": "gone"}}}}, "UnmatchedSelector"),
        ({"to": CART, "ports": ["grpc"]}, "UnresolvedPort"),
        ({"to": CART, "ports": ["http/UDP"]}, "UnresolvedPort"),
        ({"to": API, "ports": ["http"]}, "UnresolvedPort"),
    ],
)
def test_what_nothing_here_answers_to_is_opened_with_a_warning(rule: JSON, code: str) -> None:
    network = compiled(rule)
    assert [f.code for f in network.findings] == [code]
    assert codes(network, "warning") == [code]
    assert network.opened_edges == 1


def test_finished_pods_have_no_ports() -> None:
    done = pod("shop", "done", {"app": "job"}, ports=CLUSTER.all_pods[0].ports, finished=True)
    network = compiled(
        {"to": {"workload": {"matchLabels": {"app": "job"}}}, "ports": ["http"]},
        on=having(pods=[done], namespaces=[namespace("x")]),
    )
    assert codes(network, "warning") == ["UnmatchedSelector", "UnresolvedPort"]
