"""Requests to a scanner or a registry's API, each bounded in time and size, none redirected."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus

import aiohttp
from yarl import URL

from bailiwick.scanners import errors, wire
from bailiwick.scanners.answers import ERROR_BYTES, Answer, read, words
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Limits

_CONNECT_SECONDS = 5.0


class Api:
    """One HTTP API, below the base `url`.

    `authorization` gives the value of that header; it is asked before each request, so that
    credentials that were rotated are used at once. `tls` holds the CA of a private server.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        limits: Limits,
        *,
        authorization: Callable[[], str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.limits = limits
        self._http = http
        self._authorization = authorization
        self._tls: ssl.SSLContext | bool = tls if tls is not None else True

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """Send one request; raises ScanError where there is no answer to read.

        `path` is sent as it is, with what is encoded in it.
        """
        sent = {**(headers or {}), "Accept-Encoding": "identity", **self._credentials()}
        seconds = self.limits.request_seconds
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(_CONNECT_SECONDS, seconds))
        try:
            async with self._http.request(
                method,
                URL(self.url + path, encoded=True),
                headers=sent,
                data=data,
                timeout=timeout,
                allow_redirects=False,
                # What was read is counted, so nothing may grow after that.
                auto_decompress=False,
                ssl=self._tls,
            ) as response:
                good = response.status < HTTPStatus.MULTIPLE_CHOICES
                if good and response.headers.get("Content-Encoding", "identity") != "identity":
                    raise wire.invalid("a compressed answer, which it was not asked for")
                limit = self.limits.answer_bytes if good else ERROR_BYTES
                body = await read(response, limit, strict=good)
                return Answer(response.status, response.headers, body)
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
                f"The scanner at {self.url} cannot be reached ({words(error)}). Check that it "
                "runs, and that a NetworkPolicy lets the operator reach it.",
                scanner_fault=True,
            ) from error

    def _credentials(self) -> dict[str, str]:
        if self._authorization is None:
            return {}
        try:
            return {"Authorization": self._authorization()}
        except (OSError, ValueError) as error:
            raise ScanError(
                errors.UNAUTHORIZED,
                f"The credentials for the scanner cannot be read ({error}). Mount their Secret, or "
                "name the file by --scanner-token-file or in the scanners' file.",
                scanner_fault=True,
            ) from error
