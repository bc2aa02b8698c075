"""VulnerabilityException, and its twin for the whole cluster: a vulnerability that is tolerated.

The words are those of OpenVEX. What stands under different fields is narrowed by each of them, and
what stands under one field is widened by each of its entries.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from bailiwick.api.types import (
    AS_SET,
    ATOMIC_LIST,
    ATOMIC_MAP,
    ApiModel,
    Count,
    Digest,
    Generation,
    Instant,
    LabelSelector,
    Line,
    Message,
    Moment,
    Rule,
    Status,
    Text,
    bounded,
    rules,
)

MATCH_LIMIT = 20
SCOPE_LIMIT = 50
"""How many packages, images or digests one exception lists."""
VULNERABILITY_LIMIT = 100
ID_LENGTH = 64
ID_PATTERN = "[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9:.]+)+"

VulnerabilityId = Annotated[
    str,
    bounded(
        ID_LENGTH,
        Rule(
            f"self.matches('^{ID_PATTERN}$')",
            "write the id that the scan reports, such as CVE-2026-12345 or GHSA-xxxx-xxxx-xxxx",
        ),
    ),
]


_User = Annotated[str, bounded(253, minLength=1)]
"""A user's name as the API server knows it."""


class PackageScope(ApiModel):
    """A package, in all its versions or in some."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "has(self.name) != has(self.purl)",
                "write either name or purl",
            ),
            Rule(
                "!has(self.versions) || !has(self.purl)"
                " || !self.purl.split('?')[0].split('#')[0].contains('@')",
                "the purl names a version: leave it out there, or leave out versions",
            ),
        )
    )

    name: Annotated[str, bounded(253, minLength=1)] | None = None
    """The name of the package, as the scan reports it: openssl."""
    purl: (
        Annotated[
            str,
            bounded(
                512,
                Rule(
                    "self.matches('^pkg:[a-z0-9.+-]+/.+$')",
                    "write a package URL: pkg:deb/debian/openssl",
                ),
            ),
        ]
        | None
    ) = None
    """The package as a package URL. What it does not say, a version or a qualifier, may be any."""
    versions: (
        Annotated[
            str,
            bounded(
                512,
                Rule(
                    "self.matches('^vers:[a-z0-9.+-]+/.+$')",
                    "write a range of versions: vers:deb/<3.0.11-1~deb12u2",
                ),
            ),
        ]
        | None
    ) = None
    """Its versions, as a version range of the scheme vers; all where it is left out."""


class VulnerabilityExceptionSpec(ApiModel):
    """Which vulnerabilities, in which images and packages, are tolerated, why, and until when."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "self.status != 'not_affected' || has(self.justification)"
                " || has(self.impactStatement)",
                "not_affected needs justification or impactStatement: say why it does not matter",
            ),
            Rule(
                "self.status != 'affected' || has(self.actionStatement)",
                "affected needs actionStatement: say what is done about it meanwhile",
            ),
            Rule(
                "self.status == 'not_affected' || !(has(self.justification)"
                " || has(self.impactStatement))",
                "justification and impactStatement are for not_affected: leave them out, and"
                " say under reason why it is tolerated",
            ),
            Rule(
                "self.status == 'affected' || !has(self.actionStatement)",
                "actionStatement is for affected: leave it out, and say under reason what is done",
            ),
        )
    )

    vulnerabilities: Annotated[
        tuple[VulnerabilityId, ...],
        Field(min_length=1, max_length=VULNERABILITY_LIMIT, json_schema_extra=AS_SET),
    ]
    """The ids of the vulnerabilities, or other ids of the same ones."""
    # Never as sets: one that server-side apply leaves empty would be no limit at all.
    packages: (
        Annotated[
            tuple[PackageScope, ...],
            Field(min_length=1, max_length=SCOPE_LIMIT, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """Packages that they are tolerated in; all where it is left out."""
    images: (
        Annotated[
            tuple[Annotated[str, bounded(253, minLength=1)], ...],
            Field(min_length=1, max_length=SCOPE_LIMIT, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """Repositories as patterns, registry.example.com/shop/*; all where it is left out."""
    digests: (
        Annotated[
            tuple[Digest, ...],
            Field(min_length=1, max_length=SCOPE_LIMIT, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """Images by digest; all where it is left out."""
    workload: LabelSelector | None = None
    """Pods by their labels: an image counts where no other pod of the namespace runs it. All where
    it is left out."""
    status: Literal["not_affected", "affected", "fixed", "under_investigation"]
    """What is known of the vulnerability here, in the words of OpenVEX."""
    justification: (
        Literal[
            "component_not_present",
            "vulnerable_code_not_present",
            "vulnerable_code_not_in_execute_path",
            "vulnerable_code_cannot_be_controlled_by_adversary",
            "inline_mitigations_already_exist",
        ]
        | None
    ) = None
    """Why the images are not affected, in the words of OpenVEX. For not_affected only."""
    impact_statement: Text | None = None
    """Why the images are not affected, in your words. For not_affected only."""
    action_statement: Text | None = None
    """What is done about it meanwhile. For affected only."""
    reason: Annotated[str, bounded(1024, minLength=1)]
    """Why it is tolerated, for the auditor."""
    ticket: Text | None = None
    """Where it is followed up."""
    author: _User | None = None
    """Who made or last changed this, by the name that the API server knows them by. Needed where
    an approval is: whoever approves is somebody else."""
    expires_at: Instant
    """When the exception ends."""


class ApprovalStatus(ApiModel):
    """Who lets the exception be in force. Written by somebody who may write this status."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    by: _User
    """Who approved it, by the name that the API server knows them by."""
    at: Moment
    """When."""
    generation: Generation
    """The metadata.generation that was approved: a change of the spec voids the approval."""


class MatchedImage(ApiModel):
    """An image that has something in it that the exception is for."""

    image: Line
    """Its repository."""
    digest: Line
    """Its digest."""
    findings: Count
    """How many of its findings the exception is for."""


class MatchedFinding(ApiModel):
    """A vulnerability that the exception is for."""

    vulnerability: Line
    """The vulnerability's id, as the scan reports it."""
    package: Line
    """The package that it is in."""
    version: Line | None = None
    """The version of the package."""
    fixed_version: Line | None = None
    """The version that mends it; absent where none is known."""
    image: Line
    """The repository of the image that it is in."""
    digest: Line
    """The image's digest."""


class VulnerabilityExceptionStatus(Status):
    """What the exception does."""

    state: (
        Literal[
            "Active",
            "AwaitingApproval",
            "MatchesNothing",
            "ExpiresSoon",
            "Expired",
            "Invalid",
            "Superseded",
        ]
        | None
    ) = None
    """Where it stands. Active, MatchesNothing, ExpiresSoon and Superseded are in force; Superseded
    says that everything it is for has been mended, or can be. Absent until it was evaluated."""
    message: Message | None = None
    """What it does, in words."""
    approval: ApprovalStatus | None = None
    """Who lets it be in force. The operator never writes this field."""
    last_matched: Moment | None = None
    """When it was last noted to match anything: when that began, or ended. Absent: never."""
    matched_images: Count | None = None
    """Images that have something in them that it is for."""
    matched_findings: Count | None = None
    """Findings that it is for, over all these images."""
    fixable_findings: Count | None = None
    """Those of them for which a fixed version is known."""
    images: (
        Annotated[
            tuple[MatchedImage, ...], Field(max_length=MATCH_LIMIT, json_schema_extra=ATOMIC_LIST)
        ]
        | None
    ) = None
    """The images."""
    images_omitted: Count | None = None
    """How many more images there are."""
    findings: (
        Annotated[
            tuple[MatchedFinding, ...],
            Field(max_length=MATCH_LIMIT, json_schema_extra=ATOMIC_LIST),
        ]
        | None
    ) = None
    """The findings."""
    findings_omitted: Count | None = None
    """How many more there are."""
