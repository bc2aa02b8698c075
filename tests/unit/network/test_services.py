"""A Service means what is behind it: its pods or addresses, and its target ports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bailiwick.policy.facts import EndpointPort, Service, ServicePort
from bailiwick.policy.settings import Settings
from tests.unit.network.make import (
    CLUSTER,
    JSON,
    NAME,
    block,
    codes,
    compiled,
    endpoints,
    halves,
    having,
    opened,
    port,
)

TO_CART = {"to": {"service": {"name": "cart"}}}
TO_API = {"to": {"service": {"name": "api", "namespace": "payments"}}}


def service(name: str, *ports: ServicePort, namespace: str = "shop", **fields: Any) -> Service:
    return Service(namespace, name, ports=ports, **fields)


def external(name: str, host: str, namespace: str = "shop") -> Service:
    return service(name, namespace=namespace, type="ExternalName", external_name=host)


TWO_PORTS = service(
    "two",
    ServicePort(80, 8080, "TCP", "web"),
    ServicePort(443, "https", "TCP", "tls"),
    ServicePort(53, 5353, "UDP", "dns"),
    selector={"app": "two"},
)


def test_a_service_here_opens_both_halves_on_its_target_port() -> None:
    network = compiled(TO_CART)
    (egress,) = halves(network, "egress")
    assert egress.spec["egress"] == [
        {"to": [{"podSelector": {"matchLabels": {"app": "cart"}}}], "ports": [port("http")]}
    ]
    (ingress,) = halves(network, "ingress")
    assert ingress.spec["podSelector"] == {"matchLabels": {"app": "cart"}}
    assert ingress.spec["ingress"] == [{"from": [{"podSelector": {}}], "ports": [port("http")]}]


def test_a_service_elsewhere_opens_our_half_towards_its_pods() -> None:
    network = compiled(TO_API)
    assert halves(network, "ingress") == []
    assert opened(network) == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {NAME: "payments"}},
                    "podSelector": {"matchLabels": {"app": "api"}},
                }
            ],
            "ports": [port(8443)],
        }
    ]


@pytest.mark.parametrize(
    "ports, written",
    [
        ([], [port("https"), port(8080), port(5353, "UDP")]),
        ([80], [port(8080)]),
        (["web"], [port(8080)]),
        (["https"], [port("https")]),
        (["tls"], [port("https")]),
        (["1-100"], [port(8080)]),
        (["53/UDP"], [port(5353, "UDP")]),
        ([8080], [port(8080)]),
    ],
)
def test_ports_are_the_services_by_number_or_name_or_else_its_targets(
    ports: list[int | str], written: list[JSON]
) -> None:
    rule = {"to": {"service": {"name": "two"}}, "ports": ports}
    (entry,) = opened(compiled(rule, on=having(services=[TWO_PORTS])))
    assert entry["ports"] == written


def test_a_services_own_number_comes_before_the_target_of_another_port() -> None:
    crossed = service(
        "two", ServicePort(80, 8080), ServicePort(8080, 9090), selector={"app": "two"}
    )
    rule = {"to": {"service": {"name": "two"}}, "ports": [8080]}
    (entry,) = opened(compiled(rule, on=having(services=[crossed])))
    assert entry["ports"] == [port(9090)]


def test_a_port_that_the_service_has_not_is_closed_and_the_others_are_open() -> None:
    rule = {"to": {"service": {"name": "two"}}, "ports": [80, 81, "53/TCP"]}
    network = compiled(rule, on=having(services=[TWO_PORTS]))
    assert codes(network) == ["UnresolvedPort"]
    (finding,) = (f for f in network.findings if f.severity == "closed")
    assert "has no port 53, 81; it has: 443 (tls), 53/UDP (dns), 80 (web)" in finding.message
    assert [entry["ports"] for entry in opened(network)] == [[port(8080)]]
    assert (network.declared_edges, network.opened_edges) == (3, 1)


@pytest.mark.parametrize(
    "to, code",
    [
        ({"name": "gone"}, "ServiceNotFound"),
        ({"name": "api", "namespace": "gone"}, "ServiceNotFound"),
        ({"name": "headless"}, "UnresolvedPort"),
        ({"name": "db"}, "NoEndpoints"),
        ({"name": "world"}, "NotEnforceable"),
        ({"name": "loop"}, "ServiceNotFound"),
    ],
)
def test_what_leads_nowhere_is_closed(to: JSON, code: str) -> None:
    cluster = having(
        services=[
            service("headless", selector={"app": "x"}),
            service("db", ServicePort(5432, 5432)),
            external("world", "db.example.com"),
            external("loop", "loop.shop.svc"),
        ]
    )
    network = compiled({"to": {"service": to}}, on=cluster)
    assert codes(network) == [code]
    assert opened(network) == []


def test_a_headless_service_is_its_pods_like_any_other() -> None:
    headless = service("db", ServicePort(5432, 5432), selector={"app": "db"}, cluster_ips=())
    (entry,) = opened(compiled({"to": {"service": {"name": "db"}}}, on=having(services=[headless])))
    assert entry == {
        "to": [{"podSelector": {"matchLabels": {"app": "db"}}}],
        "ports": [port(5432)],
    }


def test_a_service_without_a_selector_is_the_addresses_of_its_slices() -> None:
    ports = [EndpointPort(5432, "TCP", "sql"), EndpointPort(9187, "TCP", "metrics")]
    cluster = having(
        services=[service("db", ServicePort(15432, 5432, "TCP", "sql"))],
        slices=[
            endpoints(("shop", "db"), "203.0.113.8", "203.0.113.7", ports=ports),
            endpoints(("shop", "db"), "2001:db8::7", ports=ports),
        ],
    )
    network = compiled({"to": {"service": {"name": "db"}}}, on=cluster)
    assert halves(network, "ingress") == []
    assert opened(network) == [
        {"ports": [port(5432)], "to": [block("2001:db8::7/128")]},
        {"ports": [port(5432)], "to": [block("203.0.113.7/32"), block("203.0.113.8/32")]},
    ]


def test_a_slice_that_does_not_restrict_its_ports_opens_none() -> None:
    cluster = having(
        services=[service("db", ServicePort(5432, 5432))],
        slices=[endpoints(("shop", "db"), "203.0.113.7", ports=[EndpointPort(None)])],
    )
    network = compiled({"to": {"service": {"name": "db"}}}, on=cluster)
    assert codes(network) == ["UnresolvedPort"]
    assert opened(network) == []


def test_addresses_behind_a_service_have_a_limit() -> None:
    addresses = [f"203.0.113.{n}" for n in range(1, 5)]
    cluster = having(
        services=[service("db", ServicePort(5432, 5432))],
        slices=[endpoints(("shop", "db"), *addresses, ports=[EndpointPort(5432)])],
    )
    rule = {"to": {"service": {"name": "db"}}}
    assert codes(compiled(rule, on=cluster, settings=Settings(address_limit=4))) == []
    network = compiled(rule, on=cluster, settings=Settings(address_limit=3))
    assert codes(network) == ["TooManyAddresses"]


def test_an_external_name_of_a_service_in_the_cluster_is_that_service() -> None:
    for host in ("api.payments.svc.cluster.local", "api.payments.svc", "api.payments.svc."):
        cluster = having(services=[external("bank", host)])
        network = compiled({"to": {"service": {"name": "bank"}}}, on=cluster)
        assert opened(network) == opened(compiled(TO_API))
        assert halves(network, "ingress") == []


def test_a_service_here_that_stands_for_another_namespace_gives_others_no_way_in() -> None:
    cluster = having(services=[external("bank", "api.payments.svc")])
    rule = {"from": {"namespace": "secret"}, "to": {"service": {"name": "bank"}}}
    network = compiled(rule, on=cluster)
    assert codes(network) == ["NotOurs"]
    assert (network.opened_edges, len(network.policies)) == (0, 1)


def test_a_service_as_the_source_is_whoever_is_behind_it() -> None:
    rule = {"from": {"service": {"name": "api", "namespace": "payments"}}, "ports": ["http"]}
    (entry,) = opened(compiled(rule), "ingress")
    assert entry["ports"] == [port("http")]
    assert entry["from"][0]["podSelector"] == {"matchLabels": {"app": "api"}}


def test_everything_that_was_looked_at_is_recorded() -> None:
    looked_at = compiled(TO_API).depends_on
    assert {"services/payments/api", "namespaces/payments"} <= looked_at
    cluster = having(
        services=[service("db", ServicePort(5432, 5432))],
        slices=[endpoints(("shop", "db"), "203.0.113.7", ports=[EndpointPort(5432)])],
    )
    assert (
        "endpoints/shop/db" in compiled({"to": {"service": {"name": "db"}}}, on=cluster).depends_on
    )
    assert "services/shop/gone" in compiled({"to": {"service": {"name": "gone"}}}).depends_on


def test_a_kind_that_cannot_be_read_freezes_the_rules_that_need_it() -> None:
    blind = replace(CLUSTER, unreadable={"services": "Forbidden"})
    network = compiled(TO_CART, {"to": {"namespace": "payments"}}, on=blind)
    assert {(f.rule, f.half) for f in network.frozen} == {("r0", "egress"), ("r0", "ingress")}
    assert network.frozen_by == {"services": "Forbidden"}
    assert [f.code for f in network.findings] == ["Frozen"]
    assert [p.rule for p in halves(network, "egress")] == ["r1"]
