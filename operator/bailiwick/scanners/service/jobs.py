"""The scans that were asked for: a bounded queue, a few workers, results kept for a while."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service.pipeline import Reports
from bailiwick.scanners.wire import ScanRequest

log = logging.getLogger(__name__)

Scan = Callable[[ScanRequest], Awaitable[Reports]]


@dataclass(slots=True)
class Job:
    """One scan; `result` is there once it ended."""

    id: str
    request: ScanRequest
    result: Reports | ScanError | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_at: float = 0.0


class Jobs:
    """Runs scans, `parallel` at a time, and forgets the oldest results beyond the limits."""

    def __init__(
        self, scan: Scan, *, parallel: int, queue: int, results: int, results_seconds: float
    ) -> None:
        self._scan = scan
        self._parallel = parallel
        self._queue: asyncio.Queue[Job] = asyncio.Queue(queue)
        self._results = results
        self._results_seconds = results_seconds
        self._jobs: dict[str, Job] = {}
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the workers."""
        self._workers = [
            asyncio.create_task(self._work(), name=f"scan-{n}") for n in range(self._parallel)
        ]

    async def stop(self) -> None:
        """End the scans that run, with what they started, and answer those who wait."""
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with suppress(asyncio.CancelledError):
                await worker
        for job in self._jobs.values():
            job.result = job.result or _stopped()
            job.ended.set()

    @property
    def alive(self) -> bool:
        """Say whether every worker still runs."""
        return bool(self._workers) and not any(worker.done() for worker in self._workers)

    def submit(self, request: ScanRequest) -> Job:
        """Queue a scan; raises ScanError where the queue is full."""
        self._forget()
        job = Job(secrets.token_urlsafe(16), request)
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            raise ScanError(
                errors.BUSY,
                f"The scanner has {self._queue.maxsize} scans waiting and takes no more now.",
                retry_after=10.0,
                scanner_fault=True,
            ) from None
        self._jobs[job.id] = job
        return job

    def get(self, job_id: str) -> Job | None:
        """Return a scan; None where there is none of this id, or no longer."""
        self._forget()
        return self._jobs.get(job_id)

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            begun = time.monotonic()
            try:
                job.result = await self._scan(job.request)
            except ScanError as error:
                job.result = error
            except asyncio.CancelledError:
                job.result = _stopped()
                raise
            except Exception:
                # A worker that ended would leave the queue unread and say nothing.
                log.exception("scan failed for a reason not foreseen")
                job.result = ScanError(
                    errors.FAILED, "The scanner itself failed; its log has a traceback."
                )
            finally:
                job.ended_at = time.monotonic()
                job.ended.set()
            _tell(job, job.ended_at - begun)

    def _forget(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended.is_set()]
        ended.sort(key=lambda job: job.ended_at)
        oldest = time.monotonic() - self._results_seconds
        excess = len(ended) - self._results
        for position, job in enumerate(ended):
            if position < excess or job.ended_at < oldest:
                del self._jobs[job.id]


def _stopped() -> ScanError:
    return ScanError(errors.FORGOTTEN, "The scanner was stopped before this scan was done.")


def _tell(job: Job, seconds: float) -> None:
    artifact = job.request.artifact
    image = f"{artifact.repository}@{artifact.digest}"
    facts = {"repository": artifact.repository, "digest": artifact.digest}
    if isinstance(job.result, ScanError):
        reason, message = job.result.reason, job.result.message
        log.warning("%s not scanned: %s", image, message, extra={**facts, "reason": reason})
    else:
        log.info("%s scanned in %.1f s", image, seconds, extra=facts)
