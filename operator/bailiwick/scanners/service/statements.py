"""From the envelopes that a registry holds to what counts of them, and why the rest does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from bailiwick.policy.exceptions.attested import statements_about
from bailiwick.policy.exceptions.openvex import InvalidVex, document_of
from bailiwick.policy.images.attestations import (
    STATEMENTS_LIMIT,
    Attestations,
    AttestedStatement,
    Ignoring,
    Key,
)
from bailiwick.scanners.service.envelope import IN_TOTO, NotAnEnvelope, read_envelope, signer

if TYPE_CHECKING:
    from bailiwick.policy.exceptions.openvex import Document
    from bailiwick.scanners.service.envelope import Envelope, TrustedKey

OPENVEX: Final = "https://openvex.dev/ns"
_WORDS: Final = 300

_STATEMENT_TYPES = frozenset(
    {"https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"}
)


class _Subject(msgspec.Struct, frozen=True):
    digest: dict[str, str] = {}  # msgspec copies empty defaults


class _InToto(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="_type")
    predicate_type: str = msgspec.field(name="predicateType")
    subject: tuple[_Subject, ...] = ()
    predicate: object = None


@dataclass(frozen=True, slots=True)
class _Accepted:
    key: Key
    document: Document
    statements: tuple[AttestedStatement, ...]


class _Ignored(Exception):
    """Why an attestation counts for nothing."""

    def __init__(self, reason: Ignoring) -> None:
        super().__init__(reason)
        self.reason = reason


class _NotVex(Exception):
    """An attestation of something else, such as how the image was built."""


@dataclass(slots=True)
class Sorting:
    """Sorts the attestations of one image, whose `digests` are its own and those of its indexes."""

    repository: str
    digests: frozenset[str]
    keys: Sequence[TrustedKey]
    _accepted: list[_Accepted] = field(default_factory=list)
    _ignored: Counter[Ignoring] = field(default_factory=Counter)
    _problems: list[str] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        """Take one attestation, as it lies in the registry."""
        try:
            self._accepted.append(self._read(body))
        except _Ignored as ignored:
            self.ignore(ignored.reason)
        except _NotVex:
            pass

    def ignore(self, reason: Ignoring, number: int = 1) -> None:
        """Count attestations that could not even be taken."""
        self._ignored[reason] += number

    def result(self, problem: str = "") -> Attestations:
        """Return what counts, in an order that does not depend on the registry's."""
        newest: dict[tuple[Key, str], int] = {}
        for each in self._accepted:
            name = (each.key, each.document.id)
            newest[name] = max(newest.get(name, 0), each.document.version)
        kept = [e for e in self._accepted if newest[e.key, e.document.id] == e.document.version]
        ignored = self._ignored + Counter({Ignoring.SUPERSEDED: len(self._accepted) - len(kept)})
        statements = tuple(sorted({s for each in kept for s in each.statements}, key=repr))
        problem = problem or min(self._problems, default="")
        if len(statements) > STATEMENTS_LIMIT:
            problem = problem or (
                f"More than {STATEMENTS_LIMIT} statements are attested: remove old ones from the "
                "registry."
            )
        return Attestations(
            trusted=len(kept),
            statements=statements[:STATEMENTS_LIMIT],
            ignored=tuple(sorted((reason, n) for reason, n in ignored.items() if n)),
            problem=problem,
        )

    def _read(self, body: bytes) -> _Accepted:
        try:
            envelope = read_envelope(body)
        except NotAnEnvelope:
            raise _without_envelope(body) from None
        statement = _statement(envelope)
        if not envelope.signatures:
            raise _Ignored(Ignoring.UNSIGNED)
        try:
            key = signer(envelope, self.keys)
        except NotAnEnvelope:
            raise _Ignored(Ignoring.UNREADABLE) from None
        if key is None:
            raise _Ignored(Ignoring.KEY_NOT_TRUSTED)
        if not self._is_subject(statement.subject):
            raise _Ignored(Ignoring.OTHER_SUBJECT)
        try:
            document = document_of(statement.predicate)
            about = statements_about(document, self.repository, self.digests, key)
        except InvalidVex as error:
            # Somebody who is trusted says something, which may be that the image is affected.
            words = str(error)[:_WORDS]
            self._problems.append(f"What {key.name} signed cannot be read: {words}.")
            raise _Ignored(Ignoring.UNREADABLE) from None
        if not about:
            raise _Ignored(Ignoring.OTHER_PRODUCT)
        return _Accepted(key, document, about)

    def _is_subject(self, subjects: Iterable[_Subject]) -> bool:
        return any(
            f"{algorithm}:{value}" in self.digests
            for subject in subjects
            for algorithm, value in subject.digest.items()
        )


def is_openvex(predicate_type: str) -> bool:
    """Say whether a predicate is OpenVEX, of whichever version."""
    return predicate_type == OPENVEX or predicate_type.startswith(f"{OPENVEX}/")


def _statement(envelope: Envelope) -> _InToto:
    """Read the statement in an envelope, which nothing is believed of yet."""
    if envelope.payload_type != IN_TOTO:
        raise _NotVex
    try:
        statement = msgspec.json.decode(envelope.content(), type=_InToto)
    except (NotAnEnvelope, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _Ignored(Ignoring.UNREADABLE) from None
    if not is_openvex(statement.predicate_type):
        raise _NotVex
    if statement.type not in _STATEMENT_TYPES:
        raise _Ignored(Ignoring.UNREADABLE)
    return statement


def _without_envelope(body: bytes) -> Exception:
    """Say what something is that is no envelope: a document by itself is one that nobody signed."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Ignored(Ignoring.UNREADABLE)
    if not isinstance(found, dict):
        return _NotVex()
    if "payload" in found or "dsseEnvelope" in found:
        return _Ignored(Ignoring.UNREADABLE)
    context, predicate = str(found.get("@context", "")), str(found.get("predicateType", ""))
    vex = context.startswith(OPENVEX) or is_openvex(predicate)
    return _Ignored(Ignoring.UNSIGNED) if vex else _NotVex()
