"""NetworkPolicy means what its API's documentation says, and what that API refuses is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.model import Policy
from tests.unit.reach.make import (
    JSON,
    app,
    connection,
    graph,
    labelled,
    named,
    namespace,
    pod,
    policy,
    port,
    ports,
    reached,
)

NAMESPACES = (namespace("shop", team="a"), namespace("payments", team="b"))
PODS = (
    pod("shop/web", "10.0.0.1"),
    pod("shop/cart", "10.0.0.2", ports=(port(8080, "http"), port(53, "dns", "UDP"))),
    pod("shop/db", "10.0.0.3", ports=(port(8443, "http"),)),
    pod("payments/api", "10.0.1.1", labels={"app": "web"}),
)
OTHERS = {"shop/web", "shop/db", "payments/api"}
IN, OUT, BOTH = ["Ingress"], ["Egress"], ["Ingress", "Egress"]


def into(*peers: JSON) -> Policy:
    """Return a policy that lets these peers into shop/cart."""
    return policy(podSelector=app("cart"), ingress=[{"from": list(peers)}])


def who_reaches_cart(*policies: Policy) -> set[str]:
    of = graph(PODS, *policies, namespaces=NAMESPACES)
    return {each for each in OTHERS if connection(of, each, "shop/cart").allowed}


# Isolation


@pytest.mark.parametrize(
    "spec, isolated",
    [
        ({}, {"Ingress"}),
        ({"ingress": [{}]}, {"Ingress"}),
        ({"egress": []}, {"Ingress"}),
        ({"egress": [{}]}, {"Ingress", "Egress"}),
        ({"policyTypes": []}, {"Ingress"}),
        ({"policyTypes": [], "egress": [{}]}, {"Ingress", "Egress"}),
        ({"policyTypes": IN, "egress": [{}]}, {"Ingress"}),
        ({"policyTypes": OUT}, {"Egress"}),
        ({"policyTypes": OUT, "ingress": [{}]}, {"Egress"}),
        ({"policyTypes": BOTH}, {"Ingress", "Egress"}),
    ],
)
def test_a_policy_speaks_of_its_types_or_of_what_it_has(spec: JSON, isolated: set[str]) -> None:
    assert set(policy(**spec).sides) == isolated


def test_pods_that_no_policy_selects_are_open() -> None:
    of = graph(PODS, policy(podSelector=app("cart")), namespaces=NAMESPACES)
    assert connection(of, "shop/cart", "shop/db").allowed == port_sets.ALL
    assert connection(of, "203.0.113.1", "shop/db").allowed == port_sets.ALL


def test_isolation_is_of_one_direction() -> None:
    of = graph(PODS, policy(podSelector=app("cart"), policyTypes=OUT), namespaces=NAMESPACES)
    assert reached(of, "shop/cart") == set()
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_both_halves_have_to_allow_a_connection() -> None:
    outwards = policy(
        name="out",
        podSelector=app("web"),
        policyTypes=OUT,
        egress=[{"to": [{"podSelector": {}}], "ports": [{"port": 80}, {"port": 81}]}],
    )
    inwards = policy(
        name="in",
        podSelector=app("cart"),
        ingress=[{"ports": [{"port": 81}, {"port": 82}]}],
    )
    of = graph(PODS, outwards, inwards, namespaces=NAMESPACES)
    assert connection(of, "shop/web", "shop/cart").allowed == ports(81)


def test_policies_add_up() -> None:
    closed = policy(name="closed", podSelector=app("cart"))
    from_web = into({"podSelector": app("web")})
    from_db = policy(name="db", podSelector={}, ingress=[{"from": [{"podSelector": app("db")}]}])
    assert who_reaches_cart(closed) == set()
    assert who_reaches_cart(closed, from_web, from_db) == {"shop/web", "shop/db"}


def test_a_policy_holds_in_its_own_namespace_alone() -> None:
    assert who_reaches_cart(policy(namespace="payments")) == OTHERS


def test_finished_pods_have_no_traffic() -> None:
    done = replace(PODS[0], finished=True)
    of = graph((done, *PODS[1:]), namespaces=NAMESPACES)
    assert of.classes.of_pod("shop", "web") is None


def test_an_empty_namespace_and_one_that_is_not_listed_are_no_problem() -> None:
    allowed = into({"namespaceSelector": named("payments")})
    of = graph(PODS, allowed, namespaces=[namespace("empty")])
    assert connection(of, "payments/api", "shop/cart").allowed
    assert not connection(of, "shop/web", "shop/cart").allowed


# Peers


@pytest.mark.parametrize(
    "peers, expected",
    [
        ([], OTHERS),
        ([{"podSelector": {}}], {"shop/web", "shop/db"}),
        ([{"podSelector": app("web")}], {"shop/web"}),
        ([{"namespaceSelector": {}}], OTHERS),
        ([{"namespaceSelector": labelled(team="b")}], {"payments/api"}),
        ([{"namespaceSelector": named("payments")}], {"payments/api"}),
        ([{"namespaceSelector": {}, "podSelector": app("web")}], {"shop/web", "payments/api"}),
        ([{"namespaceSelector": labelled(team="b"), "podSelector": app("db")}], set()),
        (
            [{"namespaceSelector": labelled(team="b")}, {"podSelector": app("db")}],
            {"payments/api", "shop/db"},
        ),
        ([{"podSelector": app("nobody")}], set()),
    ],
)
def test_selectors_in_one_peer_are_and_and_in_two_peers_or(
    peers: list[JSON], expected: set[str]
) -> None:
    assert who_reaches_cart(into(*peers)) == expected


@pytest.mark.parametrize(
    "requirement, expected",
    [
        ({"key": "app", "operator": "In", "values": ["web", "x"]}, {"shop/web", "payments/api"}),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, {"shop/db"}),
        ({"key": "tier", "operator": "NotIn", "values": ["x"]}, OTHERS),
        ({"key": "app", "operator": "Exists"}, OTHERS),
        ({"key": "app", "operator": "Exists", "values": []}, OTHERS),
        ({"key": "app", "operator": "DoesNotExist"}, set()),
        ({"key": "tier", "operator": "DoesNotExist"}, OTHERS),
    ],
)
def test_every_operator_of_a_selector(requirement: JSON, expected: set[str]) -> None:
    peer = {"namespaceSelector": {}, "podSelector": {"matchExpressions": [requirement]}}
    assert who_reaches_cart(into(peer)) == expected


@pytest.mark.parametrize("absent", [{}, {"from": None}, {"from": []}])
def test_no_peers_are_anybody(absent: JSON) -> None:
    of = graph(PODS, policy(podSelector=app("cart"), ingress=[absent]), namespaces=NAMESPACES)
    assert connection(of, "payments/api", "shop/cart").allowed == port_sets.ALL
    assert connection(of, "203.0.113.1", "shop/cart").allowed == port_sets.ALL
    assert connection(of, "2001:db8::1", "shop/cart").allowed == port_sets.ALL


def test_no_rules_are_nobody() -> None:
    of = graph(PODS, policy(podSelector=app("cart"), ingress=[]), namespaces=NAMESPACES)
    assert not connection(of, "203.0.113.1", "shop/cart")
    assert not connection(of, "payments/api", "shop/cart")


def test_selectors_select_nobody_outside() -> None:
    of = graph(PODS, into({"namespaceSelector": {}}), namespaces=NAMESPACES)
    assert not connection(of, "203.0.113.1", "shop/cart")


# Ports


@pytest.mark.parametrize(
    "given, expected",
    [
        ([{"port": 80}], [80]),
        ([{"port": 80, "protocol": "UDP"}], ["80/UDP"]),
        ([{"port": 80, "protocol": "SCTP"}], ["80/SCTP"]),
        ([{"protocol": "UDP"}], ["1-65535/UDP"]),
        ([{}], ["1-65535"]),
        ([{"port": 80, "endPort": 90}], ["80-90"]),
        ([{"port": 80, "endPort": 80}], [80]),
        ([{"port": 65535}], [65535]),
        ([{"port": 80}, {"port": 81, "protocol": "UDP"}], [80, "81/UDP"]),
        ([{"port": "http"}], [8080]),
        ([{"port": "dns", "protocol": "UDP"}], ["53/UDP"]),
        ([{"port": "dns"}], []),
        ([{"port": "metrics"}], []),
        ([{"port": "metrics"}, {"port": 9}], [9]),
    ],
)
def test_ports_by_number_range_protocol_and_name(given: list[JSON], expected: list[Any]) -> None:
    one = policy(podSelector=app("cart"), ingress=[{"ports": given}])
    found = connection(graph(PODS, one, namespaces=NAMESPACES), "shop/web", "shop/cart")
    assert found.allowed == ports(*expected)


@pytest.mark.parametrize("absent", [{}, {"ports": None}, {"ports": []}])
def test_no_ports_are_every_port_of_every_protocol(absent: JSON) -> None:
    of = graph(PODS, policy(podSelector=app("cart"), ingress=[absent]), namespaces=NAMESPACES)
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_a_name_in_egress_is_that_of_each_target() -> None:
    one = policy(podSelector=app("web"), policyTypes=OUT, egress=[{"ports": [{"port": "http"}]}])
    of = graph(PODS, one, namespaces=NAMESPACES)
    assert connection(of, "shop/web", "shop/cart").allowed == ports(8080)
    assert connection(of, "shop/web", "shop/db").allowed == ports(8443)
    assert not connection(of, "shop/web", "payments/api")
    assert not connection(of, "shop/web", "203.0.113.1")


def test_of_ports_with_one_name_the_first_of_the_protocol_counts() -> None:
    twice = pod("shop/cart", ports=(port(1, "http", "UDP"), port(2, "http"), port(3, "http")))
    one = policy(podSelector=app("cart"), ingress=[{"ports": [{"port": "http"}]}])
    assert connection(graph([twice, PODS[0]], one), "shop/web", "shop/cart").allowed == ports(2)
