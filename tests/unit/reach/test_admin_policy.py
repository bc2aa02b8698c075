"""The policies of the cluster: tiers, priorities and actions, as their API documents them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.halves import Outcome
from bailiwick.policy.reach.model import Policy
from tests.unit.reach.make import (
    JSON,
    admin,
    app,
    baseline,
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
    why,
)

NAMESPACES = (namespace("shop", team="a"), namespace("payments", team="b"))
PODS = (
    pod("shop/web", "10.0.0.1"),
    pod("shop/cart", "10.0.0.2", ports=(port(8080, "http"), port(8080, "http", "UDP"))),
    pod("payments/api", "10.0.1.1"),
)
ANYBODY: JSON = {"namespaces": {}}
WEB: JSON = {"pods": {"podSelector": app("web"), "namespaceSelector": {}}}
ALLOW, DENY, PASS = (rule(action, "from", ANYBODY) for action in ("Allow", "Deny", "Pass"))
ACCEPT = rule("Accept", "from", ANYBODY)
CLOSED = policy(name="closed")
OPEN = policy(name="open", ingress=[{}])


def outcome(*policies: Policy) -> Outcome:
    """Say what becomes of a connection from shop/web to shop/cart."""
    of = graph(PODS, *policies, namespaces=NAMESPACES)
    found = connection(of, "shop/web", "shop/cart")
    told = why(of, "shop/web", "shop/cart").outcome
    allowed, unknown = found.allowed == port_sets.ALL, found.unknown == port_sets.ALL
    assert (told is Outcome.ALLOWED, told is Outcome.UNKNOWN) == (allowed, unknown)
    return told


# Tiers


@pytest.mark.parametrize(
    "policies, expected",
    [
        ([admin(ingress=[ALLOW]), CLOSED], Outcome.ALLOWED),
        ([admin(ingress=[DENY]), OPEN], Outcome.DENIED),
        ([admin(ingress=[PASS]), OPEN], Outcome.ALLOWED),
        ([admin(ingress=[PASS]), CLOSED], Outcome.DENIED),
        ([admin(ingress=[PASS]), baseline(ingress=[DENY])], Outcome.DENIED),
        ([admin(ingress=[PASS])], Outcome.ALLOWED),
        ([admin(ingress=[])], Outcome.ALLOWED),
        ([admin(), CLOSED], Outcome.DENIED),
        ([CLOSED, baseline(ingress=[ALLOW])], Outcome.DENIED),
        ([OPEN, baseline(ingress=[DENY])], Outcome.ALLOWED),
        ([baseline(ingress=[DENY])], Outcome.DENIED),
        ([baseline(ingress=[ALLOW, DENY])], Outcome.ALLOWED),
        ([baseline(ingress=[DENY, ALLOW])], Outcome.DENIED),
        ([admin(ingress=[ALLOW]), baseline(ingress=[DENY]), CLOSED], Outcome.ALLOWED),
        ([cluster_policy(ingress=[ACCEPT]), CLOSED], Outcome.ALLOWED),
        ([cluster_policy(ingress=[PASS]), CLOSED], Outcome.DENIED),
        ([cluster_policy(tier="Baseline", ingress=[DENY])], Outcome.DENIED),
        ([cluster_policy(tier="Baseline", ingress=[DENY]), OPEN], Outcome.ALLOWED),
        ([cluster_policy(tier="Baseline", ingress=[PASS, DENY])], Outcome.ALLOWED),
    ],
)
def test_admin_decides_first_then_the_namespace_then_the_baseline(
    policies: list[Policy], expected: Outcome
) -> None:
    assert outcome(*policies) is expected


# Priorities


@pytest.mark.parametrize("of", [admin, cluster_policy])
@pytest.mark.parametrize("first, expected", [("Deny", Outcome.DENIED), ("Pass", Outcome.DENIED)])
def test_the_lowest_priority_decides_first(
    of: Callable[..., Policy], first: str, expected: Outcome
) -> None:
    allow = "Allow" if of is admin else "Accept"
    one = of("one", priority=1, ingress=[rule(first, "from", ANYBODY)])
    other = of("other", priority=2, ingress=[rule(allow, "from", ANYBODY)])
    assert outcome(one, other, CLOSED) is expected
    assert outcome(other, one, CLOSED) is expected


def test_what_one_policy_leaves_the_next_decides() -> None:
    one = admin("one", 1, ingress=[rule("Allow", "from", WEB)])
    other = admin("other", 2, ingress=[DENY])
    of = graph(PODS, one, other, namespaces=NAMESPACES)
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL
    assert not connection(of, "payments/api", "shop/cart")


@pytest.mark.parametrize("actions", [("Allow", "Deny"), ("Deny", "Pass"), ("Allow", "Pass")])
def test_equal_priorities_that_contradict_each_other_are_undefined(
    actions: tuple[str, str],
) -> None:
    one, other = (
        admin(name, 1, ingress=[rule(action, "from", ANYBODY)])
        for name, action in zip("ab", actions, strict=True)
    )
    # After Pass the isolation, or the namespace's own rule, makes the difference.
    assert outcome(one, other, OPEN if "Deny" in actions else CLOSED) is Outcome.UNKNOWN
    told = why(graph(PODS, one, other, CLOSED), "shop/web", "shop/cart").ingress
    assert told
    for reason in (*told.reasons, *told.passed):
        if reason.policy in (one.key, other.key):
            assert "a policy of the same priority says otherwise" in reason.unknown


def test_equal_priorities_are_defined_where_either_comes_to_the_same() -> None:
    passes, denies = admin("a", 1, ingress=[PASS]), admin("b", 1, ingress=[DENY])
    assert outcome(passes, denies, CLOSED) is Outcome.DENIED
    assert outcome(denies, admin("c", 1, ingress=[DENY])) is Outcome.DENIED


def test_one_of_equal_priority_that_does_not_match_has_no_say() -> None:
    other = admin("b", 1, ingress=[rule("Deny", "from", {"namespaces": labelled(team="b")})])
    assert outcome(admin("a", 1, ingress=[ALLOW]), other, CLOSED) is Outcome.ALLOWED


# Rules


def test_the_first_rule_that_matches_decides() -> None:
    one = admin(ingress=[rule("Allow", "from", WEB), DENY])
    assert outcome(one) is Outcome.ALLOWED
    assert outcome(admin(ingress=[DENY, rule("Allow", "from", WEB)])) is Outcome.DENIED


def test_any_peer_of_a_rule_matches() -> None:
    one = admin(ingress=[rule("Deny", "from", {"namespaces": labelled(team="b")}, WEB)])
    assert outcome(one) is Outcome.DENIED


def test_a_policy_without_rules_of_a_direction_leaves_it_alone() -> None:
    one = admin(egress=[rule("Deny", "to", ANYBODY)])
    of = graph(PODS, one)
    assert connection(of, "203.0.113.1", "shop/cart").allowed == port_sets.ALL
    assert connection(of, "shop/web", "203.0.113.1").allowed == port_sets.ALL
    assert not connection(of, "shop/web", "shop/cart")


@pytest.mark.parametrize(
    "subject, is_selected",
    [
        ({"namespaces": {}}, True),
        ({"namespaces": labelled(team="b")}, False),
        ({"pods": {"namespaceSelector": labelled(team="a"), "podSelector": app("cart")}}, True),
        ({"pods": {"namespaceSelector": labelled(team="a"), "podSelector": app("web")}}, False),
        ({"pods": {"podSelector": app("cart")}}, True),
    ],
)
def test_a_subject_is_namespaces_or_pods_in_them(subject: JSON, is_selected: bool) -> None:
    expected = Outcome.DENIED if is_selected else Outcome.ALLOWED
    assert outcome(admin(subject=subject, ingress=[DENY])) is expected


@pytest.mark.parametrize(
    "given, expected",
    [
        ([{"portNumber": {"port": 80}}], [80]),
        ([{"portNumber": {"port": 80, "protocol": "UDP"}}], ["80/UDP"]),
        ([{"portRange": {"start": 80, "end": 90, "protocol": "SCTP"}}], ["80-90/SCTP"]),
        ([{"namedPort": "http"}], [8080, "8080/UDP"]),
        ([{"namedPort": "none"}], []),
        ([{"portNumber": {"port": 1}}, {"portNumber": {"port": 2}}], ["1-2"]),
        ([], ["1-65535", "1-65535/UDP", "1-65535/SCTP"]),
    ],
)
def test_ports_of_v1alpha1(given: list[JSON], expected: list[int | str]) -> None:
    one = admin(ingress=[rule("Allow", "from", ANYBODY, ports=given), DENY])
    found = connection(graph(PODS, one), "shop/web", "shop/cart")
    assert found.allowed == ports(*expected)


@pytest.mark.parametrize(
    "given, expected",
    [
        ([{"tcp": {"destinationPort": {"number": 80}}}], [80]),
        ([{"udp": {"destinationPort": {"range": {"start": 5, "end": 9}}}}], ["5-9/UDP"]),
        ([{"sctp": {}}], ["1-65535/SCTP"]),
        ([{"destinationNamedPort": "http"}], [8080, "8080/UDP"]),
        (None, ["1-65535", "1-65535/UDP", "1-65535/SCTP"]),
    ],
)
def test_protocols_of_v1alpha2(given: list[JSON] | None, expected: list[int | str]) -> None:
    one = cluster_policy(ingress=[rule("Accept", "from", ANYBODY, protocols=given), DENY])
    found = connection(graph(PODS, one), "shop/web", "shop/cart")
    assert found.allowed == ports(*expected)


# Networks, nodes and names


def test_a_rule_that_passes_pods_first_leaves_networks_to_the_world_outside() -> None:
    one = admin(
        egress=[rule("Pass", "to", ANYBODY), rule("Deny", "to", {"networks": ["0.0.0.0/0"]})]
    )
    of = graph(PODS, one)
    assert connection(of, "shop/web", "shop/cart").allowed == port_sets.ALL
    assert not connection(of, "shop/web", "203.0.113.1")


def test_no_policy_of_the_cluster_isolates() -> None:
    for found in (
        admin(ingress=[DENY], egress=[rule("Deny", "to", ANYBODY)]),
        baseline(ingress=[DENY]),
    ):
        assert not any(side.isolates for side in found.sides.values())


def test_what_a_host_name_stands_for_is_not_known() -> None:
    by_name = rule("Accept", "to", {"domainNames": ["example.com"]})
    closed = rule("Deny", "to", {"networks": ["0.0.0.0/0"]})
    agent = pod("shop/agent", "192.168.0.1", host_network=True)
    of = graph([*PODS, agent], cluster_policy(egress=[by_name, closed]))
    assert connection(of, "shop/web", "203.0.113.1").unknown == port_sets.ALL
    assert connection(of, "shop/web", "shop/agent").unknown == port_sets.ALL
    assert not connection(of, "shop/web", "shop/cart")
    told = why(of, "shop/web", "203.0.113.1").egress
    assert told
    assert "is known to the network plugin alone" in told.reasons[0].unknown


def test_a_host_name_makes_nothing_unknown_where_all_is_open_anyway() -> None:
    of = graph(PODS, cluster_policy(egress=[rule("Accept", "to", {"domainNames": ["a.b"]})]))
    assert connection(of, "shop/web", "203.0.113.1").allowed == port_sets.ALL


# What is not understood


@pytest.mark.parametrize("side", [{"somethingNew": {}}, {}])
def test_a_peer_that_is_not_understood_may_be_anybody(side: JSON) -> None:
    one = admin(ingress=[rule("Deny", "from", side)])
    assert outcome(one) is Outcome.UNKNOWN
    assert outcome(one, CLOSED) is Outcome.DENIED
    assert outcome(admin("first", 0, ingress=[ALLOW]), admin(priority=1, ingress=[DENY])) is (
        Outcome.ALLOWED
    )
    told = why(graph(PODS, one), "shop/web", "shop/cart").ingress
    assert told
    assert told.reasons[0].unknown.startswith("the fields of its peer are not understood: ")


def test_peers_beside_one_that_is_not_understood_match_for_certain() -> None:
    one = admin(ingress=[rule("Deny", "from", WEB, {"somethingNew": {}})])
    of = graph(PODS, one)
    assert not connection(of, "shop/web", "shop/cart")
    assert connection(of, "payments/api", "shop/cart").unknown == port_sets.ALL


@pytest.mark.parametrize("peer", [{"networks": ["10.0.0.0/8"]}, {"nodes": {}}])
def test_where_the_api_has_no_such_peer_it_is_not_understood(peer: JSON) -> None:
    assert outcome(admin(ingress=[rule("Deny", "from", peer)])) is Outcome.UNKNOWN
