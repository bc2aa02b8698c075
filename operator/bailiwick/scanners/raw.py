"""Raw reports of scanners that give no other: each in a format of the scanner's own.

Trivy's JSON is read, and what has the adapter API's own shape. Of anything else it is said what
came: a report that is not understood is no image without findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bailiwick.scanners import errors, wire
from bailiwick.scanners.answers import printable
from bailiwick.scanners.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS_TOLD = 8


class _Identifier(msgspec.Struct, frozen=True):
    purl: str = msgspec.field(name="PURL", default="")


class _Vulnerability(msgspec.Struct, frozen=True, rename="pascal"):
    vulnerability_id: str = msgspec.field(name="VulnerabilityID")
    pkg_name: str = ""
    installed_version: str = ""
    fixed_version: str = ""
    severity: str = ""
    title: str = ""
    primary_url: str = msgspec.field(name="PrimaryURL", default="")
    pkg_identifier: _Identifier | None = None


class _Result(msgspec.Struct, frozen=True, rename="pascal"):
    vulnerabilities: tuple[_Vulnerability, ...] | None = None


class _Metadata(msgspec.Struct, frozen=True, rename="pascal"):
    repo_digests: tuple[str, ...] | None = None


class _Trivy(msgspec.Struct, frozen=True, rename="pascal"):
    schema_version: int
    results: tuple[_Result, ...]
    metadata: _Metadata
    created_at: str | None = None


def read_raw(body: bytes, scanner: wire.ScannerIdentity, digest: str) -> wire.Report:
    """Read a raw report of a digest; raises ScanError where its format is not known."""
    fields = wire.decode(body, dict[str, msgspec.Raw], "a report in JSON")
    if "vulnerabilities" in fields:
        return wire.decode(body, wire.Report, "a report")
    if {"SchemaVersion", "Results", "Metadata"} <= fields.keys():
        return _of_trivy(wire.decode(body, _Trivy, "Trivy's report"), digest)
    told = ", ".join(printable(each)[:40] for each in sorted(fields)[:_FIELDS_TOLD]) or "none"
    raise ScanError(
        errors.NOT_SUITABLE,
        f'The scanner "{printable(scanner.name)}" gives raw reports only, in a format of its own '
        f"that Bailiwick does not read (its fields: {told}). Use an adapter that produces "
        f"{wire.REPORT}.",
        scanner_fault=True,
    )


def _of_trivy(report: _Trivy, digest: str) -> wire.Report:
    named = {each.rpartition("@")[2] for each in report.metadata.repo_digests or ()}
    return wire.Report(
        artifact=wire.Artifact(digest=digest if digest in named else min(named, default="")),
        generated_at=report.created_at,
        vulnerabilities=tuple(_findings(report)),
    )


def _findings(report: _Trivy) -> Iterator[wire.Vulnerability]:
    for result in report.results:
        for each in result.vulnerabilities or ():
            attributes: dict[str, Any] = {}
            if each.pkg_identifier and each.pkg_identifier.purl:
                attributes = {wire.VENDOR: {"purl": each.pkg_identifier.purl}}
            yield wire.Vulnerability(
                id=each.vulnerability_id,
                package=each.pkg_name,
                version=each.installed_version,
                fix_version=each.fixed_version or None,
                severity=each.severity,
                description=each.title,
                links=(each.primary_url,) if each.primary_url else None,
                vendor_attributes=attributes or None,
            )
