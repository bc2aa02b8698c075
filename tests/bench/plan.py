"""The two forms of the benchmark: what is measured, how often, and which figures come of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median

from tests.bench import workload
from tests.bench.changes import Changes, bare_applies, quiet_writes
from tests.bench.cold import ColdStart, cold_start, median_cpu, peak_mib, typical
from tests.bench.figures import Figure, percentile
from tests.bench.observer import Observer
from tests.bench.scene import Scene
from tests.controlplane.progress import elapsed, say

_CPU_LIMIT = 15.0  # seconds, at 1,000 namespaces
_MEMORY_LIMIT = 120.0  # MB, and
_MEMORY_OF_A_POD = 0.002  # MB
_MEGABYTE = 1_048_576 / 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured. `quiet` is in seconds, `reach_scales` in sizes of the design.

    `digests` are images with their findings, ten for each of as many namespaces, and `fan_out`
    the namespaces that run one and the same. `stored_digests` are kept in PostgreSQL, and
    `running_digests` run as pods that are scanned.
    """

    sizes: tuple[int, ...] = (100, 300, 1000)
    starts: int = 3
    edits: int = 300
    changes: int = 100
    quiet: float = 600.0
    reach_scales: tuple[int, ...] = (1, 2, 4)
    digests: int = 10_000
    fan_out: int = 300
    stored_digests: int = 10_000
    running_digests: int = 2_000


SHORT = Plan(
    sizes=(100,),
    edits=90,
    changes=40,
    quiet=30.0,
    reach_scales=(1,),
    digests=1000,
    fan_out=100,
    stored_digests=300,
    running_digests=100,
)
LONG = Plan()


@dataclass(slots=True)
class Results:
    """Everything that was measured; times of changes in seconds."""

    starts: dict[int, list[ColdStart]] = field(default_factory=dict)
    bare_applies: list[float] = field(default_factory=list)
    edits: list[float] = field(default_factory=list)
    opt_ins: list[float] = field(default_factory=list)
    deletions: list[float] = field(default_factory=list)
    tamperings: list[float] = field(default_factory=list)
    quiet_seconds: float = 0.0
    quiet_writes: list[str] = field(default_factory=list)


async def measure(plan: Plan) -> Results:
    """Measure cold starts at each size, and the rest at the largest."""
    results = Results()
    for size in plan.sizes:
        begun = time.monotonic()
        say(f"{size} namespaces with {size * workload.PODS_EACH} pods …")
        async with Scene(size) as scene:
            say(f"{size} namespaces: made after {elapsed(begun)}")
            results.starts[size] = []
            for number in range(plan.starts):
                start = await cold_start(scene)
                results.starts[size].append(start)
                say(
                    f"{size} namespaces: start {number + 1} of {plan.starts}: "
                    f"{start.seconds:.1f} s, bare {start.bare_seconds:.1f} s"
                )
            if size == max(plan.sizes):
                await _measure_changes(scene, plan, results)
    return results


async def _measure_changes(scene: Scene, plan: Plan, results: Results) -> None:
    async with Observer(scene.admin, policies=True, within=60 + scene.size) as observer:
        with scene.operator() as operator:
            everyone = observer.expect(lambda: len(observer.ready) >= scene.size)
            await observer.at(everyone, "every intent is Ready", operator)
            say(f"Quiet for {plan.quiet:.0f} s …")
            results.quiet_seconds = plan.quiet
            results.quiet_writes = await quiet_writes(scene, operator, plan.quiet)
            changes = Changes(scene, operator, observer)
            say(f"Single changes among {scene.size} namespaces …")
            results.bare_applies = await bare_applies(scene, plan.changes)
            results.edits = await changes.edits(plan.edits)
            results.opt_ins = await changes.opt_ins(plan.changes)
            results.deletions = await changes.deletions(plan.changes)
            results.tamperings = await changes.tamperings(plan.changes)


def figures(results: Results) -> list[Figure]:
    """The figures of the design, in its order."""
    sizes = sorted(results.starts)
    found = [figure for size in sizes for figure in _of_starts(results.starts[size])]
    found += _of_edits(results)
    for name, times in (
        ("new-namespace", results.opt_ins),
        ("deleted-policy", results.deletions),
        ("edited-policy", results.tamperings),
    ):
        found += _of_times(name, times)
    quiet = f"{results.quiet_seconds:.0f} s" + "".join(f"; {w}" for w in results.quiet_writes[:3])
    found.append(Figure("quiet-writes", len(results.quiet_writes), "", 0, quiet))
    if len(sizes) > 1:
        found += _of_growth(results.starts[sizes[-2]], results.starts[sizes[-1]])
    return found


def _of_starts(starts: list[ColdStart]) -> list[Figure]:
    start = typical(starts)
    size, largest = start.size, start.size == 1000
    pods = size * workload.PODS_EACH
    made_of = (
        f"{start.seconds:.2f} s and {start.writes} writes, bare {start.bare_seconds:.2f} s "
        f"and {start.bare_writes}; all: {', '.join(f'{each.ratio:.2f}' for each in starts)}"
    )
    memory = _MEMORY_LIMIT + _MEMORY_OF_A_POD * pods
    return [
        Figure(f"cold-start-{size}", start.ratio, "x", 1.5 if largest else None, made_of),
        Figure(f"cold-start-{size}-cpu", median_cpu(starts), "s", _CPU_LIMIT if largest else None),
        Figure(f"cold-start-{size}-memory", peak_mib(starts) * _MEGABYTE, "MB", memory),
    ]


def _of_edits(results: Results) -> list[Figure]:
    bare, times = median(results.bare_applies), results.edits
    slowest = percentile(results.bare_applies, 0.99)
    made_of = f"bare apply {bare * 1000:.2f} ms (p99 {slowest * 1000:.1f}), n={len(times)}"
    middle, late = median(times), percentile(times, 0.99)
    return [
        Figure("edit-p50", middle / bare, "x", None, f"{middle * 1000:.1f} ms, {made_of}"),
        Figure("edit-p99", late / bare, "x", 10, f"{late * 1000:.1f} ms, {made_of}"),
    ]


def _of_times(name: str, times: list[float]) -> list[Figure]:
    made_of = f"n={len(times)}"
    return [
        Figure(f"{name}-p50", median(times) * 1000, "ms", 40, made_of),
        Figure(f"{name}-p99", percentile(times, 0.99) * 1000, "ms", 250, made_of),
    ]


def _of_growth(smaller: list[ColdStart], larger: list[ColdStart]) -> list[Figure]:
    """What a namespace costs in the larger cluster, over what it costs in the smaller one."""
    low, high = smaller[0].size, larger[0].size
    cpu = (median_cpu(larger) / high) / (median_cpu(smaller) / low)
    seconds = median(each.seconds for each in larger) / high
    before = median(each.seconds for each in smaller) / low
    made_of = f"of one of {high} namespaces over one of {low}"
    return [
        Figure("growth-cpu", cpu, "x", 1.1, made_of),
        Figure("growth-time", seconds / before, "x", 1.1, made_of),
    ]
