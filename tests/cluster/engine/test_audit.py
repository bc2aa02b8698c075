"""Audit isolates nothing and says what would be; and what becomes of policies without an intent."""

from __future__ import annotations

import pytest

from tests.cluster.engine.conftest import ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, enforcing, rule
from tests.controlplane.kubectl import eventually

pytestmark = pytest.mark.usefixtures("operator")

AUDIT = {"enforcement": "Audit", "network": {"allow": [rule()]}}


def owners(shop: Tenant) -> set[str]:
    """The UIDs of whoever owns the policies there."""
    return {
        owner["uid"]
        for policy in shop.policies().values()
        for owner in policy["metadata"].get("ownerReferences", ())
    }


def test_audit_applies_nothing_and_names_what_enforce_would_apply(tenant: TenantFactory) -> None:
    shop = tenant(intent=AUDIT)
    ready = shop.until("Ready", "True", "AuditOnly")
    assert "with Enforce it would be 4 policies" in ready["message"]
    assert shop.policies() == {}
    assert shop.condition("NetworkEnforced")["reason"] == "AuditOnly"
    assert shop.condition("Compliant")["status"] == "False"
    would = shop.status()["network"]["wouldApply"]
    shop.declare(enforcing(rule()))
    shop.until("Ready", "True", "Succeeded")
    assert set(would) == shop.policies().keys()
    assert "wouldApply" not in shop.status()["network"]


def test_audit_is_the_way_back(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    shop.declare(AUDIT)
    shop.until("Ready", "True", "AuditOnly")
    assert shop.policies() == {}
    shop.declare(enforcing(rule()))
    shop.until("NetworkEnforced", "True")
    assert len(shop.policies()) == 4


def test_a_profile_can_forbid_audit(tenant: TenantFactory, profile: ProfileFactory) -> None:
    strict = profile(enforcement={"minimum": "Enforce"})
    shop = tenant(intent={"profile": strict, "enforcement": "Audit"})
    found = shop.until("Ready", "False", "LooseningRefused")
    assert "spec.enforcement" in found["message"]
    assert shop.policies().keys() == {"bailiwick-isolation"}


def test_the_policies_of_a_deleted_intent_are_collected(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    body = {"metadata": {"name": "theirs"}, "spec": {"podSelector": {}, "ingress": [{}]}}
    shop.api.create(shop.policy_path, body)
    shop.delete_intent()

    def only_theirs_is_left() -> None:
        assert shop.policies().keys() == {"theirs"}

    eventually(only_theirs_is_left, timeout=WITHIN)


def test_an_intent_deleted_and_made_again_at_once_has_all_its_policies(
    tenant: TenantFactory,
) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    for _ in range(5):
        before = shop.intent()["metadata"]["uid"]
        shop.delete_intent()
        shop.declare(enforcing(rule()))
        now = shop.intent()["metadata"]["uid"]
        assert now != before

        def all_are_of_the_new_intent(uid: str = now) -> None:
            assert len(shop.policies()) == 4
            assert owners(shop) == {uid}

        eventually(all_are_of_the_new_intent, timeout=WITHIN)
        shop.until_ready()
