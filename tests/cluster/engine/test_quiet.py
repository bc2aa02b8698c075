"""The steady state: where nothing changes, nothing is written but the Lease."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.audit import Write
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, eventually
from tests.controlplane.operator_process import OperatorProcess

QUIET = 6.0  # seconds
RESYNC = "1s"


@pytest.fixture(scope="module")
def operator(installed: ControlPlane) -> Iterator[OperatorProcess]:
    """An operator that reads everything anew each second: that too must write nothing."""
    with OperatorProcess(installed, "--enforcer", ENFORCER, "--resync", RESYNC) as running:
        yield running.wait_ready()


@pytest.fixture
def tenants(admin: Kubectl, tenant: TenantFactory) -> list[Tenant]:
    """Namespaces in every state that an intent can be in for long, one of them with pods."""
    busy = tenant("busy", intent=enforcing(rule()))
    admin("create", "deployment", "web", "--image=registry.example.com/web:1", "-n", busy.name)
    taken = tenant("taken")
    policy = {"metadata": {"name": "bailiwick-isolation"}, "spec": {"podSelector": {}}}
    taken.api.create(taken.policy_path, policy)
    taken.declare(enforcing())
    return [
        busy,
        taken,
        tenant("enforce", intent=enforcing(rule(), rule("admin", 9000, reviewBy="2020-01-01"))),
        tenant("audit", intent={"network": {"allow": [rule()]}}),
        tenant("label", labels={"bailiwick.dev/profile": "nowhere"}),
        tenant("lost", intent={"profile": "nowhere"}),
        tenant("closed", intent=enforcing({"name": "x", "to": {"service": {"name": "none"}}})),
        tenant("loose", intent={"images": {"remediateWithin": {"critical": "9000d"}}}),
    ]


def writes(cluster: ControlPlane, since: datetime) -> list[Write]:
    """What the operator has written, but for the Lease."""
    found = cluster.audit_writes(since, user=cluster.operator().name)
    return [each for each in found if each.resource != "leases"]


def reconciles(operator: OperatorProcess) -> float:
    """How often a namespace was looked at."""
    return operator.metric("bailiwick_reconcile_seconds_count", queue="namespaces")


def settle(cluster: ControlPlane, operator: OperatorProcess, tenants: list[Tenant]) -> None:
    """Wait until every intent has a status, and the operator then did nothing for a while.

    Namespaces that an earlier test left are still going meanwhile, and that is looked at.
    """
    for each in tenants:
        eventually(partial(each.condition, "Compliant"), timeout=45)

    def is_quiet() -> None:
        namespaces = cluster.api.get("/api/v1/namespaces")["items"]
        assert [n for n in namespaces if "deletionTimestamp" in n["metadata"]] == []
        since, looks = datetime.now(UTC), reconciles(operator)
        time.sleep(1.5)
        assert writes(cluster, since) == []
        assert reconciles(operator) == looks

    eventually(is_quiet, timeout=45)


def test_nothing_is_written_where_nothing_changes(
    control_plane: ControlPlane, operator: OperatorProcess, tenants: list[Tenant]
) -> None:
    settle(control_plane, operator, tenants)
    since, looks = datetime.now(UTC), reconciles(operator)
    time.sleep(QUIET)
    assert writes(control_plane, since) == []
    assert reconciles(operator) == looks
    leases = control_plane.audit_writes(since, user=control_plane.operator().name)
    assert leases, "the Lease was not renewed"
    assert operator.metric("bailiwick_list_age_seconds", kind="pods") < QUIET, "nothing was listed"


def test_a_restart_writes_nothing_where_nothing_changed(
    control_plane: ControlPlane, operator: OperatorProcess, tenants: list[Tenant]
) -> None:
    settle(control_plane, operator, tenants)
    operator.stop()
    since = datetime.now(UTC)
    operator.start_again()
    operator.wait_ready()

    def every_namespace_was_looked_at() -> None:
        assert reconciles(operator) >= len(tenants)

    eventually(every_namespace_was_looked_at, timeout=45)
    time.sleep(QUIET / 2)
    assert writes(control_plane, since) == []
