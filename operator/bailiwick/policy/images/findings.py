"""What a scan found in one image, in the words of the scanner adapter API.

What a scanner did not tell is None, never zero or False: absence is not a pass.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import TypeVar

from bailiwick.policy.images.attestations import Attestations

T = TypeVar("T")
_ZERO_YEARS = 1980


class Severity(IntEnum):
    """How bad a vulnerability is, as the scanner rates it; higher is worse."""

    UNKNOWN = 0
    NEGLIGIBLE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @classmethod
    def parse(cls, text: str) -> Severity:
        """Read a scanner's word; one that the adapter API does not have is UNKNOWN."""
        return cls.__members__.get(text.strip().upper(), cls.UNKNOWN)

    @property
    def label(self) -> str:
        """The word for people, `Critical`."""
        return self.name.capitalize()


class FixState(StrEnum):
    """What the maintainers of a package say of a fix; None elsewhere: they say nothing."""

    FIXED = "fixed"
    WONT_FIX = "wont-fix"
    NOT_FIXED = "not-fixed"


@dataclass(frozen=True, slots=True)
class Epss:
    """How likely a vulnerability is exploited within 30 days, as FIRST's EPSS has it.

    `score` and `percentile` lie between 0 and 1; `day` is that of the model's run.
    """

    score: float
    percentile: float
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Exploitation:
    """An entry of a list of known exploited vulnerabilities, in the words of CISA's catalogue.

    `due` is that list's own deadline. `ransomware` is None where the list says Unknown.
    """

    added: date | None = None
    due: date | None = None
    ransomware: bool | None = None


@dataclass(frozen=True, slots=True)
class Cvss:
    """A CVSS base score, 0 to 10, with its vector where it was told."""

    score: float
    vector: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """How one source rates a vulnerability.

    `own` where the source is the distribution that the package is of.
    """

    source: str
    severity: Severity
    own: bool = False


@dataclass(frozen=True, slots=True)
class Advisory:
    """What is known of a vulnerability wherever it is found; None and empty: not told."""

    epss: Epss | None = None
    exploitation: Exploitation | None = None
    cvss: Cvss | None = None
    ratings: tuple[Rating, ...] = ()


UNTOLD = Advisory()


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability in one version of one package.

    `severity` is the one that counts (see `rating`). `fixed_version` is None where no fix is
    known, `known_exploited` None where nobody tells. `aliases` are other ids of the same
    vulnerability.
    """

    id: str
    package: str
    version: str
    severity: Severity
    fixed_version: str | None = None
    known_exploited: bool | None = None
    purl: str = ""
    aliases: tuple[str, ...] = ()
    title: str = ""
    link: str = ""
    fix_state: FixState | None = None
    advisory: Advisory = UNTOLD

    @property
    def key(self) -> FindingKey:
        """What `firstSeen` belongs to, within a repository: it outlives a rebuild."""
        return self.id, self.package

    @property
    def identity(self) -> FindingIdentity:
        """What tells it from the others of its report."""
        return self.id, self.package, self.version


FindingKey = tuple[str, str]
"""Vulnerability id and package name."""
FindingIdentity = tuple[str, str, str]
"""Vulnerability id, package name and package version."""


@dataclass(frozen=True, slots=True)
class HygieneFacts:
    """What is in an image besides vulnerabilities; None where it is not known.

    `user` is the image configuration's, and empty where that names none, which is root. The
    lists hold paths of programs, sorted, and after them packages of which no program was found:
    `package curl`. `setuid` are files that run as their owner or group, whoever starts them.
    """

    user: str | None = None
    created: datetime | None = None
    os: str | None = None
    os_end_of_life: bool | None = None
    architecture: str | None = None
    shells: tuple[str, ...] | None = None
    package_managers: tuple[str, ...] | None = None
    debug_tools: tuple[str, ...] | None = None
    build_tools: tuple[str, ...] | None = None
    setuid: tuple[str, ...] | None = None

    @property
    def built(self) -> datetime | None:
        """Return when the image was built; None where that is not known.

        Reproducible builds say 1970, 1980 or the year 1, which is no date.
        """
        return self.created if self.created and self.created.year > _ZERO_YEARS else None

    @property
    def runs_as_root(self) -> bool | None:
        """Say whether the image asks for root, unless its pod says otherwise; None: not known.

        A name that is not `root` may still be user 0 in the image's passwd file.
        """
        if self.user is None:
            return None
        name = self.user.partition(":")[0]
        return name in ("", "root") or (name.isdecimal() and int(name) == 0)


@dataclass(frozen=True, slots=True)
class ScanReport:
    """The result of one scan of one digest.

    `digest` is the one asked for; `manifest_digest` is that of the platform's manifest, which
    differs where an index was asked for, and is None where the scanner does not tell.
    `database_built` is the age of what the scanner knew, None where it does not tell.
    `attestations` is None where nobody looked for any.
    Make it by `of`, which puts the findings into their order.
    """

    digest: str
    scanned_at: datetime
    scanner: str = ""
    scanner_version: str = ""
    database_built: datetime | None = None
    manifest_digest: str | None = None
    findings: tuple[Finding, ...] = ()
    hygiene: HygieneFacts | None = None
    attestations: Attestations | None = None

    @classmethod
    def of(
        cls,
        digest: str,
        scanned_at: datetime,
        findings: Iterable[Finding],
        *,
        scanner: str = "",
        scanner_version: str = "",
        database_built: datetime | None = None,
        manifest_digest: str | None = None,
        hygiene: HygieneFacts | None = None,
        attestations: Attestations | None = None,
    ) -> ScanReport:
        """Make a report: findings worst first, each vulnerability of a package version once."""
        return cls(
            digest=digest,
            scanned_at=scanned_at,
            scanner=scanner,
            scanner_version=scanner_version,
            database_built=database_built,
            manifest_digest=manifest_digest,
            findings=worst_first(_without_repeats(findings)),
            hygiene=hygiene,
            attestations=attestations,
        )

    def with_findings(self, findings: Iterable[Finding]) -> ScanReport:
        """Return the same report with more known of its findings, in their order."""
        return replace(self, findings=worst_first(findings))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings there are, and for how many of them a fixed version is known."""

    total: int = 0
    fixable: int = 0


def tallies(findings: Iterable[Finding]) -> dict[Severity, Tally]:
    """Count findings by severity, worst first; every severity is a key."""
    found = list(findings)
    totals = Counter(each.severity for each in found)
    fixable = Counter(each.severity for each in found if each.fixed_version is not None)
    worst_first = sorted(Severity, reverse=True)
    return {severity: Tally(totals[severity], fixable[severity]) for severity in worst_first}


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by what to mend first, as far as that does not depend on deadlines.

    Exploited ones, then by severity, those with a fix before others, then the likelier ones.
    """
    return tuple(sorted(findings, key=_rank))


def bounded(items: Sequence[T], limit: int) -> tuple[tuple[T, ...], int]:
    """Return the first `limit` items and the exact number of those left out."""
    return tuple(items[:limit]), max(0, len(items) - limit)


def _rank(finding: Finding) -> tuple[bool, int, bool, float, str, str, str]:
    return (
        not finding.known_exploited,
        -finding.severity,
        finding.fixed_version is None,
        -likelihood(finding),
        finding.id,
        finding.package,
        finding.version,
    )


def likelihood(finding: Finding) -> float:
    """Return the EPSS score of a finding, for sorting: 0 where it is not known."""
    return finding.advisory.epss.score if finding.advisory.epss else 0.0


def _without_repeats(findings: Iterable[Finding]) -> Iterable[Finding]:
    # A package that lies in an image twice is reported twice; the worse of what is said stands.
    groups: dict[FindingIdentity, list[Finding]] = defaultdict(list)
    for each in findings:
        groups[each.identity].append(each)
    for group in groups.values():
        if len(group) == 1:
            yield group[0]
            continue
        exploited = max(
            (e.known_exploited for e in group if e.known_exploited is not None), default=None
        )
        yield replace(min(group, key=_preference), known_exploited=exploited)


def _preference(finding: Finding) -> tuple[int, bool, str]:
    # The text of all fields, so that the choice does not depend on the order of a report.
    return -finding.severity, finding.fixed_version is None, repr(finding)
