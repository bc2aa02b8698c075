"""The API server's verbs over one aiohttp session, in plain dictionaries.

Semantics are those of the API conventions: server-side apply with one field manager, lists
in pages, preconditions on deletes. Errors are those of `kube.errors`; nothing is retried but
a connection that the server had closed while it was idle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from bailiwick.kube import errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bailiwick.kube.resources import Resource
    from bailiwick.kube.session import Session

Json = dict[str, Any]
T = TypeVar("T")
Propagation = Literal["Background", "Foreground", "Orphan"]

FIELD_MANAGER = "bailiwick"
PAGE_LIMIT = 500
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_JSON = "application/json"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_LIST_ATTEMPTS = 3
_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a list, and the resource version that a watch may go on from."""

    items: list[Json]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Sent:
    """One request, for metrics; `status` is 0 where there was no answer."""

    verb: str
    resource: Resource
    status: int
    seconds: float


class Client:
    """The verbs of the API.

    `concurrency` bounds the requests in flight, watches not counted: each is a connection with
    its own TLS buffers, and sixteen keep an API server busy. `timeout` is for a whole
    request, in seconds. `fence` is asked before each write for the seconds that it may take: where
    there are none, `NotLeader` is raised and nothing is sent. `observe` is told of each request.
    """

    def __init__(
        self,
        session: Session,
        *,
        field_manager: str = FIELD_MANAGER,
        concurrency: int = 16,
        timeout: float = 30.0,
        fence: Callable[[], float] | None = None,
        observe: Callable[[Sent], None] | None = None,
    ) -> None:
        self.session = session
        self.field_manager = field_manager
        self._slots = asyncio.Semaphore(concurrency)
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(5.0, timeout))
        self._fence = fence
        self._observe = observe

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Json:
        """Return one object; raises NotFound where there is none."""
        return _object(await self._send("get", "GET", resource, resource.path(namespace, name)))

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = PAGE_LIMIT,
        metadata_only: bool = False,
    ) -> Listing:
        """Return all objects, read page by page.

        With `metadata_only` they are the API's `PartialObjectMetadata`.
        """
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        items, version = await self.list_each(
            resource, lambda item: item, namespace, query, limit, metadata_only=metadata_only
        )
        return Listing([*items], version)

    async def list_each(
        self,
        resource: Resource,
        take: Callable[[Json], T],
        namespace: str | None = None,
        selectors: Mapping[str, str] | None = None,
        limit: int = PAGE_LIMIT,
        *,
        metadata_only: bool = False,
    ) -> tuple[Sequence[T], str]:
        """Return what `take` makes of each object, and the list's resource version.

        Begins anew where a page's token expired: some objects are then taken twice.
        """
        query = dict(selectors or {})
        for attempt in range(_LIST_ATTEMPTS):
            # The last attempt asks for everything at once: one answer cannot expire midway.
            query["limit"] = str(limit) if attempt + 1 < _LIST_ATTEMPTS else ""
            taken: list[T] = []
            token = ""
            try:
                while True:
                    body = await self.list_page(
                        resource,
                        namespace,
                        query={**query, "continue": token},
                        metadata_only=metadata_only,
                    )
                    page = _object(body)
                    taken += map(take, page.get("items") or ())
                    token = page["metadata"].get("continue") or ""
                    if not token:
                        return taken, page["metadata"].get("resourceVersion") or ""
            except errors.Gone:
                if attempt + 1 == _LIST_ATTEMPTS:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def list_page(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        query: Mapping[str, str],
        metadata_only: bool = False,
    ) -> bytes:
        """Return one page of a list as it was sent; empty values of the query are left out."""
        accept = _METADATA if metadata_only else ""
        return await self._send(
            "list", "GET", resource, resource.path(namespace), query, accept=accept
        )

    async def create(self, resource: Resource, body: Json, namespace: str | None = None) -> Json:
        """Make an object; raises Conflict where one of its name exists."""
        path = resource.path(namespace or _namespace_of(body))
        query = {"fieldManager": self.field_manager}
        return _object(await self._send("create", "POST", resource, path, query, body, _JSON))

    async def apply(
        self,
        resource: Resource,
        body: Json,
        *,
        force: bool = True,
        field_manager: str | None = None,
        dry_run: bool = False,
        subresource: str = "",
    ) -> Json:
        """Apply an object server-side; name and namespace are those of its metadata.

        Fields that this manager applied before and that the body leaves out are removed. With
        `force`, fields that others manage are taken over; otherwise they raise Conflict. A
        `uid` or `resourceVersion` in the body's metadata is a precondition.
        """
        path = resource.path(_namespace_of(body), body["metadata"]["name"])
        query = {
            "fieldManager": field_manager or self.field_manager,
            "force": "true" if force else "",
            "dryRun": "All" if dry_run else "",
        }
        path += f"/{subresource}" if subresource else ""
        if "apiVersion" not in body:
            body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        verb = f"apply/{subresource}" if subresource else "apply"
        return _object(await self._send(verb, "PATCH", resource, path, query, body, _APPLY))

    async def apply_status(
        self,
        resource: Resource,
        body: Json,
        *,
        force: bool = True,
        field_manager: str | None = None,
        dry_run: bool = False,
    ) -> Json:
        """Apply an object's status server-side, under a field manager as `apply` does."""
        return await self.apply(
            resource,
            body,
            force=force,
            field_manager=field_manager,
            dry_run=dry_run,
            subresource="status",
        )

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Json | Sequence[Json],
        namespace: str | None = None,
        *,
        subresource: str = "",
    ) -> Json:
        """Patch an object: a list is a JSON patch (RFC 6902), a dict a merge patch (RFC 7386)."""
        path = resource.path(namespace, name) + (f"/{subresource}" if subresource else "")
        content_type = _MERGE if isinstance(patch, dict) else _JSON_PATCH
        query = {"fieldManager": self.field_manager}
        return _object(
            await self._send("patch", "PATCH", resource, path, query, patch, content_type)
        )

    async def replace(self, resource: Resource, body: Json, *, subresource: str = "") -> Json:
        """Put an object; a `resourceVersion` in it makes a change meanwhile raise Conflict."""
        path = resource.path(_namespace_of(body), body["metadata"]["name"])
        path += f"/{subresource}" if subresource else ""
        query = {"fieldManager": self.field_manager}
        return _object(await self._send("update", "PUT", resource, path, query, body, _JSON))

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
    ) -> bool:
        """Delete an object, and say whether it was there.

        With `uid` or `resource_version`, an object that is another one, or that changed
        meanwhile, stays and raises Conflict.
        """
        wanted = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {k: v for k, v in wanted.items() if v is not None}
        body: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if preconditions:
            body["preconditions"] = preconditions
        path = resource.path(namespace, name)
        try:
            await self._send("delete", "DELETE", resource, path, {}, body, _JSON)
        except errors.NotFound:
            return False
        return True

    def watch(
        self, resource: Resource, namespace: str | None = None, *, query: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Open a watch; the caller reads the stream and bounds the silence on it."""
        return self._watch(resource, namespace, query)

    @asynccontextmanager
    async def _watch(
        self, resource: Resource, namespace: str | None, query: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = self._url(resource.path(namespace), {**query, "watch": "true"})
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5.0)
        begun = time.monotonic()
        status = 0
        try:
            try:
                response = await self.session.http.request("GET", url, timeout=timeout)
                status = response.status
            finally:
                self._tell("watch", resource, status, begun)
            async with response:
                if status >= 400:
                    body = await response.read()
                    raise errors.from_response(status, body, response.headers.get("Retry-After"))
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise errors.Unreachable(_words(error)) from error

    async def _send(
        self,
        verb: str,
        method: str,
        resource: Resource,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "",
        accept: str = "",
    ) -> bytes:
        url = self._url(path, query or {})
        data = _ENCODER.encode(body) if body is not None else None
        asked = {"Content-Type": content_type, "Accept": accept}
        headers = {name: value for name, value in asked.items() if value}
        async with self._slots:
            begun = time.monotonic()
            status = 0
            left = self._seconds_left(method)
            try:
                async with asyncio.timeout(left):
                    status, payload, retry_after = await self._exchange(
                        method, url, data, headers, again=verb.startswith("apply")
                    )
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise errors.Unreachable(_words(error)) from error
            finally:
                self._tell(verb, resource, status, begun)
        if status >= 400:
            raise errors.from_response(status, payload, retry_after)
        return payload

    def _seconds_left(self, method: str) -> float | None:
        if method == "GET" or self._fence is None:
            return None
        left = self._fence()
        if left <= 0:
            raise errors.NotLeader
        return left

    async def _exchange(
        self,
        method: str,
        url: URL,
        data: bytes | None,
        headers: dict[str, str],
        *,
        again: bool,
    ) -> tuple[int, bytes, str | None]:
        try:
            async with self.session.http.request(
                method, url, data=data, headers=headers, timeout=self._timeout
            ) as response:
                payload = await response.read()
                return response.status, payload, response.headers.get("Retry-After")
        except (aiohttp.ServerDisconnectedError, ConnectionResetError):
            # aiohttp itself repeats what HTTP calls idempotent; an apply is so too, as a PATCH.
            if not again:
                raise
        return await self._exchange(method, url, data, headers, again=False)

    def _url(self, path: str, query: Mapping[str, str]) -> URL:
        text = urlencode({key: value for key, value in query.items() if value})
        return URL(f"{self.session.server}{path}" + (f"?{text}" if text else ""), encoded=True)

    def _tell(self, verb: str, resource: Resource, status: int, begun: float) -> None:
        if self._observe is not None:
            self._observe(Sent(verb, resource, status, time.monotonic() - begun))


def _object(body: bytes) -> Json:
    try:
        decoded = _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise errors.Unreachable(f"the answer was not JSON: {error}") from error
    if not isinstance(decoded, dict):
        raise errors.Unreachable("the answer was not a JSON object")
    return decoded


def _namespace_of(body: Json) -> str | None:
    namespace = body["metadata"].get("namespace")
    return str(namespace) if namespace else None


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "the API server did not answer in time"
    return f"the connection to the API server failed: {str(error) or type(error).__name__}"
