"""The operator process: what is started in which order, and stopped in which order.

Start: read everything; write only after that, and only while the Lease is ours. Stop: finish
the write in hand, give the Lease back, and let go of the watches.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import aiohttp

from bailiwick import __version__
from bailiwick.cli.evidence_forms import open_shelf
from bailiwick.cli.leading import lease_of_the_operator, only_as_leader
from bailiwick.cli.sources import make_sources
from bailiwick.cli.watching import run_kopf
from bailiwick.engine.assembly import Operator
from bailiwick.engine.clock_watch import ClockWatch
from bailiwick.engine.gauges import expose
from bailiwick.engine.health import Health, HealthServer
from bailiwick.engine.images.knowledge import OUT_OF_REACH
from bailiwick.engine.metrics import Metrics
from bailiwick.engine.registry_webhook import RegistryWebhook
from bailiwick.engine.trivy_reports import TrivyReports
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.kube.client import Client
from bailiwick.kube.errors import ApiError
from bailiwick.kube.events import Recorder
from bailiwick.kube.lease import Lease
from bailiwick.kube.session import Session
from bailiwick.scanners.tokens import TokenFile

if TYPE_CHECKING:
    from bailiwick.engine.options import Options
    from bailiwick.kube.credentials import Source

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_RESYNC_RETRY_SECONDS = 15.0
_FINISH_SECONDS = 3.0
_FEEDS_SECONDS = 10.0
_RESYNCS_MISSED = 3


class PartEnded(RuntimeError):
    """A part of the process ended by itself: a restart is the cure."""


class Program:
    """One operator process, from its credentials to its last write."""

    def __init__(self, options: Options, source: Source) -> None:
        self._options = options
        self._source = source
        self._stop = asyncio.Event()
        self._ended: list[str] = []
        self.health_port = 0

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; raises PartEnded where a part ended before."""
        self._hear_signals()
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(await Session.open(self._source))
            metrics = Metrics()
            lease = lease_of_the_operator(
                session,
                self._options.settings.operator_namespace,
                self._options.identity,
                seconds=self._options.lease_seconds,
            )
            client = Client(session, fence=lease.seconds_left, observe=metrics.sent)
            recorder = Recorder(client, instance=self._options.identity)
            http = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
            )
            sources = make_sources(self._options.scanner, http, TrivyReports(client))
            shelf = await stack.enter_async_context(
                open_shelf(
                    self._options.evidence,
                    client,
                    self._options.settings.operator_namespace,
                    lambda: only_as_leader(lease),
                )
            )
            evidence = KeptEvidence(shelf)
            operator = Operator(client, self._options, metrics, recorder, sources, evidence)
            await self._serve(stack, operator, metrics, lease)
            await self._hear_registries(stack, operator, metrics, lease)
            logger.info("bailiwick %s reads the cluster at %s", __version__, session.server)
            operator.watches.start()
            stack.push_async_callback(operator.watches.stop)
            if not await self._or_stopped(self._read(operator)):
                return
            kopf = run_kopf(operator, session, self._stop, self._hear_signals)
            self._spawn(stack, "Kopf", kopf, may_stop_us=True)
            self._spawn(stack, "the resync", self._resync(operator))
            self._spawn(stack, "what follows Kopf's lists", operator.resync.follow())
            lease.start()
            stack.push_async_callback(lease.release)
            if not await self._or_stopped(lease.acquired.wait()):
                return
            self._spawn(stack, "the Lease", _until_set(lease.lost))
            metrics.leader.set_function(lambda: float(lease.valid()))
            recorder.start()
            stack.push_async_callback(recorder.stop)
            if not await self._or_stopped(self._begin(operator, lease, http)):
                return
            if operator.imaging.feeds.wanted:
                feeds = operator.imaging.feeds.run(http)
                self._spawn(stack, "the lists of what is known of vulnerabilities", feeds)
            self._spawn(stack, "what follows a lapse", self._resume(operator, lease))
            await self._lead(stack, operator)

    async def _begin(self, operator: Operator, lease: Lease, http: aiohttp.ClientSession) -> None:
        # Or the first verdicts would all say that a list was not read yet.
        with suppress(TimeoutError):
            await asyncio.wait_for(operator.imaging.feeds.read(http), _FEEDS_SECONDS)
        while True:
            try:
                if lease.waited:
                    await operator.read_anew()
                return await operator.begin()
            except ApiError as error:
                logger.warning("the work cannot begin yet: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _resume(self, operator: Operator, lease: Lease) -> None:
        """After the Lease lapsed and is ours again, what was refused meanwhile is tried at once."""
        while True:
            await lease.lapsed.wait()
            await lease.acquired.wait()
            operator.enqueue_all()

    async def _lead(self, stack: AsyncExitStack, operator: Operator) -> None:
        if operator.imaging.sources.watches:
            self._spawn(stack, "the questions to the scanners", operator.imaging.sources.run())
            self._spawn(stack, "the progress of scans", operator.imaging.progress.run())
        clock_watch = ClockWatch(operator.clock_jumped)
        self._spawn(stack, "the watch of the clock", clock_watch.run())
        stack.push_async_callback(operator.finish, _FINISH_SECONDS)
        await self._stop.wait()
        if self._ended:
            raise PartEnded(f"{', '.join(self._ended)} ended; the log above says why")
        logger.info("stopping")

    async def _serve(
        self, stack: AsyncExitStack, operator: Operator, metrics: Metrics, lease: Lease
    ) -> None:
        health = Health()
        health.live["watches"] = operator.watches.dead
        health.live["parts"] = lambda: ", ".join(self._ended) + " ended" if self._ended else None
        health.ready["connected"] = operator.watches.disconnected
        health.ready["resync"] = self._overdue(operator.resync.age)
        health.live["workers"] = operator.stuck
        health.ready["our kinds"] = operator.resync.unreadable
        health.ready["lease"] = lambda: lease.message or None
        expose(operator, metrics)
        server = HealthServer(
            health, metrics.registry, self._options.health_host, self._options.health_port
        )
        self.health_port = await server.start()
        stack.push_async_callback(server.stop)
        logger.info("probes and metrics are on port %d", self.health_port)

    async def _hear_registries(
        self, stack: AsyncExitStack, operator: Operator, metrics: Metrics, lease: Lease
    ) -> None:
        options = self._options.webhook
        if options is None:
            return
        webhook = RegistryWebhook(
            TokenFile(options.token_file, bare=True),
            operator.imaging.notified.take,
            lease.valid,
            metrics,
            options.host,
            options.port,
        )
        port = await webhook.start()
        stack.push_async_callback(webhook.stop)
        logger.info("registries are heard on port %d", port)

    async def _read(self, operator: Operator) -> None:
        """Read everything for the first time, for as long as that takes."""
        while True:
            try:
                await operator.resync.once()
                break
            except ApiError as error:
                logger.warning("the API server cannot be read yet: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
        await operator.watches.tried()

    def _hear_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    async def _resync(self, operator: Operator) -> None:
        every = self._options.resync_every.total_seconds()
        soon = min(every, _RESYNC_RETRY_SECONDS)
        pause = soon if operator.served.problems else every
        said = ""
        while True:
            await asyncio.sleep(pause * random.uniform(0.8, 1.0))  # noqa: S311  # spreads load
            try:
                await operator.resync.once()
                await operator.watches.resync()
                if await operator.served.read():
                    operator.enqueue_all()
                await operator.imaging.resync()
                pause, said = soon if operator.served.problems else every, ""
            except OUT_OF_REACH as error:
                if str(error) != said:
                    logger.warning("the resync did not finish and is tried again: %s", error)
                pause, said = soon, str(error)

    def _overdue(self, age: Callable[[], float | None]) -> Callable[[], str | None]:
        limit = _RESYNCS_MISSED * self._options.resync_every.total_seconds()

        def check() -> str | None:
            seconds = age()
            if seconds is None:
                return "the cluster was not read yet"
            return f"the last was {seconds:.0f} s ago" if seconds > limit else None

        return check

    async def _or_stopped(self, work: Coroutine[Any, Any, object]) -> bool:
        """Wait for something, or for the stop; says whether the former came first."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False

    def _spawn(
        self,
        stack: AsyncExitStack,
        name: str,
        work: Coroutine[Any, Any, None],
        *,
        may_stop_us: bool = False,
    ) -> None:
        """Run something beside; the process stops when it ends.

        Ending well is a fault as well, but for what `may_stop_us`.
        """
        task = asyncio.create_task(work, name=name)

        def ended(done: asyncio.Task[None]) -> None:
            if self._stop.is_set() or done.cancelled():
                return
            if done.exception() is not None or not may_stop_us:
                self._ended.append(name)
                logger.error("%s ended", name, exc_info=done.exception())
            self._stop.set()

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        task.add_done_callback(ended)
        stack.push_async_callback(end)


async def _until_set(event: asyncio.Event) -> None:
    await event.wait()
