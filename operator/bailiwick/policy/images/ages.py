"""Since when the findings of a report are known, in groups that share their deadline.

Every finding of a group came at the same instant, is of the same severity, and is exploited and
can be mended like the others. A report has hundreds of findings and few groups, so that what is
overdue is counted without a look at each finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bailiwick.policy.images.findings import tallies

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import FindingKey, ScanReport, Severity, Tally
    from bailiwick.policy.images.seen import Seen


@dataclass(frozen=True, slots=True)
class Group:
    """Findings with the same deadline; `places` are theirs in the report, ascending."""

    severity: Severity
    exploited: bool
    fixable: bool
    since: datetime
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ages:
    """The findings of a report in groups; `counts` are by severity, worst first."""

    groups: tuple[Group, ...]
    counts: Mapping[Severity, Tally]

    @classmethod
    def of(cls, report: ScanReport, first_seen: Mapping[FindingKey, Seen]) -> Ages:
        """Group them; one that is missing in `first_seen` counts from the report's own scan."""
        places: dict[tuple[Severity, bool, bool, datetime], list[int]] = defaultdict(list)
        for place, each in enumerate(report.findings):
            seen = first_seen.get(each.key)
            since = seen.since if seen else report.scanned_at
            fixable = each.fixed_version is not None
            places[each.severity, bool(each.known_exploited), fixable, since].append(place)
        groups = tuple(Group(*key, tuple(found)) for key, found in places.items())
        return cls(groups, tallies(report.findings))
