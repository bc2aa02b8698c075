"""A client of the scanner adapter API v1.2, which believes nothing that a scanner says.

Everything is bounded: each request in time and size, the whole scan by a deadline. Redirects
are never followed. Failures are `ScanError`s with a reason; when to try again is the caller's
to decide.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import msgspec

from bailiwick.scanners import errors, wire
from bailiwick.scanners.answers import ERROR_BYTES, Answer, read, refused, words
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.reading import read_report

if TYPE_CHECKING:
    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.policy.images.references import Reference

_PREFER_WAIT = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one scanner; seconds, and bytes of one answer.

    `poll_default` is what a scanner that names no `Refresh-After` is asked again after.
    """

    request_seconds: float = 30.0
    scan_seconds: float = 900.0
    answer_bytes: int = 32 * 1024 * 1024
    poll_default: float = 5.0
    poll_least: float = 0.2
    poll_most: float = 60.0


class Adapter:
    """One scanner.

    `url` is the base of its API, `http://scanner:8080/api/v1`. `token` is asked for the bearer
    token before each request, so that a token that was rotated is used at once.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        *,
        token: Callable[[], str] | None = None,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.url = url.rstrip("/")
        self._http = http
        self._token = token
        self._limits = limits or Limits()
        self._clock = clock
        self._metadata: wire.Metadata | None = None

    async def metadata(self) -> wire.Metadata:
        """Ask what the scanner is, what it gives, and how old its database is."""
        answer = await self._request("GET", "/metadata", headers={"Accept": wire.METADATA})
        if answer.status != HTTPStatus.OK:
            raise refused(answer, "its metadata")
        self._metadata = wire.decode(answer.body, wire.Metadata, "a scanner's metadata")
        return self._metadata

    async def scan(
        self,
        image: Reference,
        *,
        authorization: str = "",
        plain_http: bool = False,
        architecture: str = "",
    ) -> ScanReport:
        """Scan an image named by digest and return the report; raises ScanError.

        `authorization` is sent for the image's registry and no other. `architecture` picks the
        platform where the digest is an index's, for scanners that can.
        """
        metadata = self._metadata or await self.metadata()
        report_type = metadata.report_type()
        has_facts = metadata.produces(wire.FACTS)
        request = wire.scan_request(
            image,
            authorization=authorization,
            plain_http=plain_http,
            platform=f"linux/{architecture}" if architecture and has_facts else "",
        )
        submitted = self._clock()
        deadline = time.monotonic() + self._limits.scan_seconds
        scan_id = await self._submit(request, deadline)
        body = await self._await_report(scan_id, report_type, deadline)
        facts = None
        if has_facts:
            sent = await self._await_report(scan_id, wire.FACTS, deadline)
            facts = wire.decode(sent, wire.Facts, "the facts of an image")
        return read_report(
            body, digest=image.digest, submitted=submitted, metadata=metadata, facts=facts
        )

    async def _submit(self, request: wire.ScanRequest, deadline: float) -> str:
        answer = await self._request(
            "POST",
            "/scan",
            headers={"Content-Type": wire.SCAN_REQUEST, "Accept": wire.SCAN_RESPONSE},
            data=msgspec.json.encode(request),
            deadline=deadline,
        )
        if answer.status not in (HTTPStatus.ACCEPTED, HTTPStatus.CREATED, HTTPStatus.OK):
            raise refused(answer, "the scan")
        scan_id = wire.decode(answer.body, wire.ScanResponse, "the answer to a scan request").id
        if not scan_id:
            raise ScanError(
                errors.INVALID_ANSWER, "The scanner took the scan without giving it an id."
            )
        return scan_id

    async def _await_report(self, scan_id: str, mime_type: str, deadline: float) -> bytes:
        path = f"/scan/{quote(scan_id, safe='')}/report"
        headers = {"Accept": mime_type, "Prefer": f"wait={_PREFER_WAIT}"}
        while True:
            answer = await self._request("GET", path, headers=headers, deadline=deadline)
            if answer.status == HTTPStatus.OK:
                return answer.body
            if answer.status != HTTPStatus.FOUND:
                raise refused(answer, "the report")
            pause = self._pause(answer.headers.get("Refresh-After"))
            if time.monotonic() + pause >= deadline:
                raise self._out_of_time()
            await asyncio.sleep(pause)

    def _out_of_time(self) -> ScanError:
        return ScanError(
            errors.TIMED_OUT,
            f"The scanner was not done after {self._limits.scan_seconds:.0f} seconds. It may be "
            "overloaded, or the image very large: look at the scanner's log.",
        )

    def _pause(self, refresh_after: str | None) -> float:
        try:
            asked = float(refresh_after) if refresh_after else self._limits.poll_default
        except ValueError:
            asked = self._limits.poll_default
        # "nan" is a float too, and the comparisons of min and max would let it through.
        if asked != asked:
            asked = self._limits.poll_default
        return min(max(asked, self._limits.poll_least), self._limits.poll_most)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        data: bytes | None = None,
        deadline: float | None = None,
    ) -> Answer:
        headers = {**headers, "Accept-Encoding": "identity", **self._authorization()}
        seconds = self._limits.request_seconds
        if deadline is not None:
            seconds = max(0.1, min(seconds, deadline - time.monotonic()))
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(5.0, seconds))
        try:
            async with self._http.request(
                method,
                self.url + path,
                headers=headers,
                data=data,
                timeout=timeout,
                allow_redirects=False,
                # What was read is counted, so nothing may grow after that.
                auto_decompress=False,
            ) as response:
                good = response.status < HTTPStatus.MULTIPLE_CHOICES
                if good and response.headers.get("Content-Encoding", "identity") != "identity":
                    raise wire.invalid("a compressed answer, which it was not asked for")
                limit = self._limits.answer_bytes if good else ERROR_BYTES
                body = await read(response, limit, strict=good)
                return Answer(response.status, response.headers, body)
        except TimeoutError as error:
            if deadline is not None and time.monotonic() >= deadline:
                raise self._out_of_time() from error
            raise ScanError(
                errors.UNREACHABLE,
                f"The scanner at {self.url} did not answer within {seconds:.0f} seconds. Check "
                "that it runs and is not overloaded.",
                scanner_fault=True,
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ScanError(
                errors.UNREACHABLE,
                f"The scanner at {self.url} cannot be reached ({words(error)}). Check that it "
                "runs, and that a NetworkPolicy lets the operator reach it.",
                scanner_fault=True,
            ) from error

    def _authorization(self) -> dict[str, str]:
        if self._token is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self._token()}"}
        except (OSError, ValueError) as error:
            raise ScanError(
                errors.UNAUTHORIZED,
                f"The token for the scanner cannot be read ({error}). Mount its Secret, or name "
                "the file by --scanner-token-file.",
                scanner_fault=True,
            ) from error
