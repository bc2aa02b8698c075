"""Others act between what the operator has seen and what it writes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock
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
ISOLATION: Final = "bailiwick-isolation"


class Ambush:
    """Does something right before the first write to a policy that is waited for goes through."""

    def __init__(self, expected: Callable[[Call], bool], act: Callable[[Call], object]) -> None:
        self.is_over = False
        self._expected = expected
        self._act = act
        self._lock = Lock()  # writes whose order does not matter come at the same time

    def __call__(self, call: Call) -> Fault | None:
        if call.is_write and call.resource == "networkpolicies":
            with self._lock:
                if not self.is_over and self._expected(call):
                    self.is_over = True
                    self._act(call)
        return None


@pytest.fixture
def shop(control_plane: ControlPlane, namespace: NamespaceFactory) -> Tenant:
    return Tenant(control_plane.api, namespace("shop"))


def test_a_name_that_somebody_takes_between_plan_and_write_is_not_taken_over(
    control_plane: ControlPlane, proxy: Proxy, shop: Tenant
) -> None:
    theirs = {"metadata": {"name": ISOLATION}, "spec": {"podSelector": {}}}
    ambush = Ambush(
        lambda call: call.name == ISOLATION, lambda _: shop.api.create(shop.policy_path, theirs)
    )
    proxy.rule = ambush
    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig):
        shop.declare(enforcing(rule()))
        assert ISOLATION in shop.until("Ready", "False", "NameTaken", WITHIN)["message"]
        assert ambush.is_over
        assert_foreign(shop.policies()[ISOLATION])
        shop.api.delete(f"{shop.policy_path}/{ISOLATION}")
        shop.until_ready()
        assert_ours(shop)


def test_a_policy_that_somebody_replaces_between_plan_and_write_is_not_taken_over(
    control_plane: ControlPlane, proxy: Proxy, shop: Tenant
) -> None:
    replaced: list[str] = []

    def replace(call: Call) -> None:
        theirs = {"metadata": {"name": call.name}, "spec": {"podSelector": {}}}
        shop.api.delete(f"{shop.policy_path}/{call.name}")
        shop.api.create(shop.policy_path, theirs)
        replaced.append(call.name)

    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig):
        shop.declare(enforcing(rule()))
        shop.until_ready()
        proxy.rule = Ambush(lambda call: call.method == "PATCH", replace)
        shop.declare(enforcing(rule(port=9090)))
        shop.until("Ready", "False", "NameTaken", WITHIN)
        [name] = replaced
        assert_foreign(shop.policies()[name])
        shop.api.delete(f"{shop.policy_path}/{name}")
        shop.until_ready()
        assert_ours(shop)


def test_an_intent_that_is_deleted_and_made_again_at_once_is_enforced(
    control_plane: ControlPlane, shop: Tenant
) -> None:
    with OperatorProcess(control_plane):
        for port in range(9000, 9010):
            shop.declare(enforcing(rule(port=port)))
            if port % 3:  # also in the midst of the operator's work
                shop.until_ready()
            shop.delete_intent()
        shop.declare(enforcing(rule()))

        def is_enforced() -> None:
            shop.until_ready()
            assert_ours(shop)

        eventually(is_enforced, WITHIN)


@pytest.mark.parametrize("is_wanted", [True, False], ids=["with an intent", "without one"])
def test_a_namespace_that_is_deleted_in_the_midst_of_work_and_made_again(
    control_plane: ControlPlane, proxy: Proxy, shop: Tenant, is_wanted: bool
) -> None:
    reached, go_on = Event(), Event()

    def wait(_: Call) -> None:
        reached.set()
        go_on.wait(WITHIN)

    with OperatorProcess(control_plane, kubeconfig=proxy.kubeconfig) as operator:
        proxy.rule = Ambush(lambda call: call.name != ISOLATION, wait)
        shop.declare(enforcing(rule()))
        assert reached.wait(WITHIN)
        control_plane.delete_namespace(shop.name)

        def is_gone() -> None:
            assert absent_as_none(lambda: shop.api.get(shop.path)) is None

        eventually(is_gone, WITHIN)
        shop.api.create("/api/v1/namespaces", {"metadata": {"name": shop.name}})
        if is_wanted:
            shop.declare(enforcing(rule(port=9090)))
        # What was meant for the namespace of before arrives in the one of now.
        go_on.set()
        if is_wanted:
            shop.until_ready()

        def is_right() -> None:
            if is_wanted:
                assert_ours(shop)
            else:
                assert shop.policies() == {}

        eventually(is_right, WITHIN)
        assert operator.is_running


def assert_foreign(policy: Json) -> None:
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert "labels" not in policy["metadata"]
    assert "ownerReferences" not in policy["metadata"]


def assert_ours(shop: Tenant) -> None:
    """The policies are those of the intent of now, and belong to it."""
    intent = shop.intent()["metadata"]["uid"]
    policies = shop.policies()
    owners = {
        owner["uid"] for each in policies.values() for owner in each["metadata"]["ownerReferences"]
    }
    assert owners == {intent}
    assert ISOLATION in policies
    # A rule has two halves, and the built-in profile opens DNS.
    assert len(policies) == 4
