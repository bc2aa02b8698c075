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
from bailiwick.scanners.answers import refused
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.reading import read_report
from bailiwick.scanners.source import Capabilities, Limits, Order, Pending

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
        request = wire.scan_request(
            order.image,
            authorization=order.authorization,
            plain_http=order.plain_http,
            # The platform is ours: others need not know of it.
            platform=f"linux/{order.architecture}" if order.architecture and has_facts else "",
        )
        submitted = self._clock()
        scan_id = await self._submit(request)
        order.taken(scan_id)
        return AdapterScan(self.api, scan_id, order.image.digest, metadata, submitted, types)

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
            found = await self._fetch(mime_type)
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
            digest=self.digest,
            submitted=self.submitted,
            metadata=self.metadata,
            facts=facts,
        )

    async def _fetch(self, mime_type: str) -> bytes | Pending:
        headers = {"Accept": mime_type, "Prefer": f"wait={_PREFER_WAIT}"}
        path = f"/scan/{quote(self.scan_id, safe='')}/report"
        answer = await self.api.request("GET", path, headers=headers)
        if answer.status == HTTPStatus.OK:
            return answer.body
        if answer.status == HTTPStatus.FOUND:
            return Pending(_seconds(answer.headers.get("Refresh-After")))
        raise refused(answer, "the report")


def _seconds(refresh_after: str | None) -> float | None:
    try:
        return float(refresh_after) if refresh_after else None
    except ValueError:
        return None
