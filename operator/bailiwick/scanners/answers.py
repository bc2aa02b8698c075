"""Answers of a scanner, read within bounds, and what those mean that are not good ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
import msgspec

from bailiwick.scanners import errors, wire
from bailiwick.scanners.errors import ScanError

ERROR_BYTES = 64 * 1024
_REASON = re.compile(r"[A-Z][A-Za-z]{2,40}")
_MESSAGE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, its body read up to a limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def read(response: aiohttp.ClientResponse, limit: int, *, strict: bool) -> bytes:
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


def refused(answer: Answer, what: str) -> ScanError:
    """Make the error of an answer that is not what was asked for."""
    status = answer.status
    detail = _detail(answer.body)
    said = f": {detail.message}" if detail.message else "."
    retry_after = seconds(answer.headers.get("Retry-After"))
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
    reason = detail.reason if _REASON.fullmatch(detail.reason) else ""
    return msgspec.structs.replace(detail, message=printable(detail.message), reason=reason)


def printable(text: str) -> str:
    """Return the words of somebody else on one line, without control characters, and bounded."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _MESSAGE_LIMIT else line[: _MESSAGE_LIMIT - 1] + "…"


def seconds(text: str | None) -> float | None:
    """Read `Retry-After` where it is a number of seconds."""
    return float(text) if text and text.isascii() and text.isdecimal() else None


def words(error: BaseException) -> str:
    """Return what an error says, or its name where it says nothing."""
    return str(error) or type(error).__name__
