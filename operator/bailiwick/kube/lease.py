"""Which replica may write: one Lease, held in client-go's way.

Clocks of different machines are never compared: another's Lease counts as expired once we saw
it unchanged for its whole duration by our own clock. A holder stops writing `margin` seconds
before anybody else may begin, whether or not it can still reach the API server.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bailiwick.kube import errors
from bailiwick.kube.instants import micro_time, utc_now
from bailiwick.kube.resources import LEASES

if TYPE_CHECKING:
    from bailiwick.kube.client import Client, Json

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds.

    `duration` is how long a Lease lasts, `margin` how early its holder lets go of it: the time
    that a write may be on its way. It is renewed each `renew`; who waits asks each `ask`.
    """

    duration: int = 15
    margin: float = 5.0
    renew: float = 3.0
    ask: float = 1.0


class Lease:
    """A Lease of this name, for this replica (`identity`).

    `acquired` is set while we hold it. Where it cannot be renewed it lapses: `lapsed` is set until
    we hold it again, and nobody else may have done so in between. `lost` is set, for good, once
    somebody else had it after us. An identity that outlives a restart (the pod's name) takes its
    own Lease up again without waiting. `waited` says whether somebody else was seen to hold it.
    `seconds_left` is for asking right before a write. The client is to be one without a fence.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        terms: Terms | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.acquired = asyncio.Event()
        self.lapsed = asyncio.Event()
        self.lost = asyncio.Event()
        self.holder = ""
        self.waited = False
        self.message = ""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._terms = terms or Terms()
        self._clock = clock
        self._chance = chance
        self._valid_until = float("-inf")
        self._observed: tuple[object, float] = (None, 0.0)
        self._term: int | None = None  # leaseTransitions while it is ours
        self._task: asyncio.Task[None] | None = None

    def valid(self) -> bool:
        """Say whether we hold it, and nobody else can for at least the margin."""
        return self._clock() < self._valid_until

    def seconds_left(self) -> float:
        """Return how long a write may take that begins now: until somebody else may begin.

        A connection that is closed ends its request at the API server.
        """
        left = self._valid_until + self._terms.margin - self._clock()
        return left if self.valid() else 0.0

    @property
    def alive(self) -> bool:
        """Whether the task that acquires and renews runs."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to acquire it, and to renew it once it is held."""
        self._task = asyncio.create_task(self._run(), name="lease")

    async def release(self) -> None:
        """Stop, and let another replica have it at once; never raises."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        held = self.valid()
        self._valid_until = float("-inf")
        self._tell()
        if not held:
            return
        try:
            async with asyncio.timeout(2.0):
                lease = await self._client.get(LEASES, self._name, self._namespace)
                spec = lease.setdefault("spec", {})
                if spec.get("holderIdentity") == self._identity:
                    spec["holderIdentity"] = ""
                    spec["leaseDurationSeconds"] = 1
                    spec["renewTime"] = micro_time(utc_now())
                    await self._client.replace(LEASES, lease)
        except (errors.ApiError, TimeoutError) as error:
            logger.warning("The Lease was not given back, and expires by itself: %s", error)

    async def _run(self) -> None:
        while not self.lost.is_set():
            left = self._valid_until - self._clock()
            try:
                # A request that hangs must not keep us from another try, nor from seeing that
                # our time is up.
                async with asyncio.timeout(min(left, self._terms.renew) if left > 0 else 5.0):
                    await self._try()
                self.message = ""
            except TimeoutError:
                self.message = "the API server did not answer in time"
            except errors.ApiError as error:
                self.message = error.message
            except Exception as bug:
                self.message = str(bug)
                logger.exception("The Lease was neither acquired nor renewed")
            self._tell()
            await self._pause()

    async def _pause(self) -> None:
        held = self.acquired.is_set()
        # A renewal that failed is tried again as if the Lease were not ours: time is short.
        steady = held and not self.message
        pause = (self._terms.renew if steady else self._terms.ask) * (1 + 0.2 * self._chance())
        if held:
            pause = min(pause, max(0.0, self._valid_until - self._clock()))
        await asyncio.sleep(pause)
        self._tell()

    async def _try(self) -> None:
        """Acquire or renew, if it is ours, nobody's, or expired."""
        begun = self._clock()
        try:
            lease = await self._client.get(LEASES, self._name, self._namespace)
        except errors.NotFound:
            body: Json = {
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": self._spec({}),
            }
            await self._client.create(LEASES, body)
        else:
            if self._is_held_by_another(lease):
                self._valid_until = float("-inf")
                return
            body = {**lease, "spec": {**lease.get("spec", {}), **self._spec(lease.get("spec", {}))}}
            await self._client.replace(LEASES, body)
        self.holder = self._identity
        self._term = body["spec"]["leaseTransitions"]
        # Counted from before the request: whoever watches us saw the renewal later than that.
        self._valid_until = begun + self._terms.duration - self._terms.margin

    def _is_held_by_another(self, lease: Json) -> bool:
        """Say whether somebody else has it, or had it since it was ours."""
        spec = lease.get("spec") or {}
        self.holder = spec.get("holderIdentity") or ""
        if self._term is not None and (
            self.holder != self._identity or int(spec.get("leaseTransitions") or 0) != self._term
        ):
            logger.warning("The Lease was taken over, it is %s's now", self.holder or "nobody")
            self.lost.set()
            return True
        # The version tells of any renewal, also by a holder whose clock stands still.
        version = lease["metadata"].get("resourceVersion")
        if version != self._observed[0]:
            self._observed = (version, self._clock())
        if self.holder in ("", self._identity):
            return False
        lasts = float(spec.get("leaseDurationSeconds") or self._terms.duration)
        self.waited = True
        return self._clock() < self._observed[1] + lasts

    def _spec(self, before: Json) -> Json:
        now = micro_time(utc_now())
        mine = before.get("holderIdentity") == self._identity
        transitions = int(before.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": self._terms.duration,
            "acquireTime": before.get("acquireTime") or now if mine else now,
            "renewTime": now,
            "leaseTransitions": transitions if mine or not before else transitions + 1,
        }

    def _tell(self) -> None:
        if self.valid():
            if not self.acquired.is_set():
                logger.info("This replica (%s) holds the Lease", self._identity)
                self.lapsed.clear()
                self.acquired.set()
        elif self.acquired.is_set():
            logger.warning("This replica no longer holds the Lease: %s", self.message or "released")
            self.acquired.clear()
            self.lapsed.set()
