"""What was attested of an image in its registry, by keys that the platform trusts.

An attestation is evidence of the scan that found it: it is kept with the report, is as old as the
report, and is gone with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

STATEMENTS_LIMIT: Final = 5000
"""How many statements are kept of one image; where there are more, none excuses anything."""

VexStatus = Literal["not_affected", "affected", "fixed", "under_investigation"]


class Ignoring(StrEnum):
    """Why an attestation is ignored."""

    UNSIGNED = "Unsigned"
    KEY_NOT_TRUSTED = "KeyNotTrusted"
    OTHER_SUBJECT = "OtherSubject"
    OTHER_PRODUCT = "OtherProduct"
    UNREADABLE = "Unreadable"
    SUPERSEDED = "Superseded"
    TOO_LARGE = "TooLarge"
    TOO_MANY = "TooMany"


@dataclass(frozen=True, slots=True)
class Key:
    """A public key: by what name the platform has it, and the SHA-256 of its DER form, in hex."""

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class AttestedStatement:
    """One OpenVEX statement about an image, signed with a trusted key.

    `packages` are package URLs; without any it is about the whole image.
    """

    vulnerability: str
    status: VexStatus
    key: Key
    at: datetime
    aliases: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    justification: str = ""
    impact: str = ""
    action: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Attestations:
    """What was found of attestations: documents, their statements, and what was ignored and why.

    `trusted` counts the documents that `statements` are from. `problem` says why they could not
    be looked for, or not all of them; empty where they could.
    """

    trusted: int = 0
    statements: tuple[AttestedStatement, ...] = ()
    ignored: tuple[tuple[Ignoring, int], ...] = ()
    problem: str = ""
