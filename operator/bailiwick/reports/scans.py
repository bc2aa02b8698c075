"""The status of an ImageScan: what is known of one digest, and how its newest scan stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bailiwick.api.imagescan import ALIAS_LIMIT, SCAN_WORST_LIMIT, TOOL_LIMIT
from bailiwick.api.meta import ConditionType, Reason
from bailiwick.policy.images.findings import Finding, HygieneFacts, ScanReport, Severity, tallies
from bailiwick.policy.images.state import Failure
from bailiwick.reports.attestations import attestations_status
from bailiwick.reports.fields import JSON, bounded, condition, line, message, moment, present
from bailiwick.reports.finding import finding_fields
from bailiwick.reports.freshness import Facts, freshness_status


def scan_status(
    *,
    generation: int,
    report: ScanReport | None,
    scanning: bool,
    failure: Failure | None,
    previous: Mapping[str, Any],
    now: datetime,
    aliases: Iterable[str] = (),
    requested_at: datetime | None = None,
    started_at: datetime | None = None,
    next_scan_at: datetime | None = None,
    ongoing: tuple[str, str] | None = None,
    freshness: Facts | None = None,
) -> JSON:
    """Write what is known of a digest. The last good result stays while a scan runs or fails.

    `started_at` is None where no scan was begun by this process: what is told of it stays.
    `ongoing` is the scanner that has taken the scan, and by what id.
    """
    phase = _phase(report, scanning, failure)
    shown, omitted = bounded(sorted(set(aliases)), ALIAS_LIMIT)
    status = present(
        observedGeneration=generation,
        phase=phase,
        aliases=list(shown),
        aliasesOmitted=omitted,
        requestedAt=moment(requested_at),
        startedAt=moment(started_at) or previous.get("startedAt"),
        nextScanAt=moment(next_scan_at),
        ongoing={"source": line(ongoing[0]), "id": line(ongoing[1])} if ongoing else None,
        freshness=freshness_status(freshness or {}, previous, now),
        conditions=_conditions(
            phase, report, failure, next_scan_at, generation=generation, previous=previous, now=now
        ),
    )
    if failure is not None:
        status |= {
            "reason": line(failure.reason),
            "message": message(failure.message),
            "attempts": failure.count,
        }
    return status | (_result(report) if report else {"worst": [], "worstOmitted": 0})


def _phase(report: ScanReport | None, scanning: bool, failure: Failure | None) -> str:
    if scanning:
        return "Scanning"
    if failure is not None and (report or not failure.waiting):
        return "Failed"
    return "Scanned" if report else "Queued"


def _conditions(
    phase: str,
    report: ScanReport | None,
    failure: Failure | None,
    next_scan_at: datetime | None,
    *,
    generation: int,
    previous: Mapping[str, Any],
    now: datetime,
) -> list[JSON]:
    kept = " The result of the last good scan is kept." if report else ""
    said: tuple[str, str, str]
    if phase == "Scanned":
        said = ("True", Reason.SUCCEEDED, "The newest scan succeeded.")
    elif failure is not None and phase == "Failed":
        following = f" The next attempt is at {moment(next_scan_at)}." if next_scan_at else ""
        said = ("False", line(failure.reason), failure.message + kept + following)
    else:
        words = "The scan is running." if phase == "Scanning" else _waited_for(failure)
        said = ("True" if report else "False", Reason.SCANNING, words + kept)
    conditions = [
        condition(ConditionType.READY, *said, generation=generation, previous=previous, now=now)
    ]
    if phase in ("Scanning", "Queued") and report is None:
        conditions.append(
            condition(
                ConditionType.RECONCILING,
                "True",
                *said[1:],
                generation=generation,
                previous=previous,
                now=now,
            )
        )
    return conditions


def _waited_for(failure: Failure | None) -> str:
    return failure.message if failure else "The first scan is waited for."


def _result(report: ScanReport) -> JSON:
    counts = tallies(report.findings)
    worst, omitted = bounded(report.findings, SCAN_WORST_LIMIT)
    return present(
        scannedAt=moment(report.scanned_at),
        scanner=present(
            name=line(report.scanner),
            version=line(report.scanner_version) or None,
            databaseBuilt=moment(report.database_built),
        ),
        counts={
            severity.name.lower(): {"total": tally.total, "fixable": tally.fixable}
            for severity, tally in counts.items()
        },
        critical=counts[Severity.CRITICAL].total,
        high=counts[Severity.HIGH].total,
        knownExploited=sum(bool(each.known_exploited) for each in report.findings),
        fixable=sum(tally.fixable for tally in counts.values()),
        hygiene=_hygiene(report.hygiene) if report.hygiene else None,
        attestations=attestations_status(report.attestations) if report.attestations else None,
        worst=[_finding(each) for each in worst],
        worstOmitted=omitted,
    )


def _hygiene(facts: HygieneFacts) -> JSON:
    lists = {
        "shells": facts.shells,
        "packageManagers": facts.package_managers,
        "debugTools": facts.debug_tools,
        "buildTools": facts.build_tools,
        "setuid": facts.setuid,
    }
    tools: JSON = {}
    omitted = 0
    for name, paths in lists.items():
        if paths is not None:
            shown, more = bounded(paths, TOOL_LIMIT)
            tools[name] = [message(path) for path in shown]
            omitted += more
    return present(
        user=None if facts.user is None else line(facts.user),
        runsAsRoot=facts.runs_as_root,
        created=moment(facts.created),
        os=line(facts.os) if facts.os else None,
        osEndOfLife=facts.os_end_of_life,
        architecture=line(facts.architecture) if facts.architecture else None,
        omitted=omitted,
        **tools,
    )


def _finding(finding: Finding) -> JSON:
    return present(
        **finding_fields(finding),
        title=message(finding.title) or None,
        link=message(finding.link) or None,
    )
