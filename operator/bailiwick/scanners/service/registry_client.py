"""A client of one registry for one question: what to send where, and nothing anywhere else.

It speaks the distribution specification (OCI, v1.1), follows no redirect but of blobs, and
connects to no address that must not be contacted: each address is checked when it is resolved,
and the one that was checked is the one that is used.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from yarl import URL

from bailiwick.policy.images.references import DEFAULT_REGISTRY
from bailiwick.policy.images.registries import host_of, refused_host
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.service.resolving import AddressRefused, CheckedResolver, never_contacted

if TYPE_CHECKING:
    from bailiwick.scanners.service.settings import Settings
    from bailiwick.scanners.service.targets import Target

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    *INDEXES,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_HUB = "registry-1.docker.io"
_HUB_TOKENS = "auth.docker.io"
_MANIFEST_BYTES = 4 * 1024 * 1024
_TOKEN_BYTES = 64 * 1024
_SECONDS = 15.0
_REDIRECTS = 3
_CHALLENGE = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the body is there only where it was asked for, and the status is 200."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@asynccontextmanager
async def session(settings: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """Give the connections for one question, to addresses that may be contacted only."""
    tls = ssl.create_default_context()
    if settings.ca_certificate:
        tls.load_verify_locations(settings.ca_certificate)
    connector = aiohttp.TCPConnector(resolver=CheckedResolver(settings), ssl=tls)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as http:
        yield http


@dataclass(slots=True)
class RegistryClient:
    """The requests for one question, with the token that the registry gave for it.

    `authorization` is the header for this registry, and is sent to no other host. Methods raise
    ScanError, whose message names the registry.
    """

    http: aiohttp.ClientSession
    settings: Settings
    target: Target
    authorization: str
    header: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path of the repository in the registry's API."""
        return f"/v2/{self.target.image.repository}"

    @property
    def _origin(self) -> str:
        registry = self.target.image.registry
        host = _HUB if registry == DEFAULT_REGISTRY else registry
        return f"{'http' if self.target.plain_http else 'https'}://{host}"

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], limit: int = 0
    ) -> Answer:
        """Send a request below the registry's origin; a body is read up to `limit` bytes."""
        answer = await self._send(method, self._origin + path, {**headers, **self.header}, limit)
        if answer.status == HTTPStatus.UNAUTHORIZED and not self.header:
            self.header = await self._authorize(answer.headers.get("WWW-Authenticate", ""))
            if self.header:
                sent = {**headers, **self.header}
                answer = await self._send(method, self._origin + path, sent, limit)
        return answer

    async def manifest(self, reference: str) -> bytes:
        """Fetch a manifest by digest or tag; one that is not that of its digest is an error."""
        path = f"{self.path}/manifests/{reference}"
        accept = {"Accept": ", ".join(MANIFESTS)}
        answer = await self.ask("GET", path, accept, _MANIFEST_BYTES)
        self.must_be_good(answer, f"the manifest {reference}")
        found = "sha256:" + hashlib.sha256(answer.body).hexdigest()
        if reference.startswith("sha256:") and found != reference:
            raise self.error(failures.CORRUPT, "answered with another manifest than asked for")
        return answer.body

    async def blob(self, digest: str, limit: int) -> Answer:
        """Fetch a blob, of up to `limit` bytes, from wherever the registry has it.

        Nobody but the registry gets credentials.
        """
        path = f"{self.path}/blobs/{digest}"
        answer = await self.ask("GET", path, {}, limit)
        where = URL(self._origin + path, encoded=True)
        for _ in range(_REDIRECTS):
            location = answer.headers.get("Location", "")
            if not location or not 300 <= answer.status < 400:  # redirections, RFC 9110
                break
            where = self._elsewhere(where, location)
            answer = await self._send("GET", str(where), {}, limit)
        return answer

    def _elsewhere(self, here: URL, location: str) -> URL:
        """Read where a blob is; raises ScanError where that must not be contacted."""
        try:
            found = here.join(URL(location, encoded=True))
            host = found.host or ""
        except ValueError as error:
            raise self.error(failures.REGISTRY_REFUSED, "sends to what is no address") from error
        schemes = {"https", "http"} if self.target.plain_http else {"https"}
        refused = refused_host(host, allow_loopback=self.settings.allow_loopback)
        if refused is None:
            with suppress(ValueError):
                # Names are checked when they are resolved.
                refused = never_contacted(host, self.settings)
        if refused is not None or found.scheme not in schemes or found.user:
            raise self.error(
                failures.REGISTRY_REFUSED, f"sends to {str(found)[:200]!r}, which is not contacted"
            )
        return found

    async def _authorize(self, challenge: str) -> dict[str, str]:
        """Return the header that a registry asks for: a token of its own, or the credentials."""
        scheme, _, parameters = challenge.partition(" ")
        if scheme.lower() == "basic":
            return {"Authorization": self.authorization} if self.authorization else {}
        if scheme.lower() != "bearer":
            return {}
        told = dict(_CHALLENGE.findall(parameters))
        try:
            realm = URL(told.get("realm", ""))
        except ValueError:
            realm = URL()
        self._check_realm(realm)
        query = {"scope": f"repository:{self.target.image.repository}:pull"}
        query |= {"service": told["service"]} if "service" in told else {}
        sent = {"Authorization": self.authorization} if self.authorization else {}
        answer = await self._send("GET", str(realm.update_query(query)), sent, _TOKEN_BYTES)
        if answer.status != HTTPStatus.OK:
            raise self._refused_credentials()
        body = decoded(answer.body)
        token = body.get("token") or body.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise self.error(failures.REGISTRY_FAILED, "gave no token that can be used")
        return {"Authorization": f"Bearer {token}"}

    def _check_realm(self, realm: URL) -> None:
        """Raise ScanError where credentials would go to somebody else than the registry."""
        registry = self.target.image.registry
        hosts = {host_of(registry)} | ({_HUB_TOKENS} if registry == DEFAULT_REGISTRY else set())
        schemes = {"https", "http"} if self.target.plain_http else {"https"}
        if realm.scheme not in schemes or realm.host not in hosts or realm.user:
            raise self.error(
                failures.REGISTRY_REFUSED,
                f"sends whoever asks for a token to {str(realm)[:200]!r}, which is not its own "
                "host, so nothing was sent there",
                permanent=True,
            )

    async def _send(self, method: str, url: str, headers: Mapping[str, str], limit: int) -> Answer:
        try:
            async with self.http.request(
                method,
                URL(url, encoded=True),
                headers={**headers, "Accept-Encoding": "identity"},
                timeout=aiohttp.ClientTimeout(total=_SECONDS, sock_connect=5.0),
                allow_redirects=False,
                auto_decompress=False,
            ) as response:
                body = b""
                if limit and response.status == HTTPStatus.OK:
                    body = await self._read(response, limit)
                return Answer(response.status, response.headers, body)
        except aiohttp.ClientSSLError as error:
            raise self.error(
                failures.REGISTRY_UNTRUSTED,
                "has a certificate that the scanner does not trust. Give the scanner its CA",
                permanent=True,
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._unreachable(error) from error

    async def _read(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                raise self.error(errors.ANSWER_TOO_LARGE, f"answered with more than {limit} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def must_be_good(self, answer: Answer, what: str) -> None:
        """Raise ScanError where an answer is not `what` was asked for."""
        status = answer.status
        if status == HTTPStatus.OK:
            return
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise self._refused_credentials()
        if status == HTTPStatus.NOT_FOUND:
            raise self.error(failures.NOT_FOUND, f"does not have {what}", permanent=True)
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            raise self.error(failures.REGISTRY_BUSY, f"is busy ({status})")
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise self.error(
                failures.REGISTRY_REFUSED, f"sends whoever asks for {what} somewhere else"
            )
        raise self.error(failures.REGISTRY_FAILED, f"answered {status} when asked for {what}")

    def _refused_credentials(self) -> ScanError:
        return self.error(
            errors.REGISTRY_UNAUTHORIZED,
            f"does not let the scanner read {self.target.image.repository}",
            permanent=True,
        )

    def _unreachable(self, error: BaseException) -> ScanError:
        cause = getattr(error, "os_error", error)
        if isinstance(cause, AddressRefused):
            return ScanError(cause.refusal.reason, cause.refusal.message, permanent=True)
        return self.error(
            failures.REGISTRY_UNREACHABLE,
            f"cannot be reached ({str(error) or type(error).__name__})",
        )

    def error(self, reason: str, words: str, *, permanent: bool = False) -> ScanError:
        """Make an error that says what the registry does."""
        message = f"The registry {self.target.image.registry} {words}."
        return ScanError(reason, message, permanent=permanent)


def next_page(answer: Answer) -> str:
    """Return the path of a list's further page as the registry tells it, empty where it is all."""
    following = _NEXT.search(answer.headers.get("Link", ""))
    return following[1] if following else ""


def decoded(body: bytes) -> dict[str, Any]:
    """Read a JSON object; what is none is an empty one."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
