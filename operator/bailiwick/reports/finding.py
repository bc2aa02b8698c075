"""A finding as every status tells it, of an image or of a namespace."""

from __future__ import annotations

from datetime import date

from bailiwick.api.images_status import RATING_LIMIT
from bailiwick.policy.images.findings import Advisory, Finding
from bailiwick.policy.images.rating import disagreement
from bailiwick.reports.fields import JSON, bounded, line, present


def finding_fields(finding: Finding) -> JSON:
    """Write what is known of a finding, whatever is due when."""
    return present(
        vulnerability=line(finding.id),
        package=line(finding.package),
        version=line(finding.version) or None,
        fixedVersion=line(finding.fixed_version) if finding.fixed_version else None,
        fixState=finding.fix_state.value if finding.fix_state else None,
        severity=finding.severity.label,
        knownExploited=finding.known_exploited,
        **_advisory_fields(finding.advisory),
    )


def _advisory_fields(advisory: Advisory) -> JSON:
    exploited, epss, cvss = advisory.exploitation, advisory.epss, advisory.cvss
    ratings, more = bounded(disagreement(advisory.ratings), RATING_LIMIT)
    return present(
        exploitation=present(
            added=_day(exploited.added), due=_day(exploited.due), ransomware=exploited.ransomware
        )
        if exploited
        else None,
        # Decimal numbers are strings in this API: floats do not survive every client unchanged.
        epss=present(
            score=f"{epss.score:.5f}", percentile=f"{epss.percentile:.5f}", date=_day(epss.day)
        )
        if epss
        else None,
        cvss=present(score=f"{cvss.score:.1f}", vector=line(cvss.vector) or None) if cvss else None,
        ratings=[{"source": line(r.source), "severity": r.severity.label} for r in ratings] or None,
        ratingsOmitted=more if ratings else None,
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
