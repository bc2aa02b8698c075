"""Kopf as a part of the process: what it would do by itself, and is not to do here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp

from bailiwick.engine.throttle import Throttle
from bailiwick.handlers.framework import kopf
from bailiwick.handlers.registry import build_registry

if TYPE_CHECKING:
    from bailiwick.engine.assembly import Operator
    from bailiwick.kube.session import Session

_LOGIN_SECONDS = 2.0


async def run_kopf(
    operator: Operator,
    session: Session,
    stop: asyncio.Event,
    hear_signals: Callable[[], None],
) -> None:
    """Let Kopf watch our kinds and namespaces until `stop` is set.

    `hear_signals` sets up again what SIGTERM and SIGINT do.
    """
    # Kopf logs in again at once when it is refused, as often as it is refused.
    pace = Throttle(1 / _LOGIN_SECONDS, burst=2)

    async def notice_lists(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await send(request)
        if "watch" not in request.url.query or response.status == HTTPStatus.FORBIDDEN:
            operator.resync.doubt(request.url.path)
        return response

    async def login() -> kopf.AiohttpSession:
        await pace.acquire()
        return kopf.AiohttpSession(
            server=session.server, aiohttp_session=session.another(notice_lists)
        )

    async with _taken_back(hear_signals) as started:
        await kopf.operator(
            registry=build_registry(operator.stores, login),
            clusterwide=True,
            standalone=True,
            stop_flag=stop,
            ready_flag=started,
        )


@asynccontextmanager
async def _taken_back(hear_signals: Callable[[], None]) -> AsyncIterator[asyncio.Event]:
    """Hear the signals again once the event is set.

    Kopf takes them as it starts. On one it waits 5 s for every task that began after it, then
    cancels them, and only then ends: our stop would begin when its time is over.
    """
    started = asyncio.Event()

    async def take_back() -> None:
        await started.wait()
        hear_signals()

    task = asyncio.create_task(take_back(), name="signals")
    try:
        yield started
    finally:
        task.cancel()
