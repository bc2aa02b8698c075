"""From the API's JSON to an exception. One that cannot be understood is for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from bailiwick.api.exception import ApprovalStatus, PackageScope, VulnerabilityExceptionSpec
from bailiwick.policy.declared import selector_of
from bailiwick.policy.effective import Refusal
from bailiwick.policy.exceptions.model import Approval, DeclaredException, Scope
from bailiwick.policy.exceptions.packages import InvalidScope, Package, Versions
from bailiwick.policy.model_errors import in_words

_WORDS: Final = {"too_short": "an empty list is for nothing: write at least one entry"}


def read_exception(
    *,
    namespace: str,
    name: str,
    generation: int,
    created: datetime,
    spec: Mapping[str, Any],
    status: Mapping[str, Any],
) -> DeclaredException:
    """Read an exception; never raises."""
    approval = _approval(status.get("approval"))
    try:
        read = VulnerabilityExceptionSpec.model_validate(spec)
    except ValidationError as error:
        field, words = next(iter(in_words(error, _WORDS).items()))
        problem = Refusal(f"spec.{field}" if field else "spec", words)
        return DeclaredException(
            namespace, name, generation, created, approval=approval, problem=problem
        )
    scope = _scope(read)
    return DeclaredException(
        namespace=namespace,
        name=name,
        generation=generation,
        created=created,
        author=read.author or "",
        expires_at=read.expires_at.astimezone(UTC),
        approval=approval,
        scope=scope if isinstance(scope, Scope) else None,
        problem=scope if isinstance(scope, Refusal) else None,
    )


def _scope(spec: VulnerabilityExceptionSpec) -> Scope | Refusal:
    packages = []
    for index, entry in enumerate(spec.packages or ()):
        package = _package(entry, f"spec.packages[{index}]")
        if isinstance(package, Refusal):
            return package
        packages.append(package)
    for index, pattern in enumerate(spec.images or ()):
        problem = _wrong_pattern(pattern)
        if problem:
            return Refusal(f"spec.images[{index}]", f'"{pattern}" {problem}')
    return Scope(
        vulnerabilities=frozenset(each.upper() for each in spec.vulnerabilities),
        packages=tuple(packages),
        images=spec.images or (),
        digests=frozenset(spec.digests or ()),
        workload=None if spec.workload is None else selector_of(spec.workload),
    )


def _package(entry: PackageScope, field: str) -> Package | Refusal:
    if bool(entry.name) == bool(entry.purl):
        return Refusal(field, "write either name or purl")
    try:
        versions = Versions.parse(entry.versions) if entry.versions else None
    except InvalidScope as error:
        return Refusal(f"{field}.versions", str(error))
    if not entry.purl:
        return Package(name=entry.name or "", versions=versions)
    try:
        package = Package.parse_purl(entry.purl, versions)
    except InvalidScope as error:
        return Refusal(f"{field}.purl", str(error))
    if versions is not None and package.purl is not None and package.purl.version:
        return Refusal(field, "the purl names a version: leave it out there, or leave out versions")
    return package


def _wrong_pattern(pattern: str) -> str:
    """Say why a pattern could never fit what somebody means by it; empty where it can."""
    host, _, path = pattern.partition("/")
    if "@" in pattern or ":" in path:
        return "names a tag or a digest: write the repository alone, and digests under digests"
    if not ("." in host or ":" in host or "*" in host or host == "localhost"):
        return f"names no registry: write docker.io/{pattern if path else 'library/' + pattern}"
    return ""


def _approval(value: object) -> Approval | None:
    try:
        read = ApprovalStatus.model_validate(value)
    except ValidationError:
        return None
    return Approval(read.by, read.at.astimezone(UTC), read.generation)
