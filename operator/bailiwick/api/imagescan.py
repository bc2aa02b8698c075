"""ImageScan: what is known of one image, whoever runs it. The operator writes these itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bailiwick.api.attestations_status import AttestationsStatus
from bailiwick.api.images_status import FindingFacts
from bailiwick.api.types import (
    APPLIED_WHOLE,
    AS_SET,
    ATOMIC_LIST,
    ApiModel,
    Count,
    Digest,
    Line,
    Message,
    Moment,
    Status,
    Text,
)

ALIAS_LIMIT = 20
TAGS_LIMIT = 40
TOOL_LIMIT = 20
SCAN_WORST_LIMIT = 20


class ImageScanSpec(ApiModel):
    """The image, by the digest of its platform's manifest."""

    digest: Digest
    """The digest of the manifest."""
    registry: Line
    """The host of the registry, with its port where it has one."""
    repository: Line
    """The repository in the registry."""
    platform: Line | None = None
    """Operating system and architecture: linux/amd64. Absent where it is not known."""
    media_type: Line | None = None
    """The media type of the manifest. Absent where it is not known."""


class Scanner(ApiModel):
    """Who scanned, and with what knowledge."""

    name: Line
    """The scanner's name."""
    version: Line | None = None
    """The scanner's version."""
    database_built: Moment | None = None
    """When its vulnerability database was built; absent where it does not tell."""


class SeverityCount(ApiModel):
    """How many vulnerabilities there are."""

    total: Count = 0
    """All of them."""
    fixable: Count = 0
    """Those for which a fixed version is known."""


class SeverityCounts(ApiModel):
    """Vulnerabilities by severity, exact whatever the lists leave out."""

    critical: SeverityCount = SeverityCount()
    """Severity Critical."""
    high: SeverityCount = SeverityCount()
    """Severity High."""
    medium: SeverityCount = SeverityCount()
    """Severity Medium."""
    low: SeverityCount = SeverityCount()
    """Severity Low."""
    negligible: SeverityCount = SeverityCount()
    """Severity Negligible."""
    unknown: SeverityCount = SeverityCount()
    """Severity not known."""


Tools = Annotated[tuple[Text, ...], Field(max_length=TOOL_LIMIT, json_schema_extra=AS_SET)]


class Hygiene(ApiModel):
    """What the image is made of. What is absent here is not known."""

    user: Line | None = None
    """The user that the image runs as; empty where it names none, which is root."""
    runs_as_root: bool | None = None
    """Whether the image asks for root."""
    created: Moment | None = None
    """When the image says it was built. Reproducible builds say 1970 or 1980, which counts as not
    known."""
    os: Line | None = None
    """The distribution and its version."""
    os_end_of_life: bool | None = None
    """Whether the distribution still gets security updates: true where it does not."""
    architecture: Line | None = None
    """The processor architecture."""
    shells: Tools | None = None
    """Shells, by their paths; packages whose program was not found are named as such, in each of
    these lists."""
    package_managers: Tools | None = None
    """Package managers, by their paths."""
    debug_tools: Tools | None = None
    """Tools to look into running systems, by their paths."""
    build_tools: Tools | None = None
    """Compilers and what belongs to them, by their paths."""
    setuid: Tools | None = None
    """Files that run as their owner or group, whoever starts them."""
    omitted: Count = 0
    """How many more there are than the lists hold."""


class ScanFinding(FindingFacts):
    """One vulnerability in one package."""

    title: Text | None = None
    """What it is about."""
    link: Text | None = None
    """Where to read more."""


class OngoingScan(ApiModel):
    """A scan that a scanner has taken, so that it is found again after a restart."""

    source: Line
    """The scanner, as the operator's configuration names it."""
    id: Line
    """By what the scanner knows the scan."""


class TagStatus(ApiModel):
    """What a tag leads to, as its registry says."""

    repository: Line
    """The repository, with its registry."""
    name: Line
    """The tag."""
    digest: Digest | None = None
    """The digest that it leads to; absent where the registry has the tag no more."""
    manifest: Digest | None = None
    """The platform's manifest of that."""
    newer: Line | None = None
    """A tag of the same form that is a newer version."""
    moved_at: Moment | None = None
    """When it was seen to lead to another digest than before."""


class BaseStatus(ApiModel):
    """What the image says it was built on."""

    repository: Line
    """The repository that the image is run from."""
    name: Text
    """The name of the base."""
    digest: Digest | None = None
    """By which digest it was built on."""
    now: Digest | None = None
    """What that name leads to now."""
    now_manifest: Digest | None = None
    """The platform's manifest of that."""
    problem: Message | None = None
    """Why it is not known what the name leads to."""


class FreshnessStatus(ApiModel):
    """What registries said, where a profile asks for that."""

    model_config = APPLIED_WHOLE

    since: Moment
    """Since when this is so; it was asked for again later."""
    tags: Annotated[
        tuple[TagStatus, ...], Field(max_length=TAGS_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """The tags that pods run the image by."""
    tags_omitted: Count = 0
    """How many more tags there are."""
    bases: Annotated[
        tuple[BaseStatus, ...], Field(max_length=TAGS_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """What it was built on, by the repository that it is run from."""
    bases_omitted: Count = 0
    """How many more repositories there are."""


class ImageScanStatus(Status):
    """What the last scan found. A rescan keeps it until the new result is there."""

    phase: Literal["Queued", "Scanning", "Scanned", "Failed"] | None = None
    """Where the newest scan stands. Queued: the first is waited for. Failed with scannedAt: an
    older result is still there."""
    reason: Line | None = None
    """Why the newest scan failed or is waited for, in one word."""
    message: Message | None = None
    """Why, and what to do."""
    aliases: Annotated[
        tuple[Digest, ...], Field(max_length=ALIAS_LIMIT, json_schema_extra=AS_SET)
    ] = ()
    """Digests of indexes that this image was run by."""
    aliases_omitted: Count = 0
    """How many more aliases there are."""
    requested_at: Moment | None = None
    """When the newest scan was asked for."""
    started_at: Moment | None = None
    """When the newest scan began."""
    ongoing: OngoingScan | None = None
    """The scan that runs, where the scanner gave it an id; absent once it ended."""
    scanned_at: Moment | None = None
    """When the result below was made."""
    next_scan_at: Moment | None = None
    """When the next attempt is made at the earliest, after a failure."""
    attempts: Count | None = None
    """How often in a row the scan failed."""
    scanner: Scanner | None = None
    """Who made the result."""
    counts: SeverityCounts | None = None
    """Vulnerabilities by severity; absent until there is a result."""
    critical: Count | None = None
    """Vulnerabilities of severity Critical, for the column."""
    high: Count | None = None
    """Vulnerabilities of severity High, for the column."""
    known_exploited: Count | None = None
    """Vulnerabilities that are known to be exploited, for the column."""
    fixable: Count | None = None
    """Vulnerabilities of any severity for which a fixed version is known, for the column."""
    hygiene: Hygiene | None = None
    """What the image is made of; absent where the scanner does not tell."""
    attestations: AttestationsStatus | None = None
    """What is attested of the image; absent where the scanner was given no key to trust."""
    freshness: FreshnessStatus | None = None
    """What its tags and its base lead to now; absent where nobody asks for it."""
    worst: Annotated[
        tuple[ScanFinding, ...], Field(max_length=SCAN_WORST_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """The vulnerabilities to mend first. All of them are in the evidence store."""
    worst_omitted: Count = 0
    """How many more there are."""
