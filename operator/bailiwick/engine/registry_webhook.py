"""The HTTP endpoint that registries tell of pushes and scans: off unless it is set up.

A notification only says which images to look at again. One that is lost costs time, no verdict.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from bailiwick.engine.listening import Listener
from bailiwick.scanners.notifications import NotUnderstood, read_notifications

if TYPE_CHECKING:
    from bailiwick.engine.metrics import Metrics
    from bailiwick.scanners.notifications import Notification
    from bailiwick.scanners.tokens import TokenFile

logger = logging.getLogger(__name__)

PATH = "/v1/notifications"
BODY_BYTES = 1024 * 1024
_READ_SECONDS = 10.0


class RegistryWebhook:
    """Takes notifications from whoever shows the token.

    `take` is given what was understood, and returns how much of it concerns what runs here.
    While `leading` says no, registries are asked to come again: another replica does the work.
    """

    def __init__(
        self,
        token: TokenFile,
        take: Callable[[Iterable[Notification]], int],
        leading: Callable[[], bool],
        metrics: Metrics,
        host: str,
        port: int,
    ) -> None:
        self._token = token
        self._take = take
        self._leading = leading
        self._outcomes = metrics.notifications
        self._listener = Listener(host, port)

    async def start(self) -> int:
        """Listen, and return the port: the one asked for, or a free one where that was 0."""
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_post(PATH, self._notified)
        return await self._listener.listen(app)

    async def stop(self) -> None:
        """Stop listening."""
        await self._listener.stop()

    async def _notified(self, request: web.Request) -> web.Response:
        if not self._token.admits(request.headers.get("Authorization", "")):
            return self._answer(401, "unauthorized", "The token is missing or not the right one.")
        if not self._leading():
            return self._answer(503, "not_leading", "Another replica does the work: come again.")
        try:
            async with asyncio.timeout(_READ_SECONDS):
                body = await request.read()
            found = read_notifications(body)
        except TimeoutError:
            return self._answer(408, "too_slow", "The body was not sent in time.")
        except web.HTTPRequestEntityTooLarge:
            return self._answer(413, "too_large", f"More than {BODY_BYTES} bytes are not read.")
        except NotUnderstood as error:
            # A registry sends what was refused again for ever, and nothing else until then.
            logger.warning("a registry's notification is not understood: %s", error)
            return self._answer(202, "not_understood", f"Not understood: {error}")
        concerned = self._take(found)
        outcome = "taken" if concerned else "of_no_concern"
        return self._answer(202, outcome, f"{concerned} of {len(found)} concern what runs here.")

    def _answer(self, status: int, outcome: str, words: str) -> web.Response:
        self._outcomes.labels(outcome).inc()
        headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}.get(status, {})
        return web.Response(status=status, text=f"{words}\n", headers=headers)
