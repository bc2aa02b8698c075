"""OpenVEX documents, as version 0.2.0 of its specification has them."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bailiwick.policy.model_errors import in_words

CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"
_CONTEXTS: Final = "https://openvex.dev/ns"

Status = Literal["not_affected", "affected", "fixed", "under_investigation"]
Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]
_Id = Annotated[str, Field(min_length=1)]


class InvalidVex(ValueError):
    """A document that is not OpenVEX, or says what OpenVEX does not allow; the message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Vulnerability(_Part):
    """A vulnerability; `id` is an IRI that says more of it."""

    name: _Id
    id: str = Field("", alias="@id")
    aliases: tuple[str, ...] = ()


class Component(_Part):
    """A product, or a part of one, by any of several names."""

    id: str = Field("", alias="@id")
    identifiers: dict[Literal["purl", "cpe22", "cpe23"], str] = {}  # pydantic copies it
    hashes: dict[str, str] = {}  # pydantic copies it

    @property
    def purl(self) -> str:
        """Its package URL, empty where it has none."""
        return self.identifiers.get("purl") or (self.id if self.id.startswith("pkg:") else "")


class Product(Component):
    """What a statement is about: an image, or packages in it."""

    subcomponents: tuple[Component, ...] = ()


class Statement(_Part):
    """What is known of one vulnerability in some products.

    A `timestamp` of its own says that it was made at another instant than its document.
    """

    vulnerability: Vulnerability
    products: tuple[Product, ...] = ()
    status: Status
    justification: Justification | None = None
    impact_statement: str = ""
    action_statement: str = ""
    status_notes: str = ""
    timestamp: str = ""

    @model_validator(mode="after")
    def _as_openvex_demands(self) -> Statement:
        if self.status == "not_affected" and not (self.justification or self.impact_statement):
            raise ValueError("not_affected needs a justification or an impact_statement")
        if self.status == "affected" and not self.action_statement:
            raise ValueError("affected needs an action_statement")
        if self.status != "not_affected" and (self.justification or self.impact_statement):
            raise ValueError("justification and impact_statement are for not_affected only")
        if self.status != "affected" and self.action_statement:
            raise ValueError("action_statement is for affected only")
        return self


class Document(_Part):
    """A document, with at least one statement."""

    context: str = Field(alias="@context")
    id: _Id = Field(alias="@id")
    author: _Id
    timestamp: _Id
    version: int = Field(ge=1)
    statements: Annotated[tuple[Statement, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _of_a_version_that_is_known(self) -> Document:
        if not self.context.startswith(_CONTEXTS):
            raise ValueError(f"@context is {self.context!r}, and that of OpenVEX is {CONTEXT}")
        return self


def read_document(text: str | bytes) -> Document:
    """Read a document; raises InvalidVex."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidVex(f"this is not JSON: {error}") from error
    return document_of(body)


def document_of(body: object) -> Document:
    """Read a document that was parsed already; raises InvalidVex."""
    try:
        return Document.model_validate(body)
    except ValidationError as error:
        field, words = next(iter(in_words(error, {"too_short": "write at least one"}).items()))
        where = f"{field}: " if field else ""
        raise InvalidVex(f"{where}{words.removeprefix('Value error, ')}") from error


def identify(body: dict[str, Any]) -> str:
    """Return an id for a document: equal statements have equal ids."""
    text = json.dumps(body["statements"], sort_keys=True, separators=(",", ":"))
    return f"https://openvex.dev/docs/public/vex-{hashlib.sha256(text.encode()).hexdigest()}"
