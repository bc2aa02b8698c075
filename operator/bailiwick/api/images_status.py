"""SecurityIntent, what its status says of images: what runs, what is due, what is tolerated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bailiwick.api.types import (
    APPLIED_WHOLE,
    ATOMIC_LIST,
    ApiModel,
    Count,
    Line,
    Message,
    Moment,
    Text,
)

Verdict = Literal["Unscanned", "Scanning", "Failed", "Stale", "Violating", "Clean"]
SeverityName = Literal["Critical", "High", "Medium", "Low", "Negligible", "Unknown"]

WORST_LIMIT = 20
PROBLEM_LIMIT = 20
EXCEPTED_BY_LIMIT = 5
RATING_LIMIT = 5
WORKLOAD_LIMIT = 10


class ExploitationFacts(ApiModel):
    """What a list of known exploited vulnerabilities says."""

    added: Line | None = None
    """The day on which it was put on the list."""
    due: Line | None = None
    """The day by which the list itself wants it mended."""
    ransomware: bool | None = None
    """Whether ransomware is known to use it; absent where that is not known."""


class EpssFacts(ApiModel):
    """How likely it is exploited within 30 days, by FIRST's EPSS."""

    score: Line
    """The probability, between 0 and 1."""
    percentile: Line | None = None
    """The share of all vulnerabilities that are not likelier."""
    date: Line | None = None
    """The day of the model's run."""


class CvssFacts(ApiModel):
    """The CVSS base score."""

    score: Line
    """The score, between 0 and 10."""
    vector: Line | None = None
    """What the score is made of."""


class SourceRating(ApiModel):
    """How one source rates a vulnerability."""

    source: Line
    """The source: debian, github, nvd."""
    severity: SeverityName
    """Its rating."""


class FindingFacts(ApiModel):
    """One vulnerability in one package."""

    vulnerability: Line
    """The vulnerability's id."""
    package: Line
    """The package that it is in."""
    version: Line | None = None
    """The version of the package."""
    fixed_version: Line | None = None
    """The version that mends it; absent where none is known."""
    fix_state: Literal["fixed", "wont-fix", "not-fixed"] | None = None
    """Whether the maintainers of the package mended it; absent where nobody tells."""
    severity: SeverityName
    """How bad it is: the highest rating of all sources, but the distribution's own where it rates
    its package."""
    known_exploited: bool | None = None
    """Whether it is known to be exploited; absent where nobody tells."""
    exploitation: ExploitationFacts | None = None
    """What the list of known exploited vulnerabilities says of it."""
    epss: EpssFacts | None = None
    """How likely it is exploited; absent where nobody tells."""
    cvss: CvssFacts | None = None
    """Its CVSS base score; absent where nobody tells."""
    ratings: (
        Annotated[
            tuple[SourceRating, ...], Field(max_length=RATING_LIMIT, json_schema_extra=ATOMIC_LIST)
        ]
        | None
    ) = None
    """How each source rates it, where they differ."""
    ratings_omitted: Count | None = None
    """How many more ratings there are."""


class DueFinding(FindingFacts):
    """A vulnerability in an image that runs here, with its deadline."""

    image: Text
    """The image, as a workload names it."""
    digest: Line
    """The image's digest."""
    first_seen: Moment | None = None
    """When it was first seen in this repository."""
    reappeared: Moment | None = None
    """When it came back after it had been gone: its deadline counts from then; else absent."""
    last_absent: Moment | None = None
    """Since when it was gone before it came back; absent where it never was."""
    due_by: Moment | None = None
    """By when it must be gone; absent where the profile sets no limit."""
    overdue: bool = False
    """Whether that has passed, and no exception is in force for it."""
    excepted_by: (
        Annotated[
            tuple[Line, ...], Field(max_length=EXCEPTED_BY_LIMIT, json_schema_extra=ATOMIC_LIST)
        ]
        | None
    ) = None
    """The exceptions in force for it, by name; absent where there is none."""
    excepted_by_omitted: Count | None = None
    """How many more exceptions are in force for it."""
    attested_by: (
        Annotated[
            tuple[Line, ...], Field(max_length=EXCEPTED_BY_LIMIT, json_schema_extra=ATOMIC_LIST)
        ]
        | None
    ) = None
    """The trusted keys with which it is attested not to matter here; absent where there is none."""
    attested_by_omitted: Count | None = None
    """How many more keys there are."""


class ImageProblem(ApiModel):
    """An image that is not Clean."""

    image: Text
    """The image, as a workload names it."""
    digest: Line | None = None
    """The image's digest; absent where the container runtime did not report one."""
    verdict: Verdict
    """What is known of the image."""
    reason: Line
    """Why, in one word."""
    message: Message
    """Why, and what to do."""
    remediation: Message | None = None
    """What to rebuild it on, and which packages to update, where vulnerabilities are overdue."""
    workloads: (
        Annotated[tuple[Line, ...], Field(max_length=WORKLOAD_LIMIT, json_schema_extra=ATOMIC_LIST)]
        | None
    ) = None
    """Who runs it: Deployment/cart."""
    workloads_omitted: Count | None = None
    """How many more workloads run it."""


class ImagesStatus(ApiModel):
    """The images that run in the namespace. The counts by verdict add up to digests."""

    model_config = APPLIED_WHOLE

    digests: Count = 0
    """Images that run here, each counted once."""
    unscanned: Count = 0
    """Images that were never scanned."""
    scanning: Count = 0
    """Images whose first scan runs."""
    failed: Count = 0
    """Images whose scan failed, and that have no result."""
    stale: Count = 0
    """Images whose result is too old."""
    violating: Count = 0
    """Images with a vulnerability that is past its deadline."""
    clean: Count = 0
    """Images with nothing past its deadline, by a result that is fresh."""
    overdue: Count = 0
    """Vulnerabilities in these images that are past their deadline."""
    due_soon: Count = 0
    """Vulnerabilities whose deadline is within the next 7 days."""
    known_exploited: Count = 0
    """Vulnerabilities that are known to be exploited, but for excepted ones."""
    no_fix: Count = 0
    """Vulnerabilities for which no fix is known, but for excepted ones."""
    next_due: Moment | None = None
    """The next deadline that has not passed; absent where there is none."""
    excepted: Count = 0
    """Vulnerabilities in these images that an exception is in force for."""
    attested: Count = 0
    """Those that no exception is in force for, but that are attested not to matter."""
    problems: Annotated[
        tuple[ImageProblem, ...], Field(max_length=PROBLEM_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """Images that are not Clean."""
    problems_omitted: Count = 0
    """How many more images are not Clean."""
    worst: Annotated[
        tuple[DueFinding, ...], Field(max_length=WORST_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """The vulnerabilities that are the most urgent: overdue ones first."""
    worst_omitted: Count = 0
    """How many more vulnerabilities there are."""


class ExceptionsStatus(ApiModel):
    """The exceptions of the namespace, and those of the platform that are for something in it."""

    model_config = APPLIED_WHOLE

    active: Count = 0
    """Exceptions in force."""
    expiring_soon: Count = 0
    """Those of them that expire soon."""
    expired: Count = 0
    """Exceptions that have expired, and except nothing."""
    awaiting_approval: Count = 0
    """Exceptions that nobody has approved yet, and that except nothing until then."""
    invalid: Count = 0
    """Exceptions that except nothing because of what they say."""
