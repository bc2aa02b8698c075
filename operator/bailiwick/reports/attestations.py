"""The part of an ImageScan's status that says what is attested of the image."""

from __future__ import annotations

from collections import Counter
from typing import Final

from bailiwick.api.attestations_status import IGNORING_LIMIT, KEY_LIMIT
from bailiwick.policy.images.attestations import Attestations, Ignoring
from bailiwick.reports.fields import JSON, bounded, line, message, present

_WHY: Final = {
    Ignoring.UNSIGNED: "It is not signed. Sign it, with a key that the scanner is given by "
    "--vex-key-file.",
    Ignoring.KEY_NOT_TRUSTED: "No key that the scanner was given by --vex-key-file fits its "
    "signature, or it was changed after it was signed.",
    Ignoring.OTHER_SUBJECT: "It is signed, and about another image: its subject has to be the "
    "digest of this one.",
    Ignoring.OTHER_PRODUCT: "It is signed, and names no product that is this image or a package "
    "in it: name the image by digest, or the package by a package URL.",
    Ignoring.UNREADABLE: "It cannot be read as OpenVEX 0.2.0 in an in-toto statement in a DSSE "
    "envelope.",
    Ignoring.SUPERSEDED: "A later version of the same document is there too.",
    Ignoring.TOO_LARGE: "It is larger than any that is read.",
    Ignoring.TOO_MANY: "There are more of them than are read: remove old ones from the registry.",
}


def attestations_status(found: Attestations) -> JSON:
    """Write what was found: exact counts, and which keys signed what counts."""
    statuses = Counter(statement.status for statement in found.statements)
    keys, more = bounded(
        sorted(
            Counter(s.key for s in found.statements).items(), key=lambda e: (e[0].name, e[0].id)
        ),
        KEY_LIMIT,
    )
    return present(
        trusted=found.trusted,
        notAffected=statuses["not_affected"],
        fixed=statuses["fixed"],
        affected=statuses["affected"],
        underInvestigation=statuses["under_investigation"],
        keys=[{"name": line(key.name), "id": line(key.id), "statements": n} for key, n in keys],
        keysOmitted=more,
        ignored=[
            {"reason": reason.value, "count": number, "message": _WHY[reason]}
            for reason, number in found.ignored[:IGNORING_LIMIT]
        ],
        message=message(found.problem) or None,
    )
