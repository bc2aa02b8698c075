"""A cold start: the operator against a bare client that makes the same cluster of the same one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from statistics import median

from tests.bench.observer import Observer
from tests.bench.scene import Scene, usage, writes_of


@dataclass(frozen=True, slots=True)
class ColdStart:
    """One start on a cluster of `size` namespaces, none of which the operator had seen to.

    `seconds` are from its launch until every intent is Ready, `cpu` and `peak_mib` until it has
    nothing left to do. `bare_seconds` are what `bare_writes` took the bare client: every policy
    and ImageScan and every status, once each, as the operator left them.
    """

    size: int
    seconds: float
    cpu: float
    peak_mib: float
    writes: int
    bare_seconds: float
    bare_writes: int

    @property
    def ratio(self) -> float:
        """How many times the bare client's time the operator took."""
        return self.seconds / self.bare_seconds


async def cold_start(scene: Scene) -> ColdStart:
    """Start the operator, then have the bare client do the same; leaves nothing of either."""
    loop = asyncio.get_running_loop()
    async with Observer(scene.admin, within=60 + scene.size) as observer:
        begun = loop.time()
        everyone = observer.expect(lambda: len(observer.ready) >= scene.size)
        with scene.operator() as operator:
            ready = await observer.at(everyone, "every intent is Ready", operator)
            await scene.settled(operator)
            used = usage(operator.pid)
            writes = writes_of(operator)
    requests = await scene.results()
    await scene.reset()
    bare = await scene.bare.send_all(requests)
    await scene.reset()
    return ColdStart(
        size=scene.size,
        seconds=ready - begun,
        cpu=used.cpu,
        peak_mib=used.peak_mib,
        writes=writes,
        bare_seconds=bare,
        bare_writes=len(requests),
    )


def typical(starts: list[ColdStart]) -> ColdStart:
    """The start with the median ratio; the upper one of the middle two."""
    return sorted(starts, key=lambda each: each.ratio)[len(starts) // 2]


def median_cpu(starts: list[ColdStart]) -> float:
    """The median of the seconds of CPU."""
    return median(each.cpu for each in starts)


def peak_mib(starts: list[ColdStart]) -> float:
    """The most memory that any of them took."""
    return max(each.peak_mib for each in starts)
