"""One pool of connections to the API server, for us and for Kopf, with credentials that renew.

Each request carries the credentials of its moment. An answer of 401 makes them be read again
and the request be sent once more, so that a token which rotated is nobody's failure.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from importlib.metadata import version
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from bailiwick.kube.credentials import Credentials, CredentialsError, Source

logger = logging.getLogger(__name__)

_USER_AGENT = f"bailiwick/{version('bailiwick-operator')}"
_TOKEN_SECONDS = 60.0  # client-go reads a service account's token as often


class Session:
    """Credentials and the connections made with them.

    Make it by `open`. `server` is the base URL, without a slash at its end.
    """

    def __init__(self, source: Source, credentials: Credentials) -> None:
        self._source = source
        self._credentials = credentials
        self._read_at = time.monotonic()
        self._renewing = asyncio.Lock()
        self._connector = _connector(credentials)
        self._outdated: list[aiohttp.TCPConnector] = []
        self._origin = URL(credentials.server).origin()
        self._http: aiohttp.ClientSession | None = None

    @classmethod
    async def open(cls, source: Source) -> Session:
        """Read the credentials; raises CredentialsError where there are none."""
        return cls(source, await asyncio.to_thread(source.load))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def server(self) -> str:
        """The base URL of the API server."""
        return self._credentials.server

    @property
    def namespace(self) -> str:
        """The namespace of the service account, or of the kubeconfig's context."""
        return self._credentials.namespace

    @property
    def http(self) -> aiohttp.ClientSession:
        """Our own aiohttp session: look it up for each request, it may be another one."""
        if self._http is None or self._http.closed:
            self._http = self.another()
        return self._http

    def another(self, *middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        """Return a further aiohttp session over the same connections, with these middlewares.

        For Kopf, which closes the session it is given when it is refused or ends: that one
        closes, and the connections and our own session stay.
        """
        return aiohttp.ClientSession(
            connector=self._connector,
            connector_owner=False,
            headers={
                "User-Agent": _USER_AGENT,
                "Accept": "application/json",
                # Unpacking gzip costs more CPU than a cluster's own network saves.
                "Accept-Encoding": "identity",
            },
            proxy=self._credentials.proxy,
            middlewares=(*middlewares, self._authorize),
        )

    async def renew(self, refused: str | None = None) -> None:
        """Read the credentials again, unless `refused` is no longer what we send."""
        async with self._renewing:
            if refused is not None and refused != self._credentials.authorization:
                return
            fresh = await asyncio.to_thread(self._source.load)
            if fresh.fingerprint != self._credentials.fingerprint:
                # Running requests and watches finish on the connections that they have.
                self._outdated.append(self._connector)
                self._connector = _connector(fresh)
                if self._http is not None:
                    await self._http.close()
            self._credentials = fresh
            self._origin = URL(fresh.server).origin()
            self._read_at = time.monotonic()

    async def close(self) -> None:
        """Close every connection; later requests fail."""
        if self._http is not None:
            await self._http.close()
        for connector in (self._connector, *self._outdated):
            await connector.close()

    async def _authorize(
        self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if request.url.origin() != self._origin:
            return await send(request)  # a redirect elsewhere never learns who we are
        sent = self._authorization()
        if sent:
            request.headers["Authorization"] = sent
        response = await send(request)
        if response.status != 401:
            return response
        try:
            await self.renew(sent)
        except CredentialsError as error:
            logger.warning("The API server refused the credentials: %s", error)
            return response
        if self._credentials.authorization in ("", sent):
            return response
        response.release()
        request.headers["Authorization"] = self._credentials.authorization
        return await send(request)

    def _authorization(self) -> str:
        now = time.monotonic()
        if now - self._read_at > _TOKEN_SECONDS:
            self._read_at = now
            try:
                fresh = self._source.authorization()
            except CredentialsError as error:
                logger.warning("Going on with the token read before: %s", error)
                fresh = None
            if fresh:
                self._credentials = replace(self._credentials, authorization=fresh)
        return self._credentials.authorization


def _connector(credentials: Credentials) -> aiohttp.TCPConnector:
    # No limit here: watches hold connections for ever; `Client` bounds what comes and goes.
    return aiohttp.TCPConnector(
        limit=0, ssl=credentials.tls if credentials.tls is not None else True, keepalive_timeout=60
    )
