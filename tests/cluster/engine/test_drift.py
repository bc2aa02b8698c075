"""Drift: what somebody else does to our policies is mended; policies of others are let be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cluster.engine.conftest import TenantFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.api import STRATEGIC, Json
from tests.controlplane.kubectl import Kubectl, eventually
from tests.controlplane.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

ISOLATION = "bailiwick-isolation"
MENDED_WITHIN = 10.0  # seconds, on a busy machine; the bench measures how long it really takes

OPEN: list[Json] = [{}]
"""The peer list of a rule that lets everything through."""


def essence(policies: dict[str, Json]) -> dict[str, Json]:
    """What we made of each policy: its labels, owner and spec."""
    kept = ("labels", "ownerReferences")
    return {
        name: {"spec": each["spec"], **{key: each["metadata"].get(key) for key in kept}}
        for name, each in policies.items()
    }


def with_rules(tenant: TenantFactory, number: int) -> Tenant:
    """A namespace with a policy for each half of so many rules, isolation and DNS besides."""
    shop = tenant(intent=enforcing(*(rule(f"rule-{n}", 8000 + n) for n in range(number))))
    shop.until_ready()
    return shop


def mended(shop: Tenant, before: dict[str, Json]) -> None:
    """Wait until all policies are as they were."""

    def as_before() -> None:
        assert essence(shop.policies()) == essence(before)

    eventually(as_before, timeout=MENDED_WITHIN)


def edit(shop: Tenant, name: str) -> None:
    shop.api.patch(
        f"{shop.policy_path}/{name}", {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}
    )


def relabel(shop: Tenant, name: str) -> None:
    labels = {"app.kubernetes.io/managed-by": "somebody", "bailiwick.dev/half": None}
    shop.api.patch(f"{shop.policy_path}/{name}", {"metadata": {"labels": labels}})


def disown(shop: Tenant, name: str) -> None:
    shop.api.patch(f"{shop.policy_path}/{name}", {"metadata": {"ownerReferences": None}})


def delete(shop: Tenant, name: str) -> None:
    shop.api.delete(f"{shop.policy_path}/{name}")


def widen(shop: Tenant, name: str) -> None:
    shop.api.patch(f"{shop.policy_path}/{name}", {"spec": {"ingress": OPEN, "egress": OPEN}})


DRIFTS = [edit, relabel, disown, delete, widen]


@pytest.mark.parametrize("which", ["bailiwick-isolation", "rule-0"])
@pytest.mark.parametrize("drift", DRIFTS)
def test_one_policy_is_mended_and_counted_and_told_once(
    operator: OperatorProcess,
    tenant: TenantFactory,
    drift: Callable[[Tenant, str], None],
    which: str,
) -> None:
    shop = with_rules(tenant, 1)
    before = shop.policies()
    name = next(name for name in before if name.startswith(which))
    counted = operator.metric("bailiwick_drift_repaired_total")
    drift(shop, name)
    mended(shop, before)

    def told() -> list[Json]:
        found = shop.events("DriftRepaired")
        assert found
        return found

    (event,) = eventually(told)
    assert name in event["note"]
    assert operator.metric("bailiwick_drift_repaired_total") == counted + 1
    assert shop.until_ready()


def test_whatever_is_done_to_twenty_policies_at_once_is_mended(
    operator: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = with_rules(tenant, 9)
    before = shop.policies()
    assert len(before) == 20
    counted = operator.metric("bailiwick_drift_repaired_total")
    for number, name in enumerate(before):
        DRIFTS[number % len(DRIFTS)](shop, name)
    mended(shop, before)
    assert operator.metric("bailiwick_drift_repaired_total") >= counted + 20


def test_all_policies_deleted_in_one_request_are_back(tenant: TenantFactory) -> None:
    shop = with_rules(tenant, 9)
    before = shop.policies()
    shop.api.delete(shop.policy_path)
    mended(shop, before)


@pytest.mark.parametrize("server_side", [True, False])
def test_an_isolation_that_another_manager_opens_is_closed_again(
    admin: Kubectl, tenant: TenantFactory, server_side: bool
) -> None:
    shop = with_rules(tenant, 1)
    before = shop.policies()
    opened = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": ISOLATION, "namespace": shop.name},
        "spec": {"podSelector": {}, "ingress": OPEN},
    }
    if server_side:
        admin.apply(opened, "--server-side", "--field-manager=breaker", "--force-conflicts")
    else:
        patch = '{"spec": {"ingress": [{}]}}'
        admin("patch", "netpol", ISOLATION, f"--namespace={shop.name}", "--patch", patch)
    mended(shop, before)
    assert shop.until("NetworkEnforced", "True")


def test_an_owner_that_somebody_adds_is_removed(tenant: TenantFactory) -> None:
    shop = with_rules(tenant, 1)
    before = shop.policies()
    owner = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "name": shop.name,
        "uid": shop.api.get(shop.path)["metadata"]["uid"],
    }
    patch = {"metadata": {"ownerReferences": [owner]}}
    shop.api.patch(f"{shop.policy_path}/{ISOLATION}", patch, STRATEGIC)
    mended(shop, before)


def test_policies_of_others_are_never_touched(tenant: TenantFactory) -> None:
    shop = tenant()
    others = [
        shop.api.create(shop.policy_path, {"metadata": {"name": name}, "spec": spec})
        for name, spec in {
            "allow-all": {"podSelector": {}, "ingress": OPEN, "policyTypes": ["Ingress"]},
            "bailiwick-like": {"podSelector": {"matchLabels": {"app": "web"}}},
        }.items()
    ]
    shop.declare(enforcing(rule()))
    shop.until_ready()
    before = shop.policies()
    delete(shop, ISOLATION)
    mended(shop, before)
    shop.declare({"enforcement": "Audit"})
    shop.until_ready()
    for other in others:
        now = shop.api.get(f"{shop.policy_path}/{other['metadata']['name']}")
        assert now["metadata"]["resourceVersion"] == other["metadata"]["resourceVersion"]
    assert shop.policies().keys() == {"allow-all", "bailiwick-like"}


def test_a_policy_of_others_that_widens_is_named(tenant: TenantFactory) -> None:
    shop = tenant(intent=enforcing(rule()))
    pod = {
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
    }
    shop.api.create(f"{shop.path}/pods", pod)
    shop.until_ready()
    body = {"metadata": {"name": "break-glass"}, "spec": {"podSelector": {}, "ingress": OPEN}}
    shop.api.create(shop.policy_path, body)
    found = shop.until("NetworkEnforced", "False", "WidenedByForeign")
    assert "break-glass" in found["message"]


def test_a_name_that_others_took_is_told_and_recovered_when_it_is_free(
    tenant: TenantFactory,
) -> None:
    shop = tenant()
    body = {"metadata": {"name": ISOLATION}, "spec": {"podSelector": {"matchLabels": {"a": "b"}}}}
    theirs = shop.api.create(shop.policy_path, body)
    shop.declare(enforcing(rule()))
    found = shop.until("Ready", "False", "NameTaken")
    assert ISOLATION in found["message"]
    assert shop.condition("NetworkEnforced")["status"] == "False"
    now = shop.api.get(f"{shop.policy_path}/{ISOLATION}")
    assert now["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"]
    delete(shop, ISOLATION)
    shop.until_ready()
    assert shop.policies()[ISOLATION]["spec"]["podSelector"] == {}
