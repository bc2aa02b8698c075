"""Intents and namespaces at the edges of what there is."""

from __future__ import annotations

import pytest

from tests.cluster.engine.conftest import ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, absent_as_none, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")


def rules_of(shop: Tenant) -> set[str | None]:
    """The rules that have policies; None stands for the isolation."""
    labels = [policy["metadata"]["labels"] for policy in shop.policies().values()]
    return {each.get("bailiwick.dev/rule") for each in labels}


def is_gone(shop: Tenant) -> None:
    assert absent_as_none(lambda: shop.api.get(shop.path)) is None


def test_a_rule_for_a_service_that_is_not_there_is_closed_and_named(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing({"name": "out", "to": {"service": {"name": "none"}}}, rule()))
    ready = shop.until("Ready", "False", "RulesNotEnforceable")
    assert f"out: there is no Service {shop.name}/none" in ready["message"]
    assert "correct the name, or create it" in ready["message"]
    assert rules_of(shop) == {None, "dns", "web-to-store"}
    findings = {(each["code"], each.get("rule")) for each in shop.status()["network"]["findings"]}
    assert ("ServiceNotFound", "out") in findings


def test_a_port_name_that_no_pod_has_is_a_finding(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule() | {"ports": ["grpc"]}))
    shop.until_ready()
    (found,) = (f for f in shop.status()["network"]["findings"] if f["code"] == "UnresolvedPort")
    assert found["rule"] == "web-to-store"
    assert "no pod of the target has a container port called grpc" in found["message"]


@pytest.mark.parametrize(
    "other, finding",
    [
        ({"to": {"fqdn": "api.example.com"}}, "NotEnforceable"),
        ({"to": {"workload": {}}, "http": [{"path": "/charge"}]}, "NotEnforceable"),
    ],
)
def test_what_a_network_policy_cannot_express_is_not_enforced_wider(
    tenant: TenantFactory, profile: ProfileFactory, other: Json, finding: str
) -> None:
    shop = tenant(intent=enforcing({"name": "hard", **other}, rule(), profile=profile()))
    shop.until("Ready", "False", "RulesNotEnforceable")
    assert rules_of(shop) == {None, "web-to-store"}
    assert ("hard", finding) in {
        (f.get("rule"), f["code"]) for f in shop.status()["network"]["findings"]
    }


def test_a_namespace_without_pods_is_isolated_and_compliant(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing())
    shop.until("Compliant", "True")
    assert shop.condition("EvidenceFresh")["reason"] == "NoImages"
    assert shop.status()["images"]["digests"] == 0


def test_as_many_rules_as_the_schema_lets_in_are_all_enforced(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(*(rule(f"rule-{n}", 1000 + n) for n in range(500))))
    shop.until_ready(within=120)
    assert len(shop.policies()) == shop.status()["network"]["policies"] == 1002


def test_a_rule_of_the_longest_name_and_its_neighbour_have_policies_of_their_own(
    tenant: TenantFactory,
) -> None:
    long = "a" * 62
    shop = tenant(intent=enforcing(rule(f"{long}b"), rule(f"{long}c")))
    shop.until_ready()
    assert rules_of(shop) == {None, "dns", f"{long}b", f"{long}c"}
    assert len(shop.policies()) == 6


def test_a_namespace_that_is_deleted_at_work_goes_and_leaves_nothing_behind(
    control_plane: ControlPlane, operator: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(*(rule(f"rule-{n}", 1000 + n) for n in range(100))))

    def has_begun() -> None:
        assert shop.policies()

    eventually(has_begun, timeout=WITHIN)
    control_plane.delete_namespace(shop.name)
    eventually(lambda: is_gone(shop), timeout=WITHIN)
    assert shop.events("ApplyFailed") == []
    assert f"{shop.name} failed" not in operator.log.read_text()


def test_a_namespace_made_again_under_its_name_is_a_new_one(
    control_plane: ControlPlane, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    control_plane.delete_namespace(shop.name)
    eventually(lambda: is_gone(shop), timeout=WITHIN)
    shop.api.create("/api/v1/namespaces", {"metadata": {"name": shop.name}})
    shop.declare(enforcing(rule()))
    shop.until_ready()
    assert len(shop.policies()) == 4


def test_an_intent_edited_again_and_again_ends_as_it_was_written_last(
    tenant: TenantFactory,
) -> None:
    shop = tenant(intent=enforcing(rule()))
    for port in range(9000, 9060):
        shop.declare(enforcing(rule(port=port)))
    shop.until_ready()
    ports = [
        entry["ports"][0]["port"]
        for policy in shop.policies().values()
        for entry in policy["spec"].get("ingress", ())
    ]
    assert ports == [9059]
