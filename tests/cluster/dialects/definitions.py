"""The genuine definitions of the kinds of policy beside NetworkPolicy, and their objects."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.cluster.engine.tenant import WITHIN, absent_as_none
from tests.controlplane.api import ApiError, Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, eventually

CILIUM_POLICY: Final = "ciliumnetworkpolicies"
CILIUM_POLICIES: Final = (CILIUM_POLICY, "ciliumclusterwidenetworkpolicies")
CLUSTER_POLICY: Final = "clusternetworkpolicies"

_FILES: Final = {
    **{name: f"{name}.yaml" for name in CILIUM_POLICIES},
    CLUSTER_POLICY: "policy.networking.k8s.io_clusternetworkpolicies.yaml",
}
_GROUPS: Final = {
    **dict.fromkeys(CILIUM_POLICIES, ("cilium.io", "v2")),
    CLUSTER_POLICY: ("policy.networking.k8s.io", "v1alpha2"),
}


class Definitions:
    """Installs and removes definitions, and reads the objects of their kinds."""

    def __init__(self, plane: ControlPlane, files: Path) -> None:
        self._api = plane.api
        self._admin = Kubectl(plane.admin)
        self._files = files

    def install(self, plural: str) -> None:
        """Install a kind and wait until it is served."""
        self._admin("apply", "--server-side", "-f", str(self._files / _FILES[plural]))

        def is_served() -> None:
            try:
                self._api.get(self.path(plural))
            except ApiError as error:  # 404, and 429 while its storage is made
                raise AssertionError(str(error)) from error

        eventually(is_served, WITHIN)

    def remove(self, plural: str) -> None:
        """Remove a kind with its objects, and wait until it is not served any more."""
        group, _ = _GROUPS[plural]
        self._admin("delete", "customresourcedefinition", f"{plural}.{group}", "--timeout=60s")

        def is_gone() -> None:
            assert absent_as_none(lambda: self._api.get(self.path(plural))) is None

        eventually(is_gone, WITHIN)

    def path(self, plural: str, namespace: str = "") -> str:
        """Return the path of a kind's objects, in one namespace or in all."""
        group, version = _GROUPS[plural]
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{group}/{version}{within}/{plural}"

    def objects(self, plural: str, namespace: str = "") -> dict[str, Json]:
        """Return a kind's objects by name, none where it is not served."""
        found = absent_as_none(lambda: self._api.get(self.path(plural, namespace)))
        return {each["metadata"]["name"]: each for each in (found or {"items": []})["items"]}
