"""Host names and HTTP requests become Cilium's own policies where their kind is served."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.dialects.conftest import TenantFactory, Validator
from tests.cluster.dialects.definitions import CILIUM_POLICY, Definitions
from tests.cluster.engine.tenant import WEB, WITHIN, Tenant, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.kubectl import eventually

pytestmark = pytest.mark.usefixtures("operator")

HOST = {"name": "invoices", "from": {"workload": WEB}, "to": {"fqdn": "api.example.com"}}
REQUESTS = rule("charge", http=[{"methods": ["POST"], "path": "/charge"}])


def written(definitions: Definitions, shop: Tenant, *rules: str) -> dict[str, Json]:
    """Wait until Cilium's policies are one for each of these rules, and return them.

    A rule with both halves in the namespace is named twice.
    """

    def are_there() -> dict[str, Json]:
        found = definitions.objects(CILIUM_POLICY, shop.name)
        made_of = [each["metadata"]["labels"]["bailiwick.dev/rule"] for each in found.values()]
        assert sorted(made_of) == sorted(rules)
        return found

    return eventually(are_there, WITHIN)


def findings(shop: Tenant) -> set[str]:
    """Return the rules that nothing here can enforce."""
    found = shop.status()["network"].get("findings") or ()
    return {each["rule"] for each in found if each["code"] == "NotEnforceable"}


def test_a_host_is_opened_by_its_name_with_the_queries_that_tell_its_addresses(
    served: Definitions, tenant: TenantFactory, sanitise: Validator
) -> None:
    shop = tenant(intent=enforcing(rule(), {**HOST, "ports": [443]}))
    (policy,) = written(served, shop, "invoices").values()
    assert sanitise(policy) == ""
    (owner,) = policy["metadata"]["ownerReferences"]
    assert owner["uid"] == shop.intent()["metadata"]["uid"]
    host, dns = sorted(policy["spec"]["egress"], key=lambda each: "toFQDNs" not in each)
    assert host == {
        "toFQDNs": [{"matchName": "api.example.com"}],
        "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}],
    }
    asked = dns["toPorts"][0]["rules"]["dns"]
    assert {"matchName": "api.example.com"} in asked
    shop.until_ready()
    assert len(shop.policies()) == 4, "isolation, DNS and the two halves of the other rule"


def test_requests_are_told_apart_where_they_arrive(
    served: Definitions, tenant: TenantFactory, sanitise: Validator
) -> None:
    shop = tenant(intent=enforcing(REQUESTS))
    found = written(served, shop, "charge", "charge")
    assert [sanitise(each) for each in found.values()] == ["", ""]
    limits: dict[str, Any] = {
        each["metadata"]["labels"]["bailiwick.dev/half"]: [
            port.get("rules")
            for section in ("ingress", "egress")
            for entry in each["spec"].get(section, ())
            for port in entry["toPorts"]
        ]
        for each in found.values()
    }
    requests = {"http": [{"method": "POST", "path": "/charge.*"}]}
    assert limits == {"ingress": [requests], "egress": [None]}
    shop.until_ready()
    assert not [name for name in shop.policies() if name.startswith("charge")]


def test_what_others_do_to_such_a_policy_is_mended(
    served: Definitions, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(HOST))
    (before,) = written(served, shop, "invoices").values()
    shop.until_ready()
    path = f"{served.path(CILIUM_POLICY, shop.name)}/{before['metadata']['name']}"
    for patch in (
        {"spec": {"egress": [{"toEntities": ["world"]}]}},
        {"spec": {"endpointSelector": {"matchLabels": {"app": "other"}}}},
        {"spec": {"ingress": [{"fromEntities": ["all"]}]}},
        {"specs": [{"endpointSelector": {}, "egress": [{"toEntities": ["all"]}]}]},
        {"metadata": {"labels": {"bailiwick.dev/rule": "mine"}}},
        None,
    ):
        if patch is None:
            shop.api.delete(path)
        else:
            shop.api.patch(path, patch)

        def is_mended() -> None:
            (now,) = written(served, shop, "invoices").values()
            assert now["spec"] == before["spec"]
            assert "specs" not in now
            assert now["metadata"]["labels"] == before["metadata"]["labels"]

        eventually(is_mended, WITHIN)


def test_a_rule_moves_with_its_requests_and_back(
    served: Definitions, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule("charge")))
    shop.until_ready()
    assert len(shop.own_policies()) == 4
    shop.declare(enforcing(REQUESTS))
    written(served, shop, "charge", "charge")
    shop.until_ready()
    assert len(shop.own_policies()) == 2
    shop.declare(enforcing(rule("charge")))
    written(served, shop)
    shop.until_ready()
    assert len(shop.own_policies()) == 4


def test_audit_and_opting_out_remove_them(served: Definitions, tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(HOST))
    written(served, shop, "invoices")
    shop.declare({**enforcing(HOST), "enforcement": "Audit"})
    written(served, shop)
    shop.declare(enforcing(HOST))
    written(served, shop, "invoices")
    shop.delete_intent()
    written(served, shop)


def test_without_the_kind_the_namespace_stays_isolated_and_with_it_the_rules_come_back(
    served: Definitions, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule(), HOST, REQUESTS))
    written(served, shop, "invoices", "charge", "charge")
    shop.until_ready()
    before = shop.own_policies()
    served.remove(CILIUM_POLICY)

    def is_told() -> None:
        assert findings(shop) == {"invoices", "charge"}

    eventually(is_told, WITHIN)
    assert shop.own_policies().keys() == before.keys()
    served.install(CILIUM_POLICY)
    written(served, shop, "invoices", "charge", "charge")
    shop.until_ready()
    assert not findings(shop)


def test_a_policy_of_somebody_else_with_our_name_is_not_taken_over(
    served: Definitions, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(HOST))
    (ours,) = written(served, shop, "invoices").values()
    shop.declare(enforcing())
    written(served, shop)
    path = served.path(CILIUM_POLICY, shop.name)
    theirs = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": ours["metadata"]["name"]},
        "spec": {"endpointSelector": {}, "ingress": [{"fromEntities": ["cluster"]}]},
    }
    made = shop.api.create(path, theirs)
    shop.declare(enforcing(HOST))
    shop.until("Ready", "False", "NameTaken")
    now = shop.api.get(f"{path}/{ours['metadata']['name']}")
    assert now["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
