"""The API server is gone for 20 s and comes back, not having kept everything."""

from __future__ import annotations

import time
from typing import Any, Final

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

SECONDS: Final = 20.0


def test_an_outage_is_waited_for_and_what_was_lost_in_it_is_noticed(
    control_plane: ControlPlane, namespace: NamespaceFactory
) -> None:
    shop, abandoned = (Tenant(control_plane.api, namespace(name)) for name in ("shop", "left"))
    for tenant in (shop, abandoned):
        tenant.declare(enforcing(rule()))
    with OperatorProcess(control_plane) as operator:
        pid = operator.wait_ready().pid
        for tenant in (shop, abandoned):
            tenant.until_ready()
        before = specs(shop)
        control_plane.stop_api_server()
        end = time.monotonic() + SECONDS
        eventually(lambda: _is_unready(operator), 10)
        control_plane.delete_from_storage(f"networkpolicies/{shop.name}/bailiwick-isolation")
        control_plane.delete_from_storage(f"bailiwick.dev/securityintents/{abandoned.name}/default")
        while time.monotonic() < end:
            assert operator.probe("healthz")[0], operator.probe("healthz")[1]
            assert not operator.probe("readyz")[0]
            time.sleep(0.5)
        control_plane.start_api_server()
        control_plane.restart_controller_manager()  # it is slow to notice by itself
        operator.wait_ready()

        def is_repaired() -> None:
            assert specs(shop) == before
            # Its policies go with their intent, and nobody brings them back.
            assert specs(abandoned) == {}

        eventually(is_repaired, 60)
        shop.declare(enforcing(rule(), rule("another", 9090)))
        shop.until_ready()
        assert len(specs(shop).keys() - before.keys()) == 2
        assert specs(abandoned) == {}
        assert (operator.is_running, operator.pid) == (True, pid)


def specs(tenant: Tenant) -> dict[str, Any]:
    return {name: policy["spec"] for name, policy in tenant.policies().items()}


def _is_unready(operator: OperatorProcess) -> None:
    ready, said = operator.probe("readyz")
    assert not ready
    assert "not watching" in said
