"""What a profile's status says of the namespaces that are held to it."""

from __future__ import annotations

import pytest

from tests.cluster.engine.conftest import ProfileFactory, TenantFactory
from tests.cluster.engine.tenant import PROFILES, WITHIN, enforcing, rule
from tests.controlplane.api import Api, Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually

pytestmark = pytest.mark.usefixtures("operator")


def rollout(api: Api, profile: str) -> Json:
    status: Json = api.get(f"{PROFILES}/{profile}").get("status") or {}
    found: Json = status.get("rollout") or {}
    return found


def test_every_namespace_that_joined_is_counted_and_one_that_is_not_ready_named(
    control_plane: ControlPlane, tenant: TenantFactory, profile: ProfileFactory
) -> None:
    floor = profile("floor")
    well = [tenant(intent=enforcing(rule(), profile=floor)) for _ in range(3)]
    refused = {"name": "partner", "to": {"fqdn": "api.partner.example"}, "ports": [443]}
    ill = tenant(intent=enforcing(refused, profile=floor))
    for each in well:
        each.until_ready()
    ill.until("Ready", "False")

    def counted() -> None:
        found = rollout(control_plane.api, floor)
        assert (found["phase"], found["updated"], found["total"]) == ("Complete", 4, 4)
        assert found["failed"] == [ill.name]

    eventually(counted, WITHIN)
    ill.declare(enforcing(rule(), profile=floor))
    ill.until_ready()

    def mended() -> None:
        assert rollout(control_plane.api, floor)["failed"] == []

    eventually(mended, WITHIN)
