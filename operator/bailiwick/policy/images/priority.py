"""Which of the scans that are due goes first: what people wait for, then what is worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from bailiwick.policy.images.deadlines import KNOWN_EXPLOITED
from bailiwick.policy.images.findings import Severity
from bailiwick.policy.images.rescan import RescanReason

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import FindingKey, ScanReport
    from bailiwick.policy.images.seen import Seen


class Lane(IntEnum):
    """Who waits for a scan. A lane's scans keep their own order, and no lane starves another."""

    REQUESTED = 0
    NEW = 1
    RENEWAL = 2

    @property
    def label(self) -> str:
        """The word for metrics and logs, `renewal`."""
        return self.name.lower()


_LANES = {RescanReason.NEW_DIGEST: Lane.NEW, RescanReason.REQUESTED: Lane.REQUESTED}


def lane_of(reason: RescanReason) -> Lane:
    """Return the lane of a scan: what a newer database or age makes due is renewed in the mass."""
    return _LANES.get(reason, Lane.RENEWAL)


@dataclass(frozen=True, slots=True, order=True)
class Risk:
    """How bad the last result of an image is, by counts of findings; more is worse."""

    known_exploited: int = 0
    overdue: int = 0
    critical: int = 0
    high: int = 0

    @property
    def order(self) -> tuple[int, int, int, int]:
        """What sorts the worst first."""
        return -self.known_exploited, -self.overdue, -self.critical, -self.high


def risk_of(
    report: ScanReport | None,
    first_seen: Mapping[FindingKey, Seen],
    remediate_within: Mapping[str, timedelta],
    now: datetime,
) -> Risk:
    """Count what makes a result urgent.

    `remediate_within` has the keys of `ScanTerms`, the strictest of those who run the image.
    Exceptions do not count here: what is tolerated may be so because it was less bad before.
    """
    if report is None:
        return Risk()
    exploited = overdue = critical = high = 0
    within = {severity: remediate_within.get(severity.name.lower()) for severity in Severity}
    soonest = remediate_within.get(KNOWN_EXPLOITED)
    for finding in report.findings:
        allowed = within[finding.severity]
        if finding.known_exploited:
            exploited += 1
            allowed = min((each for each in (allowed, soonest) if each), default=None)
        critical += finding.severity is Severity.CRITICAL
        high += finding.severity is Severity.HIGH
        seen = first_seen.get(finding.key)
        if allowed and now - (seen.since if seen else report.scanned_at) >= allowed:
            overdue += 1
    return Risk(exploited, overdue, critical, high)
