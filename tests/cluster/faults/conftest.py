"""A control plane that these tests may disturb, and a proxy in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.conftest import CRDS
from tests.cluster.faults.edges import OUTSIDE, PROFILES
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import install
from tests.controlplane.proxy import Proxy


@pytest.fixture(scope="package")
def control_plane() -> Iterator[ControlPlane]:
    """A Kubernetes with the operator's rights, two profiles and the namespace OUTSIDE.

    It takes the place of the one that all other tests share. Who stops its API server starts it
    again.
    """
    with ControlPlane.start(crds=[CRDS]) as plane:
        install(plane)
        for name, directions in PROFILES.items():
            plane.api.create(f"/apis/{API_VERSION}/securityprofiles", profile(name, directions))
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": OUTSIDE}})
        yield plane


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[Proxy]:
    """The operator's way to the API server."""
    with Proxy(control_plane.operator()) as proxy:
        yield proxy


def profile(name: str, directions: tuple[str, ...]) -> dict[str, Any]:
    """A profile that isolates in these directions and opens nothing by itself."""
    return {
        "apiVersion": API_VERSION,
        "kind": "SecurityProfile",
        "metadata": {"name": name},
        "spec": {"network": {"isolate": list(directions)}, "usableBy": {"namespaceSelector": {}}},
    }
