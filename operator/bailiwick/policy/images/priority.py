"""Which of the scans that are due goes first: what people wait for, then what is worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from bailiwick.policy.images.deadlines import Remediation
from bailiwick.policy.images.findings import Severity
from bailiwick.policy.images.rescan import RescanReason

if TYPE_CHECKING:
    from bailiwick.policy.images.ages import Ages


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


def risk_of(ages: Ages | None, remediate_within: Mapping[str, timedelta], now: datetime) -> Risk:
    """Count what makes a result urgent; None is no result.

    `remediate_within` has the keys of `Remediation.within`, the strictest of those who run the
    image. Exceptions do not count here: what is tolerated may be so because it was less bad before.
    """
    if ages is None:
        return Risk()
    allowed = Remediation(remediate_within).allowances()
    exploited = overdue = 0
    for group in ages.groups:
        exploited += len(group.places) * group.exploited
        within = allowed[group.severity, group.exploited, group.fixable]
        if within is not None and now - group.since >= within:
            overdue += len(group.places)
    critical, high = (ages.counts[each].total for each in (Severity.CRITICAL, Severity.HIGH))
    return Risk(exploited, overdue, critical, high)
