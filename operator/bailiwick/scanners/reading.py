"""From what a scanner sent to a report, believing no more of it than can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bailiwick.policy.images.attestations import STATEMENTS_LIMIT, Attestations
from bailiwick.policy.images.findings import (
    UNTOLD,
    Advisory,
    Cvss,
    Epss,
    Finding,
    FixState,
    HygieneFacts,
    ScanReport,
    Severity,
)
from bailiwick.policy.images.rating import severity_that_counts
from bailiwick.policy.images.references import is_digest
from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.raw import read_raw

_CACHED_FOR = timedelta(minutes=5)
# In memory an entry may be twenty times what it is on the wire.
_OBJECTS_LIMIT = 250_000
_RATINGS_LIMIT = 10
_CVSS_MAX = 10
_VECTOR_LIMIT = 200


def read_report(
    body: bytes,
    *,
    digest: str,
    submitted: datetime,
    metadata: wire.Metadata,
    facts: wire.Facts | None = None,
    raw: bool = False,
) -> ScanReport:
    """Make a report of what a scanner sent; raises ScanError where that is not one.

    `submitted` is when the scan was asked for, by our clock. It is the report's instant unless
    the scanner says that the report is older: a scanner's clock that is ahead must not make
    results look fresh.
    """
    _bounded(body)
    if raw:
        report = read_raw(body, metadata.scanner, digest)
    else:
        report = wire.decode(body, wire.Report, "a report")
    if report.vulnerabilities is None:
        raise wire.invalid("a report without its list of vulnerabilities")
    same_digest(report.artifact.digest if report.artifact else "", digest)
    if facts is not None:
        same_digest(facts.digest, digest)
        if facts.manifest_digest is not None and not is_digest(facts.manifest_digest):
            raise wire.invalid(f'"{facts.manifest_digest[:80]}" as the digest of a manifest')
        if facts.attestations and len(facts.attestations.statements) > STATEMENTS_LIMIT:
            raise wire.invalid(f"more than {STATEMENTS_LIMIT} attested statements")
    return _report(
        report,
        digest=digest,
        submitted=submitted,
        metadata=metadata,
        database=facts.database_built if facts else None,
        manifest_digest=facts.manifest_digest if facts else None,
        hygiene=facts.hygiene if facts else None,
        attestations=facts.attestations if facts else None,
    )


def read_harbor_report(
    body: bytes, *, digest: str, manifest: str, submitted: datetime, metadata: wire.Metadata
) -> ScanReport:
    """Make a report of what Harbor has of a manifest; raises ScanError where that is not one.

    Harbor's reports name no artifact, but their entries may; an empty one has no list.
    """
    _bounded(body)
    report = wire.decode(body, wire.Report, "a report")
    if report.artifact and report.artifact.digest:
        same_digest(report.artifact.digest, manifest)
    for each in report.vulnerabilities or ():
        if each.artifact_digests and manifest not in each.artifact_digests:
            same_digest(each.artifact_digests[0], manifest)
    if report.vulnerabilities is None and not (report.generated_at and report.scanner):
        raise wire.invalid("a report without its list of vulnerabilities")
    return _report(
        report,
        digest=digest,
        submitted=submitted,
        metadata=metadata,
        manifest_digest=manifest,
    )


def _bounded(body: bytes) -> None:
    if body.count(b"{") > _OBJECTS_LIMIT:
        raise wire.invalid(f"a report of more than {_OBJECTS_LIMIT} entries")


def _report(
    report: wire.Report,
    *,
    digest: str,
    submitted: datetime,
    metadata: wire.Metadata,
    database: datetime | None = None,
    manifest_digest: str | None = None,
    hygiene: HygieneFacts | None = None,
    attestations: Attestations | None = None,
) -> ScanReport:
    generated = wire.instant(report.generated_at)
    cached = generated is not None and generated < submitted - _CACHED_FOR
    scanner = report.scanner or metadata.scanner
    return ScanReport.of(
        digest,
        generated if cached and generated else submitted,
        [_finding(each) for each in report.vulnerabilities or ()],
        scanner=scanner.name,
        scanner_version=scanner.version,
        # Of an older report it is not known with what it was made.
        database_built=database or (None if cached else metadata.database_built),
        manifest_digest=manifest_digest,
        hygiene=hygiene,
        attestations=attestations,
    )


def _finding(entry: wire.Vulnerability) -> Finding:
    vendor = wire.VendorAttributes()
    if entry.vendor_attributes and wire.VENDOR in entry.vendor_attributes:
        try:
            vendor = msgspec.convert(entry.vendor_attributes[wire.VENDOR], wire.VendorAttributes)
        except msgspec.ValidationError as error:
            raise wire.invalid(f"vendor attributes that are not ours ({error})") from error
    told = Severity.parse(entry.severity or "")
    return Finding(
        id=entry.id,
        package=entry.package,
        version=entry.version,
        severity=severity_that_counts(told, vendor.ratings),
        fixed_version=entry.fix_version or None,
        known_exploited=vendor.known_exploited,
        purl=vendor.purl,
        aliases=tuple(sorted(vendor.aliases)),
        title=title_of(entry.description or ""),
        link=next(iter(entry.links or ()), ""),
        fix_state=_fix_state(entry.fix_version, vendor.fix_state),
        advisory=_advisory(entry, vendor),
    )


def _fix_state(fixed_version: str | None, told: str) -> FixState | None:
    if fixed_version:
        return FixState.FIXED
    # "fixed" without a version is of no use to anybody who wants to update.
    return next((s for s in (FixState.WONT_FIX, FixState.NOT_FIXED) if s.value == told), None)


def _advisory(entry: wire.Vulnerability, vendor: wire.VendorAttributes) -> Advisory:
    advisory = Advisory(
        epss=vendor.epss if _is_plausible(vendor.epss) else None,
        exploitation=vendor.exploitation if vendor.known_exploited else None,
        cvss=_cvss(entry.preferred_cvss or {}),
        ratings=vendor.ratings[:_RATINGS_LIMIT],
    )
    return UNTOLD if advisory == UNTOLD else advisory


def _is_plausible(epss: Epss | None) -> bool:
    return epss is not None and 0 <= epss.score <= 1 and 0 <= epss.percentile <= 1


def _cvss(told: Mapping[str, Any]) -> Cvss | None:
    """Read `preferred_cvss`: version 3 before version 2; a score that cannot be is not told."""
    for version in ("v3", "v2"):
        score, vector = told.get(f"score_{version}"), told.get(f"vector_{version}")
        if isinstance(score, (int, float)) and 0 < score <= _CVSS_MAX:
            return Cvss(float(score), vector[:_VECTOR_LIMIT] if isinstance(vector, str) else "")
    return None


def title_of(description: str) -> str:
    """Return the beginning of a description in one line, as a status shows it."""
    line = " ".join(description.split())
    return line if len(line) <= 120 else line[:119].rstrip() + "…"


def same_digest(found: str, asked: str) -> None:
    """Raise ScanError where a report is not of the digest that was asked for."""
    if found != asked:
        raise ScanError(
            errors.OTHER_DIGEST,
            f'The scanner sent a report for "{found[:80]}" where {asked} was asked for, so it was '
            "not used. Look at the scanner's own log.",
            scanner_fault=True,
        )
