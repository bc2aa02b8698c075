"""Cases of an independent implementation: who can connect, line by line.

Inputs and expected results are those of the netpol-analyzer project. They are not part of this
repository: they lie in `shared/vectors/connectivity` beside it, or beside a directory around it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bailiwick.cli.reach import reach
from bailiwick.offline.connlist import connection_list
from bailiwick.offline.reading import read
from bailiwick.offline.world import world
from bailiwick.policy.reach import addresses, ports
from bailiwick.policy.reach.cluster_network import OUTSIDE_ONLY
from bailiwick.policy.reach.edges import Connection, OutsideEdge
from bailiwick.policy.rules import Direction

REPOSITORY = Path(__file__).parents[3]
PLACES = [each / "shared" / "vectors" / "connectivity" for each in REPOSITORY.parents]
VECTORS = next((place for place in PLACES if place.is_dir()), None)
CASES = sorted(VECTORS.glob("*/*/expected.txt")) if VECTORS else []

ON_NODES = {
    "ipblockstest_2",
    "ipblockstest_3",
    "multiple_topology_resources_3",
    "semanticDiff-same-topologies-new2",
    "semanticDiff-same-topologies-old1",
    "semanticDiff-same-topologies-old2",
}
"""Cases with pods on the network of their node.

Their authors let policies hold for such pods, which Kubernetes does not. The lines of
`--output connlist` are for comparing, so that it does as they do, and says so.
"""

pytestmark = pytest.mark.skipif(
    not VECTORS, reason="shared/vectors/connectivity is not beside this checkout"
)


def name_of(case: Path) -> str:
    return f"{case.parent.parent.name}/{case.parent.name}"


def expected(case: Path) -> list[str]:
    return sorted(line for line in case.read_text().splitlines() if line.strip())


def test_there_are_as_many_as_there_were() -> None:
    assert len(CASES) == 53


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_line_and_no_other(case: Path) -> None:
    done = CliRunner().invoke(reach, [str(case.parent / "manifests"), "--output", "connlist"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == expected(case)
    assert ("on the network of" in done.stderr) is (case.parent.name in ON_NODES)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.parent.name in ON_NODES], ids=name_of
)
def test_only_what_touches_pods_on_their_nodes_network_is_read_otherwise(case: Path) -> None:
    inventory = read([str(case.parent / "manifests")], "default")
    cluster = inventory.cluster()
    found = world(cluster, inventory.policies.values(), network=OUTSIDE_ONLY)
    workloads = found.workloads
    on_nodes = [
        workload
        for workload, numbers in workloads.classes.items()
        if any(workloads.graph.classes[number].signature.host_network for number in numbers)
    ]
    assert on_nodes
    for line in set(connection_list(found)) ^ set(expected(case)):
        assert set(map(str, on_nodes)) & set(line.partition(" : ")[0].split(" => "))
    for workload in on_nodes:
        for direction in Direction:
            (everything,) = workloads.outside(workload, direction)
            assert everything == OutsideEdge(addresses.ALL, Connection(ports.ALL))
