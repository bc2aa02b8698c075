"""Entities are what the cluster really runs; what cannot be found is closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import EndpointPort, Node, Service, ServicePort
from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import PodsOf, Settings
from tests.unit.network.make import (
    CLUSTER,
    JSON,
    KUBE_DNS,
    NAME,
    allowing,
    block,
    codes,
    compiled,
    endpoints,
    halves,
    having,
    namespace,
    opened,
    pod,
    port,
)

DNS_PODS = {
    "namespaceSelector": {"matchLabels": {NAME: "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
BOTH = [port(53), port(53, "UDP")]
CACHE = pod("kube-system", "cache-1", {"k8s-app": "node-local-dns"}, host_network=True)
OPENSHIFT = Service(
    "openshift-dns",
    "dns-default",
    {"dns.operator.openshift.io/daemonset-dns": "default"},
    (ServicePort(53, "dns", "UDP", "dns"), ServicePort(53, "dns-tcp", "TCP", "dns-tcp")),
    ("172.30.0.10",),
)


def without_dns(**changes: Any) -> FixedCluster:
    services = tuple(s for s in CLUSTER.all_services if s is not KUBE_DNS)
    return replace(CLUSTER, all_services=services, **changes)


def test_dns_is_the_pods_of_kube_dns_on_its_target_port_for_udp_and_tcp() -> None:
    network = compiled(profile=allowing("DNS"))
    assert opened(network) == [{"to": [DNS_PODS], "ports": BOTH}]
    (policy,) = halves(network, "egress")
    assert policy.spec["podSelector"] == {}
    assert "dns" in network.depends_on


def test_dns_on_openshift_is_its_own_service_by_the_names_of_its_ports() -> None:
    cluster = having(without_dns(), services=[OPENSHIFT], namespaces=[namespace("openshift-dns")])
    (entry,) = opened(compiled(profile=allowing("DNS"), on=cluster))
    assert entry["ports"] == [port("dns-tcp"), port("dns", "UDP")]
    assert entry["to"][0]["podSelector"] == {"matchLabels": dict(OPENSHIFT.selector)}


@pytest.mark.parametrize("target", [5353, 1053])
def test_dns_is_opened_where_its_pods_listen(target: int) -> None:
    ports = (ServicePort(53, target, "UDP", "dns"), ServicePort(53, target, "TCP", "dns-tcp"))
    cluster = having(without_dns(), services=[replace(KUBE_DNS, ports=ports)])
    (entry,) = opened(compiled(profile=allowing("DNS"), on=cluster))
    assert entry["ports"] == [port(target), port(target, "UDP")]


def test_caches_on_the_nodes_are_opened_by_address_in_both_families() -> None:
    network = compiled(profile=allowing("DNS"), on=having(pods=[CACHE]))
    addresses = [block("10.96.0.10/32"), block("169.254.20.10/32"), block("fd10:96::a/128")]
    assert opened(network) == [
        {"to": addresses, "ports": BOTH},
        {"to": [DNS_PODS], "ports": BOTH},
    ]


def test_a_dns_service_without_a_selector_is_the_addresses_of_its_slices() -> None:
    ports = [EndpointPort(53, "UDP", "dns"), EndpointPort(53, "TCP", "dns-tcp")]
    cluster = having(
        without_dns(),
        services=[replace(KUBE_DNS, selector={})],
        slices=[endpoints(("kube-system", "kube-dns"), "192.168.7.53", ports=ports)],
    )
    assert opened(compiled(profile=allowing("DNS"), on=cluster)) == [
        {"to": [block("192.168.7.53/32")], "ports": BOTH}
    ]


@pytest.mark.parametrize("service", [KUBE_DNS, OPENSHIFT])
@pytest.mark.parametrize(
    "ports, protocols", [(["53/UDP"], ["UDP"]), ([53, "53/UDP"], ["TCP", "UDP"])]
)
def test_ports_of_a_rule_for_dns_are_those_of_the_service(
    service: Service, ports: list[int | str], protocols: list[str]
) -> None:
    cluster = having(without_dns(), services=[service], pods=[CACHE])
    network = compiled({"to": {"entity": "DNS"}, "ports": ports}, on=cluster)
    assert [[p["protocol"] for p in e["ports"]] for e in opened(network)] == [protocols] * 2
    assert codes(network) == []


def test_a_port_that_dns_does_not_have_is_closed() -> None:
    network = compiled({"to": {"entity": "DNS"}, "ports": ["53/UDP", 9153]})
    assert codes(network) == ["UnresolvedPort"]
    assert opened(network) == [{"to": [DNS_PODS], "ports": [port(53, "UDP")]}]
    assert (network.declared_edges, network.opened_edges) == (2, 1)


def test_dns_that_is_not_found_is_closed() -> None:
    network = compiled(profile=allowing("DNS"), on=without_dns())
    assert codes(network) == ["DNSUnknown"]
    assert opened(network) == []


def test_the_api_server_is_the_addresses_behind_its_service() -> None:
    cluster = having(
        slices=[
            endpoints(
                ("default", "kubernetes"), "fd77::10", ports=[EndpointPort(6443, "TCP", "https")]
            )
        ]
    )
    assert opened(compiled(profile=allowing("KubeAPIServer"), on=cluster)) == [
        {"to": [block("192.168.7.10/32"), block("192.168.7.11/32")], "ports": [port(6443)]},
        {"to": [block("fd77::10/128")], "ports": [port(6443)]},
    ]


@pytest.mark.parametrize("number", [443, 6443, "https"])
def test_ports_of_a_rule_for_the_api_server_are_the_services_or_its_own(number: int | str) -> None:
    (entry,) = opened(compiled({"to": {"entity": "KubeAPIServer"}, "ports": [number]}))
    assert entry["ports"] == [port(6443)]


def test_the_api_server_as_the_source_is_for_webhooks() -> None:
    (entry,) = opened(compiled({"from": {"entity": "KubeAPIServer"}, "ports": [9443]}), "ingress")
    assert entry == {
        "from": [block("192.168.7.10/32"), block("192.168.7.11/32")],
        "ports": [port(9443)],
    }


@pytest.mark.parametrize("rule", [{}, {"ports": [80]}])
def test_an_unknown_api_server_never_becomes_anywhere(rule: JSON) -> None:
    cluster = CLUSTER if rule else replace(CLUSTER, all_slices=())
    network = compiled({"to": {"entity": "KubeAPIServer"}, **rule}, on=cluster)
    assert codes(network) == ["APIServerUnknown"]
    assert opened(network) == []


def test_nodes_are_their_addresses_in_both_families() -> None:
    network = compiled({"to": {"entity": "Nodes"}, "ports": [10250]})
    assert opened(network) == [
        {
            "to": [block("192.168.7.1/32"), block("192.168.7.2/32"), block("fd77::1/128")],
            "ports": [port(10250)],
        }
    ]


def test_nodes_beyond_the_limit_are_refused_and_the_setting_named() -> None:
    rule = {"to": {"entity": "Nodes"}}
    assert codes(compiled(rule, settings=Settings(node_limit=3))) == []
    network = compiled(rule, settings=Settings(node_limit=2))
    assert codes(network) == ["TooManyNodes"]
    assert "--node-limit" in network.findings[0].message
    assert opened(network) == []


@pytest.mark.parametrize(
    "nodes, code",
    [((), "NodesUnknown"), ((Node("a", ("a.example.com",)),), "CIDRInvalid")],
)
def test_nodes_whose_addresses_are_not_known_are_refused(
    nodes: tuple[Node, ...], code: str
) -> None:
    network = compiled({"to": {"entity": "Nodes"}}, on=replace(CLUSTER, all_nodes=nodes))
    assert codes(network) == [code]


def test_the_ingress_controller_is_a_setting_and_closed_without_it() -> None:
    profile = allowing("IngressController", toPorts=["http"])
    assert codes(compiled(profile=profile)) == ["IngressControllerUnknown"]
    settings = Settings(ingress_controllers=(PodsOf("ingress", Selector.of({"app": "nginx"})),))
    network = compiled(profile=profile, settings=settings)
    assert opened(network, "ingress") == [
        {
            "from": [
                {
                    "namespaceSelector": {"matchLabels": {NAME: "ingress"}},
                    "podSelector": {"matchLabels": {"app": "nginx"}},
                }
            ],
            "ports": [port("http")],
        }
    ]


def test_the_cluster_is_the_pods_of_every_namespace_and_no_addresses() -> None:
    (entry,) = opened(compiled({"to": {"entity": "Cluster"}, "ports": [8080]}))
    assert entry == {"to": [{"namespaceSelector": {}}], "ports": [port(8080)]}


@pytest.mark.parametrize(
    "entity, kind",
    [
        ("DNS", "services"),
        ("DNS", "pods"),
        ("KubeAPIServer", "endpointslices"),
        ("Nodes", "nodes"),
        ("Internet", "nodes"),
        ("Internet", "servicecidrs"),
    ],
)
def test_an_entity_whose_kind_cannot_be_read_is_frozen(entity: str, kind: str) -> None:
    blind = replace(CLUSTER, unreadable={kind: "Forbidden"})
    network = compiled({"name": "it", "to": {"entity": entity}}, on=blind)
    assert {(f.origin, f.rule, f.half) for f in network.frozen} == {("intent", "it", "egress")}
    assert network.frozen_by == {kind: "Forbidden"}
    assert opened(network) == []
