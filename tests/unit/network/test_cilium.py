"""Rules in Cilium's own dialect, and which rules are written in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.dialects import CILIUM_KIND, Dialect
from bailiwick.policy.network.cilium import planned, written
from bailiwick.policy.network.model import CompiledNetwork, Policy
from bailiwick.policy.network.specs import same
from bailiwick.policy.settings import Settings
from tests.unit.network.intents import compiled_in, intents, profiles
from tests.unit.network.make import CLUSTER, JSON, allowing, codes, compiled, having, pod
from tests.unit.network.worlds import clusters

SERVED = replace(CLUSTER, served=(CILIUM_KIND,))
WEB = {"workload": {"matchLabels": {"app": "web"}}}
CART = {"workload": {"matchLabels": {"app": "cart"}}}
HOST = {"from": WEB, "to": {"fqdn": "api.example.com"}, "ports": [443]}
DNS_PODS = {
    "matchLabels": {"k8s:k8s-app": "kube-dns", "k8s:io.kubernetes.pod.namespace": "kube-system"}
}


def policies(network: CompiledNetwork, dialect: Dialect = Dialect.CILIUM) -> list[Policy]:
    return [each for each in network.policies if each.dialect is dialect]


def spec(network: CompiledNetwork, half: str = "egress") -> JSON:
    """Return the spec of the one policy of a half, as it is applied."""
    (found,) = [each for each in policies(network) if each.half == half]
    given: JSON = found.manifest("shop")["spec"]
    return given


def entries(network: CompiledNetwork, half: str = "egress") -> list[JSON]:
    found: list[JSON] = spec(network, half)[half]
    return found


def to_ports(*numbers: str, **rules: Any) -> list[JSON]:
    ports = [{"port": number, "protocol": "TCP"} for number in numbers]
    return [{"ports": ports, **({"rules": rules} if rules else {})}]


@pytest.mark.parametrize(
    "rule, dialect",
    [
        (HOST, Dialect.CILIUM),
        ({"from": WEB, "to": CART, "ports": [8080], "http": [{}]}, Dialect.CILIUM),
        ({"from": WEB, "to": {"entity": "KubeAPIServer"}}, Dialect.CILIUM),
        ({"from": {"entity": "Nodes"}, "to": WEB}, Dialect.CILIUM),
        ({"from": WEB, "to": CART}, Dialect.NETWORK_POLICY),
        ({"from": WEB, "to": {"entity": "DNS"}}, Dialect.NETWORK_POLICY),
        ({"from": WEB, "to": {"entity": "Internet"}}, Dialect.NETWORK_POLICY),
        ({"from": WEB, "to": {"cidr": "203.0.113.0/24"}}, Dialect.NETWORK_POLICY),
    ],
    ids=["fqdn", "http", "API server", "nodes", "workloads", "DNS", "internet", "cidr"],
)
def test_a_rule_is_written_in_one_dialect_alone(rule: JSON, dialect: Dialect) -> None:
    network = compiled(rule, on=SERVED)
    assert {each.dialect for each in network.policies if each.rule} == {dialect}
    assert codes(network) == []


@pytest.mark.parametrize(
    "enforcer, speaks",
    [("", True), ("Cilium", True), ("cilium", True), ("Calico", False)],
)
def test_definitions_without_cilium_enforce_nothing(enforcer: str, speaks: bool) -> None:
    network = compiled(HOST, on=SERVED, settings=Settings(enforcer=enforcer))
    assert bool(policies(network)) is speaks
    assert codes(network) == ([] if speaks else ["NotEnforceable"])


def test_what_is_not_served_is_closed_with_a_finding() -> None:
    http = {"from": WEB, "to": CART, "ports": [8080], "http": [{"path": "/"}]}
    network = compiled(HOST, http)
    assert codes(network) == ["NotEnforceable", "NotEnforceable"]
    assert [each.half for each in network.policies] == ["isolation"]


def test_while_it_is_not_known_whether_it_is_served_what_is_there_stays() -> None:
    on = replace(CLUSTER, unreadable={CILIUM_KIND: "cannot be listed: forbidden"})
    network = compiled(HOST, {"from": WEB, "to": CART}, on=on)
    assert {each.rule for each in network.frozen} == {"r0"}
    assert network.frozen_by == {CILIUM_KIND: "cannot be listed: forbidden"}
    assert {each.rule for each in network.policies if each.rule} == {"r1"}


def test_a_host_opens_the_queries_of_its_name_and_of_what_resolvers_try_first() -> None:
    dns, host = entries(compiled(HOST, on=SERVED))
    assert host == {"toFQDNs": [{"matchName": "api.example.com"}], "toPorts": to_ports("443")}
    assert dns["toEndpoints"] == [DNS_PODS]
    (opened,) = dns["toPorts"]
    assert opened["ports"] == [
        {"port": "53", "protocol": "TCP"},
        {"port": "53", "protocol": "UDP"},
    ]
    assert opened["rules"]["dns"] == [
        {"matchName": "api.example.com"},
        {"matchName": "api.example.com.cluster.local"},
        {"matchName": "api.example.com.svc.cluster.local"},
        {"matchPattern": "api.example.com.*.svc.cluster.local"},
    ]


def test_a_name_that_would_be_too_long_for_dns_is_not_asked_for() -> None:
    name = ".".join(["a" * 60] * 4)
    dns, _ = entries(compiled({**HOST, "to": {"fqdn": name}}, on=SERVED))
    assert dns["toPorts"][0]["rules"]["dns"] == [{"matchName": name}]


def test_every_host_of_a_domain_is_a_pattern() -> None:
    network = compiled({**HOST, "to": {"fqdn": "*.example.com"}}, on=SERVED)
    (host,) = [each for each in entries(network) if "toFQDNs" in each]
    assert host["toFQDNs"] == [{"matchPattern": "*.example.com"}]


def test_a_host_without_a_dns_that_is_known_is_closed() -> None:
    network = compiled(HOST, on=replace(SERVED, all_services=()))
    assert codes(network) == ["DNSUnknown"]
    assert policies(network) == []


def test_whoever_owns_a_name_cannot_lead_to_a_metadata_service() -> None:
    (denied,) = spec(compiled(HOST, on=SERVED))["egressDeny"]
    assert {"169.254.169.254/32", "fd00:ec2::254/128"} <= set(denied["toCIDR"])
    opened = {"allowances": [{"name": "it", "to": {"cidr": "169.254.169.254/32"}}]}
    (denied,) = spec(compiled(HOST, on=SERVED, profile=opened))["egressDeny"]
    assert "169.254.169.254/32" not in denied["toCIDR"]
    assert "169.254.170.2/32" in denied["toCIDR"]


@pytest.mark.parametrize(
    "match, written",
    [
        ({}, [{}]),
        ({"path": "/charge"}, [{"path": "/charge.*"}]),
        (
            {"methods": ["POST", "GET"], "path": "/v1/a.b+c"},
            [
                {"method": "GET", "path": r"/v1/a\.b\+c.*"},
                {"method": "POST", "path": r"/v1/a\.b\+c.*"},
            ],
        ),
        ({"methods": ["HEAD"]}, [{"method": "HEAD"}]),
    ],
)
def test_requests_are_by_method_and_the_beginning_of_their_path(
    match: JSON, written: list[JSON]
) -> None:
    rule = {"from": WEB, "to": CART, "ports": [8080], "http": [match]}
    network = compiled(rule, on=SERVED)
    assert entries(network, "ingress") == [
        {
            "fromEndpoints": [{"matchLabels": {"k8s:app": "web"}}],
            "toPorts": to_ports("8080", http=written),
        }
    ]


@pytest.mark.parametrize(
    "rule, isolate, limited",
    [
        ({"from": WEB, "to": CART}, ["Ingress", "Egress"], {"ingress": True, "egress": False}),
        ({"from": WEB, "to": CART}, ["Egress"], {"egress": True}),
        ({"from": WEB, "to": {"namespace": "payments"}}, ["Ingress", "Egress"], {"egress": True}),
        ({"from": {"namespace": "payments"}, "to": WEB}, ["Ingress", "Egress"], {"ingress": True}),
    ],
    ids=["both ends here", "only egress isolated", "to elsewhere", "from elsewhere"],
)
def test_requests_are_told_apart_once(
    rule: JSON, isolate: list[str], limited: dict[str, bool]
) -> None:
    network = compiled(
        {**rule, "ports": [8080], "http": [{"path": "/"}]}, on=SERVED, profile={"isolate": isolate}
    )
    found = {
        each.half: any("rules" in port for e in each.spec[each.half] for port in e["toPorts"])
        for each in policies(network)
    }
    assert found == limited


@pytest.mark.parametrize(
    "more, code",
    [
        ({"to": CART}, "NotEnforceable"),
        ({"to": CART, "ports": [8080, "53/UDP"]}, "NotEnforceable"),
        ({"to": {"service": {"name": "kube-dns", "namespace": "kube-system"}}}, ""),
        ({"to": {"service": {"name": "cart"}}}, ""),
    ],
)
def test_what_cannot_be_limited_to_requests_is_closed(more: JSON, code: str) -> None:
    network = compiled({"from": WEB, "http": [{"path": "/"}], **more}, on=SERVED)
    assert codes(network) == ([code] if code else [])
    protocols = {
        port["protocol"]
        for each in policies(network)
        for entry in each.spec[each.half]
        for ports in entry["toPorts"]
        for port in ports["ports"]
    }
    assert protocols == (set() if code else {"TCP"})


@pytest.mark.parametrize(
    "entity, written",
    [
        ("KubeAPIServer", {"toEntities": ["kube-apiserver"], "toPorts": to_ports("6443")}),
        ("Nodes", {"toEntities": ["host", "remote-node"]}),
    ],
)
def test_nodes_and_the_api_server_are_entities(entity: str, written: JSON) -> None:
    assert entries(compiled(profile=allowing(entity), on=SERVED)) == [written]


def test_caches_of_dns_are_on_the_node_itself() -> None:
    cache = pod("kube-system", "cache", {"k8s-app": "node-local-dns"}, host_network=True)
    network = compiled(profile=allowing("DNS"), on=having(SERVED, pods=[cache]))
    fields = {key for entry in entries(network) for key in entry if key != "toPorts"}
    assert fields == {"toEndpoints", "toEntities"}


@given(clusters(), intents, profiles())
def test_what_is_written_is_read_as_it_was_planned(
    cluster: FixedCluster, intent: list[JSON], profile: JSON
) -> None:
    network = compiled_in(replace(cluster, served=(CILIUM_KIND,)), intent, profile)
    for each in policies(network):
        assert same(planned({"spec": written(each.spec)}), each.spec)


@pytest.mark.parametrize(
    "edit",
    [
        {"endpointSelector": {"matchLabels": {"k8s:app": "other"}}},
        {"endpointSelector": {"matchLabels": {"any:app": "web"}}},
        {"nodeSelector": {}, "endpointSelector": None},
        {"ingress": [{"fromEntities": ["all"]}]},
        {"enableDefaultDeny": {"egress": False}},
        {"egress": [{"toEntities": ["all"]}]},
        {"egressDeny": None},
        {"description": "edited"},
    ],
    ids=str,
)
def test_whatever_is_edited_is_no_more_as_it_was_planned(edit: JSON) -> None:
    (policy,) = policies(compiled(HOST, on=SERVED))
    assert not same(planned({"spec": {**written(policy.spec), **edit}}), policy.spec)


def test_a_second_spec_is_no_more_as_it_was_planned() -> None:
    (policy,) = policies(compiled(HOST, on=SERVED))
    body = {"spec": written(policy.spec), "specs": [{"endpointSelector": {}}]}
    assert not same(planned(body), policy.spec)
