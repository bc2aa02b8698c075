"""From OpenVEX statements to the exceptions that say the same, and nothing more."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from packageurl import PackageURL

from bailiwick.api.exception import ID_LENGTH, ID_PATTERN, SCOPE_LIMIT, VULNERABILITY_LIMIT
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
    numbers: Counter[str] = Counter()
    for index, statement in enumerate(document.statements):
        where = f"statements[{index}]"
        if not statement.products:
            raise InvalidVex(f"{where} names no product, and would be for every image")
        ids = _ids(statement, where)
        for scope in _scopes(statement, where):
            numbers[ids[0]] += 1
            name = _name(ids[0], document, numbers[ids[0]])
            made.append(
                _manifest(name, statement, {"vulnerabilities": ids, **scope}, document, terms)
            )
    return made


def _manifest(
    name: str, statement: Statement, scope: JSON, document: Document, terms: Terms
) -> JSON:
    namespaced = {"namespace": terms.namespace} if terms.namespace else {}
    spec = {
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


def _ids(statement: Statement, where: str) -> list[str]:
    """Return the ids that a scan may report; raises InvalidVex where the vulnerability has none.

    Aliases of other forms, which no scan reports, are left out.
    """
    known = statement.vulnerability
    if not _is_id(known.name):
        raise InvalidVex(
            f"{where}.vulnerability.name: {known.name[:100]} is not an id that a scan reports: "
            "write CVE-2026-12345 or GHSA-xxxx-xxxx-xxxx"
        )
    found = list(dict.fromkeys((known.name, *filter(_is_id, known.aliases))))
    if len(found) > VULNERABILITY_LIMIT:
        raise InvalidVex(f"{where}.vulnerability: write {VULNERABILITY_LIMIT} ids at most")
    return found


def _is_id(text: str) -> bool:
    return len(text) <= ID_LENGTH and re.fullmatch(ID_PATTERN, text) is not None


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
        # A digest says enough, whatever the repository is called.
        field, named = ("digests", digests) if digests else ("images", repositories)
        # One entry of each list is enough to fit, so that parts of the lists add up to the whole.
        for some in _pieces(named):
            for packages in _pieces(parts) if parts else [()]:
                scope: JSON = {"packages": [{"purl": p} for p in packages]} if packages else {}
                yield scope | {field: list(some)}


def _pieces(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), SCOPE_LIMIT):
        yield items[start : start + SCOPE_LIMIT]


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


def _name(vulnerability: str, document: Document, number: int) -> str:
    """Name an exception: the same for another version of a document, others for other documents."""
    plain = re.sub(r"[^a-z0-9]+", "-", vulnerability.lower()).strip("-")
    source = hashlib.sha256(document.id.encode()).hexdigest()[:8]
    end = f"-{source}-{number}"
    return plain[: _NAME_LIMIT - len(end)].strip("-") + end


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
