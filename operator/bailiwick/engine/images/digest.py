"""What is known of one digest, and the groups that its findings are judged in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from bailiwick.policy.exceptions.attested import excused_by_attestations
from bailiwick.policy.images.ages import Ages

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import FindingIdentity, FindingKey, ScanReport
    from bailiwick.policy.images.seen import Seen
    from bailiwick.policy.images.state import Failure

FirstSeen: TypeAlias = "Mapping[FindingKey, Seen]"
Attested: TypeAlias = "Mapping[FindingIdentity, tuple[str, ...]]"


@dataclass(frozen=True, slots=True)
class Ongoing:
    """A scan that a source knows by an id, since when."""

    source: str
    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Aged:
    """The groups of a report's findings, and what they were made of."""

    report: ScanReport
    seen: FirstSeen
    ages: Ages


@dataclass(slots=True)
class Knowledge:
    """What the operator knows of one digest.

    `refusal` is why it is not scanned at all, `failure` why the last scan came to nothing.
    `unsaved` is a new report that the evidence store has not taken yet. `noted` are the
    repositories of which it is known since when the findings are there. `lost` says in words
    which evidence cannot be read: that of the report, or by repository of those instants.
    `started` is when the newest scan began, `retry` ends the wait after a failure. `ongoing` is
    the scan that a source has taken, in this process or an earlier one, `notified` when a
    registry told that it has a new result.
    """

    report: ScanReport | None = None
    noted: frozenset[str] = frozenset()
    lost: dict[str, str] = field(default_factory=dict)
    unsaved: ScanReport | None = None
    failure: Failure | None = None
    refusal: Failure | None = None
    scanning: bool = False
    started: datetime | None = None
    ongoing: Ongoing | None = None
    notified: datetime | None = None
    retry: bool = False
    loaded: bool = False
    unused_since: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ages: dict[str, _Aged] = field(default_factory=dict)
    _attested: tuple[ScanReport, Attested] | None = None

    def ages_in(self, repository: str, seen: FirstSeen) -> Ages | None:
        """Return the groups of the report's findings, made once for each change of either."""
        if self.report is None:
            return None
        aged = self._ages.get(repository)
        if aged is None or aged.report is not self.report or aged.seen is not seen:
            aged = _Aged(self.report, seen, Ages.of(self.report, seen))
            self._ages[repository] = aged
        return aged.ages

    def attested(self) -> Attested:
        """Return by which keys which findings are attested not to matter, read once a report."""
        if self.report is None:
            return {}
        if self._attested is None or self._attested[0] is not self.report:
            found = excused_by_attestations(self.report.findings, self.report.attestations)
            self._attested = self.report, found
        return self._attested[1]
