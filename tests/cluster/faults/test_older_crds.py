"""An operator that is newer than the CustomResourceDefinitions in the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from tests.cluster.conftest import CRDS, NamespaceFactory
from tests.cluster.engine.tenant import Tenant, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess

PATH: Final = (
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/securityintents.bailiwick.dev"
)
CURRENT: Final[Json] = yaml.safe_load((CRDS / "securityintents.yaml").read_text())


@pytest.fixture
def older(control_plane: ControlPlane) -> Iterator[None]:
    """Definitions of before some of the status was thought of."""
    definition = yaml.safe_load((CRDS / "securityintents.yaml").read_text())
    version = definition["spec"]["versions"][0]
    status: Any = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    del status["stages"]
    del status["network"]["properties"]["effectiveEdges"]
    del status["controls"]["items"]["properties"]["remediation"]
    put(control_plane, definition)
    yield
    put(control_plane, CURRENT)


def put(control_plane: ControlPlane, definition: Json) -> None:
    there = control_plane.api.get(PATH)["metadata"]["resourceVersion"]
    metadata = {**definition["metadata"], "resourceVersion": there}
    control_plane.api.request("PUT", PATH, {**definition, "metadata": metadata})


@pytest.mark.usefixtures("older")
def test_what_an_older_definition_lacks_is_left_out_and_said_until_it_is_replaced(
    control_plane: ControlPlane, namespace: NamespaceFactory
) -> None:
    shop = Tenant(control_plane.api, namespace("shop"))
    with OperatorProcess(control_plane, "--resync", "2s"):
        shop.declare(enforcing(rule()))
        said = shop.until("Ready", "False", "CRDOutdated")["message"]
        for field in ("stages", "network.effectiveEdges", "controls[].remediation"):
            assert field in said
        assert "Apply the CRDs" in said
        assert "bailiwick-isolation" in shop.policies()
        status = shop.status()
        assert status["network"]["policies"] == len(shop.policies())
        assert "stages" not in status

        put(control_plane, CURRENT)
        shop.until_ready()
        status = shop.status()
        assert status["stages"]["deploy"]["pass"] > 0
        assert any("remediation" in control for control in status["controls"])
