"""Why a connection is possible or not: the rules that decide, tier by tier."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.cluster_network import NOTHING_TOLD
from bailiwick.policy.reach.edges import at
from bailiwick.policy.reach.explain import Place, explain
from bailiwick.policy.reach.halves import Half, Outcome, Reason
from bailiwick.policy.reach.model import Action, PolicyKey
from bailiwick.policy.rules import Direction
from tests.unit.reach.make import (
    JSON,
    admin,
    app,
    baseline,
    graph,
    pod,
    policy,
    port,
    rule,
    why,
)
from tests.unit.reach.worlds import OUTSIDE, PORTS, World, by_class, known, worlds

OUTCOMES = {True: Outcome.ALLOWED, False: Outcome.DENIED, None: Outcome.UNKNOWN}


@given(worlds())
def test_it_comes_to_what_the_graph_says_of_every_two_pods(world: World) -> None:
    graph = world.graph()
    numbers = sorted({number for number, _ in by_class(world, graph)})
    for source in numbers:
        for target in numbers:
            for asked in PORTS:
                told = explain(graph, Place(source), Place(target), asked.protocol, asked.number)
                assert told.outcome is OUTCOMES[known(graph.connection(source, target), asked)]


@given(worlds())
def test_it_comes_to_what_the_graph_says_of_every_address(world: World) -> None:
    graph = world.graph()
    for number in {number for number, _ in by_class(world, graph)}:
        for address in OUTSIDE:
            place = addresses.of_address(address)
            for wanted in PORTS:
                asked = wanted.protocol, wanted.number
                out = explain(graph, Place(number), Place(address=place), *asked)
                into = explain(graph, Place(address=place), Place(number), *asked)
                egress = at(graph.table(number, Direction.EGRESS), place)
                ingress = at(graph.table(number, Direction.INGRESS), place)
                assert out.outcome is OUTCOMES[known(egress, wanted)]
                assert into.outcome is OUTCOMES[known(ingress, wanted)]


WEB, CART = pod("shop/web", "10.0.0.1"), pod("shop/cart", "10.0.0.2", ports=(port(80, "http"),))
ANYBODY: JSON = {"namespaces": {}}


def told(half: Half | None) -> list[str]:
    """Return what decided, in short: `NetworkPolicy shop/p ingress[0] Allow`."""
    assert half
    return [
        " ".join(filter(None, (str(each.policy or ""), each.rule, each.action or "isolates")))
        for each in half.reasons
    ]


def test_without_policies_there_is_no_reason() -> None:
    found = why(graph([WEB, CART]), "shop/web", "shop/cart")
    assert found.outcome is Outcome.ALLOWED
    assert found.egress == Half(Direction.EGRESS, Outcome.ALLOWED)
    assert found.ingress == Half(Direction.INGRESS, Outcome.ALLOWED)


def test_every_rule_that_allows_is_named_on_its_side() -> None:
    of = graph(
        [WEB, CART],
        policy(name="a", podSelector=app("cart"), ingress=[{}, {"ports": [{"port": "http"}]}]),
        policy(name="b", podSelector=app("cart"), ingress=[{"from": [{"podSelector": {}}]}]),
        policy(name="c", podSelector=app("cart"), ingress=[{"ports": [{"port": 81}]}]),
    )
    found = why(of, "shop/web", "shop/cart")
    assert told(found.egress) == []
    assert told(found.ingress) == [
        "NetworkPolicy shop/a ingress[0] Allow",
        "NetworkPolicy shop/a ingress[1] Allow",
        "NetworkPolicy shop/b ingress[0] Allow",
    ]


def test_what_isolates_is_named_where_no_rule_allows() -> None:
    of = graph(
        [WEB, CART],
        policy(name="a", podSelector=app("cart")),
        policy(name="b", podSelector=app("cart"), ingress=[{"ports": [{"port": 81}]}]),
    )
    found = why(of, "shop/web", "shop/cart")
    assert found.outcome is Outcome.DENIED
    assert told(found.ingress) == ["NetworkPolicy shop/a isolates", "NetworkPolicy shop/b isolates"]


def test_what_was_passed_over_is_told_beside_what_decided() -> None:
    of = graph(
        [WEB, CART],
        admin("passes", 1, ingress=[rule("Pass", "from", ANYBODY, name="to the teams")]),
        admin("too-late", 2, ingress=[rule("Deny", "from", ANYBODY)]),
        baseline(ingress=[rule("Deny", "from", ANYBODY, name="last")]),
    )
    found = why(of, "shop/web", "shop/cart")
    assert told(found.ingress) == ["BaselineAdminNetworkPolicy default last Deny"]
    assert found.ingress
    passes = PolicyKey("AdminNetworkPolicy", "", "passes")
    assert found.ingress.passed == (Reason(passes, "to the teams", Action.PASS),)


def test_a_half_outside_of_the_cluster_has_nothing_to_say() -> None:
    of = graph([WEB], policy(policyTypes=["Ingress", "Egress"]))
    assert why(of, "203.0.113.1", "shop/web").egress is None
    assert why(of, "shop/web", "203.0.113.1").ingress is None
    assert why(of, "shop/web", "203.0.113.1").outcome is Outcome.DENIED


def test_kubernetes_itself_lets_a_node_and_its_pods_through() -> None:
    agent = pod("shop/agent", "192.168.0.1", host_network=True, node="n0")
    of = graph([replace(WEB, node="n0"), agent], policy(podSelector=app("web")))
    found = why(of, "shop/agent", "shop/web")
    assert found.ingress
    assert found.ingress.reasons == (Reason(None, "traffic with its own node", Action.ALLOW),)


def test_pods_without_a_family_in_common_are_apart() -> None:
    found = why(graph([WEB, pod("shop/cart", "fd00::1")]), "shop/web", "shop/cart")
    assert (found.apart, found.outcome) == (True, Outcome.DENIED)


def test_it_says_on_what_an_unknown_answer_depends() -> None:
    from_block = policy(
        podSelector=app("cart"), ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]}]
    )
    of = graph([WEB, CART], from_block, network=NOTHING_TOLD)
    found = why(of, "shop/web", "shop/cart")
    assert found.outcome is Outcome.UNKNOWN
    assert found.ingress
    may_allow, isolation = found.ingress.reasons
    assert may_allow.unknown == (
        "whether an ipBlock covers pods is up to the network plugin, which is not known"
    )
    assert isolation == Reason(from_block.key, "", None)


def test_it_says_when_the_family_of_addresses_makes_the_difference() -> None:
    to_v4 = policy(
        podSelector=app("web"),
        policyTypes=["Egress"],
        egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
    )
    found = why(graph([pod("shop/web"), pod("shop/cart")], to_v4), "shop/web", "shop/cart")
    assert found.egress
    assert found.egress.outcome is Outcome.UNKNOWN
    assert {each.unknown for each in found.egress.reasons} == {
        "it depends on the family of addresses that the pods have"
    }
