"""VulnerabilityException, and its twin for the whole cluster: a vulnerability that is tolerated.

The words are those of OpenVEX. Nothing in the operator acts on exceptions yet, and their status
says so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from bailiwick.api.types import (
    AS_SET,
    ApiModel,
    Count,
    Instant,
    Line,
    Message,
    Rule,
    Status,
    Text,
    bounded,
    rules,
)

VulnerabilityId = Annotated[
    str,
    bounded(
        64,
        Rule(
            "self.matches('^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9:.]+)+$')",
            "write the id that the scan reports, such as CVE-2026-12345 or GHSA-xxxx-xxxx-xxxx",
        ),
    ),
]


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
        )
    )

    vulnerabilities: Annotated[
        tuple[VulnerabilityId, ...], Field(min_length=1, max_length=100, json_schema_extra=AS_SET)
    ]
    """The ids of the vulnerabilities."""
    images: Annotated[tuple[Line, ...], Field(max_length=50, json_schema_extra=AS_SET)] = ()
    """Images as patterns, registry.example.com/shop/*; all where it is left out."""
    packages: Annotated[tuple[Line, ...], Field(max_length=50, json_schema_extra=AS_SET)] = ()
    """Package names or package URLs; all where it is left out."""
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
    """Why the images are not affected, in the words of OpenVEX."""
    impact_statement: Text | None = None
    """Why the images are not affected, in your words."""
    action_statement: Text | None = None
    """What is done about it meanwhile."""
    reason: Annotated[str, bounded(1024, minLength=1)]
    """Why it is tolerated, for the auditor."""
    ticket: Text | None = None
    """Where it is followed up."""
    expires_at: Instant
    """When the exception ends."""


class VulnerabilityExceptionStatus(Status):
    """What the exception does."""

    matched_images: Count | None = None
    """Images that it applies to."""
    matched_findings: Count | None = None
    """Findings that it excepts."""
    matched: Annotated[tuple[Line, ...], Field(max_length=20, json_schema_extra=AS_SET)] | None = (
        None
    )
    """Digests of the images that it applies to."""
    matched_omitted: Count | None = None
    """How many more images it applies to."""
    state: Literal["Active", "MatchesNothing", "ExpiresSoon", "Expired", "Invalid"] | None = None
    """Whether it is in force. Absent until it was evaluated: see condition Ready."""
    message: Message | None = None
    """What it does, in words."""
