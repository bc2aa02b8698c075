"""A small client of registries: what tags lead to, which there are, what an image is built on.

It speaks the distribution specification (OCI, v1.1), follows no redirect, and connects to no
address that must not be contacted: each address is checked when it is resolved, and the one that
was checked is the one that is used.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from yarl import URL

from bailiwick.policy.images.references import DEFAULT_REGISTRY, is_digest
from bailiwick.policy.images.registries import host_of
from bailiwick.policy.images.versions import newer_version
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.service.resolving import AddressRefused, CheckedResolver
from bailiwick.scanners.tags import Tag, TagsAnswer, TagsRequest

if TYPE_CHECKING:
    from bailiwick.scanners.service.settings import Settings
    from bailiwick.scanners.service.targets import Target

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    *_INDEXES,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_HUB = "registry-1.docker.io"
_HUB_TOKENS = "auth.docker.io"
_BASE_NAME = "org.opencontainers.image.base.name"
_BASE_DIGEST = "org.opencontainers.image.base.digest"
_MANIFEST_BYTES = 4 * 1024 * 1024
_PAGE_BYTES = 1024 * 1024
_TOKEN_BYTES = 64 * 1024
_PAGES = 20
_SECONDS = 15.0
_CHALLENGE = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?', re.IGNORECASE)
_WITHIN = re.compile(r"/v2/[A-Za-z0-9._/-]+/tags/list\?\S*")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class RegistryReader:
    """Answers questions on tags, each within bounds of time and size."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        ca = settings.ca_certificate
        self._tls = ssl.create_default_context(cafile=str(ca) if ca else None)

    async def answer(self, request: TagsRequest, target: Target) -> TagsAnswer:
        """Ask the registry of `target`, which was checked; raises ScanError."""
        connector = aiohttp.TCPConnector(resolver=CheckedResolver(self._settings), ssl=self._tls)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        ) as http:
            talk = _Talk(http, target, request.registry.authorization)
            with_versions = await talk.tags() if request.versions else ()
            tags = [await talk.tag(name, request.platform) for name in request.tags]
            name, digest = await talk.base(request.digest)
        return TagsAnswer(
            tuple(
                msgspec.structs.replace(tag, newer=newer_version(tag.name, with_versions))
                for tag in tags
            ),
            name,
            digest,
        )


@dataclass(slots=True)
class _Talk:
    """The requests for one question, with the token that the registry gave for it."""

    http: aiohttp.ClientSession
    target: Target
    authorization: str
    header: dict[str, str] = field(default_factory=dict)

    async def tag(self, name: str, platform: str) -> Tag:
        """Look up what a tag leads to."""
        path = f"{self._path}/manifests/{name}"
        accept = {"Accept": ", ".join(_MANIFESTS)}
        head = await self._ask("HEAD", path, accept)
        if head.status == HTTPStatus.NOT_FOUND:
            return Tag(name)
        self._must_be_good(head, f"the tag {name}")
        digest = head.headers.get("Docker-Content-Digest", "")
        kind = head.headers.get("Content-Type", "").partition(";")[0].strip()
        if is_digest(digest) and kind not in _INDEXES:
            return Tag(name, digest, digest)
        body = await self._manifest(digest if is_digest(digest) else name)
        digest = digest if is_digest(digest) else "sha256:" + hashlib.sha256(body).hexdigest()
        return Tag(name, digest, _of_platform(body, platform) or digest)

    async def base(self, digest: str) -> tuple[str, str]:
        """Read what an image says it was built on: a name and a digest, each empty if not told.

        One that is gone from the registry while it still runs says nothing.
        """
        try:
            told = _decode(await self._manifest(digest)).get("annotations")
        except ScanError as error:
            if error.reason != failures.NOT_FOUND:
                raise
            return "", ""
        annotations = told if isinstance(told, dict) else {}
        name, base = annotations.get(_BASE_NAME), annotations.get(_BASE_DIGEST)
        return (
            name[:512] if isinstance(name, str) else "",
            base if isinstance(base, str) and is_digest(base) else "",
        )

    async def tags(self) -> list[str]:
        """List the repository's tags, up to a limit."""
        found: list[str] = []
        path = f"{self._path}/tags/list?n=1000"
        for _ in range(_PAGES):
            answer = await self._ask("GET", path, {}, _PAGE_BYTES)
            self._must_be_good(answer, "the list of tags")
            names = _decode(answer.body).get("tags")
            found += [n for n in names if isinstance(n, str)] if isinstance(names, list) else []
            following = _NEXT.search(answer.headers.get("Link", ""))
            # Only a further page of a list of this registry: never another address.
            if following is None or not _WITHIN.fullmatch(following[1]):
                break
            path = following[1]
        return found

    @property
    def _path(self) -> str:
        return f"/v2/{self.target.image.repository}"

    @property
    def _origin(self) -> str:
        registry = self.target.image.registry
        host = _HUB if registry == DEFAULT_REGISTRY else registry
        return f"{'http' if self.target.plain_http else 'https'}://{host}"

    async def _manifest(self, reference: str) -> bytes:
        path = f"{self._path}/manifests/{reference}"
        accept = {"Accept": ", ".join(_MANIFESTS)}
        answer = await self._ask("GET", path, accept, _MANIFEST_BYTES)
        self._must_be_good(answer, f"the manifest {reference}")
        found = "sha256:" + hashlib.sha256(answer.body).hexdigest()
        if reference.startswith("sha256:") and found != reference:
            raise self._error(failures.CORRUPT, "answered with another manifest than asked for")
        return answer.body

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], limit: int = 0
    ) -> _Answer:
        answer = await self._send(method, self._origin + path, {**headers, **self.header}, limit)
        if answer.status == HTTPStatus.UNAUTHORIZED and not self.header:
            self.header = await self._authorize(answer.headers.get("WWW-Authenticate", ""))
            if self.header:
                sent = {**headers, **self.header}
                answer = await self._send(method, self._origin + path, sent, limit)
        return answer

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
        body = _decode(answer.body)
        token = body.get("token") or body.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise self._error(failures.REGISTRY_FAILED, "gave no token that can be used")
        return {"Authorization": f"Bearer {token}"}

    def _check_realm(self, realm: URL) -> None:
        """Raise ScanError where credentials would go to somebody else than the registry."""
        registry = self.target.image.registry
        hosts = {host_of(registry)} | ({_HUB_TOKENS} if registry == DEFAULT_REGISTRY else set())
        schemes = {"https", "http"} if self.target.plain_http else {"https"}
        if realm.scheme not in schemes or realm.host not in hosts or realm.user:
            raise self._error(
                failures.REGISTRY_REFUSED,
                f"sends whoever asks for a token to {str(realm)[:200]!r}, which is not its own "
                "host, so nothing was sent there",
                permanent=True,
            )

    async def _send(self, method: str, url: str, headers: Mapping[str, str], limit: int) -> _Answer:
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
                return _Answer(response.status, response.headers, body)
        except aiohttp.ClientSSLError as error:
            raise self._error(
                failures.REGISTRY_UNREACHABLE,
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
                raise self._error(errors.ANSWER_TOO_LARGE, f"answered with more than {limit} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _must_be_good(self, answer: _Answer, what: str) -> None:
        status = answer.status
        if status == HTTPStatus.OK:
            return
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise self._refused_credentials()
        if status == HTTPStatus.NOT_FOUND:
            raise self._error(failures.NOT_FOUND, f"does not have {what}", permanent=True)
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            raise self._error(failures.REGISTRY_BUSY, f"is busy ({status})")
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise self._error(
                failures.REGISTRY_REFUSED, f"sends whoever asks for {what} somewhere else"
            )
        raise self._error(failures.REGISTRY_FAILED, f"answered {status} when asked for {what}")

    def _refused_credentials(self) -> ScanError:
        return self._error(
            errors.REGISTRY_UNAUTHORIZED,
            f"does not let the scanner read {self.target.image.repository}",
            permanent=True,
        )

    def _unreachable(self, error: BaseException) -> ScanError:
        cause = getattr(error, "os_error", error)
        if isinstance(cause, AddressRefused):
            return ScanError(cause.refusal.reason, cause.refusal.message, permanent=True)
        return self._error(
            failures.REGISTRY_UNREACHABLE,
            f"cannot be reached ({str(error) or type(error).__name__})",
        )

    def _error(self, reason: str, words: str, *, permanent: bool = False) -> ScanError:
        message = f"The registry {self.target.image.registry} {words}."
        return ScanError(reason, message, permanent=permanent)


def _decode(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _of_platform(index: bytes, platform: str) -> str:
    """Return the digest of the platform's manifest in an index, empty where there is none."""
    listed = _decode(index).get("manifests")
    system, _, architecture = (platform or "linux/amd64").partition("/")
    for each in listed if isinstance(listed, list) else ():
        told = each.get("platform") if isinstance(each, dict) else None
        if isinstance(told, dict) and told.get("os") == system:
            digest = each.get("digest")
            if told.get("architecture") == architecture and isinstance(digest, str):
                return digest if is_digest(digest) else ""
    return ""
