"""What is known of images at the size that the design names: kept, read at a start, and judged.

No API server is needed: ConfigMaps are kept in memory, as they would be stored. It is measured in
a process of its own, and in CPU time, so that other work on the machine matters little.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bailiwick.engine.images.knowledge import Images
from bailiwick.evidence.config_maps import ConfigMapShelf
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.policy.exceptions.matching import Coverage
from bailiwick.policy.images.state import assess
from tests.bench import images_cluster
from tests.bench.figures import Figure
from tests.bench.images_cluster import NOW, Cluster

_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process measured: seconds of CPU, and bytes.

    `stored` is what the API server keeps of every digest, and `stored_seen` of every repository
    since when its findings are known. `held` is what the operator's memory grew by.
    """

    digests: int
    findings: int
    namespaces: int
    exceptions: int
    stored: int
    stored_seen: int
    save: float
    recall: float
    held: int
    judge: float
    judge_again: float
    overdue: int
    excepted: int


def measure(digests: int) -> Measured:
    """Measure a cluster of so many images, ten in each namespace."""
    command = [sys.executable, "-m", "tests.bench.images", str(digests)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout))


def figures(found: Measured) -> list[Figure]:
    """The figures of the design."""
    size = f"{found.digests} digests with {found.findings // found.digests} findings"
    judged = (
        f"{found.namespaces} namespaces, {found.exceptions} exceptions; "
        f"{found.overdue} overdue, {found.excepted} excepted"
    )
    stored = (found.stored + found.stored_seen) / _MEGABYTE
    return [
        Figure(
            "images-stored",
            found.stored / found.digests / 1000,
            "kB",
            None,
            f"of a digest; {stored:.0f} MB in all with {found.stored_seen / _MEGABYTE:.1f} MB of "
            "since when findings are known",
        ),
        Figure(
            "images-memory",
            found.held / found.digests / 1000,
            "kB",
            None,
            f"of a digest; {found.held / _MEGABYTE:.0f} MB in all; {size}",
        ),
        Figure("images-save", found.save / found.digests * 1000, "ms", None, "of a digest"),
        Figure("images-start", found.recall, "s", None, f"{size}, read after a start"),
        Figure("images-judge", found.judge, "s", 1, judged),
        Figure("images-judge-again", found.judge_again, "s", None, judged),
    ]


async def _measure(digests: int) -> Measured:
    given = images_cluster.cluster(digests)
    stored = images_cluster.KeptConfigMaps()
    save = await _save(given, stored)
    gc.collect()
    before = _resident()
    images = Images(KeptEvidence(ConfigMapShelf(stored), cache_bytes=0))
    recall = await _recall(given, images)
    gc.collect()
    held = _resident() - before
    judge, overdue, excepted = _judge(given, images)
    judge_again, _, _ = _judge(given, images)
    return Measured(
        len(given.digests),
        given.findings,
        len(given.namespaces),
        len(given.exceptions),
        stored.size(of="report"),
        stored.size(of="first-seen"),
        save,
        recall,
        held,
        judge,
        judge_again,
        overdue,
        excepted,
    )


async def _save(given: Cluster, stored: images_cluster.KeptConfigMaps) -> float:
    """Keep every report as a scan does, in an operator of its own."""
    evidence = KeptEvidence(ConfigMapShelf(stored), cache_bytes=0)
    taken = 0.0
    for digest in given.digests:
        report, repository = given.report(digest), given.repository(digest)
        await evidence.record_seen(repository, report.findings, given.found_first(digest))
        images = Images(evidence)
        images.knowledge(digest).unsaved = report
        begun = time.process_time()
        await images.save(digest, {repository})
        taken += time.process_time() - begun
    return taken


async def _recall(given: Cluster, images: Images) -> float:
    begun = time.process_time()
    for digest in given.digests:
        await images.recall(digest, {given.repository(digest)}, scanned=True)
    return time.process_time() - begun


def _judge(given: Cluster, images: Images) -> tuple[float, int, int]:
    """Judge every image of every namespace by its deadlines and exceptions."""
    overdue = excepted = 0
    begun = time.process_time()
    for namespace in given.namespaces:
        coverage = Coverage(given.ruled(namespace), lambda _: frozenset())
        for image in namespace.images:
            assert image.digest is not None
            assert image.reference is not None
            known = images.known(image.digest, image.reference.name)
            found = known.report.findings if known.report else None
            state = assess(known, given.terms, NOW, excuses=coverage.excuses(image, found))
            overdue += state.overdue
            excepted += state.excepted
        coverage.matches()
    return time.process_time() - begun, overdue, excepted


def _resident() -> int:
    """Return the memory of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(each for each in lines if each.startswith("VmRSS:")).split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_measure(int(sys.argv[1]))))))
