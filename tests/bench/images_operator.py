"""The operator and its images on a real API server: what is stored, and how long verdicts take.

Every pod runs an image of its own. The scanner answers at once, so that what is measured is what
the operator does with results.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec

from bailiwick.api.meta import API_VERSION
from tests.bench import images_cluster, images_scanner, workload
from tests.bench.bare import Bare, Request, merge
from tests.bench.figures import Figure, percentile
from tests.bench.images_scanner import KnowingScanner
from tests.bench.scene import Scene, intent_path
from tests.controlplane.operator_process import OperatorProcess
from tests.controlplane.progress import say

_KNOWN_DIGESTS: Final = 20
_INTENTS: Final = f"/apis/{API_VERSION}/securityintents"
_PROFILE: Final = f"/apis/{API_VERSION}/securityprofiles/{workload.PROFILE}"
_WITHIN: Final = {"critical": "15d", "high": "30d", "medium": "90d"}


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds and bytes of a cluster of so many digests.

    `first_verdict` and `all_verdicts` are from the start of an operator to the statuses that tell
    them, where all results are stored already.
    """

    digests: int
    first_scans: float
    etcd_evidence: int
    etcd_scans: int
    first_verdict: float
    all_verdicts: float
    known_digest: list[float]


class ImagesScene(Scene):
    """Namespaces of ten pods, each with an image of its own, and a scanner that knows them."""

    def __init__(self, digests: int) -> None:
        super().__init__(digests // workload.PODS_EACH)
        self.given = images_cluster.cluster(digests)
        self.scanner = KnowingScanner(self.given)

    def operator(self, *more: str) -> OperatorProcess:
        """Start the operator with that scanner, which it asks as fast as it can."""
        token = self.cluster.directory / "scanner-token"
        token.write_text("token\n")
        scanner = ("--scanner-url", self.scanner.url, "--scanner-token-file", str(token))
        parallel = ("--parallel-scans", "8", "--parallel-scans-per-registry", "8")
        return super().operator(*scanner, *parallel, *more)

    def pod(self, digest: str, name: str) -> tuple[Any, Any]:
        """A pod that runs a digest, and its status."""
        (pod, status), *_ = workload.pods(0)
        image = f"{self.given.repository(digest)}@{digest}"
        pod["metadata"]["name"] = name
        pod["spec"]["containers"][0]["image"] = image
        status["status"]["containerStatuses"][0] |= {"image": image, "imageID": image}
        return pod, status

    def _pods(self) -> Iterator[tuple[str, Any, Any]]:
        for number, digest in enumerate(self.given.digests):
            namespace = self.names[number // workload.PODS_EACH]
            yield f"/api/v1/namespaces/{namespace}/pods", *self.pod(digest, f"pod-{number}")


class Verdicts:
    """How many images of each namespace have a verdict, as a watch tells it."""

    def __init__(self, client: Bare) -> None:
        self.judged: dict[str, int] = {}
        self._client = client
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Verdicts]:
        """Follow all intents."""
        listed = await self._client.get(_INTENTS)
        for each in listed["items"]:
            self._take(each)
        task = asyncio.create_task(self._follow(listed["metadata"]["resourceVersion"]))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(
        self, holds: Callable[[], bool], within: float, operator: OperatorProcess | None = None
    ) -> float:
        """Wait for an event after which something holds; returns the time at which it came."""
        deadline = time.monotonic() + within
        while not holds():
            ended = operator is not None and not operator.is_running
            if ended or time.monotonic() > deadline:
                log = operator.tail() if operator else ""
                raise TimeoutError(f"{sum(self.judged.values())} images have a verdict\n{log}")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), 1.0)
            except TimeoutError:
                continue
        return time.monotonic()

    async def _follow(self, version: str) -> None:
        async with self._client.watch(_INTENTS, version) as response:
            rest = b""
            while chunk := await response.content.readany():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._take(msgspec.json.decode(line)["object"])
                self._changed.set()

    def _take(self, intent: Any) -> None:
        images = (intent.get("status") or {}).get("images") or {}
        self.judged[intent["metadata"]["namespace"]] = sum(
            images.get(verdict, 0) for verdict in ("clean", "violating")
        )


async def measure(digests: int) -> Measured:
    """Scan all images, start again, and run what is known already."""
    scene = ImagesScene(digests)
    within = 120 + digests * 0.5

    def everything() -> bool:
        return sum(verdicts.judged.values()) >= digests

    def anything() -> bool:
        return any(verdicts.judged.values())

    async with images_scanner.serving(scene.scanner), scene:
        verdicts = Verdicts(scene.admin)
        await scene.admin.send(merge(_PROFILE, {"spec": {"images": {"remediateWithin": _WITHIN}}}))
        async with verdicts.watching():
            begun = time.monotonic()
            with scene.operator() as operator:
                first_scans = await verdicts.until(everything, within, operator) - begun
                await scene.settled(operator)
            say(f"{digests} images: scanned and judged within {first_scans:.1f} s")
            evidence = scene.cluster.stored_bytes("configmaps/bailiwick-system/evidence-")
            scans = scene.cluster.stored_bytes("bailiwick.dev/imagescans/")
            await scene.admin.send_all(
                merge(f"{intent_path(name)}/status", {"status": None}) for name in scene.names
            )
            await verdicts.until(lambda: not anything(), within)
            begun = time.monotonic()
            with scene.operator() as operator:
                one = await verdicts.until(anything, within, operator)
                everyone = await verdicts.until(everything, within, operator)
                await scene.settled(operator)
                known = await _known_digests(scene, verdicts, operator)
    return Measured(
        digests,
        first_scans,
        evidence,
        scans,
        one - begun,
        everyone - begun,
        known,
    )


async def _known_digests(
    scene: ImagesScene, verdicts: Verdicts, operator: OperatorProcess
) -> list[float]:
    """Run images in namespaces that did not run them; seconds from the pod to its verdict."""
    times = []
    for number in range(_KNOWN_DIGESTS):
        at, round_ = number % scene.size, number // scene.size
        namespace, other = scene.names[at], (at + scene.size // 2) % scene.size
        digest = scene.given.digests[other * workload.PODS_EACH + round_]
        pod, status = scene.pod(digest, f"known-{number}")
        path = f"/api/v1/namespaces/{namespace}/pods"
        wanted = verdicts.judged[namespace] + 1
        begun = time.monotonic()
        await scene.admin.send(Request("POST", path, pod))
        await scene.admin.send(merge(f"{path}/{pod['metadata']['name']}/status", status))

        def judged(namespace: str = namespace, wanted: int = wanted) -> bool:
            return verdicts.judged[namespace] >= wanted

        times.append(await verdicts.until(judged, 60, operator) - begun)
    return times


def figures(found: Measured) -> list[Figure]:
    """The figures of the design that need an API server."""
    digests = found.digests
    stored = found.etcd_evidence + found.etcd_scans
    slowest = max(found.known_digest)
    return [
        Figure(
            "images-in-etcd",
            stored / digests / 1000,
            "kB",
            None,
            f"of a digest: evidence {found.etcd_evidence / digests / 1000:.1f} kB, ImageScan "
            f"{found.etcd_scans / digests / 1000:.1f} kB; {digests} digests",
        ),
        Figure("images-first-scans", found.first_scans / digests * 1000, "ms", None, "of a digest"),
        Figure("images-first-verdict", found.first_verdict, "s", None, "after a start"),
        Figure(
            "images-all-verdicts",
            found.all_verdicts,
            "s",
            None,
            f"after a start, {digests} digests that are known",
        ),
        Figure(
            "images-known-digest",
            percentile(found.known_digest, 0.99),
            "s",
            2,
            f"from the pod to its verdict; median {median(found.known_digest):.2f} s, "
            f"n={len(found.known_digest)}, slowest {slowest:.2f} s",
        ),
    ]
