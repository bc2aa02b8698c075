"""Cilium's policies, by Cilium's documentation; what of them is not understood is unknown.

https://docs.cilium.io/en/stable/security/policy/
"""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.halves import Outcome
from bailiwick.policy.reach.kinds import cilium
from bailiwick.policy.reach.model import InvalidPolicy, Policy
from bailiwick.policy.rules import Direction
from tests.unit.reach.make import (
    JSON,
    PASSED_OVER,
    app,
    connection,
    graph,
    labelled,
    namespace,
    pod,
    policy,
    port,
    ports,
    why,
)

NAMESPACES = (namespace("shop", team="a"), namespace("payments", team="b"))
PODS = (
    pod("shop/web", "10.0.0.1", node="n0"),
    pod("shop/cart", "10.0.0.2", node="n0", ports=(port(8080, "http"),)),
    pod("payments/api", "10.0.1.1"),
    pod("shop/agent", "192.168.0.1", node="n0", host_network=True),
)
OTHERS = ("shop/web", "payments/api", "shop/agent", "203.0.113.1", "2001:db8::1")


def cnp(name: str = "c", **spec: Any) -> list[Policy]:
    return cilium.read("shop", name, {"spec": {"endpointSelector": app("cart"), **spec}})


def ccnp(**spec: Any) -> list[Policy]:
    return cilium.read("", "c", {"spec": {"endpointSelector": app("cart"), **spec}})


def into_cart(*policies: Policy) -> tuple[set[str], set[str]]:
    """Return who of the others reaches shop/cart on every port, and who perhaps does."""
    of = graph(PODS, *policies, namespaces=NAMESPACES)
    found = {each: connection(of, each, "shop/cart") for each in OTHERS}
    return (
        {each for each, says in found.items() if says.allowed == port_sets.ALL},
        {each for each, says in found.items() if says.unknown == port_sets.ALL},
    )


PODS_OF_SHOP = {"shop/web"}
# Cilium lets a node reach the pods on it, whatever policies say.
ITS_NODE = {"shop/agent"}
WORLD = {"203.0.113.1", "2001:db8::1"}


@pytest.mark.parametrize(
    "entry, allowed, perhaps",
    [
        ({}, set(), set()),
        ({"fromEndpoints": []}, set(), set()),
        ({"fromEndpoints": [{}]}, PODS_OF_SHOP, set()),
        ({"fromEndpoints": [app("web")]}, {"shop/web"}, set()),
        ({"fromEndpoints": [labelled(**{"k8s:app": "web"})]}, {"shop/web"}, set()),
        (
            {"fromEndpoints": [labelled(**{"k8s:io.kubernetes.pod.namespace": "payments"})]},
            {"payments/api"},
            set(),
        ),
        (
            {"fromEndpoints": [labelled(**{"io.cilium.k8s.namespace.labels.team": "b"})]},
            {"payments/api"},
            set(),
        ),
        (
            {
                "fromEndpoints": [
                    {
                        "matchExpressions": [
                            {"key": "io.kubernetes.pod.namespace", "operator": "Exists"}
                        ]
                    }
                ]
            },
            {"shop/web", "payments/api"},
            set(),
        ),
        ({"fromEntities": ["all"]}, {*OTHERS}, set()),
        ({"fromEntities": ["world"]}, WORLD, set()),
        ({"fromEntities": ["world-ipv6"]}, {"2001:db8::1"}, set()),
        ({"fromEntities": ["none"]}, set(), set()),
        ({"fromEntities": ["cluster"]}, {"shop/web", "payments/api"}, set()),
        ({"fromEntities": ["kube-apiserver"]}, set(), WORLD),
        ({"fromCIDR": ["203.0.113.0/24"]}, {"203.0.113.1"}, set()),
        ({"fromCIDR": ["203.0.113.1"]}, {"203.0.113.1"}, set()),
        ({"fromCIDR": ["10.0.0.0/8"]}, set(), set()),
        (
            {"fromCIDRSet": [{"cidr": "203.0.0.0/8", "except": ["203.0.113.0/24"]}]},
            set(),
            set(),
        ),
        ({"fromCIDRSet": [{"cidrGroupRef": "partners"}]}, set(), WORLD),
        ({"fromGroups": [{}]}, set(), {"shop/web", "payments/api", *WORLD}),
        ({"icmps": [{"fields": [{"type": 8}]}]}, set(), set()),
        ({"fromEntities": ["all"], "icmps": [{"fields": [{"type": 8}]}]}, set(), set()),
    ],
)
def test_who_is_let_in(entry: JSON, allowed: set[str], perhaps: set[str]) -> None:
    assert into_cart(*cnp(ingress=[entry])) == (allowed | ITS_NODE, perhaps)


FROM_WEB: JSON = {"fromEndpoints": [app("web")]}


def test_what_cilium_and_network_policy_allow_adds_up() -> None:
    from_web = policy(podSelector=app("cart"), ingress=[{"from": [{"podSelector": app("web")}]}])
    from_world = cnp(ingress=[{"fromEntities": ["world"]}])
    allowed, _ = into_cart(from_web, *from_world)
    assert allowed == {"shop/web", *WORLD, *ITS_NODE}


def test_a_denial_wins_over_what_any_policy_allows() -> None:
    allows = policy(podSelector=app("cart"), ingress=[{}])
    denies = cnp(ingressDeny=[FROM_WEB], ingress=[{"fromEntities": ["all"]}])
    allowed, _ = into_cart(allows, *denies)
    assert allowed == {*OTHERS} - {"shop/web"}


@pytest.mark.parametrize(
    "spec, isolated",
    [
        ({"ingress": [FROM_WEB]}, {"Ingress"}),
        ({"ingressDeny": [FROM_WEB]}, {"Ingress"}),
        ({"ingress": []}, set()),
        ({"ingress": [{}], "egress": [{}]}, {"Ingress", "Egress"}),
        ({"ingress": [FROM_WEB], "enableDefaultDeny": {"ingress": False}}, set()),
        ({"egress": [{}], "enableDefaultDeny": {"ingress": False}}, {"Egress"}),
        ({"enableDefaultDeny": {"ingress": True}}, {"Ingress"}),
    ],
)
def test_rules_isolate_unless_default_deny_is_switched(spec: JSON, isolated: set[str]) -> None:
    (found,) = cnp(**spec)
    assert {direction for direction, side in found.sides.items() if side.isolates} == isolated


def test_a_denial_without_default_deny_denies_that_alone() -> None:
    only = cnp(ingressDeny=[FROM_WEB], enableDefaultDeny={"ingress": False})
    assert into_cart(*only) == ({*OTHERS} - {"shop/web"}, set())


@pytest.mark.parametrize(
    "given, expected",
    [
        ([{"port": "80", "protocol": "TCP"}], [80]),
        ([{"port": "80"}], [80, "80/UDP", "80/SCTP"]),
        ([{"port": "80", "endPort": 90, "protocol": "UDP"}], ["80-90/UDP"]),
        ([{"port": "0", "protocol": "SCTP"}], ["1-65535/SCTP"]),
        ([{"port": "http", "protocol": "TCP"}], [8080]),
        ([{"port": "80", "protocol": "ICMP"}], []),
    ],
)
def test_ports(given: list[JSON], expected: list[int | str]) -> None:
    found = cnp(ingress=[{**FROM_WEB, "toPorts": [{"ports": given}]}])
    assert connection(graph(PODS, *found), "shop/web", "shop/cart").allowed == ports(*expected)


def test_ports_without_peers_are_open_to_anybody() -> None:
    found = cnp(ingress=[{"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}]}]}])
    of = graph(PODS, *found)
    assert connection(of, "203.0.113.1", "shop/cart").allowed == ports(80)
    assert connection(of, "payments/api", "shop/cart").allowed == ports(80)


def test_what_is_looked_at_beyond_ports_is_kept_in_words() -> None:
    to_ports = {
        "ports": [{"port": "80", "protocol": "TCP"}],
        "rules": {"http": [{"method": "GET", "path": "/a"}, {}]},
        "serverNames": ["example.com"],
    }
    (found,) = cnp(ingress=[{**FROM_WEB, "toPorts": [to_ports]}])
    (rule,) = found.sides[Direction.INGRESS].rules
    assert rule.http == ("HTTP GET /a", "HTTP requests", "TLS server name example.com")


def test_a_node_reaches_its_pods_but_is_not_reached_by_them_unasked() -> None:
    of = graph(PODS, *cnp(egress=[{}], ingress=[{}]))
    assert connection(of, "shop/agent", "shop/cart").allowed == port_sets.ALL
    assert not connection(of, "shop/cart", "shop/agent")
    assert why(of, "shop/agent", "shop/cart").outcome is Outcome.ALLOWED
    assert why(of, "shop/cart", "shop/agent").outcome is Outcome.DENIED


def test_a_node_is_reached_only_as_every_isolating_policy_lets_it() -> None:
    network = policy(podSelector=app("cart"), policyTypes=["Egress"])
    of = graph(PODS, network, *cnp(egress=[{}]))
    assert not connection(of, "shop/cart", "shop/agent")
    of = graph(PODS, network, *cnp(egress=[{}], enableDefaultDeny={"egress": False}))
    assert connection(of, "shop/cart", "shop/agent").allowed == port_sets.ALL


def test_whom_a_denial_beside_it_is_not_for_stays_unknown() -> None:
    services = {"toServices": [{"k8sService": {"serviceName": "a"}}]}
    of = graph(PODS, *cnp(egress=[services], egressDeny=[{"toEndpoints": [app("web")]}]))
    assert not connection(of, "shop/cart", "shop/web")
    assert connection(of, "shop/cart", "payments/api").unknown == port_sets.ALL


def test_a_subject_in_a_namespace_with_other_labels_is_nobody() -> None:
    team = labelled(**{"io.cilium.k8s.namespace.labels.team": "b"})
    of = graph(PODS, *cnp(endpointSelector=team, ingress=[{}]), namespaces=NAMESPACES)
    assert connection(of, "203.0.113.1", "shop/cart").allowed == port_sets.ALL
    assert connection(of, "203.0.113.1", "payments/api").allowed == port_sets.ALL


def test_whether_a_block_covers_nodes_is_not_known() -> None:
    of = graph(PODS, *cnp(egress=[{"toCIDR": ["192.168.0.0/16"]}]), network=PASSED_OVER)
    assert connection(of, "shop/cart", "shop/agent").unknown == port_sets.ALL
    assert connection(of, "shop/cart", "192.168.0.9").allowed == port_sets.ALL


def test_host_names_stand_for_addresses_that_only_the_agent_knows() -> None:
    of = graph(PODS, *cnp(egress=[{"toFQDNs": [{"matchPattern": "*.example.com"}]}]))
    assert connection(of, "shop/cart", "203.0.113.1").unknown == port_sets.ALL
    assert not connection(of, "shop/cart", "shop/web")


@pytest.mark.parametrize("field", ["toServices", "toGroups", "toNodes", "toRequires"])
def test_what_is_not_understood_is_told_by_its_field(field: str) -> None:
    of = graph(PODS, *cnp(egress=[{field: [{}]}]))
    assert connection(of, "shop/cart", "shop/web").unknown == port_sets.ALL
    told = why(of, "shop/cart", "shop/web").egress
    assert told
    assert told.reasons[0].unknown == f"spec.egress[0].{field} is not understood here"


def test_a_namespaced_policy_stays_in_its_namespace() -> None:
    elsewhere = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "payments"}}
    of = graph(PODS, *cnp(endpointSelector=elsewhere, ingress=[{}]), namespaces=NAMESPACES)
    assert connection(of, "shop/web", "payments/api").allowed == port_sets.ALL


def test_whom_a_policy_selects_may_not_be_known() -> None:
    strange = cnp(endpointSelector=labelled(**{"reserved:health": ""}), ingress=[{}])
    of = graph(PODS, *strange, namespaces=NAMESPACES)
    assert connection(of, "203.0.113.1", "shop/cart").unknown == port_sets.ALL
    assert connection(of, "203.0.113.1", "payments/api").allowed == port_sets.ALL


def test_a_cluster_wide_policy_holds_in_every_namespace() -> None:
    everywhere = ccnp(endpointSelector={}, ingress=[{"fromEndpoints": [{}]}])
    of = graph(PODS, *everywhere, namespaces=NAMESPACES)
    assert connection(of, "shop/web", "payments/api").allowed == port_sets.ALL
    assert not connection(of, "203.0.113.1", "payments/api")


def test_host_policies_are_no_matter_of_pods_and_each_spec_is_a_policy() -> None:
    body = {
        "specs": [
            {"nodeSelector": {}, "ingress": [{}]},
            {"endpointSelector": app("web"), "ingress": [{}]},
            {"endpointSelector": app("cart"), "ingress": [{}]},
        ]
    }
    names = [found.key.name for found in cilium.read("", "c", body)]
    assert names == ["c (specs[1])", "c (specs[2])"]


@pytest.mark.parametrize(
    "spec, message",
    [
        ({"ingress": [{"fromCIDR": ["10.0.0.0/40"]}]}, r"ingress\[0\].fromCIDR: 10.0.0.0/40"),
        ({"ingress": [{"fromCIDR": "10.0.0.0/8"}]}, r"ingress\[0\].fromCIDR: write a list"),
        ({"ingress": "all"}, "spec.ingress: write a list"),
        ({"enableDefaultDeny": True}, "spec.enableDefaultDeny: write an object"),
        (
            {"ingress": [{"toPorts": [{"ports": [{"port": "99999"}]}]}]},
            "99999 is not a port: they go from 1 to 65535",
        ),
        (
            {"ingress": [{"toPorts": [{"ports": [{"port": "90", "endPort": 80}]}]}]},
            "the range 90 to 80 is empty",
        ),
        ({"ingress": [{"toPorts": [{"rules": {"http": ["GET"]}}]}]}, r"http\[0\]: write an object"),
    ],
)
def test_what_cannot_be_read_is_refused(spec: JSON, message: str) -> None:
    with pytest.raises(InvalidPolicy, match=message):
        cnp(**spec)
