"""ImageScan, what its status says of attestations that are attached to the image."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bailiwick.api.types import APPLIED_WHOLE, ATOMIC_LIST, ApiModel, Count, Line, Message

KEY_LIMIT = 10
IGNORING_LIMIT = 10
"""More than there are reasons."""


class AttestingKey(ApiModel):
    """A key that the scanner was given, and that something was signed with."""

    name: Line
    """The name of the key: that of its file."""
    id: Line
    """The SHA-256 of the public key's DER form, in hexadecimal."""
    statements: Count
    """Statements that are signed with it."""


class IgnoredAttestations(ApiModel):
    """Attestations that count for nothing."""

    reason: Literal[
        "Unsigned",
        "KeyNotTrusted",
        "OtherSubject",
        "OtherProduct",
        "Unreadable",
        "Superseded",
        "TooLarge",
        "TooMany",
    ]
    """Why, in one word."""
    count: Count
    """How many."""
    message: Message
    """Why, and what to do."""


class AttestationsStatus(ApiModel):
    """The OpenVEX attestations that are attached to the image in its registry, as of the scan.

    They excuse something only in namespaces whose profile trusts them.
    """

    model_config = APPLIED_WHOLE

    trusted: Count = 0
    """Attestations that are signed with a key that the scanner was given."""
    not_affected: Count = 0
    """Statements of those that the image is not affected."""
    fixed: Count = 0
    """Statements that the image has a fix."""
    affected: Count = 0
    """Statements that the image is affected, which excuse nothing."""
    under_investigation: Count = 0
    """Statements that it is not known yet, which excuse nothing."""
    keys: Annotated[
        tuple[AttestingKey, ...], Field(max_length=KEY_LIMIT, json_schema_extra=ATOMIC_LIST)
    ] = ()
    """The keys that they are signed with."""
    keys_omitted: Count = 0
    """How many more keys there are."""
    ignored: Annotated[
        tuple[IgnoredAttestations, ...],
        Field(max_length=IGNORING_LIMIT, json_schema_extra=ATOMIC_LIST),
    ] = ()
    """Attestations that count for nothing, by reason."""
    message: Message | None = None
    """Why not all could be read, in which case none excuses anything; absent where all were."""
