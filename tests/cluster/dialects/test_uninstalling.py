"""`bailiwick uninstall` leaves the policies of every kind, or removes those of every kind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import CRDS
from tests.cluster.dialects.conftest import profile
from tests.cluster.dialects.definitions import (
    CILIUM_POLICY,
    CLUSTER_POLICY,
    Definitions,
)
from tests.cluster.engine.tenant import PROFILES, WEB, WITHIN, Tenant, enforcing
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess, install

HOST = {"name": "invoices", "from": {"workload": WEB}, "to": {"fqdn": "api.example.com"}}


@pytest.fixture
def left(cilium: Path) -> Iterator[tuple[ControlPlane, Definitions]]:
    """A cluster of its own, where an operator wrote policies of each kind and stopped."""
    with ControlPlane.start(crds=[CRDS]) as plane:
        install(plane)
        definitions = Definitions(plane, cilium)
        definitions.install(CILIUM_POLICY)
        definitions.install(CLUSTER_POLICY)
        plane.api.create(PROFILES, profile("plain", default=True))
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        with OperatorProcess(plane, "--enforcer", "Cilium") as operator:
            operator.wait_ready()
            Tenant(plane.api, "shop").declare(enforcing(HOST))

            def are_written() -> None:
                assert definitions.objects(CILIUM_POLICY)
                assert definitions.objects(CLUSTER_POLICY)

            eventually(are_written, WITHIN)
        yield plane, definitions


def uninstall(plane: ControlPlane, *arguments: str) -> str:
    program = Path(sys.executable).parent / "bailiwick"
    kubeconfig = f"--kubeconfig={plane.admin.kubeconfig}"
    done = subprocess.run(
        [str(program), "uninstall", kubeconfig, "--yes", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_policies_of_every_kind_stay_in_force_and_belong_to_nobody(
    left: tuple[ControlPlane, Definitions],
) -> None:
    plane, definitions = left
    said = uninstall(plane)
    assert "4 policies set free" in said
    assert f"kubectl get networkpolicies,{CILIUM_POLICY},{CLUSTER_POLICY} -A" in said
    for kind in (CILIUM_POLICY, CLUSTER_POLICY):
        (policy,) = definitions.objects(kind).values()
        assert not policy["metadata"].get("ownerReferences")


def test_policies_of_every_kind_are_removed_when_asked(
    left: tuple[ControlPlane, Definitions],
) -> None:
    plane, definitions = left
    assert "4 policies deleted" in uninstall(plane, "--remove-policies")
    for kind in (CILIUM_POLICY, CLUSTER_POLICY):
        assert definitions.objects(kind) == {}
    assert Tenant(plane.api, "shop").policies() == {}
