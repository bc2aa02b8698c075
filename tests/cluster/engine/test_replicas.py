"""Two operators at once, as the overlay for high availability has them: one writes, both know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest

from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import WITHIN, enforcing, rule
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

_numbers = count(1)


def replica(installed: ControlPlane) -> OperatorProcess:
    """One of several operators; a Lease that lasts 6 s keeps the tests short."""
    identity = f"replica-{next(_numbers)}"
    return OperatorProcess(
        installed, "--enforcer", ENFORCER, "--identity", identity, "--lease-seconds", "6"
    )


def leads(operator: OperatorProcess) -> bool:
    return operator.metric("bailiwick_leader") == 1


def until_it_leads(operator: OperatorProcess) -> None:
    def it_leads() -> None:
        assert leads(operator)

    eventually(it_leads, WITHIN)


@pytest.fixture
def leader(installed: ControlPlane) -> Iterator[OperatorProcess]:
    with replica(installed) as running:
        until_it_leads(running.wait_ready())
        yield running


@pytest.fixture
def standby(installed: ControlPlane, leader: OperatorProcess) -> Iterator[OperatorProcess]:
    assert leads(leader)
    with replica(installed) as running:
        yield running.wait_ready()


def test_the_one_that_waits_is_ready_and_writes_nothing(
    installed: ControlPlane,
    leader: OperatorProcess,
    standby: OperatorProcess,
    tenant: TenantFactory,
) -> None:
    since = datetime.now(UTC)
    shop = tenant("shop", intent=enforcing(rule()))
    shop.until_ready()
    assert standby.probe("readyz")[0]
    assert (leads(leader), leads(standby)) == (True, False)
    assert standby.metric("bailiwick_api_writes_total") == 0
    written = {w.resource for w in installed.audit_writes(since, user=installed.operator().name)}
    assert {"networkpolicies", "securityintents/status"} <= written


def test_one_that_stops_hands_over_at_once(
    leader: OperatorProcess, standby: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = tenant("shop", intent=enforcing(rule()))
    shop.until_ready()
    leader.stop()
    until_it_leads(standby)
    assert standby.metric("bailiwick_drift_repaired_total") == 0
    shop.declare(enforcing(rule(), rule("admin", 9000)))
    shop.until_ready()


def test_one_that_dies_is_followed_and_nothing_is_made_anew(
    leader: OperatorProcess, standby: OperatorProcess, tenant: TenantFactory
) -> None:
    shop = tenant("shop", intent=enforcing(rule()))
    shop.until_ready()
    before = {name: each["metadata"]["uid"] for name, each in shop.policies().items()}
    leader.kill()
    gone = sorted(before)[-1]
    shop.api.delete(f"{shop.policy_path}/{gone}")
    until_it_leads(standby)

    def it_is_back() -> None:
        assert gone in shop.policies()

    eventually(it_is_back, WITHIN)
    after = {name: each["metadata"]["uid"] for name, each in shop.policies().items()}
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {gone}
