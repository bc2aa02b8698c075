"""Two replicas: the first cannot renew its Lease any more, in the midst of its work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random
from typing import Final

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant
from tests.cluster.faults.edges import changed
from tests.cluster.faults.team import Team
from tests.cluster.faults.witness import Witness
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.proxy import Call, Cut, Fault, Proxy

WITHIN: Final = 60.0  # seconds
LEASE: Final = ("--lease-seconds", "3")
DELAY: Final = 5.0  # seconds, more than the Lease lasts


@pytest.fixture
def other_proxy(control_plane: ControlPlane) -> Iterator[Proxy]:
    """The second replica's way to the API server."""
    with Proxy(control_plane.operator()) as proxy:
        yield proxy


def lose_the_lease(call: Call) -> Fault | None:
    """The Lease cannot be reached, and what is written is long on its way."""
    if call.resource == "leases":
        return Cut()
    if call.is_write:
        time.sleep(DELAY)
    return None


def test_nothing_is_written_by_a_replica_after_another_took_over(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy, other_proxy: Proxy
) -> None:
    chance = Random(5)
    teams = [Team(Tenant(control_plane.api, namespace("shop"))) for _ in range(6)]

    def is_taken_over() -> None:
        for team in teams:
            if not team.declared or team.is_content() or chance.random() < 0.1:
                team.declare(changed(team.intent, chance))
        assert writes(other_proxy), first.tail(5)

    with (
        Witness(control_plane.admin) as witness,
        OperatorProcess(
            control_plane, *LEASE, "--identity", "first", kubeconfig=proxy.kubeconfig
        ) as first,
    ):
        first.wait_ready()
        for team in teams:
            team.declare(changed(team.intent, chance))
            team.tenant.until_ready()
        with OperatorProcess(
            control_plane, *LEASE, "--identity", "second", kubeconfig=other_proxy.kubeconfig
        ) as second:
            second.wait_ready()
            assert writes(other_proxy) == []
            proxy.rule = lose_the_lease
            eventually(is_taken_over, WITHIN)
            for team in teams:
                team.tenant.until_ready()
            # It has nothing to go on with, so it ends, and comes back as the one that waits.
            proxy.rule = None
            eventually(lambda: has_ended(first), WITHIN)
            assert second.is_running
            time.sleep(DELAY)  # what was on its way has arrived by now
            begun = next(call.at for call in other_proxy.forwarded if call.is_write)
            assert [str(call) for call in writes(proxy) if call.at > begun] == []
            judged = [team.judge(witness) for team in teams]
            assert [judge.faults for judge in judged] == [[] for _ in teams]


def writes(proxy: Proxy) -> list[Call]:
    """What went through to the API server, but for the Lease."""
    return [call for call in proxy.forwarded if call.is_write and call.resource != "leases"]


def has_ended(operator: OperatorProcess) -> None:
    assert not operator.is_running
