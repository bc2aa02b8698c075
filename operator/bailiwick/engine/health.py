"""`/healthz`, `/readyz` and `/metrics` of the operator.

Liveness fails where a restart would help: a loop of ours that has ended. Whatever a restart
cannot mend, such as an API server out of reach, fails readiness only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bailiwick.engine.listening import Listener

Check = Callable[[], str | None]


@dataclass(slots=True)
class Health:
    """Named checks; each returns what is wrong, or None."""

    live: dict[str, Check] = field(default_factory=dict)
    ready: dict[str, Check] = field(default_factory=dict)


class HealthServer:
    """The HTTP server of the probes and metrics."""

    def __init__(self, health: Health, metrics: CollectorRegistry, host: str, port: int) -> None:
        self._health = health
        self._metrics = metrics
        self._listener = Listener(host, port)

    async def start(self) -> int:
        """Listen, and return the port: the one asked for, or a free one where that was 0."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._scrape)
        return await self._listener.listen(app)

    async def stop(self) -> None:
        """Stop listening."""
        await self._listener.stop()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._health.live.items())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer([*self._health.live.items(), *self._health.ready.items()])

    async def _scrape(self, _: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._metrics), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


def _answer(checks: Iterable[tuple[str, Check]]) -> web.Response:
    results = [(name, check()) for name, check in checks]
    lines = [f"{name}: {problem or 'ok'}" for name, problem in results]
    failed = any(problem for _, problem in results)
    return web.Response(status=503 if failed else 200, text="\n".join(lines) + "\n")
