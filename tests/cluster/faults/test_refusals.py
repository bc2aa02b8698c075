"""What the API server says or does not say to a single write, and what it does to the others."""

from __future__ import annotations

from threading import Lock
from typing import Final

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.proxy import Answer, Call, Cut, Fault, Proxy

RETRY_AFTER: Final = 3  # seconds; by itself the operator tries again after a fifth of one
FOR_EVER: Final = 120.0


class Once:
    """One fault, for the first write of a policy in a namespace."""

    def __init__(self, namespace: str, fault: Fault) -> None:
        self._namespace = namespace
        self._fault: Fault | None = fault
        self._lock = Lock()

    def __call__(self, call: Call) -> Fault | None:
        if (call.is_write, call.resource, call.namespace) != (
            True,
            "networkpolicies",
            self._namespace,
        ):
            return None
        with self._lock:
            fault, self._fault = self._fault, None
        return fault


def test_a_server_that_asks_to_wait_is_not_asked_again_before(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy
) -> None:
    shop = Tenant(control_plane.api, namespace("shop"))
    proxy.rule = Once(shop.name, Answer(429, retry_after=RETRY_AFTER))
    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator:
        operator.wait_ready()
        shop.declare(enforcing(rule()))
        shop.until_ready()
    first, second = [
        call.at
        for call in proxy.calls
        if call.is_write and call.resource == "networkpolicies" and call.namespace == shop.name
    ][:2]
    assert (second - first).total_seconds() >= RETRY_AFTER


def test_a_write_that_is_never_answered_holds_up_its_own_namespace_only(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy
) -> None:
    stuck, other = (Tenant(control_plane.api, namespace(name)) for name in ("stuck", "other"))
    proxy.rule = Once(stuck.name, Cut(after=True, seconds=FOR_EVER))
    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator:
        operator.wait_ready()
        stuck.declare(enforcing(rule()))
        other.declare(enforcing(rule()))
        other.until_ready()
        # A write is given up when the Lease would end, and what is there is read.
        stuck.until_ready()
        assert operator.is_running
    [said] = [line for line in operator.log.read_text().splitlines() if "Ready is False" in line]
    assert f"{stuck.name}: Ready is False, ApplyFailed" in said
    assert "bailiwick-isolation" in said
    assert "did not answer in time" in said
