"""SIGTERM: what is in hand is finished, within 5 s."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.cluster import OPERATOR, ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.proxy import Call, Fault, Proxy

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR[0]}/leases/bailiwick-operator"
WITHIN = 5.0  # seconds, of which Kubernetes gives a pod 30


def test_what_is_in_hand_is_finished(
    control_plane: ControlPlane, namespace: NamespaceFactory, proxy: Proxy
) -> None:
    reached, go_on = Event(), Event()

    def hold_the_first_policy(call: Call) -> Fault | None:
        if call.is_write and call.resource == "networkpolicies":
            reached.set()
            go_on.wait(30)
        return None

    proxy.rule = hold_the_first_policy
    shop = Tenant(control_plane.api, namespace("shop"))
    with (
        OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator,
        ThreadPoolExecutor() as beside,
    ):
        shop.declare(enforcing(rule("one"), rule("two")))
        assert reached.wait(60)
        stopping = beside.submit(operator.stop)

        def is_stopping() -> None:
            assert operator.tail(5).splitlines()[-1].endswith("stopping")

        eventually(is_stopping)
        go_on.set()
        assert stopping.result() < WITHIN
    assert shop.condition("Ready")["status"] == "True"
    # The next replica does not have to wait until it expires.
    assert control_plane.api.get(LEASE)["spec"]["holderIdentity"] == ""
