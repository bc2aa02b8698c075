"""Trivy Operator's reports as they stand in the API server, as far as scans need them.

https://github.com/aquasecurity/trivy-operator, `aquasecurity.github.io/v1alpha1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeGuard, TypeVar
from urllib.parse import unquote

import msgspec

from bailiwick.policy.images.findings import (
    UNTOLD,
    Advisory,
    Cvss,
    Finding,
    FixState,
    HygieneFacts,
    ScanReport,
    Severity,
)
from bailiwick.policy.images.references import InvalidReference, Reference
from bailiwick.scanners import errors, wire
from bailiwick.scanners.answers import printable
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.reading import title_of

KIND_LABEL = "trivy-operator.resource.kind"
NAME_LABEL = "trivy-operator.resource.name"
CONTAINER_LABEL = "trivy-operator.container.name"
_IMAGE_ID = "aquasecurity:trivy:ImageID"
_REPO_DIGEST = "aquasecurity:trivy:RepoDigest"

_CVSS_MAX = 10.0

T = TypeVar("T")


class Owner(msgspec.Struct, frozen=True):
    """Whose report it is."""

    kind: str = ""
    name: str = ""


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What tells one report from the others."""

    name: str
    uid: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    owner_references: tuple[Owner, ...] = ()

    def is_of(self, kind: str, name: str) -> bool:
        """Say whether it is the report of a workload; long names stand in no label."""
        labels = self.labels or {}
        if labels.get(KIND_LABEL) == kind and labels.get(NAME_LABEL) == name:
            return True
        return any((each.kind, each.name) == (kind, name) for each in self.owner_references)


class ArtifactOf(msgspec.Struct, frozen=True):
    """The image that was scanned, as Trivy calls it; the digest may be an image ID, or empty."""

    repository: str = ""
    tag: str = ""
    digest: str = ""


class Registry(msgspec.Struct, frozen=True):
    """Where it came from."""

    server: str = ""


class System(msgspec.Struct, frozen=True):
    """The image's distribution, and whether it is past its end of life."""

    family: str = ""
    name: str = ""
    eosl: bool | None = None


class Vulnerability(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of a report."""

    vulnerability_id: str = msgspec.field(name="vulnerabilityID")
    resource: str = ""
    installed_version: str = ""
    fixed_version: str = ""
    severity: str = ""
    title: str = ""
    primary_link: str = ""
    score: float | None = None
    package_purl: str = msgspec.field(name="packagePURL", default="")


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """What stands below `report`."""

    update_timestamp: str
    vulnerabilities: tuple[Vulnerability, ...]
    artifact: ArtifactOf = ArtifactOf()
    registry: Registry = Registry()
    scanner: wire.ScannerIdentity = wire.ScannerIdentity()
    os: System = System()


class VulnerabilityReport(msgspec.Struct, frozen=True):
    """A VulnerabilityReport or its cluster twin."""

    metadata: Metadata
    report: Report

    @property
    def words(self) -> str:
        """Which one it is, for people."""
        namespace = f"{self.metadata.namespace}/" if self.metadata.namespace else ""
        return f"VulnerabilityReport {namespace}{self.metadata.name}"

    @property
    def updated(self) -> datetime:
        """When it was made; raises ScanError where it does not tell."""
        found = wire.instant(self.report.update_timestamp)
        if found is None:
            raise _invalid(self.words, "its updateTimestamp is no instant")
        return found

    def is_named(self, image: Reference) -> bool:
        """Say whether it names an image's repository and tag."""
        artifact = self.report.artifact
        try:
            named = Reference.parse(f"{self.report.registry.server}/{artifact.repository}")
        except InvalidReference:
            return False
        return named.name == image.name and artifact.tag == image.tag

    def scan_report(self, digest: str, now: datetime) -> ScanReport:
        """Make what is known of a digest; an instant ahead of our clock counts as now."""
        scanner = self.report.scanner
        return ScanReport.of(
            digest,
            min(self.updated, now),
            [_finding(each) for each in self.report.vulnerabilities],
            scanner=scanner.name or "Trivy",
            scanner_version=scanner.version,
            hygiene=_hygiene(self.report.os),
        )


class _Property(msgspec.Struct, frozen=True):
    name: str = ""
    value: str = ""


class _Component(msgspec.Struct, frozen=True):
    purl: str = ""
    properties: tuple[_Property, ...] = ()


class _BomMetadata(msgspec.Struct, frozen=True):
    component: _Component = _Component()


class _Bom(msgspec.Struct, frozen=True):
    metadata: _BomMetadata = _BomMetadata()


class _SbomBody(msgspec.Struct, frozen=True):
    components: _Bom = _Bom()


class SbomReport(msgspec.Struct, frozen=True):
    """An SbomReport, of which only the image's own identity is read: it is CycloneDX of Trivy."""

    metadata: Metadata
    report: _SbomBody

    def image_ids(self) -> frozenset[str]:
        """Return the digests of configurations that the image has."""
        return frozenset(self._values(_IMAGE_ID))

    def manifests(self) -> frozenset[str]:
        """Return the digests that the image has in its repository."""
        found = {each.rpartition("@")[2] for each in self._values(_REPO_DIGEST)}
        purl = self.report.components.metadata.component.purl
        if purl.startswith("pkg:oci/"):
            found.add(unquote(purl.partition("?")[0].rpartition("@")[2]))
        return frozenset(found)

    def _values(self, name: str) -> list[str]:
        component = self.report.components.metadata.component
        return [each.value for each in component.properties if each.name == name]


def decode(body: Mapping[str, Any], kind: type[T]) -> T:
    """Read an object; raises ScanError where it is not what its kind should be."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        metadata = body.get("metadata") or {}
        name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        raise _invalid(f"{body.get('kind') or 'report'} {name}", str(error)) from error


def _invalid(what: str, why: str) -> ScanError:
    return ScanError(
        errors.INVALID_ANSWER,
        f"The {what} of Trivy Operator cannot be read: {printable(why)}. Use a version that "
        "serves aquasecurity.github.io/v1alpha1 as documented.",
    )


def _finding(entry: Vulnerability) -> Finding:
    return Finding(
        id=entry.vulnerability_id,
        package=entry.resource,
        version=entry.installed_version,
        severity=Severity.parse(entry.severity),
        fixed_version=entry.fixed_version or None,
        purl=entry.package_purl,
        title=title_of(entry.title),
        link=entry.primary_link,
        fix_state=FixState.FIXED if entry.fixed_version else None,
        advisory=Advisory(cvss=Cvss(entry.score)) if _is_score(entry.score) else UNTOLD,
    )


def _is_score(told: float | None) -> TypeGuard[float]:
    return told is not None and 0 < told <= _CVSS_MAX


def _hygiene(system: System) -> HygieneFacts | None:
    name = f"{system.family} {system.name}".strip()
    if not name:
        return None
    return HygieneFacts(os=name, os_end_of_life=system.eosl)
