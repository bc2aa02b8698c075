"""Trivy Operator's reports by way of the API server, with what goes wrong told as of a scanner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bailiwick.kube.discovery import serves
from bailiwick.kube.errors import ApiError, Conflict, Forbidden, NotFound
from bailiwick.kube.resources import (
    TRIVY_CLUSTER_VULNERABILITY_REPORTS,
    TRIVY_SBOM_REPORTS,
    TRIVY_VULNERABILITY_REPORTS,
    Resource,
)
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.trivy_operator import ReportKind

if TYPE_CHECKING:
    from bailiwick.kube.client import Client

_RESOURCES: dict[ReportKind, Resource] = {
    ReportKind.VULNERABILITIES: TRIVY_VULNERABILITY_REPORTS,
    ReportKind.SBOM: TRIVY_SBOM_REPORTS,
    ReportKind.CLUSTER_VULNERABILITIES: TRIVY_CLUSTER_VULNERABILITY_REPORTS,
}


class TrivyReports:
    """Reads and deletes reports; see `scanners.trivy_operator.Reports`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def check(self, kind: ReportKind) -> None:
        """Raise where reports of a kind are not served, or may not be listed."""
        resource = _RESOURCES[kind]
        try:
            # Who has no right to a kind is told so whether it is there or not.
            if not await serves(self._client, resource.group, resource.version):
                raise _not_served(kind)
            await self._client.list_page(resource, query={"limit": "1"})
        except ApiError as error:
            raise _told(kind, "list", error) from error

    async def find(
        self, kind: ReportKind, namespace: str | None, labels: Mapping[str, str]
    ) -> Sequence[Mapping[str, Any]]:
        """Return the reports of a namespace that have these labels."""
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        try:
            found = await self._client.list(_RESOURCES[kind], namespace, label_selector=selector)
        except ApiError as error:
            raise _told(kind, "list", error) from error
        return found.items

    async def delete(self, kind: ReportKind, namespace: str, name: str, uid: str) -> None:
        """Delete one report, unless it is another one by now."""
        try:
            await self._client.delete(_RESOURCES[kind], name, namespace, uid=uid)
        except Conflict:
            # Somebody was faster, and there is a newer one.
            return
        except ApiError as error:
            raise _told(kind, "delete", error) from error


def _told(kind: ReportKind, verb: str, error: ApiError) -> ScanError:
    name = _RESOURCES[kind].name
    if isinstance(error, NotFound):
        return _not_served(kind)
    if isinstance(error, Forbidden):
        return ScanError(
            errors.UNAUTHORIZED,
            f"The operator may not {verb} {name}: grant it with manifests/overlays/trivy-operator.",
            scanner_fault=True,
        )
    return ScanError(
        errors.UNREACHABLE,
        f"{name} cannot be had ({verb}): {error.message}",
        scanner_fault=True,
    )


def _not_served(kind: ReportKind) -> ScanError:
    return ScanError(
        errors.UNREACHABLE,
        f"The API server serves no {_RESOURCES[kind].name}: install Trivy Operator, or take it out "
        "of the list of sources.",
        scanner_fault=True,
    )
