"""Which rules add nothing to the others, where requests and host names are told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bailiwick.policy.dialects import CILIUM_KIND
from bailiwick.policy.findings.effective import Desired
from bailiwick.policy.findings.shadowed import shadowed
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.declared import Declared
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.peers import numbers
from tests.unit.network.make import CLUSTER, JSON, compiled

ON = replace(CLUSTER, served=(CILIUM_KIND,))
WEB = {"workload": {"matchLabels": {"app": "web"}}}
PORT = {"from": WEB, "to": {"workload": {"matchLabels": {"app": "cart"}}}, "ports": [8080]}
CHARGE = {**PORT, "http": [{"methods": ["POST"], "path": "/charge"}]}
HOST = {"from": WEB, "to": {"fqdn": "api.example.com"}, "ports": [443]}


def adding_nothing(*rules: JSON) -> list[str]:
    profile = {"allowances": [{"name": "dns", "entity": "DNS"}]}
    desired = Desired.of("shop", compiled(*rules, profile=profile, on=ON))
    graph = Graph.build(
        ON.all_namespaces,
        ON.all_pods,
        desired.policies,
        ON.all_nodes,
        ClusterNetwork(blocks_cover_pods=False),
    )
    classes = sorted(numbers(graph.classes.in_namespace("shop")))
    names = [f"r{number}" for number in range(len(rules))]
    return sorted(shadowed(names, classes, Declared(graph, desired.made_of)))


@pytest.mark.parametrize(
    "rules, found",
    [
        ([PORT, PORT], ["r1"]),
        ([PORT, CHARGE], ["r1"]),
        ([CHARGE, PORT], ["r0"]),
        ([CHARGE, CHARGE], ["r1"]),
        ([CHARGE, {**PORT, "http": [{"path": "/refund"}]}], []),
    ],
    ids=["the same", "limit after", "limit first", "the same limit", "another limit"],
)
def test_a_limit_is_worth_nothing_beside_a_rule_without_it(
    rules: list[JSON], found: list[str]
) -> None:
    assert adding_nothing(*rules) == found


def test_a_host_by_its_name_adds_what_nobody_knows() -> None:
    assert adding_nothing(HOST) == []
    assert adding_nothing(HOST, HOST) == []
