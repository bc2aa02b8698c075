"""A client of the scanner adapter API v1.2, which believes nothing that a scanner says.

Everything is bounded: each request in time and size, the whole scan by a deadline. Redirects
are never followed. Failures are `ScanError`s with a reason; when to try again is the caller's
to decide.
"""

from __future__ import annotations

import asyncio
import re
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
from bailiwick.scanners.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.policy.images.references import Reference

_REASON = re.compile(r"[A-Z][A-Za-z]{2,40}")
_MESSAGE_LIMIT = 500
_ERROR_BYTES = 64 * 1024
_PREFER_WAIT = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one scanner; seconds, and bytes of one answer after decompression.

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
            raise _refused(answer, "its metadata")
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
        scan_id = await self._submit(request)
        body = await self._await_report(scan_id, report_type, deadline)
        facts = None
        if has_facts:
            sent = await self._await_report(scan_id, wire.FACTS, deadline)
            facts = wire.decode(sent, wire.Facts, "the facts of an image")
        return wire.read_report(
            body, digest=image.digest, submitted=submitted, metadata=metadata, facts=facts
        )

    async def _submit(self, request: wire.ScanRequest) -> str:
        answer = await self._request(
            "POST",
            "/scan",
            headers={"Content-Type": wire.SCAN_REQUEST, "Accept": wire.SCAN_RESPONSE},
            data=msgspec.json.encode(request),
        )
        if answer.status not in (HTTPStatus.ACCEPTED, HTTPStatus.CREATED, HTTPStatus.OK):
            raise _refused(answer, "the scan")
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
                raise _refused(answer, "the report")
            pause = self._pause(answer.headers.get("Refresh-After"))
            if time.monotonic() + pause >= deadline:
                raise ScanError(
                    errors.TIMED_OUT,
                    f"The scanner was not done after {self._limits.scan_seconds:.0f} seconds. It "
                    "may be overloaded, or the image very large: look at the scanner's log.",
                )
            await asyncio.sleep(pause)

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
    ) -> _Answer:
        if self._token is not None:
            headers = {**headers, "Authorization": f"Bearer {self._token()}"}
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
            ) as response:
                good = response.status < HTTPStatus.MULTIPLE_CHOICES
                limit = self._limits.answer_bytes if good else _ERROR_BYTES
                body = await _read(response, limit, strict=good)
                return _Answer(response.status, response.headers, body)
        except TimeoutError as error:
            raise ScanError(
                errors.UNREACHABLE,
                f"The scanner at {self.url} did not answer within {seconds:.0f} seconds. Check "
                "that it runs and is not overloaded.",
                scanner_fault=True,
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ScanError(
                errors.UNREACHABLE,
                f"The scanner at {self.url} cannot be reached ({_words(error)}). Check that it "
                "runs, and that a NetworkPolicy lets the operator reach it.",
                scanner_fault=True,
            ) from error


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def _read(response: aiohttp.ClientResponse, limit: int, *, strict: bool) -> bytes:
    """Read a body up to a limit; beyond it, fail where the whole is needed."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            # What is left unread makes the connection unusable for another request.
            response.close()
            if strict:
                raise ScanError(
                    errors.ANSWER_TOO_LARGE,
                    f"The scanner's answer is larger than {limit // (1024 * 1024)} MiB, so it was "
                    "not read to its end.",
                    scanner_fault=True,
                )
            break
        chunks.append(chunk)
    return b"".join(chunks)


def _refused(answer: _Answer, what: str) -> ScanError:
    """Make the error of an answer that is not what was asked for."""
    status = answer.status
    detail = _detail(answer.body)
    said = f": {detail.message}" if detail.message else "."
    retry_after = _seconds(answer.headers.get("Retry-After"))
    if detail.reason and detail.message:
        # Our own scanner says what is wrong, in a sentence of its own.
        return ScanError(
            detail.reason,
            detail.message,
            permanent=detail.permanent,
            retry_after=retry_after,
            scanner_fault=detail.scanner_fault,
        )
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ScanError(
            errors.UNAUTHORIZED,
            f"The scanner refused our token ({status}){said} Give operator and scanner the same "
            "token.",
            scanner_fault=True,
        )
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return ScanError(
            errors.BUSY,
            f"The scanner is busy ({status}){said}",
            retry_after=retry_after,
            scanner_fault=True,
        )
    if status == HTTPStatus.NOT_FOUND and what == "the report":
        return ScanError(
            errors.FORGOTTEN,
            "The scanner no longer knows of this scan; it may have been restarted.",
        )
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        return ScanError(
            errors.REFUSED, f"The scanner does not take this image ({status}){said}", permanent=True
        )
    return ScanError(errors.FAILED, f"The scanner answered {status} when asked for {what}{said}")


def _detail(body: bytes) -> wire.ErrorDetail:
    """Read an error's body, which may be anything, into words that can stand in a status."""
    try:
        detail = msgspec.json.decode(body, type=wire.ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return wire.ErrorDetail()
    text = " ".join("".join(c if c.isprintable() else " " for c in detail.message).split())
    if len(text) > _MESSAGE_LIMIT:
        text = text[: _MESSAGE_LIMIT - 1] + "…"
    reason = detail.reason if _REASON.fullmatch(detail.reason) else ""
    return msgspec.structs.replace(detail, message=text, reason=reason)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdecimal() else None


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
