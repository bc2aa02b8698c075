"""From OpenVEX statements to the exceptions that say the same, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from packageurl import PackageURL

from bailiwick.api.meta import API_VERSION
from bailiwick.policy.assessment.history import stamp
from bailiwick.policy.exceptions.openvex import Document, InvalidVex, Product, Statement
from bailiwick.policy.exceptions.products import NamedImage, image_of

JSON = dict[str, Any]

_REASON_LIMIT: Final = 1024
_TEXT_LIMIT: Final = 1024
_NAME_LIMIT: Final = 63


@dataclass(frozen=True, slots=True)
class Terms:
    """What a document does not say: where the exceptions are made, by whom, and until when.

    An empty namespace makes the platform's ClusterVulnerabilityExceptions.
    """

    namespace: str
    author: str
    expires_at: datetime
    ticket: str = ""


def exceptions_of(document: Document, terms: Terms) -> list[JSON]:
    """Return the exceptions of a document as manifests; raises InvalidVex.

    A statement becomes one of them, or several where its products differ in their parts or are
    known in different ways: an exception is for all combinations of what it lists.
    """
    made: list[JSON] = []
    for index, statement in enumerate(document.statements):
        where = f"statements[{index}]"
        if not statement.products:
            raise InvalidVex(f"{where} names no product, and would be for every image")
        for scope in _scopes(statement, where):
            name = _name(statement.vulnerability.name, len(made))
            made.append(_manifest(name, statement, scope, document, terms))
    return made


def _manifest(
    name: str, statement: Statement, scope: JSON, document: Document, terms: Terms
) -> JSON:
    namespaced = {"namespace": terms.namespace} if terms.namespace else {}
    spec = {
        "vulnerabilities": _ids(statement),
        **scope,
        "status": statement.status,
        "justification": statement.justification,
        "impactStatement": _cut(statement.impact_statement, _TEXT_LIMIT),
        "actionStatement": _cut(statement.action_statement, _TEXT_LIMIT),
        "reason": _cut(_reason(statement, document), _REASON_LIMIT),
        "ticket": terms.ticket,
        "author": terms.author,
        "expiresAt": stamp(terms.expires_at),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "VulnerabilityException" if terms.namespace else "ClusterVulnerabilityException",
        "metadata": {"name": name, **namespaced},
        "spec": {field: value for field, value in spec.items() if value},
    }


def _ids(statement: Statement) -> list[str]:
    found = dict.fromkeys((statement.vulnerability.name, *statement.vulnerability.aliases))
    return list(found)


def _reason(statement: Statement, document: Document) -> str:
    said = statement.status_notes or statement.impact_statement or statement.action_statement
    source = f"OpenVEX document {document.id} of {document.author}"
    return f"{said} ({source})" if said else f"As said by {source}"


def _scopes(statement: Statement, where: str) -> Iterator[JSON]:
    """Group products so that all combinations within a group are meant."""
    groups: dict[tuple[tuple[str, ...], bool], list[NamedImage]] = {}
    for index, product in enumerate(statement.products):
        place = f"{where}.products[{index}]"
        image = _image(product, place)
        parts = tuple(sorted(_part(part.purl, place) for part in product.subcomponents))
        groups.setdefault((parts, bool(image.digest)), []).append(image)
    for (parts, _), images in groups.items():
        repositories = sorted({each.repository for each in images} - {""})
        digests = sorted({each.digest for each in images} - {""})
        whole = all(each.repository for each in images)
        scope: JSON = {"packages": [{"purl": purl} for purl in parts]} if parts else {}
        # A digest says enough, whatever the repository is called.
        scope |= {"images": repositories} if whole and not digests else {}
        yield scope | ({"digests": digests} if digests else {})


def _image(product: Product, place: str) -> NamedImage:
    """Find out which image a product is; raises InvalidVex where it is none that is known."""
    image = image_of(product)
    if image is None:
        named = product.purl or product.id or "a product without a name"
        raise InvalidVex(
            f"{place}: {named} is not an image that is known by digest or repository. Name it as "
            "pkg:oci/NAME@sha256:…?repository_url=REGISTRY/REPOSITORY"
        )
    return image


def _part(purl: str, place: str) -> str:
    try:
        return PackageURL.from_string(purl).to_string()
    except ValueError as error:
        raise InvalidVex(f"{place}.subcomponents: each needs a package URL") from error


def _name(vulnerability: str, number: int) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", vulnerability.lower()).strip("-")
    return f"{plain[: _NAME_LIMIT - 5]}-{number + 1}".strip("-")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
