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


class DueFinding(ApiModel):
    """A vulnerability in an image that runs here, with its deadline."""

    image: Text
    """The image, as a workload names it."""
    digest: Line
    """The image's digest."""
    vulnerability: Line
    """The vulnerability's id."""
    package: Line
    """The package that it is in."""
    version: Line | None = None
    """The version of the package."""
    fixed_version: Line | None = None
    """The version that mends it; absent where none is known."""
    severity: SeverityName
    """How bad it is, as the scanner rates it."""
    known_exploited: bool | None = None
    """Whether it is known to be exploited; absent where the scanner does not tell."""
    first_seen: Moment | None = None
    """When it was first seen in this repository."""
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
    excepted: Count = 0
    """Vulnerabilities in these images that an exception is in force for."""
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
