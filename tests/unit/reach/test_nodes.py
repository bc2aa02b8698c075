"""Nodes as policies of the cluster name them: their addresses, and the pods on their network."""

from __future__ import annotations

from bailiwick.policy.facts import Node
from bailiwick.policy.reach import ports as port_sets
from tests.unit.reach.make import (
    JSON,
    PASSED_OVER,
    admin,
    connection,
    graph,
    labelled,
    pod,
    rule,
)

PODS = (pod("shop/web", "10.0.0.1"), pod("shop/cart", "10.0.0.2"), pod("payments/api", "10.0.1.1"))
ANYBODY: JSON = {"namespaces": {}}
DENY = rule("Deny", "from", ANYBODY)


def test_nodes_are_their_addresses_and_the_pods_on_their_network() -> None:
    agent = pod("shop/agent", "192.168.0.1", host_network=True, node="a")
    other = pod("shop/other", "192.168.0.2", host_network=True, node="b")
    nodes = [
        Node("a", ("192.168.0.1",), labels={"pool": "x"}),
        Node("b", ("192.168.0.2",)),
    ]
    one = admin(egress=[rule("Deny", "to", {"nodes": labelled(pool="x")})])
    of = graph([*PODS, agent, other], one, nodes=nodes)
    assert not connection(of, "shop/web", "192.168.0.1")
    assert not connection(of, "shop/web", "shop/agent")
    assert connection(of, "shop/web", "192.168.0.2").allowed == port_sets.ALL
    assert connection(of, "shop/web", "shop/other").allowed == port_sets.ALL
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_pods_on_some_of_the_nodes_may_be_meant() -> None:
    agents = [pod(f"shop/{n}", host_network=True, node=n, labels={}) for n in ("a", "b")]
    nodes = [Node("a", labels={"pool": "x"}), Node("b")]
    one = admin(egress=[rule("Deny", "to", {"nodes": labelled(pool="x")})])
    of = graph([*PODS, *agents], one, nodes=nodes)
    assert connection(of, "shop/web", "shop/a").unknown == port_sets.ALL


def test_networks_cover_pods_and_nodes_whatever_an_ip_block_covers() -> None:
    agent = pod("shop/agent", "192.168.0.1", host_network=True)
    one = admin(
        egress=[
            rule("Deny", "to", {"networks": ["10.0.1.0/24", "192.168.0.0/24", "2001:db8::/32"]})
        ]
    )
    of = graph([*PODS, agent], one, network=PASSED_OVER)
    for end in ("payments/api", "shop/agent", "2001:db8::1"):
        assert not connection(of, "shop/web", end)
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_a_node_of_which_nothing_is_told_is_still_one_of_all_nodes() -> None:
    agent = pod("shop/agent", host_network=True)
    every, some = ({"nodes": selector} for selector in ({}, labelled(pool="x")))
    of = graph([*PODS, agent], admin(egress=[rule("Deny", "to", every)]))
    assert not connection(of, "shop/web", "shop/agent")
    of = graph([*PODS, agent], admin(egress=[rule("Deny", "to", some)]))
    assert connection(of, "shop/web", "shop/agent").unknown == port_sets.ALL


def test_pods_on_their_nodes_network_are_neither_subjects_nor_pods_to_anybody() -> None:
    agent = pod("shop/agent", "192.168.0.1", host_network=True)
    one = admin(ingress=[DENY], egress=[rule("Deny", "to", ANYBODY)])
    of = graph([*PODS, agent], one)
    for source, target in (("shop/agent", "shop/web"), ("shop/web", "shop/agent")):
        assert connection(of, source, target).allowed == port_sets.ALL
