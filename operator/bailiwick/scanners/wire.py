"""The scanner adapter API v1.2 as it is on the wire: MIME types, bodies, and what they mean.

The shapes are those of the pluggable scanner API that Harbor published. Two things are ours and
told by a capability, so that other adapters simply do not have them: a report of facts of the
image, and `vendor_attributes.bailiwick` in vulnerabilities. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from bailiwick.policy.images.attestations import Attestations
from bailiwick.policy.images.findings import Epss, Exploitation, HygieneFacts, Rating
from bailiwick.policy.images.references import Reference, is_digest
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError

SCAN_REQUEST = "application/vnd.scanner.adapter.scan.request+json; version=1.1"
SCAN_RESPONSE = "application/vnd.scanner.adapter.scan.response+json; version=1.1"
METADATA = "application/vnd.scanner.adapter.metadata+json; version=1.1"
ERROR = "application/vnd.scanner.adapter.error+json; version=1.0"
REPORT = "application/vnd.security.vulnerability.report; version=1.1"
OLDER_REPORT = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
RAW_REPORT = "application/vnd.scanner.adapter.vuln.report.raw"
SBOM_REPORT = "application/vnd.security.sbom.report+json; version=1.0"
SPDX = "application/spdx+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
SBOM_FORMATS = (SPDX, CYCLONEDX)
VULNERABILITY = "vulnerability"
SBOM = "sbom"
FACTS = "application/vnd.bailiwick.image.facts+json; version=1.0"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DATABASE_UPDATED_AT = "harbor.scanner-adapter/vulnerability-database-updated-at"
VENDOR = "bailiwick"

T = TypeVar("T")
_DOCKER_HUB = "index.docker.io"


class ScannerIdentity(msgspec.Struct, frozen=True):
    """Who scans."""

    name: str = ""
    vendor: str = ""
    version: str = ""


class SbomAttributes(msgspec.Struct, frozen=True, omit_defaults=True):
    """In which formats a scanner gives SBOMs."""

    sbom_media_types: tuple[str, ...] = ()


class Capability(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a scanner takes and gives; `type` is absent before v1.2 and means vulnerabilities."""

    produces_mime_types: tuple[str, ...]
    consumes_mime_types: tuple[str, ...] = ()
    type: str = ""
    additional_attributes: SbomAttributes | None = None


class Metadata(msgspec.Struct, frozen=True):
    """What a scanner says of itself."""

    scanner: ScannerIdentity
    capabilities: tuple[Capability, ...] = ()
    properties: dict[str, str] = {}  # msgspec copies empty defaults

    @property
    def database_built(self) -> datetime | None:
        """The age of the scanner's database; None where it does not tell."""
        return instant(self.properties.get(DATABASE_UPDATED_AT))

    def report_type(self) -> str:
        """Choose the report to ask for; raises ScanError where it gives none that we read."""
        for wanted in (REPORT, OLDER_REPORT):
            if self.produces(wanted):
                return wanted
        # A raw report is asked for as it is named, which is with a version or without.
        for capability in self.capabilities:
            for each in capability.produces_mime_types:
                if is_raw(each):
                    return each
        raise ScanError(
            errors.NOT_SUITABLE,
            f'The scanner "{self.scanner.name}" gives no report of vulnerabilities that Bailiwick '
            "reads. Use one with the pluggable scanner adapter API v1.",
            scanner_fault=True,
        )

    def produces(self, mime_type: str) -> bool:
        """Say whether the scanner gives reports of this type."""
        wanted = _normal(mime_type)
        return any(
            _normal(each) == wanted for c in self.capabilities for each in c.produces_mime_types
        )


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image in a registry.

    Two are ours: `platform`, `linux/arm64`, picks from an index, and `indexes` are the digests of
    those that lead to the image, of which something may be attested.
    """

    repository: str = ""
    digest: str = ""
    tag: str = ""
    mime_type: str = ""
    platform: str = ""
    indexes: tuple[str, ...] = ()


class Registry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an image is; `authorization` is the value of that HTTP header."""

    url: str
    authorization: str = ""


class EnabledCapability(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked for; `parameters` are those of SBOMs."""

    type: str
    produces_mime_types: tuple[str, ...] | None = None
    parameters: SbomAttributes | None = None


class ScanRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of `POST /scan`."""

    registry: Registry
    artifact: Artifact
    enabled_capabilities: tuple[EnabledCapability, ...] = ()

    def wants(self, capability: str) -> bool:
        """Say whether something is asked for; before v1.2 it was always vulnerabilities."""
        asked = {each.type for each in self.enabled_capabilities} or {VULNERABILITY}
        return capability in asked


class ScanResponse(msgspec.Struct, frozen=True):
    """The answer to `POST /scan`."""

    id: str


class Vulnerability(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a report; adapters leave out, or set to null, what they do not know.

    `artifact_digests` is what Harbor adds.
    """

    id: str
    package: str = ""
    version: str = ""
    fix_version: str | None = None
    severity: str | None = None
    description: str | None = None
    links: tuple[str, ...] | None = None
    preferred_cvss: dict[str, Any] | None = None
    cwe_ids: tuple[str, ...] | None = None
    vendor_attributes: dict[str, Any] | None = None
    artifact_digests: tuple[str, ...] | None = None


class Report(msgspec.Struct, frozen=True):
    """The report of either type, which share these fields."""

    artifact: Artifact | None = None
    generated_at: str | None = None
    scanner: ScannerIdentity | None = None
    severity: str | None = None
    vulnerabilities: tuple[Vulnerability, ...] | None = None


class SbomReport(msgspec.Struct, frozen=True):
    """The report of an SBOM: a document in the format that `media_type` names."""

    sbom: msgspec.Raw
    media_type: str = ""
    artifact: Artifact | None = None
    generated_at: str | None = None
    scanner: ScannerIdentity | None = None


class VendorAttributes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What our own scanner adds to a vulnerability."""

    purl: str = ""
    aliases: tuple[str, ...] = ()
    known_exploited: bool | None = None
    exploitation: Exploitation | None = None
    epss: Epss | None = None
    fix_state: str = ""
    ratings: tuple[Rating, ...] = ()


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Our own report of an image; null is not known."""

    digest: str
    manifest_digest: str | None = None
    database_built: datetime | None = None
    hygiene: HygieneFacts | None = None
    attestations: Attestations | None = None


class ErrorDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """The inside of an error's body; all but the message is ours."""

    message: str = ""
    reason: str = ""
    permanent: bool = False
    scanner_fault: bool = False


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of an error."""

    error: ErrorDetail


def scan_request(
    image: Reference,
    *,
    authorization: str = "",
    plain_http: bool = False,
    platform: str = "",
    indexes: Iterable[str] = (),
    sbom: str = "",
) -> ScanRequest:
    """Make the body of `POST /scan` for an image named by digest.

    With `sbom` it asks for an SBOM in that format in place of vulnerabilities.
    """
    if not is_digest(image.digest):
        raise ValueError(f"{image} is not named by digest")
    host = _DOCKER_HUB if image.registry == "docker.io" else image.registry
    return ScanRequest(
        registry=Registry(f"{'http' if plain_http else 'https'}://{host}", authorization),
        artifact=Artifact(
            repository=image.repository,
            digest=image.digest,
            tag=image.tag,
            mime_type=OCI_MANIFEST,
            platform=platform,
            indexes=tuple(sorted(indexes)),
        ),
        enabled_capabilities=(
            EnabledCapability(SBOM, (SBOM_REPORT,), SbomAttributes((sbom,)))
            if sbom
            else EnabledCapability(VULNERABILITY),
        ),
    )


def decode(body: bytes, kind: type[T], what: str) -> T:
    """Decode JSON into one of the shapes above; raises ScanError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"something that is not {what} ({error})") from error


def same_type(one: str, other: str) -> bool:
    """Say whether two MIME types are the same, however they are spaced and quoted."""
    return _normal(one) == _normal(other)


def is_raw(mime_type: str) -> bool:
    """Say whether a type is that of raw reports, in whichever version."""
    return _normal(mime_type)[0] == RAW_REPORT


def invalid(what: str) -> ScanError:
    """Make the error of an answer that is not what the API has; "The scanner sent …"."""
    return ScanError(
        errors.INVALID_ANSWER,
        f"The scanner sent {what}. Check that its address is that of a scanner adapter, and its "
        "own log.",
        scanner_fault=True,
    )


def instant(text: str | None) -> datetime | None:
    """Read an instant; None where there is none, or no time zone."""
    try:
        moment = msgspec.convert(text, datetime) if text else None
    except msgspec.ValidationError:
        return None
    # One without an offset tells no instant.
    return moment.astimezone(UTC) if moment and moment.tzinfo else None


def _normal(mime_type: str) -> tuple[str, ...]:
    kind, *parameters = mime_type.lower().replace('"', "").replace(" ", "").split(";")
    return kind, *sorted(p for p in parameters if not p.startswith("charset="))
