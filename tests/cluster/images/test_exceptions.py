"""Exceptions are not evaluated yet, and say so, each of both kinds."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.images.conftest import ShopFactory
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually

pytestmark = pytest.mark.usefixtures("operator")

SPEC: dict[str, Any] = {
    "vulnerabilities": ["CVE-2023-5363"],
    "status": "not_affected",
    "justification": "vulnerable_code_not_in_execute_path",
    "reason": "the cart does not use this cipher",
    "expiresAt": "2099-01-01T00:00:00Z",
}


def test_an_exception_of_a_namespace_says_that_it_excepts_nothing(shop: ShopFactory) -> None:
    team = shop()
    kinds = f"/apis/{API_VERSION}/namespaces/{team.name}/vulnerabilityexceptions"
    _says_that_it_excepts_nothing(team.api.create(kinds, _body("VulnerabilityException")), team.api)
    assert team.until("ExceptionsValid", "Unknown")["reason"] == "NotYetEvaluated"


def test_an_exception_of_the_platform_says_so_too(control_plane: ControlPlane) -> None:
    kinds = f"/apis/{API_VERSION}/clustervulnerabilityexceptions"
    made = control_plane.api.create(kinds, _body("ClusterVulnerabilityException"))
    try:
        _says_that_it_excepts_nothing(made, control_plane.api)
    finally:
        control_plane.api.delete(f"{kinds}/ciphers")


def _body(kind: str) -> Json:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "ciphers"}, "spec": SPEC}


def _says_that_it_excepts_nothing(made: Json, api: Any) -> None:
    namespace = made["metadata"].get("namespace")
    where = f"namespaces/{namespace}/vulnerabilityexceptions"
    path = f"/apis/{API_VERSION}/{where if namespace else 'clustervulnerabilityexceptions'}/ciphers"

    def told() -> None:
        status = api.get(path).get("status") or {}
        assert "this one excepts nothing" in status.get("message", ""), status
        assert status["observedGeneration"] == 1

    eventually(told, 45)
