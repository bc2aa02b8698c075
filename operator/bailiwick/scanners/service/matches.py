"""grype's JSON, read into the adapter API's report of vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from bailiwick.policy.images.findings import Epss, Exploitation, Rating, Severity
from bailiwick.scanners import wire
from bailiwick.scanners.service import failures

_DESCRIPTION_LIMIT = 500
_LINKS_LIMIT = 5
_OF_DISTRIBUTIONS = "distro"


class Fix(msgspec.Struct, frozen=True):
    """Whether there is a fix: fixed, not-fixed, wont-fix or unknown, and in which versions."""

    state: str = ""
    versions: tuple[str, ...] = ()


class Exploited(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of the catalogue of known exploited vulnerabilities; days as YYYY-MM-DD."""

    date_added: str = ""
    due_date: str = ""
    known_ransomware_campaign_use: str = ""


class Likelihood(msgspec.Struct, frozen=True):
    """An EPSS score, between 0 and 1, and how many others are lower."""

    epss: float
    percentile: float = 0.0
    date: str = ""


class Matched(msgspec.Struct, frozen=True, rename="camel"):
    """A vulnerability as one source of the database has it.

    `namespace` names the source: `debian:distro:debian:12`, `github:language:python`, `nvd:cpe`.
    """

    id: str
    severity: str = ""
    namespace: str = ""
    data_source: str = ""
    urls: tuple[str, ...] | None = None
    description: str = ""
    fix: Fix | None = None
    cvss: tuple[dict[str, Any], ...] | None = None
    known_exploited: tuple[Exploited, ...] | None = None
    epss: tuple[Likelihood, ...] | None = None


class SuggestedFix(msgspec.Struct, frozen=True, rename="camel"):
    """The version that grype suggests among several."""

    suggested_version: str = ""


class Detail(msgspec.Struct, frozen=True):
    """How a match was made."""

    fix: SuggestedFix | None = None


class MatchedPackage(msgspec.Struct, frozen=True):
    """The package that matched."""

    name: str
    version: str = ""
    purl: str = ""


class Match(msgspec.Struct, frozen=True, rename="camel"):
    """One vulnerability of one package."""

    vulnerability: Matched
    artifact: MatchedPackage
    related_vulnerabilities: tuple[Matched, ...] | None = None
    match_details: tuple[Detail, ...] | None = None


class DatabaseStatus(msgspec.Struct, frozen=True):
    """The state of the database that was used."""

    valid: bool = False
    built: datetime | None = None
    error: str | None = None


class Database(msgspec.Struct, frozen=True):
    """The database that was used."""

    status: DatabaseStatus | None = None


class Descriptor(msgspec.Struct, frozen=True):
    """What made the answer."""

    version: str = ""
    db: Database | None = None


class Alert(msgspec.Struct, frozen=True):
    """A remark on a package."""

    type: str = ""


class PackageAlerts(msgspec.Struct, frozen=True):
    """The remarks on one package."""

    alerts: tuple[Alert, ...] = ()


class Distribution(msgspec.Struct, frozen=True):
    """The distribution that matches were made for; empty for images without one."""

    name: str = ""
    version: str = ""


class Matches(msgspec.Struct, frozen=True, rename="camel"):
    """The part of grype's JSON format that a report comes from."""

    descriptor: Descriptor
    matches: tuple[Match, ...] | None = None
    alerts_by_package: tuple[PackageAlerts, ...] | None = None
    distro: Distribution | None = None

    def database(self) -> DatabaseStatus:
        """Return the state of the database; raises ScanError where it is not certainly valid.

        grype ends well, and finds nothing, with a database that it could not read.
        """
        status = self.descriptor.db.status if self.descriptor.db else None
        if status is None or not status.valid:
            raise failures.database_unusable((status and status.error) or "it is not valid")
        return status

    @property
    def ended(self) -> bool:
        """Whether the database calls the distribution ended; it may also not know it."""
        alerts = (alert for each in self.alerts_by_package or () for alert in each.alerts)
        return any(alert.type == "distro-eol" for alert in alerts)


def report(
    matches: Matches,
    *,
    artifact: wire.Artifact,
    scanner: wire.ScannerIdentity,
    generated_at: datetime,
) -> dict[str, object]:
    """Make the body of a report, in the shape of both report types."""
    found = [_vulnerability(match) for match in matches.matches or ()]
    worst = max((Severity.parse(each.severity or "") for each in found), default=None)
    return {
        "generated_at": generated_at,
        "artifact": artifact,
        "scanner": scanner,
        "severity": worst.label if worst is not None else "Unknown",
        "vulnerabilities": found,
    }


def _vulnerability(match: Match) -> wire.Vulnerability:
    vulnerability = match.vulnerability
    # The same vulnerability as others tell it, under the same id or another.
    told = (vulnerability, *(match.related_vulnerabilities or ()))
    links = dict.fromkeys([vulnerability.data_source, *(vulnerability.urls or ())])
    exploited = next((e for each in told for e in each.known_exploited or ()), None)
    return wire.Vulnerability(
        id=vulnerability.id,
        package=match.artifact.name,
        version=match.artifact.version,
        fix_version=_fix(match),
        severity=Severity.parse(vulnerability.severity).label,
        description=vulnerability.description[:_DESCRIPTION_LIMIT] or None,
        links=tuple(link for link in links if link)[:_LINKS_LIMIT],
        preferred_cvss=_cvss([score for each in told for score in each.cvss or ()]),
        vendor_attributes={
            wire.VENDOR: wire.VendorAttributes(
                purl=match.artifact.purl,
                aliases=tuple(sorted({each.id for each in told} - {vulnerability.id})),
                known_exploited=exploited is not None,
                exploitation=_exploitation(exploited) if exploited else None,
                epss=_epss(e for each in told for e in each.epss or ()),
                fix_state=vulnerability.fix.state if vulnerability.fix else "",
                ratings=_ratings(told),
            )
        },
    )


def _exploitation(entry: Exploited) -> Exploitation:
    ransomware = {"known": True}.get(entry.known_ransomware_campaign_use.lower())
    return Exploitation(_day(entry.date_added), _day(entry.due_date), ransomware)


def _epss(told: Iterable[Likelihood]) -> Epss | None:
    best = max(told, key=lambda each: each.epss, default=None)
    return Epss(best.epss, best.percentile, _day(best.date)) if best else None


def _ratings(told: Sequence[Matched]) -> tuple[Rating, ...]:
    found = set()
    for each in told:
        source, _, rest = each.namespace.partition(":")
        if source and each.severity:
            own = rest.partition(":")[0] == _OF_DISTRIBUTIONS
            found.add(Rating(source, Severity.parse(each.severity), own))
    return tuple(sorted(found, key=lambda r: (not r.own, r.source, r.severity)))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _fix(match: Match) -> str | None:
    fix = match.vulnerability.fix
    if fix is None or fix.state != "fixed":
        return None
    suggested = (each.fix.suggested_version for each in match.match_details or () if each.fix)
    return next((version for version in (*suggested, *fix.versions) if version), None)


def _cvss(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    for score in scores:
        if str(score.get("version", "")).startswith("3"):
            base = (score.get("metrics") or {}).get("baseScore")
            return {"score_v3": base, "vector_v3": score.get("vector")}
    return None
