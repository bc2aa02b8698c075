"""A port of the operator that answers HTTP."""

from __future__ import annotations

from aiohttp import web


class Listener:
    """Serves one application at an address, from `listen` until `stop`."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._runner: web.AppRunner | None = None

    async def listen(self, app: web.Application) -> int:
        """Listen, and return the port: the one asked for, or a free one where that was 0."""
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
