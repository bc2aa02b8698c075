"""What is possible in a namespace, given every policy, as its status tells it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from bailiwick.api.meta import API_VERSION
from bailiwick.engine.network.records import DIGEST_LABEL
from bailiwick.policy.findings.effective import EdgeRow
from bailiwick.reports.reach import read_spec
from tests.cluster.engine.conftest import ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import STORE, WEB, WITHIN, Tenant, absent_as_none, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.kubectl import eventually

pytestmark = pytest.mark.usefixtures("operator")

OPEN: Final = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}


def run(shop: Tenant, *apps: str) -> None:
    """Have a pod of each of these run, as far as the API server is asked."""
    for app in apps:
        container = {
            "name": app,
            "image": f"registry.example.com/{app}:1",
            "ports": [{"name": "http", "containerPort": 8080}],
        }
        metadata = {"name": app, "labels": {"app": app}}
        pod = {"metadata": metadata, "spec": {"containers": [container]}}
        shop.api.create(f"{shop.path}/pods", pod)


def add_policy(shop: Tenant, name: str, spec: Json) -> None:
    """Have somebody else put a policy into the namespace."""
    shop.api.create(shop.policy_path, {"metadata": {"name": name}, "spec": spec})


def network(shop: Tenant) -> Json:
    """The network's part of the status."""
    status = shop.status()
    assert "network" in status, status
    found: Json = status["network"]
    return found


def findings(shop: Tenant, code: str) -> list[Json]:
    """The findings of a code."""
    return [each for each in network(shop)["findings"] if each["code"] == code]


def until_found(shop: Tenant, code: str) -> Json:
    """Wait until there is exactly one finding of a code, and return it."""

    def one() -> Json:
        found = findings(shop, code)
        assert len(found) == 1, network(shop)
        return found[0]

    return eventually(one, WITHIN)


def until_gone(shop: Tenant, code: str) -> None:
    """Wait until there is no finding of a code."""

    def none() -> None:
        assert findings(shop, code) == []

    eventually(none, WITHIN)


def until_edges(shop: Tenant, declared: int, effective: int) -> None:
    """Wait until this many edges are declared, and this many possible."""

    def counted() -> None:
        found = network(shop)
        assert (found["declaredEdges"], found["effectiveEdges"]) == (declared, effective), found

    eventually(counted, WITHIN)


def control(shop: Tenant) -> Json:
    """The control that holds what is possible against what is declared."""
    (found,) = (c for c in shop.status()["controls"] if c["id"] == "network-effective")
    one: Json = found
    return one


def test_a_policy_of_others_is_named_with_the_traffic_that_it_opens_until_it_is_gone(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    shop = tenant(intent=enforcing(rule(), profile=profile()))
    run(shop, "web", "store")
    shop.until_ready()
    until_edges(shop, 1, 1)
    assert findings(shop, "WidenedByForeign") == []
    assert control(shop)["result"] == "pass"
    add_policy(shop, "break-glass", {**OPEN, "podSelector": STORE})
    found = until_found(shop, "WidenedByForeign")
    assert found["policy"] == f"NetworkPolicy {shop.name}/break-glass"
    assert found["severity"] == "error"
    assert found["mender"] == f"the owner of namespace {shop.name}"
    assert "anywhere outside to store on all" in found["message"]
    assert "Remove it, or declare this traffic" in found["message"]
    until_edges(shop, 1, 3)
    assert control(shop)["result"] == "fail"
    again = found["id"]
    shop.api.delete(f"{shop.policy_path}/break-glass")
    until_gone(shop, "WidenedByForeign")
    until_edges(shop, 1, 1)
    add_policy(shop, "break-glass", {**OPEN, "podSelector": STORE})
    assert until_found(shop, "WidenedByForeign")["id"] == again


def test_a_policy_of_others_that_opens_what_is_declared_is_no_finding(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    shop = tenant(intent=enforcing(rule(), profile=profile()))
    run(shop, "web", "store")
    ingress = [{"from": [{"podSelector": WEB}], "ports": [{"port": 8080}]}]
    add_policy(shop, "the-same", {"podSelector": STORE, "ingress": ingress})
    shop.until_ready()
    until_edges(shop, 1, 1)
    assert findings(shop, "WidenedByForeign") == []
    assert shop.condition("NetworkEnforced")["reason"] != "WidenedByForeign"


def two_teams(tenant: TenantFactory, **spec: Any) -> tuple[Tenant, Tenant]:
    """A namespace whose intent names another one, and that one."""
    shop, payments = tenant(), tenant("payments")
    run(shop, "web")
    run(payments, "api", "ledger")
    payments.declare(enforcing(**spec))
    to = {"namespace": payments.name, "workload": {"matchLabels": {"app": "api"}}}
    charge = {
        "name": "charge",
        "from": {"workload": WEB},
        "to": to,
        "ports": [8080],
        "reason": "what nobody else is to read",
    }
    shop.declare(enforcing(charge, **spec))
    return shop, payments


def test_an_edge_with_one_half_is_seen_from_both_sides(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    shop, payments = two_teams(tenant, profile=profile())
    found = until_found(shop, "HalfOpen")
    assert found["rule"] == "charge"
    assert found["mender"] == f"the owner of namespace {payments.name}"
    assert f"web to {payments.name}/api on 8080" in found["message"]
    until_edges(shop, 1, 0)

    def asked() -> Json:
        found = network(payments).get("incomingHalfOpen", [])
        assert len(found) == 1, network(payments)
        one: Json = found[0]
        return one

    asks = eventually(asked, WITHIN)
    assert (asks["namespace"], asks["rule"], asks["direction"]) == (shop.name, "charge", "Ingress")
    assert (asks["from"], asks["to"], asks["ports"]) == (f"{shop.name}/web", "api", "8080")
    assert f"namespace: {shop.name}" in asks["suggestion"]
    assert "nobody else" not in str(payments.status())
    assert shop.name not in str(network(payments)["findings"])


def test_the_edge_is_whole_once_the_other_side_has_pasted_what_is_suggested(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile()
    shop, payments = two_teams(tenant, profile=name)
    until_found(shop, "HalfOpen")
    workload = {"matchLabels": {"app": "web"}}
    api = {"workload": {"matchLabels": {"app": "api"}}}
    peer = {"namespace": shop.name, "workload": workload}
    half = {"name": "charge", "from": peer, "to": api, "ports": [8080]}
    payments.declare(enforcing(half, profile=name))
    until_gone(shop, "HalfOpen")
    until_edges(shop, 1, 1)

    def nobody_asks() -> None:
        assert "incomingHalfOpen" not in network(payments)

    eventually(nobody_asks, WITHIN)


def test_audit_says_what_would_be_cut_and_what_would_stay(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    shop = tenant()
    run(shop, "web", "store")
    shop.declare({**enforcing(rule(), profile=profile()), "enforcement": "Audit"})
    shop.until_ready()
    audit = network(shop)["audit"]
    assert {"from": "web", "to": "store", "ports": "all but 8080"} in audit["cut"]
    assert any("anywhere outside" in each["to"] for each in audit["cut"])
    assert audit["wouldCut"] > len(audit["cut"]) > 0
    assert network(shop)["declaredEdges"] == 1
    assert network(shop)["effectiveEdges"] == audit["wouldCut"] + audit["wouldStay"]
    (free, more) = findings(shop, "Unisolated")
    assert {free["severity"], more["severity"]} == {"note"}
    shop.declare(enforcing(rule(), profile=shop.intent()["spec"]["profile"]))
    until_edges(shop, 1, 1)
    assert "audit" not in network(shop)
    assert findings(shop, "Unisolated") == []


def until_recorded(shop: Tenant, edges: int) -> Json:
    """Wait until the object that lists every edge of a namespace has so many, and return it."""
    path = f"/apis/{API_VERSION}/namespaces/{shop.name}/networkreaches/default"

    def written() -> Json:
        found = absent_as_none(lambda: shop.api.get(path))
        assert found is not None
        assert found["spec"]["edges"] == edges
        one: Json = found
        return one

    return eventually(written, WITHIN)


def test_every_edge_stands_in_an_object_beside_the_intent_written_when_it_changes(
    tenant: TenantFactory, profile: ProfileFactory
) -> None:
    shop = tenant(intent=enforcing(rule(), profile=profile()))
    run(shop, "web", "store")
    until_edges(shop, 1, 1)
    found = until_recorded(shop, 1)
    assert read_spec(found["spec"]) == [EdgeRow("web", "store", "8080", "open", ("web-to-store",))]
    (owner,) = found["metadata"]["ownerReferences"]
    assert owner["uid"] == shop.intent()["metadata"]["uid"]
    assert found["metadata"]["labels"][DIGEST_LABEL] == found["spec"]["digest"]
    shop.label({"color": "blue"})
    add_policy(shop, "break-glass", {**OPEN, "podSelector": WEB})
    until_found(shop, "WidenedByForeign")
    wider = until_recorded(shop, 3)
    states = {(row.target, row.state) for row in read_spec(wider["spec"])}
    assert states == {("store", "open"), ("web", "widened")}
    assert wider["metadata"]["generation"] == found["metadata"]["generation"] + 1
