"""One kind of the cluster, kept in memory by list and watch.

The rules are those of the API's "efficient detection of changes": list, watch from the list's
resource version, list again after 410. What vanished in a gap is told as a deletion. A kind
that we may not read is a state with a reason, not an end.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import aiohttp
import msgspec

from bailiwick.kube import errors, wire
from bailiwick.kube.client import PAGE_LIMIT, Client
from bailiwick.kube.interning import Interner
from bailiwick.kube.projections import Kind, key_of
from bailiwick.kube.store import Key, Store
from bailiwick.kube.stream import Event, Lines
from bailiwick.kube.sync import State, Sync

logger = logging.getLogger(__name__)

F = TypeVar("F")

_SLICE = 100  # objects between two chances for the rest of the program
_EVENT = msgspec.json.Decoder(Event)
_OBJECT = msgspec.json.Decoder(wire.Object)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that a reflector waits.

    `silence` is for a watch on which nothing comes, bookmarks (one a minute) included;
    `longest_watch` for the server to end one; `patience` for a right that was there to come back,
    since an API server that starts refuses for a moment what it will allow. `absent` is for a kind
    that is not served, which somebody may install. The others bound the back-off after failures.
    """

    first_delay: float = 0.2
    longest_delay: float = 5.0
    silence: float = 90.0
    longest_watch: float = 600.0
    grace: float = 2.0
    patience: float = 10.0
    absent: float = 20.0


@dataclass(slots=True)
class Stats:
    """Counts since the start, for metrics to read."""

    lists: int = 0
    watches: int = 0
    events: int = 0
    failures: int = 0
    missed: int = 0  # changes that no watch told of, found by a list


class Reflector(Generic[F]):
    """The objects of one kind, in `store`, and how far they can be trusted, in `sync`.

    `on_change(old, new)` is called after the store changed, never for equal facts; `on_state`
    when the state or its reason changed. Both are called in the event loop and must not block.
    Where the kind is `optional`, a server that does not serve it has none of its objects.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind[F],
        on_change: Callable[[F | None, F | None], None],
        *,
        on_state: Callable[[], None] | None = None,
        optional: bool = False,
        namespace: str | None = None,
        label_selector: str = "",
        page_limit: int = PAGE_LIMIT,
        timing: Timing | None = None,
        interner: Interner | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.kind = kind
        self.store: Store[F] = Store()
        self.stats = Stats()
        self.sync = Sync(kind.resource.plural, on_state)
        self.connected = False
        self._optional = optional
        self._client = client
        self._on_change = on_change
        self._namespace = namespace
        self._labels = label_selector
        self._page_limit = page_limit
        self._timing = timing or Timing()
        self._interner = interner or Interner()
        self._chance = chance
        self._version = ""
        self._relist = True
        self._listed_at: float | None = None
        self._watch_refused = False
        self._refused_since: float | None = None
        self._listing = asyncio.Lock()
        self._touched: set[Key] | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The kind's plural name, as messages give it."""
        return self.kind.resource.plural

    @property
    def alive(self) -> bool:
        """Whether the task that lists and watches runs."""
        return self._task is not None and not self._task.done()

    def age(self) -> float | None:
        """Return the seconds since the last full list, None before the first."""
        return None if self._listed_at is None else _now() - self._listed_at

    def start(self) -> None:
        """Begin to list and watch."""
        self._task = asyncio.create_task(self._run(), name=f"reflector-{self.name}")

    async def stop(self) -> None:
        """End the task; the store stays as it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def resync(self) -> int | None:
        """List while the watch goes on, and return how many changes no watch told of.

        None where there is nothing to compare with, or where the list failed: then the task
        lists by itself once it can, and `sync` says why.
        """
        if self.sync.state is not State.SYNCED or not self.connected or self._touched is not None:
            return None
        touched = self._touched = set()
        try:
            changed = await self._list(touched)
            if changed:
                # A watch lags behind a list: what it tells within this time was not missed.
                await asyncio.sleep(self._timing.grace)
        except (errors.ApiError, msgspec.DecodeError) as error:
            if not isinstance(error, errors.ApiError) or not error.transient:
                self._not_readable("listed", error)
                self._relist = True
                self._cut()
            return None
        finally:
            self._touched = None
        missed = len(changed - touched)
        self.stats.missed += missed
        if missed:
            logger.info("%d changes of %s were missed and are known now", missed, self.name)
            self._cut()  # a watch that misses changes is not to be trusted
        return missed

    async def _run(self) -> None:
        failures = 0
        while True:
            begun, watches = _now(), self.stats.watches
            error = await self._round()
            lasted = _now() - begun >= 1.0 and self.stats.watches > watches
            failures = 0 if lasted else failures
            if error is None and lasted:
                continue  # the server ends every watch after a while
            failures += 1
            self.stats.failures += error is not None
            await asyncio.sleep(self._delay(failures, error))

    async def _round(self) -> Exception | None:
        """List where that is needed, watch until the watch ends, and return what ended it."""
        verb = "listed"
        try:
            if self._relist:
                await self._list(set(), resume=True)
                self._relist = False
                if not self._watch_refused:
                    self.sync.synced()
            verb = "watched"
            await self._watch()
        except errors.Gone as gone:
            self._relist = True
            return gone
        except (errors.ApiError, msgspec.DecodeError) as error:
            self._not_readable(verb, error)
            return error
        except Exception as bug:
            logger.exception("Listing or watching %s failed unexpectedly", self.name)
            self._relist = True
            self.sync.refused("InternalError", f"cannot be read: {bug}")
            return bug
        return None

    def _not_readable(self, verb: str, error: errors.ApiError | msgspec.DecodeError) -> None:
        if isinstance(error, msgspec.DecodeError):
            self._relist = True
            self.sync.refused("Malformed", f"are not as the API documents them: {error}")
        elif error.transient or isinstance(error, errors.Gone) or self._bears_with(error):
            self.sync.failing(error.message)
        elif self._optional and isinstance(error, errors.NotFound):
            self._not_served()
        else:
            self._watch_refused = verb == "watched"
            self.sync.refused(error.reason, f"cannot be {verb}: {error.message}")

    def _not_served(self) -> None:
        self._relist = True
        self.sync.absent()
        for key in list(self.store):
            self._remove(key)

    def _bears_with(self, error: errors.ApiError) -> bool:
        if not isinstance(error, (errors.Forbidden, errors.Unauthorized)):
            return False
        if self._refused_since is None:
            self._refused_since = _now()
        lasts = _now() - self._refused_since
        return self.sync.state is State.SYNCED and lasts < self._timing.patience

    def _delay(self, failures: int, error: BaseException | None) -> float:
        timing = self._timing
        longest = timing.absent if self.sync.state is State.ABSENT else timing.longest_delay
        delay = min(longest, timing.first_delay * 2.0 ** min(failures - 1, 30))
        asked = getattr(error, "retry_after", None) or 0.0
        return max(asked, delay * (0.5 + 0.5 * self._chance()))

    async def _list(self, touched: set[Key], *, resume: bool = False) -> set[Key]:
        """Bring the store to what a full list says, and return the places that changed.

        Those in `touched` are left alone: what a watch told since the list began is as new as
        the list, or newer. With `resume`, the next watch begins at this list.
        """
        async with self._listing:
            for limit in (self._page_limit, self._page_limit, 0):
                try:
                    changed, version = await self._list_pages(limit, touched)
                except errors.Gone:
                    if not limit:
                        raise
                else:
                    self.stats.lists += 1
                    self._listed_at = _now()
                    self._version = version if resume else self._version
                    return changed
        raise AssertionError("unreachable: the last list returns or raises")

    async def _list_pages(self, limit: int, touched: set[Key]) -> tuple[set[Key], str]:
        query = {"limit": str(limit or ""), "labelSelector": self._labels, "continue": ""}
        seen: set[Key] = set()
        changed: set[Key] = set()
        while True:
            body = await self._client.list_page(self.kind.resource, self._namespace, query=query)
            page: wire.Page[wire.Object] = self.kind.page.decode(body)
            for number, item in enumerate(page.items or (), start=1):
                key = key_of(item)
                seen.add(key)
                if key not in touched and self._put(key, item):
                    changed.add(key)
                if not number % _SLICE:
                    await asyncio.sleep(0)
            query["continue"] = page.metadata.continue_
            if not page.metadata.continue_:
                break
        for key in self.store:
            if key not in seen and key not in touched and self._remove(key):
                changed.add(key)
        return changed, page.metadata.resource_version

    async def _watch(self) -> None:
        timing = self._timing
        seconds = timing.longest_watch * (0.5 + 0.5 * self._chance())
        query = {
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "labelSelector": self._labels,
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        lines = Lines()
        try:
            async with asyncio.timeout(timing.silence) as silence:
                async with self._client.watch(
                    self.kind.resource, self._namespace, query=query
                ) as response:
                    self._response = response
                    self._watch_refused = False
                    self._refused_since = None
                    self.connected = True
                    self.stats.watches += 1
                    self.sync.synced()
                    while chunk := await response.content.readany():
                        silence.reschedule(_now() + timing.silence)
                        await self._take(lines.feed(chunk))
        except TimeoutError as error:
            raise errors.Unreachable(
                f"nothing came on the watch of {self.name} for {timing.silence:.0f} s"
            ) from error
        finally:
            self.connected = False
            self._response = None

    async def _take(self, lines: Iterable[bytes]) -> None:
        for number, line in enumerate(lines, start=1):
            event = _EVENT.decode(line)
            if event.type == "ERROR":
                raise errors.from_status(msgspec.json.decode(event.object))
            if event.type in ("ADDED", "MODIFIED"):
                item: wire.Object = self.kind.item.decode(event.object)
                self.stats.events += 1
                self._touch(key_of(item))
                self._put(key_of(item), item)
            else:
                item = _OBJECT.decode(event.object)
                if event.type == "DELETED":
                    self.stats.events += 1
                    self._touch(key_of(item))
                    self._remove(key_of(item))
            self._version = item.metadata.resource_version or self._version
            if not number % _SLICE:
                await asyncio.sleep(0)

    def _put(self, key: Key, item: wire.Object) -> bool:
        new = self.kind.project(item, self._interner)
        old = self.store.put(key, new)
        return old != new and self._tell(old, new)

    def _remove(self, key: Key) -> bool:
        old = self.store.remove(key)
        return old is not None and self._tell(old, None)

    def _tell(self, old: F | None, new: F | None) -> bool:
        try:
            self._on_change(old, new)
        except Exception:
            logger.exception("A change of %s was not taken in", self.name)
        return True

    def _touch(self, key: Key) -> None:
        if self._touched is not None:
            self._touched.add(key)

    def _cut(self) -> None:
        if self._response is not None:
            self._response.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
