"""What a move of the scanner's database costs: every image scanned again, the worst first.

No API server and no scanner is needed: what is written is counted, and a scan is over as soon as it
began, so that what is left is the operator's own work. It is measured in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bailiwick.engine.declared import DeclaredStore
from bailiwick.engine.images.assembly import Imaging
from bailiwick.engine.images.uses import uses_of
from bailiwick.engine.metrics import Metrics
from bailiwick.engine.notices import Notices
from bailiwick.engine.options import Options, ScannerOptions
from bailiwick.engine.queueing.work import in_seconds
from bailiwick.engine.served import Served
from bailiwick.engine.world import World
from bailiwick.evidence.config_maps import ConfigMapShelf
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.kube.client import Client, Json
from bailiwick.kube.events import Recorder
from bailiwick.kube.resources import Resource
from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.images.findings import ScanReport
from bailiwick.policy.images.priority import Risk, risk_of
from bailiwick.scanners.source import Capabilities, Limits, NamedSource, Order
from tests.bench import images_cluster
from tests.bench.figures import Figure, percentile
from tests.bench.images_cluster import NOW, Cluster

_TERMS: Final = ImageTerms(
    registries=("*",), rescan_every=None, remediate_within={"critical": timedelta(days=15)}
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process measured, in seconds of CPU.

    `queue` is until every image waits in its place, `scans` for all that follows. `turns` are how
    long other work waited for its turn meanwhile, p50, p99 and the longest.
    """

    digests: int
    queue: float
    scans: float
    turns: tuple[float, float, float]
    writes: int
    worst_first: bool


def measure(digests: int) -> Measured:
    """Measure a cluster of so many images, ten in each namespace."""
    command = [sys.executable, "-m", "tests.bench.rescans", str(digests)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout))


def figures(found: Measured) -> list[Figure]:
    """The figures of one move of the database."""
    p50, p99, most = (1000 * each for each in found.turns)
    order = "the worst first" if found.worst_first else "NOT the worst first"
    return [
        Figure("rescans-queue", found.queue, "s", None, f"{found.digests} digests, {order}"),
        Figure("rescans-each", found.scans / found.digests * 1000, "ms", None, "of CPU for a scan"),
        Figure(
            "rescans-turn-p99",
            p99,
            "ms",
            None,
            f"of CPU before it is other work's turn again; p50 {p50:.2f}, longest {most:.0f}",
        ),
        Figure("rescans-writes", found.writes / found.digests, "", None, "to ImageScans for each"),
    ]


class CountingClient(Client):
    """An API server that takes everything; `writes` counts what, by resource."""

    def __init__(self) -> None:
        self.writes: Counter[str] = Counter()
        self._specs: dict[str, Json] = {}

    async def apply(self, resource: Resource, body: Json, **_: Any) -> Json:
        self.writes[resource.plural] += 1
        name = body["metadata"]["name"]
        spec = self._specs.setdefault(name, body.get("spec", {}))
        metadata = {"uid": name, "generation": 1, "creationTimestamp": NOW.isoformat()}
        metadata |= body["metadata"] | {"resourceVersion": str(self.writes.total())}
        return {**body, "spec": spec, "metadata": metadata}

    async def list(self, resource: Resource, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(resource.plural)


@dataclass(slots=True)
class Done:
    """A scan that is over as soon as it began."""

    report: ScanReport

    async def poll(self) -> None:
        await asyncio.sleep(0)

    async def result(self) -> ScanReport:
        return self.report


class Source:
    """A scanner that finds what is there at once; `asked` are the digests in their order."""

    def __init__(self, given: Cluster, clock: Callable[[], datetime]) -> None:
        self.limits = Limits()
        self.built = NOW - timedelta(hours=30)
        self.asked: list[str] = []
        self._given = given
        self._clock = clock

    async def capabilities(self) -> Capabilities:
        return Capabilities("Bench", database_built=self.built)

    async def start(self, order: Order) -> Done:
        digest = order.image.digest
        self.asked.append(digest)
        order.taken(f"scan-{len(self.asked)}")
        found = self._given.report(digest)
        return Done(replace(found, scanned_at=self._clock(), database_built=self.built))


class Scene:
    """The image side of an operator that knows every image, and its scanner."""

    def __init__(self, digests: int) -> None:
        self.given = images_cluster.cluster(digests)
        self.now = NOW
        self.client = CountingClient()
        self.source = Source(self.given, lambda: self.now)
        self.scans = DeclaredStore("ImageScan", lambda _old, _new: None)
        self.imaging = Imaging(
            client=self.client,
            sources=(NamedSource("bench", self.source),),
            evidence=KeptEvidence(ConfigMapShelf(images_cluster.KeptConfigMaps()), cache_bytes=0),
            world=World(dict),
            served=Served(self.client),
            scans=self.scans,
            requests=DeclaredStore("RescanRequest", lambda _old, _new: None),
            options=Options(scanner=ScannerOptions()),
            metrics=Metrics(),
            notices=Notices(Recorder(self.client, instance="bench"), Metrics()),
            tell=lambda _namespace, _pause: None,
            concerned=list,
            look_everywhere=lambda: None,
            clock=lambda: self.now,
        )

    async def know_everything(self) -> None:
        """Have every image scanned once, as before the move."""
        for tenant in self.given.namespaces:
            images = [
                replace(each, reference=each.reference.at(each.digest))
                for each in tenant.images
                if each.reference and each.digest
            ]
            uses = uses_of(images, _TERMS, lambda _image: ())
            self.imaging.uses.record(tenant.name, uses)
        for digest in self.given.digests:
            self.imaging.images.knowledge(digest).unsaved = self.given.report(digest)
            self.imaging.image_queue.add(digest)
        await _until(lambda: self.imaging.image_queue.idle)

    def risk(self, digest: str) -> Risk:
        """How bad what is known of an image is."""
        known = self.imaging.images.known(digest, self.given.repository(digest))
        return risk_of(known.ages, _TERMS.remediate_within, self.now)


async def _measure(digests: int) -> Measured:
    scene = Scene(digests)
    (watch,) = scene.imaging.sources.watches
    await watch.ask()
    # Scans are begun by the benchmark itself, one after the other, once all wait for theirs.
    look = in_seconds(scene.imaging.reconciler.reconcile)
    scene.imaging.image_queue.start(look, workers=8)
    await scene.know_everything()
    assert scene.source.asked == []
    before = scene.client.writes["imagescans"]
    scene.now += timedelta(hours=1)
    risks = {digest: scene.risk(digest).order for digest in scene.given.digests}
    turns: list[float] = []
    others = asyncio.create_task(_other_work(turns))
    scene.source.built = scene.now
    begun = time.process_time()
    await watch.ask()
    await _until(lambda: scene.imaging.image_queue.idle)
    queued = time.process_time() - begun
    order = await _scan_all(scene)
    scanned = time.process_time() - begun - queued
    others.cancel()
    with suppress(asyncio.CancelledError):
        await others
    await scene.imaging.stop(1)
    assert sorted(order) == sorted(scene.given.digests)
    return Measured(
        digests,
        queued,
        scanned,
        (percentile(turns, 0.5), percentile(turns, 0.99), max(turns)),
        scene.client.writes["imagescans"] - before,
        [risks[each] for each in order] == sorted(risks.values()),
    )


async def _scan_all(scene: Scene) -> list[str]:
    """Scan what waits, one after the other, with all that is looked at because of it."""
    imaging, queue = scene.imaging, scene.imaging.scan_queue
    while len(queue):
        digest = await queue.get()
        assert digest is not None
        await imaging.scanning.scan(digest)
        queue.done(digest)
        await asyncio.sleep(0)
    await _until(lambda: imaging.image_queue.idle)
    return scene.source.asked


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # nobody tells when a queue is idle
        await asyncio.sleep(0.001)


async def _other_work(turns: list[float]) -> None:
    """Note how long something else waits, at each of its steps, until it is its turn again."""
    while True:
        begun = time.process_time()
        await asyncio.sleep(0)
        turns.append(time.process_time() - begun)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_measure(int(sys.argv[1]))))))
