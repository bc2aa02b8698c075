"""What trusted attestations say of findings, and of which images documents speak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from packageurl import PackageURL

from bailiwick.policy.exceptions.openvex import InvalidVex
from bailiwick.policy.exceptions.packages import InvalidScope, Package
from bailiwick.policy.exceptions.products import image_of
from bailiwick.policy.images.attestations import AttestedStatement
from bailiwick.policy.images.deadlines import Excuse

if TYPE_CHECKING:
    from bailiwick.policy.exceptions.openvex import Document, Product, Statement
    from bailiwick.policy.images.attestations import Attestations, Key
    from bailiwick.policy.images.findings import Finding, FindingIdentity

_EXCUSING = frozenset({"not_affected", "fixed"})
# What a status or a report shows of each text.
_TEXT_LIMIT = 1024
_LISTED_LIMIT = 100


def statements_about(
    document: Document, repository: str, digests: Set[str], key: Key
) -> tuple[AttestedStatement, ...]:
    """Return what a document of `key` says of an image; raises InvalidVex.

    `digests` are the image's and those of indexes that lead to it. A statement without products is
    about the subject of its attestation. What names its product or part in a way that is not
    understood is left out: it would become wider than it was meant.
    """
    found = []
    for index, statement in enumerate(document.statements):
        at = _instant(statement.timestamp or document.timestamp, f"statements[{index}].timestamp")
        base = AttestedStatement(
            vulnerability=statement.vulnerability.name[:_TEXT_LIMIT],
            status=statement.status,
            key=key,
            at=at,
            aliases=tuple(sorted(set(statement.vulnerability.aliases)))[:_LISTED_LIMIT],
            justification=statement.justification or "",
            impact=statement.impact_statement[:_TEXT_LIMIT],
            action=statement.action_statement[:_TEXT_LIMIT],
            author=document.author[:_TEXT_LIMIT],
        )
        found += [
            replace(base, packages=packages) for packages in _parts(statement, repository, digests)
        ]
    return tuple(found)


def excused_by_attestations(
    findings: Iterable[Finding], attestations: Attestations | None
) -> Mapping[FindingIdentity, tuple[str, ...]]:
    """Return, of the findings that are attested not to matter, by which keys, by their names.

    Of several statements about a finding the newest decides, whoever signed it; of those made at
    the same instant, any that does not excuse it. Where not all could be read, nothing is
    excused: what is missing may say otherwise.
    """
    if attestations is None or attestations.problem:
        return {}
    by_id: dict[str, list[AttestedStatement]] = defaultdict(list)
    for statement in attestations.statements:
        for name in {statement.vulnerability.upper(), *(a.upper() for a in statement.aliases)}:
            by_id[name].append(statement)
    if not by_id:
        return {}
    excused = {}
    for finding in findings:
        said = [
            statement
            for name in {finding.id.upper(), *(alias.upper() for alias in finding.aliases)}
            for statement in by_id.get(name, ())
            if _is_about(statement, finding)
        ]
        if not said:
            continue
        newest = max(statement.at for statement in said)
        latest = [statement for statement in said if statement.at == newest]
        if all(statement.status in _EXCUSING for statement in latest):
            excused[finding.identity] = tuple(sorted({s.key.name for s in latest}))
    return excused


def with_attestations(
    excuses: Mapping[FindingIdentity, Excuse],
    attested: Mapping[FindingIdentity, tuple[str, ...]],
) -> Mapping[FindingIdentity, Excuse]:
    """Add what keys attest to what exceptions excuse."""
    if not attested:
        return excuses
    merged = dict(excuses)
    for identity, keys in attested.items():
        merged[identity] = replace(merged.get(identity, Excuse(())), attested_by=keys)
    return merged


def _parts(statement: Statement, repository: str, digests: Set[str]) -> Iterator[tuple[str, ...]]:
    """Give the packages of each product that is this image, or in it."""
    if not statement.products:
        yield ()
    for product in statement.products:
        if not _is_image(product, repository, digests):
            # A package by itself is one of the image that the attestation is of.
            if not product.subcomponents and _is_package(product.purl):
                yield (product.purl,)
            continue
        packages = tuple(sorted(part.purl for part in product.subcomponents))
        if all(map(_is_package, packages)):
            yield packages


def _is_image(product: Product, repository: str, digests: Set[str]) -> bool:
    image = image_of(product)
    if image is None:
        return False
    return image.digest in digests if image.digest else image.repository == repository


def _is_package(purl: str) -> bool:
    try:
        return PackageURL.from_string(purl).type not in ("oci", "docker")
    except ValueError:
        return False


def _is_about(statement: AttestedStatement, finding: Finding) -> bool:
    if not statement.packages:
        return True
    try:
        return any(Package.parse_purl(purl).has(finding) for purl in statement.packages)
    except InvalidScope:
        return False


def _instant(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidVex(f"{where} is not an instant with a time zone")
