"""Reachability at the size that the design names: from scratch, after each change, in memory.

No API server is needed. Each size is measured in a process of its own, and in CPU time, so that
other work on the machine matters little.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from statistics import median
from typing import Any, Final

from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.kinds import network_policy
from bailiwick.policy.reach.model import PolicyKey
from bailiwick.policy.rules import Direction
from tests.bench import reach_cluster
from tests.bench.figures import Figure, percentile
from tests.bench.reach_cluster import Cluster, cluster

_MEGABYTE: Final = 1_000_000
_CHANGES: Final = 1000

Change = Callable[[Graph], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process measured of a cluster of one size, in seconds; `memory` in MB."""

    scale: int
    pods: int
    policies: int
    classes: int
    from_scratch: float
    edges: int
    all_edges: float
    changes: dict[str, list[float]]
    memory: float


@dataclass(frozen=True, slots=True)
class Results:
    """Clusters of several sizes, and `narrow`: the first from scratch with blocks of 16 only."""

    sizes: list[Measured]
    narrow: float


def measure(scales: Sequence[int]) -> Results:
    """Measure clusters of some times the size of the design."""
    sizes = [Measured(**_in_a_process("_measure", scale)) for scale in scales]
    return Results(sizes, _in_a_process("_narrow", scales[0]))


def figures(results: Results) -> list[Figure]:
    """The figures of the design: those of the first size, and how they grow."""
    sizes = results.sizes
    first = sizes[0]
    times = [seconds for each in first.changes.values() for seconds in each]
    slowest = max(first.changes, key=lambda kind: max(first.changes[kind]))
    size = f"{first.pods} pods in {first.classes} classes, {first.policies} policies"
    found = [
        Figure("reach-from-scratch", first.from_scratch, "s", 2, size),
        Figure("reach-edges", first.all_edges, "s", None, f"{first.edges} edges of classes"),
        Figure("reach-change-p50", median(times) * 1000, "ms", None, f"n={len(times)}"),
        Figure(
            "reach-change-p99",
            percentile(times, 0.99) * 1000,
            "ms",
            20,
            f"n={len(times)}; slowest: {slowest}, {max(first.changes[slowest]) * 1000:.1f} ms",
        ),
        Figure(
            "reach-change-share",
            median(times) / first.from_scratch,
            "x",
            None,
            "the median change over everything from scratch",
        ),
        Figure("reach-memory", first.memory, "MB", 300, size),
        Figure(
            "reach-wide-blocks",
            first.from_scratch / results.narrow,
            "x",
            None,
            "blocks of 2^32 addresses over blocks of 16",
        ),
    ]
    for other in sizes[1:]:
        growth = other.from_scratch / first.from_scratch / other.scale
        made_of = f"{other.from_scratch:.2f} s and {other.memory:.0f} MB for {other.pods} pods"
        found.append(Figure(f"reach-growth-{other.scale}", growth, "x", None, made_of))
    return found


def _in_a_process(function: str, scale: int) -> Any:
    command = [sys.executable, "-m", "tests.bench.reach", function, str(scale)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _narrow(scale: int) -> float:
    seconds, _ = _from_scratch(cluster(scale, wide_blocks=False))
    return seconds


def _measure(scale: int) -> dict[str, Any]:
    given = cluster(scale)
    from_scratch, graph = _from_scratch(given)
    begun = time.process_time()
    edges = sum(1 for each in graph.classes.all() for _ in graph.targets(each.number))
    all_edges = time.process_time() - begun
    changes = _times(graph, _changes(given, Random(scale)))
    measured = Measured(
        scale,
        len(given.pods),
        len(given.policies),
        len(list(graph.classes.all())),
        from_scratch,
        edges,
        all_edges,
        changes,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MEGABYTE,
    )
    return asdict(measured)


def _from_scratch(given: Cluster) -> tuple[float, Graph]:
    """Make everything of what the API server gives; returns how long it took, too."""
    begun = time.process_time()
    graph = _graph(given)
    _all_tables(graph)
    return time.process_time() - begun, graph


def _graph(given: Cluster) -> Graph:
    policies = (network_policy.read(*each) for each in given.policies)
    network = ClusterNetwork(blocks_cover_pods=True)
    return Graph.build(given.namespaces, given.pods, policies, given.nodes, network)


def _all_tables(graph: Graph) -> None:
    """Have everything computed that is not up to date."""
    for each in graph.classes.all():
        graph.table(each.number, Direction.INGRESS)
        graph.table(each.number, Direction.EGRESS)


def _times(graph: Graph, changes: Iterable[tuple[str, Change]]) -> dict[str, list[float]]:
    """Make changes; each is over when the whole graph is up to date again."""
    times: dict[str, list[float]] = {}
    for kind, change in changes:
        begun = time.process_time()
        change(graph)
        _all_tables(graph)
        times.setdefault(kind, []).append(time.process_time() - begun)
    return times


def _changes(given: Cluster, random: Random) -> Iterator[tuple[str, Change]]:
    """Go through changes of objects that are chosen at random, each kind as often."""
    kinds = (
        _policy_changed,
        _policy_gone,
        _pod_more,
        _pod_relabelled,
        _namespace_relabelled,
        _agent_relabelled,
    )
    for number in range(_CHANGES):
        make = kinds[number % len(kinds)]
        yield make.__name__.strip("_").replace("_", " "), make(given, random, number)


def _policy_changed(given: Cluster, random: Random, number: int) -> Change:
    namespace, name, spec = random.choice(given.policies)
    side = "ingress" if "ingress" in spec else "egress"
    rules = [*spec.get(side, ()), {"ports": [{"port": number + 1}]}]
    policy = network_policy.read(namespace, name, {**spec, side: rules})
    return lambda graph: graph.put_policy(policy)


def _policy_gone(given: Cluster, random: Random, number: int) -> Change:
    del number
    namespace, name, _ = random.choice(given.policies)
    return lambda graph: graph.remove_policy(PolicyKey(network_policy.KIND, namespace, name))


def _pod_more(given: Cluster, random: Random, number: int) -> Change:
    like = random.choice(given.pods)
    address = f"10.250.{number // 250}.{number % 250}"
    new = replace(like, name=f"more-{number}", addresses=(address,))
    return lambda graph: graph.put_pod(new)


def _pod_relabelled(given: Cluster, random: Random, number: int) -> Change:
    pod = random.choice(given.pods)
    new = replace(pod, labels={**pod.labels, "version": str(number)})
    return lambda graph: graph.put_pod(new)


def _agent_relabelled(given: Cluster, random: Random, number: int) -> Change:
    new = reach_cluster.agent(random.choice(given.nodes), f"agent-{number}")
    return lambda graph: graph.put_pod(new)


def _namespace_relabelled(given: Cluster, random: Random, number: int) -> Change:
    namespace = random.choice(given.namespaces)
    new = replace(namespace, labels={**namespace.labels, "team": f"t{number % 20}"})
    return lambda graph: graph.put_namespace(new)


if __name__ == "__main__":
    [asked, of_scale] = sys.argv[1:]
    print(json.dumps({"_measure": _measure, "_narrow": _narrow}[asked](int(of_scale))))
