"""Blocks of addresses, and pods that are known by them: those on their node's network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.halves import Outcome
from bailiwick.policy.reach.model import Policy
from tests.unit.reach.make import (
    COVERED,
    JSON,
    PASSED_OVER,
    app,
    connection,
    graph,
    pod,
    policy,
    ports,
    why,
)

PODS = (
    pod("shop/web", "10.0.0.1"),
    pod("shop/cart", "10.0.0.2"),
    pod("payments/api", "10.0.1.1"),
)
IN, OUT, BOTH = ["Ingress"], ["Egress"], ["Ingress", "Egress"]


def into(*peers: JSON) -> Policy:
    """Return a policy that lets these peers into shop/cart."""
    return policy(podSelector=app("cart"), ingress=[{"from": list(peers)}])


def block(cidr: str, *holes: str) -> JSON:
    return {"ipBlock": {"cidr": cidr, "except": list(holes)}}


@pytest.mark.parametrize(
    "peers, inside, outside",
    [
        ([block("203.0.113.0/24")], ["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "::1"]),
        ([block("203.0.113.9/24", "203.0.113.8/29")], ["203.0.113.7"], ["203.0.113.8"]),
        ([block("2001:db8::/32", "2001:db8::/64")], ["2001:db8:0:1::"], ["2001:db8::9", "1.1.1.1"]),
        ([block("0.0.0.0/0")], ["1.2.3.4"], ["2001:db8::1"]),
        ([block("::/0")], ["2001:db8::1"], ["1.2.3.4"]),
        ([block("0.0.0.0/0", "10.0.0.0/8"), block("10.9.0.0/16")], ["10.9.0.1"], ["10.8.0.1"]),
    ],
)
def test_a_block_is_of_its_family_and_exceptions_are_of_their_block(
    peers: list[JSON], inside: list[str], outside: list[str]
) -> None:
    of = graph(PODS, into(*peers))
    for address in inside:
        assert connection(of, address, "shop/cart").allowed == port_sets.ALL
    for address in outside:
        assert not connection(of, address, "shop/cart")


def test_whether_a_block_covers_pods_is_the_plugins_to_say() -> None:
    one = into(block("10.0.0.0/24"))
    covered = graph(PODS, one, network=COVERED)
    assert connection(covered, "shop/web", "shop/cart").allowed == port_sets.ALL
    assert not connection(covered, "payments/api", "shop/cart")
    passed_over = graph(PODS, one, network=PASSED_OVER)
    assert not connection(passed_over, "shop/web", "shop/cart")
    not_known = graph(PODS, one, network=replace(COVERED, blocks_cover_pods=None))
    assert connection(not_known, "shop/web", "shop/cart").unknown == port_sets.ALL
    assert not connection(not_known, "payments/api", "shop/cart")


@pytest.mark.parametrize(
    "cidr, may_be_inside",
    [("0.0.0.0/0", True), ("203.0.113.0/24", False), ("10.0.0.0/24", True)],
)
def test_a_pod_without_an_address_may_be_in_a_block_of_private_ones(
    cidr: str, may_be_inside: bool
) -> None:
    pods = [pod("shop/web"), pod("shop/cart")]
    found = connection(graph(pods, into(block(cidr))), "shop/web", "shop/cart")
    assert not found.allowed
    assert found.unknown == (port_sets.ALL if may_be_inside else port_sets.NONE)


def test_blocks_of_both_families_cover_a_pod_wherever_it_will_be() -> None:
    pods = [pod("shop/web"), pod("shop/cart")]
    of = graph(pods, into(block("0.0.0.0/0"), block("::/0")))
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_a_pod_of_both_families_is_reached_by_the_one_that_is_allowed() -> None:
    pods = [pod("shop/web", "10.0.0.1,fd00::1"), pod("shop/cart", "10.0.0.2,fd00::2")]
    of = graph(pods, into(block("fd00::/64")))
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_the_family_of_a_pod_without_an_address_is_not_known() -> None:
    pods = [pod("shop/web", "10.0.0.1,fd00::1"), pod("shop/cart")]
    of = graph(pods, into(block("fd00::/64")))
    assert connection(of, "shop/web", "shop/cart").unknown == port_sets.ALL
    assert why(of, "shop/web", "shop/cart").outcome is Outcome.UNKNOWN
    assert connection(of, "shop/cart", "shop/web").allowed == port_sets.ALL


def test_what_both_families_allow_is_known_of_a_pod_without_an_address() -> None:
    pods = [pod("shop/web", "10.0.0.1,fd00::1"), pod("shop/cart")]
    both = {"from": [block("10.0.0.0/8"), block("fd00::/8")], "ports": [{"port": 80}]}
    one = {"from": [block("fd00::/8")], "ports": [{"port": 80}, {"port": 443}]}
    found = connection(graph(pods, policy(ingress=[both, one])), "shop/web", "shop/cart")
    assert (found.allowed, found.unknown) == (ports(80), ports(443))


@pytest.mark.parametrize("network", [COVERED, ClusterNetwork(blocks_cover_pods=None)])
def test_some_pods_of_a_class_in_a_block_make_its_connections_unknown(
    network: ClusterNetwork,
) -> None:
    labels = {"app": "web"}
    pods = [
        pod("shop/web-1", "10.0.0.1", labels=labels),
        pod("shop/web-2", "10.0.9.1", labels=labels),
        pod("shop/cart", "10.0.0.2"),
    ]
    of = graph(pods, into(block("10.0.0.0/24")), network=network)
    assert connection(of, "shop/web-1", "shop/cart").unknown == port_sets.ALL


# Pods on the network of their node

HOST = pod("shop/agent", "192.168.0.1", host_network=True, node="n0")


def test_no_policy_holds_for_a_pod_on_its_nodes_network() -> None:
    of = graph([HOST, PODS[0]], policy(policyTypes=BOTH))
    assert connection(of, "203.0.113.1", "shop/agent").allowed == port_sets.ALL
    assert connection(of, "shop/agent", "203.0.113.1").allowed == port_sets.ALL


def test_it_is_its_node_to_other_pods() -> None:
    closed_but_for_pods = policy(
        podSelector=app("web"),
        policyTypes=BOTH,
        ingress=[{"from": [{"namespaceSelector": {}}]}],
        egress=[{"to": [block("192.168.0.0/24")]}],
    )
    of = graph([HOST, PODS[0]], closed_but_for_pods)
    assert not connection(of, "shop/agent", "shop/web")
    assert connection(of, "shop/web", "shop/agent").allowed == port_sets.ALL


def test_no_policy_keeps_a_pod_and_its_own_node_apart() -> None:
    closed = policy(podSelector=app("web"), policyTypes=BOTH)
    here, there = replace(PODS[0], node="n0"), replace(PODS[0], node="n1")
    of = graph([HOST, here], closed)
    assert connection(of, "shop/agent", "shop/web").allowed == port_sets.ALL
    assert connection(of, "shop/web", "shop/agent").allowed == port_sets.ALL
    of = graph([HOST, there], closed)
    assert not connection(of, "shop/agent", "shop/web")
    assert not connection(of, "shop/web", "shop/agent")


def test_one_without_an_address_may_be_anywhere() -> None:
    nowhere = replace(HOST, addresses=())
    one = policy(podSelector=app("web"), policyTypes=OUT, egress=[{"to": [block("8.8.8.0/24")]}])
    found = connection(graph([nowhere, PODS[0]], one), "shop/web", "shop/agent")
    assert (found.allowed, found.unknown) == (port_sets.NONE, port_sets.ALL)
