"""What an operator does, and says, that lacks one of the roles which manifests/ gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, enforcing, rule
from tests.controlplane.api import Api
from tests.controlplane.cluster import OPERATOR, ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

RBAC = "/apis/rbac.authorization.k8s.io/v1"
CLUSTER_ROLE = f"{RBAC}/clusterrolebindings/bailiwick-operator"
ROLE = f"{RBAC}/namespaces/{OPERATOR[0]}/rolebindings/bailiwick-operator"


@pytest.fixture(scope="module")
def operator(installed: ControlPlane) -> Iterator[OperatorProcess]:
    """An operator that notices soon, and whose Lease does not last long."""
    settings = ("--enforcer", ENFORCER, "--resync", "1s", "--lease-seconds", "3")
    with OperatorProcess(installed, *settings) as running:
        yield running.wait_ready()


@contextmanager
def unbound(api: Api, binding: str) -> Iterator[None]:
    """Take the subjects out of a binding for a while."""
    subjects = api.get(binding)["subjects"]
    api.patch(binding, {"subjects": []})
    try:
        yield
    finally:
        api.patch(binding, {"subjects": subjects})


def until_unready(operator: OperatorProcess, words: str) -> None:
    def says_so() -> None:
        ready, said = operator.probe("readyz")
        assert not ready
        assert words in said

    eventually(says_so, timeout=WITHIN)
    alive, said = operator.probe("healthz")
    assert alive, said


def essence(shop: Tenant) -> object:
    """What would change if the operator did anything."""
    versions = {n: p["metadata"]["resourceVersion"] for n, p in shop.policies().items()}
    return versions, shop.intent()["metadata"]["resourceVersion"]


def test_without_its_cluster_role_it_leaves_everything_as_it_is_and_is_not_ready(
    installed: ControlPlane, operator: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    before = essence(shop)
    with unbound(installed.api, CLUSTER_ROLE):
        until_unready(operator, "securityintents cannot be listed")
        assert essence(shop) == before
    operator.wait_ready()
    shop.declare(enforcing(rule(), rule("more", 9000)))
    shop.until_ready()


def test_without_its_role_it_loses_the_lease_and_writes_nothing_until_it_has_it_again(
    installed: ControlPlane, operator: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule()))
    shop.until_ready()
    with unbound(installed.api, ROLE):
        until_unready(operator, "leases")

        def is_lost() -> None:
            assert operator.metric("bailiwick_leader") == 0

        eventually(is_lost, timeout=WITHIN)
        before = shop.policies()
        shop.declare(enforcing(rule(), rule("more", 9000)))
        with pytest.raises(AssertionError):
            shop.until_ready(within=2)
        assert shop.policies() == before
    shop.until_ready()
    assert len(shop.policies()) == 6
    operator.wait_ready()
    assert operator.metric("bailiwick_leader") == 1


def test_without_the_right_on_statuses_it_enforces_all_the_same(
    installed: ControlPlane, operator: OperatorProcess, tenant: TenantFactory
) -> None:
    role = f"{RBAC}/clusterroles/bailiwick-operator"
    whole = installed.api.get(role)["rules"]
    kept = [{**r, "resources": [k for k in r["resources"] if "/status" not in k]} for r in whole]
    errors = operator.metric("bailiwick_reconcile_errors_total", queue="namespaces")
    installed.api.patch(role, {"rules": [each for each in kept if each["resources"]]})
    try:
        shop = tenant(intent=enforcing(rule()))

        def is_enforced_and_failing() -> None:
            assert len(shop.policies()) == 4
            now = operator.metric("bailiwick_reconcile_errors_total", queue="namespaces")
            assert now > errors

        eventually(is_enforced_and_failing, timeout=WITHIN)
        assert shop.status() == {"observedGeneration": -1}
    finally:
        installed.api.patch(role, {"rules": whole})
    shop.until_ready(within=90)
