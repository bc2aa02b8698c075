"""A client of the scanner adapter API v1.2, which believes nothing that a scanner says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from bailiwick.scanners import errors, wire
from bailiwick.scanners.answers import printable, refused
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.reading import read_report, same_digest
from bailiwick.scanners.source import Capabilities, Limits, Order, Pending
from bailiwick.scanners.tags import PROPERTY, TAGS, TagsAnswer, TagsRequest

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.scanners.http import Api

_PREFER_WAIT = 10


class Adapter:
    """One scanner. The API's base is that of the specification, `http://scanner:8080/api/v1`."""

    def __init__(
        self, api: Api, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.api = api
        self._clock = clock
        self._metadata: wire.Metadata | None = None

    @property
    def limits(self) -> Limits:
        """How long it may take, and how much it may say."""
        return self.api.limits

    async def capabilities(self) -> Capabilities:
        """Ask what the scanner is, and how old its database is."""
        metadata = await self.metadata()
        who = metadata.scanner
        return Capabilities(who.name, who.version, metadata.database_built)

    async def metadata(self) -> wire.Metadata:
        """Ask what the scanner is and what it gives, in the words of its API."""
        answer = await self.api.request("GET", "/metadata", headers={"Accept": wire.METADATA})
        if answer.status != HTTPStatus.OK:
            raise refused(answer, "its metadata")
        self._metadata = wire.decode(answer.body, wire.Metadata, "a scanner's metadata")
        return self._metadata

    async def start(self, order: Order) -> AdapterScan:
        """Submit a scan, unless it was begun before; raises ScanError."""
        metadata = self._metadata or await self.metadata()
        report_type = metadata.report_type()
        has_facts = metadata.produces(wire.FACTS)
        types = (report_type, wire.FACTS) if has_facts else (report_type,)
        if order.begun is not None:
            found, at = order.begun.id, order.begun.at
            return AdapterScan(self.api, found, order.image.digest, metadata, at, types)
        request = _request(order, metadata)
        submitted = self._clock()
        scan_id = await self._submit(request)
        order.taken(scan_id)
        return AdapterScan(self.api, scan_id, order.image.digest, metadata, submitted, types)

    async def start_sbom(self, order: Order, media_type: str) -> AdapterSbom:
        """Submit a scan for an SBOM in one of `wire.SBOM_FORMATS`; raises ScanError."""
        metadata = self._metadata or await self.metadata()
        if not metadata.produces(wire.SBOM_REPORT):
            raise ScanError(
                errors.NOT_SUITABLE, f'The scanner "{metadata.scanner.name}" gives no SBOMs.'
            )
        scan_id = await self._submit(_request(order, metadata, media_type))
        return AdapterSbom(self.api, scan_id, order.image.digest, media_type)

    async def tags(self, request: TagsRequest) -> TagsAnswer:
        """Ask what tags lead to; raises ScanError, also where the scanner is not ours."""
        metadata = self._metadata or await self.metadata()
        if PROPERTY not in metadata.properties:
            raise ScanError(
                errors.NOT_SUITABLE,
                f'The scanner "{metadata.scanner.name}" does not tell what tags lead to: only '
                "Bailiwick's own does.",
                permanent=True,
            )
        answer = await self.api.request(
            "POST",
            "/tags",
            headers={"Content-Type": TAGS, "Accept": TAGS},
            data=msgspec.json.encode(request),
        )
        if answer.status != HTTPStatus.OK:
            raise refused(answer, "what tags lead to")
        return wire.decode(answer.body, TagsAnswer, "what tags lead to")

    async def _submit(self, request: wire.ScanRequest) -> str:
        answer = await self.api.request(
            "POST",
            "/scan",
            headers={"Content-Type": wire.SCAN_REQUEST, "Accept": wire.SCAN_RESPONSE},
            data=msgspec.json.encode(request),
        )
        if answer.status not in (HTTPStatus.ACCEPTED, HTTPStatus.CREATED, HTTPStatus.OK):
            raise refused(answer, "the scan")
        scan_id = wire.decode(answer.body, wire.ScanResponse, "the answer to a scan request").id
        if not scan_id:
            raise ScanError(
                errors.INVALID_ANSWER, "The scanner took the scan without giving it an id."
            )
        return scan_id


def _request(order: Order, metadata: wire.Metadata, sbom: str = "") -> wire.ScanRequest:
    # These two are ours: others need not know of them.
    ours = metadata.produces(wire.FACTS)
    return wire.scan_request(
        order.image,
        authorization=order.authorization,
        plain_http=order.plain_http,
        platform=f"linux/{order.architecture}" if ours and order.architecture else "",
        indexes=order.aliases if ours else (),
        sbom=sbom,
    )


@dataclass(slots=True)
class AdapterScan:
    """A scan that an adapter has taken; `types` are the reports to fetch of it, in order."""

    api: Api
    scan_id: str
    digest: str
    metadata: wire.Metadata
    submitted: datetime
    types: tuple[str, ...]
    _bodies: list[bytes] = field(default_factory=list)

    async def poll(self) -> Pending | None:
        """Fetch what of the reports is not here yet."""
        for mime_type in self.types[len(self._bodies) :]:
            found = await _fetch(self.api, self.scan_id, mime_type)
            if isinstance(found, Pending):
                return found
            self._bodies.append(found)
        return None

    async def result(self) -> ScanReport:
        """Read the reports."""
        report, *others = self._bodies
        facts = wire.decode(others[0], wire.Facts, "the facts of an image") if others else None
        return read_report(
            report,
            raw=wire.is_raw(self.types[0]),
            digest=self.digest,
            submitted=self.submitted,
            metadata=self.metadata,
            facts=facts,
        )


@dataclass(slots=True)
class AdapterSbom:
    """An SBOM that an adapter was asked for."""

    api: Api
    scan_id: str
    digest: str
    media_type: str
    _body: bytes = b""

    async def poll(self) -> Pending | None:
        """Fetch it, where it is there."""
        query = f"?sbom_media_type={quote(self.media_type, safe='')}"
        found = await _fetch(self.api, self.scan_id, wire.SBOM_REPORT, query)
        if isinstance(found, Pending):
            return found
        self._body = found
        return None

    async def result(self) -> bytes:
        """Return the document, in the format that was asked for."""
        report = wire.decode(self._body, wire.SbomReport, "an SBOM")
        same_digest(report.artifact.digest if report.artifact else "", self.digest)
        if report.media_type != self.media_type:
            raise wire.invalid(f'an SBOM in the format "{printable(report.media_type)[:80]}"')
        return bytes(report.sbom)


async def _fetch(api: Api, scan_id: str, mime_type: str, query: str = "") -> bytes | Pending:
    headers = {"Accept": mime_type, "Prefer": f"wait={_PREFER_WAIT}"}
    path = f"/scan/{quote(scan_id, safe='')}/report{query}"
    answer = await api.request("GET", path, headers=headers)
    if answer.status == HTTPStatus.OK:
        return answer.body
    if answer.status == HTTPStatus.FOUND:
        # Where it says that the report will be is where we ask anyway, and is not followed.
        return Pending(_seconds(answer.headers.get("Refresh-After")))
    raise refused(answer, "the report")


def _seconds(refresh_after: str | None) -> float | None:
    try:
        return float(refresh_after) if refresh_after else None
    except ValueError:
        return None
