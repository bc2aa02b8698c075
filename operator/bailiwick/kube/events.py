"""Events of the API (`events.k8s.io/v1`) for transitions, few and never in the way.

What is repeated becomes a series of one Event, as the API describes it. An object that has too
much to tell is cut short, and nothing here ever fails or delays what is told of.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bailiwick.kube import errors
from bailiwick.kube.instants import micro_time, utc_now
from bailiwick.kube.resources import EVENTS

if TYPE_CHECKING:
    from bailiwick.kube.client import Client, Json

logger = logging.getLogger(__name__)

CONTROLLER = "bailiwick.dev/operator"
NOTE_LIMIT = 1024  # bytes, by the API's validation
_WAITING_LIMIT = 1000
_SERIES_LIMIT = 4096

Severity = Literal["Normal", "Warning"]


@dataclass(frozen=True, slots=True)
class Regarding:
    """The object that an Event is about; its Event is in its namespace, or in `default`."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    def to_json(self) -> Json:
        """Write the API's `ObjectReference`, without the fields that are empty."""
        fields = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
        }
        return {key: value for key, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is told: Events of one object at once and per second after that; series in seconds.

    A repetition within `series` of the one before belongs to its series, which is written at
    most each `series_write`.
    """

    burst: int = 20
    per_second: float = 1 / 30
    series: float = 360.0
    series_write: float = 60.0


@dataclass(frozen=True, slots=True)
class _What:
    regarding: Regarding
    severity: Severity
    reason: str
    action: str
    note: str


@dataclass(slots=True)
class _Series:
    """A told thing: how often, since when, and what of it is written."""

    name: str
    first: datetime
    last: float
    last_at: datetime
    count: int = 1
    written: int = 0
    written_at: float = 0.0
    queued: bool = False


class Recorder:
    """Tells transitions to people who watch `kubectl get events`.

    `dropped` counts what was not told for the limits, `failed` what the server did not take.
    """

    def __init__(
        self,
        client: Client,
        *,
        instance: str,
        limits: Limits | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.dropped = 0
        self.failed = 0
        self._client = client
        self._instance = instance
        self._limits = limits or Limits()
        self._now = now
        self._known: OrderedDict[_What, _Series] = OrderedDict()
        self._spent: OrderedDict[Regarding, float] = OrderedDict()
        self._waiting: deque[_What] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write what is told."""
        self._task = asyncio.create_task(self._run(), name="events")

    async def stop(self, timeout: float = 1.0) -> None:
        """Write what was told, within this time, and end."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._write_all()
        except TimeoutError:
            self.dropped += len(self._waiting)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def tell(
        self, regarding: Regarding, severity: Severity, reason: str, action: str, note: str
    ) -> None:
        """Tell of a transition; never raises and never waits.

        `reason` says why in UpperCamelCase, `action` what was done, `note` both in a sentence.
        """
        what = _What(regarding, severity, reason, action, _cut(note))
        now = _seconds()
        known = self._known.get(what)
        if known is not None and now - known.last <= self._limits.series:
            known.count += 1
            known.last, known.last_at = now, self._now()
            if not known.queued:
                self._queue(
                    what, known, max(0.0, known.written_at + self._limits.series_write - now)
                )
            return
        if not self._may_tell(regarding, now) or len(self._waiting) >= _WAITING_LIMIT:
            self.dropped += 1
            return
        instant = self._now()
        series = _Series(_name(what, instant), instant, now, instant)
        self._known[what] = series
        self._known.move_to_end(what)
        while len(self._known) > _SERIES_LIMIT:
            self._known.popitem(last=False)
        self._queue(what, series, 0.0)

    def _may_tell(self, regarding: Regarding, now: float) -> bool:
        """Take from the object's bucket (GCRA: the instant at which it is full again)."""
        interval = 1 / self._limits.per_second
        full_at = max(self._spent.get(regarding, now), now) + interval
        if full_at - now > interval * self._limits.burst + 1e-9:
            return False
        self._spent[regarding] = full_at
        self._spent.move_to_end(regarding)
        while len(self._spent) > _SERIES_LIMIT:
            self._spent.popitem(last=False)
        return True

    def _queue(self, what: _What, series: _Series, delay: float) -> None:
        series.queued = True
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._enqueue, what)
        else:
            self._enqueue(what)

    def _enqueue(self, what: _What) -> None:
        self._waiting.append(what)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._write_all()

    async def _write_all(self) -> None:
        while self._waiting:
            what = self._waiting.popleft()
            series = self._known.get(what)
            if series is None:
                continue
            series.queued = False
            try:
                await self._write(what, series)
            except errors.ApiError as error:
                self.failed += 1
                logger.debug("Event %s was not written: %s", what.reason, error)
            except Exception:
                self.failed += 1
                logger.exception("Event %s was not written", what.reason)

    async def _write(self, what: _What, series: _Series) -> None:
        namespace = what.regarding.namespace or "default"
        count, series.written_at = series.count, _seconds()
        if series.written:
            body: Json = {
                "series": {"count": count, "lastObservedTime": micro_time(series.last_at)}
            }
            try:
                await self._client.patch(EVENTS, series.name, body, namespace)
            except errors.NotFound:
                # Events live for an hour, series may live longer.
                series.name = _name(what, series.last_at)
                series.first = series.last_at
            else:
                series.written = count
                return
        await self._client.create(EVENTS, self._body(what, series, namespace))
        series.written = count

    def _body(self, what: _What, series: _Series, namespace: str) -> Json:
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": series.name, "namespace": namespace},
            "eventTime": micro_time(series.first),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance[:128],
            "regarding": what.regarding.to_json(),
            "type": what.severity,
            "reason": what.reason,
            "action": what.action,
            "note": what.note,
        }


def _name(what: _What, instant: datetime) -> str:
    text = f"{what}{instant.timestamp():.6f}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{what.regarding.name[:230]}.{digest}"


def _cut(note: str) -> str:
    raw = note.encode()
    if len(raw) <= NOTE_LIMIT:
        return note
    return raw[: NOTE_LIMIT - 3].decode(errors="ignore") + "…"


def _seconds() -> float:
    return asyncio.get_running_loop().time()
