"""What is told of vulnerabilities beside scans, kept up to date, and whether it still counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from bailiwick.policy.images.intelligence import EpssScores, Intelligence, KnownExploited
from bailiwick.scanners.feeds import FeedError, fetch
from bailiwick.scanners.lists import Malformed, read_epss, read_known_exploited

if TYPE_CHECKING:
    import aiohttp

    from bailiwick.engine.images.knowledge import Images
    from bailiwick.engine.options import FeedOptions

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 30.0


class Dated(Protocol):
    """A list that says of when it is, and how much of it could not be read."""

    @property
    def as_of(self) -> datetime | None:
        """When it was published; None where it does not say."""

    @property
    def bad(self) -> int:
        """How many entries could not be read."""

    def __len__(self) -> int:
        """How many entries were read."""


L = TypeVar("L", bound=Dated)


@dataclass(slots=True)
class Feed(Generic[L]):
    """One list: where it comes from, what was read last and when, and why not since."""

    name: str
    source: str
    parse: Callable[[bytes], L]
    content: L | None = None
    read_at: datetime | None = None
    error: str = "it was not read yet"

    def problem(self, now: datetime, options: FeedOptions) -> str:
        """Say why the list does not count as fresh; empty where it does."""
        if self.content is None:
            return f"{self.name} ({self.source}) cannot be used: {self.error}."
        as_of = self.content.as_of or self.read_at
        if as_of is not None and now - as_of >= options.max_age:
            why = f" The last attempt failed: {self.error}." if self.error else ""
            return (
                f"{self.name} ({self.source}) is of {as_of:%Y-%m-%d %H:%M} UTC and older than "
                f"--list-max-age allows.{why}"
            )
        return ""

    def age(self, now: datetime) -> float:
        """Return the age of the list in seconds; infinity where there is none."""
        as_of = (self.content.as_of or self.read_at) if self.content is not None else None
        return (now - as_of).total_seconds() if as_of else float("inf")


class Feeds:
    """Reads the lists every now and then, and has what they change looked at again.

    `look_again` is told digests of which more is known, `look_everywhere` that a list became
    usable, or no longer is.
    """

    def __init__(
        self,
        options: FeedOptions,
        images: Images,
        *,
        look_again: Callable[[str], None],
        look_everywhere: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._options = options
        self._images = images
        self._look_again = look_again
        self._look_everywhere = look_everywhere
        self._clock = clock
        self._told: tuple[str, ...] = ()
        self._exploited = Feed(
            "The list of known exploited vulnerabilities",
            options.known_exploited,
            read_known_exploited,
        )
        self._epss = Feed("The list of EPSS scores", options.epss, read_epss)

    @property
    def wanted(self) -> bool:
        """Whether any list is set up."""
        return bool(self._options.known_exploited or self._options.epss)

    def problems(self) -> tuple[str, ...]:
        """Say which lists are not fresh, in sentences."""
        found = [each.problem(self._clock(), self._options) for each in self._set_up()]
        return tuple(problem for problem in found if problem)

    def ages(self) -> Iterable[tuple[str, float]]:
        """Return the age of each list that is set up, in seconds."""
        now = self._clock()
        named = (("known-exploited", self._exploited), ("epss", self._epss))
        return [(name, feed.age(now)) for name, feed in named if feed.source]

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Read the lists every now and then, and soon where one was not read yet."""
        while True:
            every = self._options.every.total_seconds()
            missing = any(each.content is None for each in self._set_up())
            await asyncio.sleep(min(every, _RETRY_SECONDS) if missing else every)
            await self.read(http)

    async def read(self, http: aiohttp.ClientSession) -> None:
        """Read the lists once; where one cannot be read, what was read before stays."""
        now = self._clock()
        if self._exploited.source:
            await _refresh(self._exploited, http, now)
        if self._epss.source:
            await _refresh(self._epss, http, now)
        known: KnownExploited | None = self._exploited.content
        scores: EpssScores | None = self._epss.content
        old = self._images.intelligence
        if (known, scores) != (old.exploited, old.epss):
            await self._take_up(replace(old, exploited=known, epss=scores))
        problems = self.problems()
        if problems != self._told:
            self._told = problems
            self._look_everywhere()

    async def _take_up(self, intelligence: Intelligence) -> None:
        self._images.intelligence = intelligence
        for digest in self._images.digests():
            if self._images.enrich(digest):
                self._look_again(digest)
            # Ten thousand images take seconds, and nobody should wait for them.
            await asyncio.sleep(0)

    def _set_up(self) -> list[Feed[KnownExploited] | Feed[EpssScores]]:
        return [each for each in (self._exploited, self._epss) if each.source]


async def _refresh(feed: Feed[L], http: aiohttp.ClientSession, now: datetime) -> None:
    try:
        content = await fetch(feed.source, http)
        found = await asyncio.to_thread(feed.parse, content)
    except (FeedError, Malformed) as error:
        if str(error) != feed.error:
            logger.warning("%s (%s) was not read: %s", feed.name, feed.source, error)
        feed.error = str(error)
        return
    feed.read_at, feed.error = now, ""
    if found != feed.content:
        feed.content = found
        logger.info("read %s: %d entries, not readable: %d", feed.source, len(found), found.bad)
