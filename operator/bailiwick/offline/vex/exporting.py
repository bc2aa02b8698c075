"""From exceptions to an OpenVEX document that says the same of images known by digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from packageurl import PackageURL
from pydantic import ValidationError

from bailiwick.api.exception import VulnerabilityExceptionSpec, VulnerabilityExceptionStatus
from bailiwick.policy.assessment.history import stamp
from bailiwick.policy.exceptions.openvex import CONTEXT, identify
from bailiwick.policy.model_errors import in_words

JSON = dict[str, Any]

KINDS: Final = frozenset({"VulnerabilityException", "ClusterVulnerabilityException"})


@dataclass(frozen=True, slots=True)
class Exported:
    """A document, None where it would have no statement, and what is not in it and why."""

    document: JSON | None
    left_out: tuple[str, ...]


class _LeftOut(Exception):
    """Why an exception is in no document."""


def document_of(
    exceptions: Iterable[Mapping[str, Any]], author: str, now: datetime, *, all_states: bool
) -> Exported:
    """Write exceptions, as the API has them, as a document of `author`.

    Those that are not in force are left out, unless `all_states` asks for them.
    """
    statements, left_out = [], []
    for body in sorted(exceptions, key=_name):
        try:
            statements.append(_statement(body, None if all_states else now))
        except _LeftOut as why:
            left_out.append(f"{_name(body)}: {why}")
    if not statements:
        return Exported(None, tuple(left_out))
    document = {
        "@context": CONTEXT,
        "@id": "",
        "author": author,
        "timestamp": stamp(now),
        "version": 1,
        "statements": statements,
    }
    document["@id"] = identify(document)
    return Exported(document, tuple(left_out))


def _statement(body: Mapping[str, Any], in_force_at: datetime | None) -> JSON:
    try:
        spec = VulnerabilityExceptionSpec.model_validate(body.get("spec") or {})
        status = VulnerabilityExceptionStatus.model_validate(body.get("status") or {})
    except ValidationError as error:
        field, words = next(iter(in_words(error).items()))
        raise _LeftOut(f"{field}: {words}") from error
    in_force = any(c.type == "InForce" and c.status == "True" for c in status.conditions or ())
    if in_force_at and not in_force:
        raise _LeftOut(f"it is not in force ({status.state or 'never evaluated'})")
    if in_force_at and spec.expires_at <= in_force_at:
        # Whatever its status says: the operator may not have been there to write it.
        raise _LeftOut(f"it ended on {stamp(spec.expires_at)}")
    if spec.workload is not None:
        raise _LeftOut("it is for some workloads only, which OpenVEX cannot say")
    first, *others = spec.vulnerabilities
    parts = _parts(spec)
    statement: JSON = {
        "vulnerability": {"name": first, **({"aliases": others} if others else {})},
        "products": [
            {**product, **({"subcomponents": parts} if parts else {})}
            for product in _products(spec, status)
        ],
        "status": spec.status,
        **_why(spec),
        "status_notes": spec.reason,
    }
    return {field: value for field, value in statement.items() if value}


def _why(spec: VulnerabilityExceptionSpec) -> JSON:
    """Return what OpenVEX lets a statement of this status say."""
    if spec.status == "not_affected":
        return {"justification": spec.justification, "impact_statement": spec.impact_statement}
    return {"action_statement": spec.action_statement} if spec.status == "affected" else {}


def _products(spec: VulnerabilityExceptionSpec, status: VulnerabilityExceptionStatus) -> list[JSON]:
    if status.images_omitted:
        raise _LeftOut(
            f"its status lists not all of its images ({status.images_omitted} more): narrow it"
        )
    known = {(each.image, each.digest) for each in status.images or ()}
    if not spec.images:
        known |= {("", digest) for digest in set(spec.digests or ()) - {d for _, d in known}}
    if not known:
        raise _LeftOut("no image is known that it is for: it names no digest, and matched none")
    return [_product(repository, digest) for repository, digest in sorted(known)]


def _product(repository: str, digest: str) -> JSON:
    where = {"repository_url": repository} if repository else None
    name = repository.rpartition("/")[2] or "image"
    purl = PackageURL("oci", name=name, version=digest, qualifiers=where).to_string()
    return {
        "@id": purl,
        "identifiers": {"purl": purl},
        "hashes": {"sha-256": digest.removeprefix("sha256:")},
    }


def _parts(spec: VulnerabilityExceptionSpec) -> list[JSON]:
    parts = []
    for package in spec.packages or ():
        if package.purl is None or package.versions is not None:
            # To leave the part out would say it of the whole image.
            raise _LeftOut(
                "it names a package in a way that OpenVEX does not know: name it by a package "
                "URL, without a range of versions"
            )
        parts.append({"@id": package.purl, "identifiers": {"purl": package.purl}})
    return parts


def _name(body: Mapping[str, Any]) -> str:
    metadata = body.get("metadata") or {}
    namespace = metadata.get("namespace")
    name = str(metadata.get("name", ""))
    return f"{namespace}/{name}" if namespace else name
