"""What every source of scans can do, whatever it is behind: a scanner, a registry, an operator.

A source is asked what it is, told to begin, asked whether it is done, and read. It believes
nothing that the other side says, bounds each question in time and size, and raises `ScanError`s
with a reason; how long a whole scan may take is bounded by `carry_out`, and when to try again is
the caller's to decide.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from bailiwick.policy.images.registries import matches
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bailiwick.policy.images.findings import ScanReport
    from bailiwick.policy.images.references import Reference

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one source; seconds, and bytes of one answer.

    `poll_default` is when a source is asked again that does not say when it may be done.
    """

    request_seconds: float = 30.0
    scan_seconds: float = 900.0
    answer_bytes: int = 32 * 1024 * 1024
    poll_default: float = 5.0
    poll_least: float = 0.2
    poll_most: float = 60.0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source says of itself.

    `scanner` is what scans there. `database_built` is the age of what it knows now, None where
    it does not tell.
    """

    scanner: str = ""
    scanner_version: str = ""
    database_built: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an image runs: a workload as `Kind/name`, and a container of its pods.

    `declared` are the spellings of the image in the pods' specs. `others` says that the same
    container runs other images too, as during a rollout.
    """

    namespace: str
    workload: str
    container: str
    declared: tuple[str, ...] = ()
    others: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """A scan that was begun before: by what id its source knows it, and when it was asked for."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """An image to be scanned, named by digest.

    `authorization` is for the image's registry and no other. `architecture` picks the platform
    where the digest is an index's. A source that has results already gives one only if it is
    `newer_than` this instant; without one, any will do. `aliases` are digests of indexes that
    lead to this one, `places` where it runs.

    A source that knows its scans by an id tells it to `taken`, and takes up the one that was
    `begun` already instead of beginning another.
    """

    image: Reference
    authorization: str = ""
    plain_http: bool = False
    architecture: str = ""
    newer_than: datetime | None = None
    aliases: frozenset[str] = frozenset()
    places: tuple[Place, ...] = ()
    begun: Begun | None = None
    taken: Callable[[str], None] = field(default=lambda _id: None, compare=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """A scan is not done: when to ask again, in seconds, and in words what it waits for."""

    seconds: float | None = None
    words: str = ""


class Waited(Protocol[T]):
    """What was begun, and is waited for."""

    async def poll(self) -> Pending | None:
        """Ask whether the result is there; None where it is. Raises ScanError."""
        ...

    async def result(self) -> T:
        """Return the result, once it is there; raises ScanError."""
        ...


Scan: TypeAlias = "Waited[ScanReport]"
"""One scan that a source has begun."""


class Source(Protocol):
    """One source of scans."""

    @property
    def limits(self) -> Limits:
        """How long it may take, and how much it may say."""
        ...

    async def capabilities(self) -> Capabilities:
        """Ask whether it can be used, what it is, and how old its database is.

        Raises ScanError where it cannot.
        """
        ...

    async def start(self, order: Order) -> Scan:
        """Begin a scan, or take up what the source has already; raises ScanError."""
        ...


@dataclass(frozen=True, slots=True)
class NamedSource:
    """A source as it was set up, with the images that it takes.

    `registries` are patterns as in a profile's `images.registries`; none takes every image.
    """

    name: str
    source: Source
    registries: tuple[str, ...] = ()

    def takes(self, image: Reference) -> bool:
        """Say whether images of this repository are for this source."""
        return not self.registries or any(matches(image, each) for each in self.registries)


async def carry_out(source: Source, order: Order) -> ScanReport:
    """Scan an image within the source's limits; raises ScanError.

    A scan that was begun before is begun anew where the source no longer knows of it.
    """
    if order.begun is not None:
        try:
            return await finish(source.start(order), source.limits)
        except ScanError as error:
            # One that counts its scans from 1 again after a restart knows another by the same id.
            if error.reason not in (errors.FORGOTTEN, errors.OTHER_DIGEST):
                raise
    return await finish(source.start(replace(order, begun=None)), source.limits)


async def finish(beginning: Awaitable[Waited[T]], limits: Limits) -> T:
    """Begin something, and wait for it within limits; raises ScanError."""
    deadline = time.monotonic() + limits.scan_seconds
    waits_for = ""
    try:
        async with asyncio.timeout(limits.scan_seconds):
            begun = await beginning
            while (pending := await begun.poll()) is not None:
                waits_for = pending.words
                pause = _pause(pending.seconds, limits)
                if time.monotonic() + pause >= deadline:
                    raise out_of_time(limits, waits_for)
                await asyncio.sleep(pause)
            return await begun.result()
    except TimeoutError:
        raise out_of_time(limits, waits_for) from None


def out_of_time(limits: Limits, waits_for: str = "") -> ScanError:
    """Make the error of a scan that took longer than it may."""
    said = f" {waits_for}" if waits_for else ""
    return ScanError(
        errors.TIMED_OUT,
        f"The scanner was not done after {limits.scan_seconds:.0f} seconds.{said} It may be "
        "overloaded, or the image very large: look at the scanner's log.",
    )


def _pause(asked: float | None, limits: Limits) -> float:
    # "nan" is a float too, and the comparisons of min and max would let it through.
    if asked is None or asked != asked:
        asked = limits.poll_default
    return min(max(asked, limits.poll_least), limits.poll_most)
