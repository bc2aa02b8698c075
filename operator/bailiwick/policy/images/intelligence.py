"""What is told of vulnerabilities beside scans: which are exploited, and how likely that is."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bailiwick.policy.images.findings import Epss, Exploitation, Finding, ScanReport

_CVE = re.compile(r"CVE-(\d{4})-(\d{4,9})")
_NUMBER_BITS = 32


@dataclass(frozen=True, slots=True)
class KnownExploited:
    """A list of known exploited vulnerabilities by CVE id; `bad` entries could not be read."""

    entries: Mapping[str, Exploitation]
    as_of: datetime | None = None
    bad: int = 0

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True, slots=True)
class EpssScores:
    """EPSS scores of all CVE ids, in 16 bytes each; `bad` lines could not be read."""

    ids: array[int]
    scores: array[float]
    percentiles: array[float]
    as_of: datetime | None = None
    bad: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, cve: str) -> Epss | None:
        """Return the score of a vulnerability; None where there is none."""
        number = cve_number(cve)
        if number is None:
            return None
        at = bisect_left(self.ids, number)
        if at == len(self.ids) or self.ids[at] != number:
            return None
        # Scores have five decimals, which is what four bytes are good for.
        score, percentile = round(self.scores[at], 5), round(self.percentiles[at], 5)
        return Epss(score, percentile, self.as_of.date() if self.as_of else None)


@dataclass(frozen=True, slots=True)
class Intelligence:
    """Both lists, each None where it is not set up or could not be read yet."""

    exploited: KnownExploited | None = None
    epss: EpssScores | None = None

    def enrich(self, report: ScanReport) -> ScanReport:
        """Return a report with what the lists know of its findings, in the order that follows.

        What a scanner calls known exploited stays so, whatever the list says.
        """
        if self.exploited is None and self.epss is None:
            return report
        findings = [self._enriched(each) for each in report.findings]
        if all(new is old for new, old in zip(findings, report.findings, strict=True)):
            return report
        return report.with_findings(findings)

    def _enriched(self, finding: Finding) -> Finding:
        cves = [each for each in (finding.id, *finding.aliases) if each.startswith("CVE-")]
        if not cves:
            return finding
        known, advisory = finding.known_exploited, finding.advisory
        if self.exploited is not None:
            entry = next((e for cve in cves if (e := self.exploited.entries.get(cve))), None)
            known = bool(known) or entry is not None
            advisory = replace(advisory, exploitation=entry) if entry else advisory
        if self.epss is not None:
            scores = [found for cve in cves if (found := self.epss.of(cve))]
            best = max(scores, key=lambda each: each.score, default=None)
            advisory = replace(advisory, epss=best) if best else advisory
        if known == finding.known_exploited and advisory == finding.advisory:
            return finding
        return replace(finding, known_exploited=known, advisory=advisory)


def cve_number(cve: str) -> int | None:
    """Return a CVE id as a number that sorts as it does; None for what is no CVE id."""
    matched = _CVE.fullmatch(cve)
    return (int(matched[1]) << _NUMBER_BITS) + int(matched[2]) if matched else None
