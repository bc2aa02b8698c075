"""What a change reaches: each thing that an answer can depend on, changed on its own."""

from __future__ import annotations

from dataclasses import replace

from bailiwick.policy.facts import Namespace, Node
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import Policy, PolicyKey
from bailiwick.policy.rules import Direction
from tests.unit.reach.make import (
    COVERED,
    admin,
    app,
    cluster_policy,
    connection,
    graph,
    labelled,
    namespace,
    pod,
    policy,
    port,
    ports,
    rule,
)

WEB, CART = pod("shop/web", "10.0.0.1"), pod("shop/cart", "10.0.0.2")
AGENT = pod("shop/agent", "192.168.0.1", host_network=True, node="n0")
OUT = ["Egress"]


def block(cidr: str) -> dict[str, object]:
    return {"ipBlock": {"cidr": cidr}}


def test_a_policy_that_comes_changes_and_goes() -> None:
    of = graph([WEB, CART])
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL
    of.put_policy(policy(podSelector=app("cart")))
    assert not connection(of, "shop/web", "shop/cart")
    of.put_policy(policy(podSelector=app("cart"), ingress=[{"ports": [{"port": 80}]}]))
    assert connection(of, "shop/web", "shop/cart").allowed == ports(80)
    of.put_policy(policy(podSelector=app("web")))
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL
    assert not connection(of, "shop/cart", "shop/web")
    of.remove_policy(PolicyKey("NetworkPolicy", "shop", "p"))
    assert connection(of, "shop/cart", "shop/web").allowed == port_sets.ALL


def test_a_pod_that_a_peer_selects_comes_and_goes() -> None:
    of = graph([CART], policy(podSelector=app("cart"), ingress=[{"from": [{"podSelector": {}}]}]))
    of.put_pod(WEB)
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL
    of.remove_pod("shop", "web")
    of.put_pod(pod("payments/api", "10.0.0.3"))
    assert not connection(of, "payments/api", "shop/cart")


def test_a_pod_that_is_finished_is_gone() -> None:
    of = graph([WEB, CART])
    of.put_pod(replace(WEB, finished=True))
    assert of.classes.of_pod("shop", "web") is None


def test_a_pod_that_gets_other_labels() -> None:
    of = graph([WEB, CART], policy(podSelector=app("cart")))
    of.put_pod(replace(WEB, labels={"app": "cart"}))
    assert not connection(of, "shop/cart", "shop/web")


def test_a_port_that_is_named_to_anybody_comes_with_a_pod() -> None:
    of = graph(
        [WEB],
        policy(podSelector=app("web"), policyTypes=OUT, egress=[{"ports": [{"port": "http"}]}]),
    )
    of.put_pod(replace(CART, ports=(port(8080, "http"),)))
    assert connection(of, "shop/web", "shop/cart").allowed == ports(8080)
    of.put_pod(replace(CART, ports=(port(9090, "http"),)))
    assert connection(of, "shop/web", "shop/cart").allowed == ports(9090)


def test_a_port_that_is_named_to_nobody_knows_whom_comes_with_a_pod() -> None:
    named = [{"namedPort": "http"}]
    allows = admin(egress=[rule("Allow", "to", {"somethingNew": {}}, ports=named)])
    closed = policy(podSelector=app("web"), policyTypes=OUT)
    of = graph([WEB], allows, closed)
    of.put_pod(replace(CART, ports=(port(8080, "http"),)))
    assert connection(of, "shop/web", "shop/cart").unknown == ports(8080)


def test_a_namespace_that_gets_other_labels_is_another_peer() -> None:
    of = graph(
        [pod("payments/api"), CART],
        policy(
            podSelector=app("cart"), ingress=[{"from": [{"namespaceSelector": labelled(team="a")}]}]
        ),
        namespaces=[namespace("shop", team="a")],
    )
    assert not connection(of, "payments/api", "shop/cart")
    of.put_namespace(Namespace("payments", "", {"team": "a"}))
    assert connection(of, "payments/api", "shop/cart").allowed == port_sets.ALL
    of.remove_namespace("payments")
    assert not connection(of, "payments/api", "shop/cart")


def test_a_namespace_that_gets_other_labels_is_another_subject() -> None:
    denies = admin(
        subject={"namespaces": labelled(team="a")},
        ingress=[rule("Deny", "from", {"namespaces": {}})],
    )
    of = graph([WEB, CART], denies)
    of.put_namespace(Namespace("shop", "", {"team": "a"}))
    assert not connection(of, "shop/web", "shop/cart")
    of.put_namespace(Namespace("shop", "", {"team": "b"}))
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_labels_of_an_empty_namespace_count_once_a_pod_is_in_it() -> None:
    allows = policy(
        podSelector=app("cart"), ingress=[{"from": [{"namespaceSelector": labelled(team="a")}]}]
    )
    of = graph([CART], allows)
    of.put_namespace(Namespace("payments", "", {"team": "a"}))
    of.put_pod(pod("payments/api"))
    assert connection(of, "payments/api", "shop/cart").allowed == port_sets.ALL


def test_a_pod_that_gets_another_address_moves_into_a_block_and_out_of_it() -> None:
    of = graph(
        [WEB, CART],
        policy(podSelector=app("web"), policyTypes=OUT, egress=[{"to": [block("10.0.9.0/24")]}]),
    )
    assert not connection(of, "shop/web", "shop/cart")
    of.put_pod(replace(CART, addresses=("10.0.9.1",)))
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL
    of.put_pod(CART)
    assert not connection(of, "shop/web", "shop/cart")


def test_a_pod_gets_its_address_after_it_was_made() -> None:
    of = graph(
        [WEB],
        policy(podSelector=app("web"), policyTypes=OUT, egress=[{"to": [block("10.0.9.0/24")]}]),
    )
    of.put_pod(replace(CART, addresses=()))
    assert connection(of, "shop/web", "shop/cart").unknown == port_sets.ALL
    of.put_pod(replace(CART, addresses=("10.0.9.1",)))
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_a_second_pod_of_a_class_may_be_outside_of_a_block() -> None:
    one = pod("shop/cart-1", "10.0.9.1", labels={"app": "cart"})
    other = pod("shop/cart-2", "10.0.8.1", labels={"app": "cart"})
    of = graph(
        [WEB, one],
        policy(podSelector=app("web"), policyTypes=OUT, egress=[{"to": [block("10.0.9.0/24")]}]),
    )
    of.put_pod(other)
    assert connection(of, "shop/web", "shop/cart-1").unknown == port_sets.ALL
    of.remove_pod("shop", "cart-2")
    assert connection(of, "shop/web", "shop/cart-1").allowed == port_sets.ALL


def test_a_pod_that_goes_leaves_nothing_behind_in_its_neighbourhood() -> None:
    near = pod("shop/db", "10.0.9.2")
    of = graph([WEB, near, replace(CART, addresses=("10.0.9.1",))])
    of.put_pod(CART)
    of.put_policy(
        policy(podSelector=app("web"), policyTypes=OUT, egress=[{"to": [block("10.0.9.0/24")]}])
    )
    assert not connection(of, "shop/web", "shop/cart")
    assert connection(of, "shop/web", "shop/db").allowed == port_sets.ALL


def test_a_peer_that_no_policy_named_for_a_while_is_looked_up_anew() -> None:
    allows = policy(podSelector=app("cart"), ingress=[{"from": [{"podSelector": {}}]}])
    of = graph([CART], allows)
    of.remove_policy(allows.key)
    of.put_pod(WEB)
    of.put_policy(allows)
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_a_node_that_comes_changes_and_goes() -> None:
    denies = admin(egress=[rule("Deny", "to", {"nodes": labelled(pool="x")})])
    of = graph([WEB, AGENT], denies)
    assert connection(of, "shop/web", "shop/agent").unknown == port_sets.ALL
    of.put_node(Node("n0", ("192.168.0.1",), labels={"pool": "x"}))
    assert not connection(of, "shop/web", "192.168.0.1")
    assert not connection(of, "shop/web", "shop/agent")
    of.put_node(Node("n0", ("192.168.0.2",), labels={"pool": "x"}))
    assert connection(of, "shop/web", "192.168.0.1").allowed == port_sets.ALL
    assert not connection(of, "shop/web", "192.168.0.2")
    of.put_node(Node("n0", ("192.168.0.2",)))
    assert connection(of, "shop/web", "shop/agent").allowed == port_sets.ALL
    assert connection(of, "shop/web", "192.168.0.2").allowed == port_sets.ALL
    of.remove_node("n0")
    assert connection(of, "shop/web", "shop/agent").unknown == port_sets.ALL


def test_a_pod_on_the_network_of_its_node_comes_back_on_another() -> None:
    denies = admin(egress=[rule("Deny", "to", {"nodes": labelled(pool="x")})])
    nodes = [Node("n0", labels={"pool": "x"}), Node("n1")]
    of = graph([WEB, replace(AGENT, addresses=())], denies, nodes=nodes)
    assert not connection(of, "shop/web", "shop/agent")
    of.put_pod(replace(AGENT, addresses=(), node="n1"))
    assert connection(of, "shop/web", "shop/agent").allowed == port_sets.ALL


def test_a_pod_comes_to_a_node_on_which_one_has_its_network_and_leaves_it() -> None:
    of = graph([AGENT, replace(WEB, node="n1")], policy(podSelector=app("web")))
    assert not connection(of, "shop/agent", "shop/web")
    of.put_pod(replace(WEB, node="n0"))
    assert connection(of, "shop/agent", "shop/web").allowed == port_sets.ALL
    of.put_pod(replace(WEB, node="n1"))
    assert not connection(of, "shop/agent", "shop/web")


def test_a_pod_on_the_network_of_a_node_comes_to_those_that_are_there_and_goes() -> None:
    of = graph([replace(WEB, node="n0")], policy(podSelector=app("web")))
    of.put_pod(AGENT)
    assert connection(of, "shop/agent", "shop/web").allowed == port_sets.ALL
    of.remove_pod("shop", "agent")
    of.put_pod(replace(AGENT, name="other", node="n1"))
    assert not connection(of, "shop/other", "shop/web")


def test_of_pods_that_share_an_address_one_goes() -> None:
    def let_in(cidr: str) -> Policy:
        return policy(ingress=[{"from": [{"ipBlock": {"cidr": cidr}}]}])

    both = [AGENT, replace(AGENT, name="other", labels={"app": "other"})]
    of = graph([WEB, *both], let_in("192.168.0.0/24"))
    of.remove_pod("shop", "other")
    of.put_policy(let_in("192.168.0.0/16"))
    assert connection(of, "shop/agent", "shop/web").allowed == port_sets.ALL


def test_a_pod_on_the_network_of_its_node_comes_when_a_host_name_is_denied() -> None:
    names = rule("Deny", "to", {"domainNames": ["example.com"]})
    of = graph([WEB], cluster_policy(egress=[names]))
    of.put_pod(AGENT)
    assert connection(of, "shop/web", "shop/agent").unknown == port_sets.ALL


def test_of_two_policies_of_one_name_the_last_is_there_and_nothing_of_the_first() -> None:
    peers = [{"podSelector": app("web")}]
    first = policy(policyTypes=OUT, egress=[{"to": peers}])
    second = policy(ingress=[{"from": peers}])
    other = policy(name="other", podSelector=app("cart"), ingress=[{"from": peers}])
    of = graph([CART], first, second, other)
    assert connection(of, "shop/cart", "203.0.113.1").allowed == port_sets.ALL
    assert not connection(of, "203.0.113.1", "shop/cart")
    of.remove_policy(second.key)
    of.put_pod(WEB)
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL


def test_what_a_class_was_says_nothing_of_the_next_with_its_number() -> None:
    allows = policy(podSelector=app("cart"), ingress=[{"from": [block("203.0.113.0/24")]}])
    of = graph([CART, replace(AGENT, addresses=())], allows)
    assert connection(of, "shop/agent", "shop/cart").unknown == port_sets.ALL
    of.remove_pod("shop", "agent")
    of.put_pod(WEB)
    of.put_policy(policy(podSelector=app("cart"), ingress=[{"from": [block("203.0.0.0/16")]}]))
    assert not connection(of, "shop/web", "shop/cart")


def test_a_change_of_one_namespace_leaves_the_tables_of_others_as_they_are() -> None:
    of = graph(
        [WEB, CART, pod("payments/api")],
        policy(),
        policy(namespace="payments", ingress=[{"from": [{"namespaceSelector": {}}]}]),
    )
    before = tables(of, "payments", "api")
    of.put_policy(policy(podSelector=app("cart"), ingress=[{}]))
    of.put_pod(replace(WEB, name="web-2"))
    assert all(a is b for a, b in zip(before, tables(of, "payments", "api"), strict=True))


def tables(of: Graph, namespace: str, name: str) -> list[object]:
    found = of.classes.of_pod(namespace, name)
    assert found
    return [of.table(found.number, direction) for direction in Direction]


def test_a_pod_more_of_a_known_class_computes_nothing() -> None:
    of = graph([WEB, CART], policy(ingress=[{"from": [{"podSelector": {}}]}]), network=COVERED)
    before = [*tables(of, "shop", "web"), *tables(of, "shop", "cart")]
    of.put_pod(replace(WEB, name="web-2", addresses=("10.0.0.9",)))
    of.remove_pod("shop", "web")
    after = [*tables(of, "shop", "web-2"), *tables(of, "shop", "cart")]
    assert all(a is b for a, b in zip(before, after, strict=True))
