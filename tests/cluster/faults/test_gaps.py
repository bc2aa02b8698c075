"""What happens while nobody tells the operator: it finds out, and does nothing before it knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Final

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant, absent_as_none, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.proxy import Call, Fault, Proxy

WITHIN: Final = 60.0  # seconds
KINDS: Final = {
    "pods",
    "services",
    "networkpolicies",
    "namespaces",
    "securityintents",
    "securityprofiles",
}


@pytest.mark.parametrize("is_compacted", [False, True], ids=["watches go on", "410"])
def test_deletions_that_no_watch_told_of_are_noticed(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy, is_compacted: bool
) -> None:
    tenants = [Tenant(control_plane.api, namespace(name)) for name in ("a", "b", "c", "d")]
    edited, gone, abandoned, busy = tenants
    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator:
        operator.wait_ready()
        control_plane.api.create(f"{busy.path}/pods", pod())
        for tenant in tenants:
            tenant.declare(enforcing(rule()))
            tenant.until_ready()
        until(lambda: digests(busy), 1)
        until(lambda: operator.metric("bailiwick_intents"), 4.0)

        proxy.hold_watches()
        edited.api.delete(f"{edited.policy_path}/bailiwick-isolation")
        control_plane.delete_namespace(gone.name)
        abandoned.delete_intent()
        busy.api.delete(f"{busy.path}/pods/web?gracePeriodSeconds=0")
        until(lambda: absent_as_none(lambda: gone.api.get(gone.path)), None)
        until(abandoned.policies, {})
        if is_compacted:
            # Its new watch cache begins at the present: no watch can be gone on with.
            control_plane.stop_api_server()
            control_plane.start_api_server()
        proxy.cut_watches()
        proxy.release_watches()

        until(lambda: "bailiwick-isolation" in edited.policies(), True)
        until(lambda: digests(busy), 0)
        until(lambda: operator.metric("bailiwick_intents"), 2.0)
        assert abandoned.policies() == {}
        assert operator.is_running


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_policy_is_written_before_every_kind_was_listed(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy, kind: str
) -> None:
    shop = Tenant(control_plane.api, namespace("shop"))
    shop.declare(enforcing(rule()))
    reached, go_on = Event(), Event()

    def hold_the_list(call: Call) -> Fault | None:
        if call.is_list and call.resource == kind:
            reached.set()
            go_on.wait(WITHIN)
        return None

    proxy.rule = hold_the_list
    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator:
        assert reached.wait(WITHIN)
        # Everything else takes a tenth of this.
        time.sleep(2.0)
        assert [str(call) for call in proxy.calls if call.is_write] == []
        assert not operator.probe("readyz")[0]
        go_on.set()
        shop.until_ready()


def pod() -> Json:
    image = "registry.example.com/web@sha256:" + "a" * 64
    return {
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    }


def digests(tenant: Tenant) -> int:
    found: int = tenant.status()["images"]["digests"]
    return found


def until(ask: Callable[[], object], wanted: object) -> None:
    """Wait until something is asked for with this answer."""

    def answers() -> None:
        assert ask() == wanted

    eventually(answers, WITHIN)
