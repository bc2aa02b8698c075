"""Enforce: an intent becomes policies, and a status that says so."""

from __future__ import annotations

import pytest

from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import WEB, enforcing, rule

pytestmark = pytest.mark.usefixtures("operator")

ISOLATION = "bailiwick-isolation"


def test_an_intent_isolates_its_namespace_and_opens_what_it_declares(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule(port=8443)))
    shop.until_ready()
    policies = shop.policies()
    isolation = policies.pop(ISOLATION)["spec"]
    assert isolation == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    halves = {
        policy["metadata"]["labels"]["bailiwick.dev/half"]: policy["spec"]
        for policy in policies.values()
        if policy["metadata"]["labels"]["bailiwick.dev/rule"] == "web-to-store"
    }
    assert halves["egress"]["podSelector"] == WEB
    assert halves["ingress"]["ingress"][0]["from"] == [{"podSelector": WEB}]
    assert halves["ingress"]["ingress"][0]["ports"] == [{"port": 8443, "protocol": "TCP"}]


def test_each_policy_is_owned_by_the_intent_and_blocks_nobody(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    owner = {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "SecurityIntent",
        "name": "default",
        "uid": shop.intent()["metadata"]["uid"],
    }
    assert len(shop.policies()) == 4
    for policy in shop.policies().values():
        assert policy["metadata"]["ownerReferences"] == [owner]


def test_policies_carry_no_label_or_annotation_of_the_intent(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    theirs = {"labels": {"argocd.argoproj.io/instance": "shop"}, "annotations": {"note": "ours"}}
    shop.api.patch(shop.intent_path, {"metadata": theirs})
    shop.declare(enforcing(rule(port=9090)))
    shop.until_ready()
    allowed = {"app.kubernetes.io/managed-by"} | {
        f"bailiwick.dev/{name}" for name in ("half", "rule", "origin")
    }
    for policy in shop.policies().values():
        assert policy["metadata"]["labels"].keys() <= allowed
        assert "annotations" not in policy["metadata"]


def test_the_status_speaks_of_the_generation_that_is_enforced(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    shop.declare(enforcing(rule(), rule("admin", 9000)))
    ready = shop.until_ready()
    assert ready["observedGeneration"] == shop.intent()["metadata"]["generation"] == 2
    assert ready["reason"] == "Succeeded"
    assert len(shop.policies()) == shop.status()["network"]["policies"] == 6
    assert ENFORCER in shop.condition("NetworkEnforced")["message"]


def test_a_rule_that_goes_takes_its_policies_along(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule(), rule("admin", 9000)))
    shop.until_ready()
    shop.declare(enforcing(rule()))
    shop.until_ready()
    rules = {p["metadata"]["labels"].get("bailiwick.dev/rule") for p in shop.policies().values()}
    assert rules == {None, "dns", "web-to-store"}
