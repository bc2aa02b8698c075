"""A change of a profile reaches its namespaces in batches, and stops where they fail."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.cluster.engine.conftest import ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import PROFILES, WITHIN, Tenant
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess

pytestmark = pytest.mark.usefixtures("operator")

LABEL = "bailiwick.dev/profile"
FLOOR = {
    "enforcement": {"initial": "Enforce"},
    "network": {"isolate": ["Ingress"]},
    "rollout": {"batch": 2, "pause": "1h"},
}
BOTH = ["Ingress", "Egress"]
STRICTER = {"network": {"isolate": BOTH}}
"""A change that shows in the policies of each namespace."""


def change(cluster: ControlPlane, profile: str, spec: Json) -> None:
    """Change a profile: its generation 2."""
    cluster.api.patch(f"{PROFILES}/{profile}", {"spec": spec})


def status(cluster: ControlPlane, profile: str) -> Json:
    found: Json = cluster.api.get(f"{PROFILES}/{profile}")["status"]
    return found


def until(cluster: ControlPlane, profile: str, **expected: Any) -> Json:
    """Wait until the rollout of generation 2 is so, and return it."""

    def holds() -> Json:
        rollout: Json = status(cluster, profile)["rollout"]
        assert {"generation": 2, **expected}.items() <= rollout.items()
        return rollout

    return eventually(holds, timeout=WITHIN)


def labelled(tenant: TenantFactory, profile: str, number: int, **others: Json) -> list[Tenant]:
    """Namespaces in the order of their names; `others` are intents of those called so."""
    prefixes = "abcdefgh"[:number]
    shops = [tenant(p, labels={LABEL: profile}, intent=others.get(p)) for p in prefixes]
    for shop in shops:
        eventually(shop.intent, timeout=WITHIN)
        shop.until_ready()
    return shops


def isolated(shop: Tenant) -> list[str]:
    """The directions in which a namespace is isolated."""
    types: list[str] = shop.policies()["bailiwick-isolation"]["spec"]["policyTypes"]
    return types


def generations(shops: list[Tenant]) -> list[int]:
    """The generation of the profile that each namespace is held to."""
    return [shop.status()["profile"]["generation"] for shop in shops]


def test_one_batch_takes_a_change_up_and_the_others_wait(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(**FLOOR)
    shops = labelled(tenant, name, 5)
    change(control_plane, name, STRICTER)
    rollout = until(control_plane, name, phase="Progressing", updated=2, total=5)
    assert rollout["nextBatchAt"] > rollout["startedAt"]
    assert generations(shops) == [2, 2, 1, 1, 1]
    assert [isolated(shop) for shop in shops] == [BOTH] * 2 + [["Ingress"]] * 3


def test_an_edit_of_an_intent_that_waits_is_held_to_the_generation_before(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(**FLOOR)
    shops = labelled(tenant, name, 3)
    change(control_plane, name, STRICTER)
    until(control_plane, name, updated=2)
    allow = [{"name": "all", "to": {"workload": {}}}]
    shops[2].declare({"network": {"allow": allow}})
    shops[2].until_ready()
    assert generations(shops) == [2, 2, 1]
    assert isolated(shops[2]) == ["Ingress"]


def test_a_namespace_that_joins_meanwhile_does_not_wait(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(**FLOOR)
    shops = labelled(tenant, name, 3)
    change(control_plane, name, STRICTER)
    until(control_plane, name, updated=2)
    late = tenant("late", labels={LABEL: name})
    eventually(late.intent, timeout=WITHIN)
    late.until_ready()
    assert generations([*shops, late]) == [2, 2, 1, 2]


def test_batch_after_batch_it_is_complete(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(**{**FLOOR, "rollout": {"batch": "40%", "pause": "1s"}})
    shops = labelled(tenant, name, 5)
    change(control_plane, name, STRICTER)
    until(control_plane, name, phase="Complete", updated=5)
    assert generations(shops) == [2] * 5
    assert {tuple(isolated(shop)) for shop in shops} == {tuple(BOTH)}
    (ready,) = status(control_plane, name)["conditions"]
    assert (ready["status"], ready["message"]) == (
        "True",
        "5 namespaces held to the newest generation.",
    )


def test_a_restart_keeps_batches_and_pauses_as_they_were(
    control_plane: ControlPlane,
    operator: OperatorProcess,
    tenant: TenantFactory,
    profile: ProfileFactory,
) -> None:
    name = profile(**FLOOR)
    shops = labelled(tenant, name, 5)
    change(control_plane, name, STRICTER)
    before = until(control_plane, name, updated=2)
    operator.stop()
    operator.start_again()
    operator.wait_ready()
    shops[4].declare({"network": {"allow": [{"name": "all", "to": {"workload": {}}}]}})
    shops[4].until_ready()
    assert generations(shops) == [2, 2, 1, 1, 1]
    assert status(control_plane, name)["rollout"] == before


OUTSIDE = {"network": {"allow": [{"name": "partner", "to": {"cidr": "203.0.113.0/24"}}]}}
DENIED: Json = {"network": {"mayDeclare": {"cidrs": []}}}
"""A change that makes OUTSIDE loosen the profile."""


def test_it_stops_when_a_namespace_of_a_batch_fails_and_goes_on_when_that_is_corrected(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(**{**FLOOR, "rollout": {"batch": 2, "pause": "0s"}})
    shops = labelled(tenant, name, 5, b=OUTSIDE)
    change(control_plane, name, DENIED)
    rollout = until(control_plane, name, phase="Stopped", updated=2)
    assert rollout["failed"] == [shops[1].name]
    assert generations(shops) == [2, 2, 1, 1, 1]
    ready = status(control_plane, name)["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "RolloutStopped")
    assert shops[1].name in ready["message"]
    shops[1].declare({"enforcement": "Enforce"})
    until(control_plane, name, phase="Complete", updated=5)
    assert generations(shops) == [2] * 5


def test_a_namespace_that_was_not_ready_before_does_not_keep_the_change_from_the_others(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(**{**FLOOR, "rollout": {"batch": 1, "pause": "1s"}})
    shops = labelled(tenant, name, 3)
    shops[0].declare({"network": {"allow": [{"name": "x", "to": {"service": {"name": "none"}}}]}})
    shops[0].until("Ready", "False", "RulesNotEnforceable")
    time.sleep(1)  # conditions are dated in whole seconds, and before is another second
    change(control_plane, name, STRICTER)
    rollout = until(control_plane, name, phase="Complete", updated=3)
    assert rollout["failed"] == [shops[0].name]
    assert generations(shops) == [2] * 3


def test_a_rollback_is_a_change_too(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    name = profile(**{**FLOOR, "rollout": {"batch": 1, "pause": "0s"}})
    shops = labelled(tenant, name, 3, a=OUTSIDE)
    change(control_plane, name, DENIED)
    until(control_plane, name, phase="Stopped", updated=1)
    change(control_plane, name, {"network": {"mayDeclare": None}})
    until(control_plane, name, generation=3, phase="Complete", updated=3)
    assert generations(shops) == [3] * 3
    shops[0].until_ready()
