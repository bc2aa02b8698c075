"""What a profile denies beyond recall: all of that, and nothing that it lets anybody open."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.dialects import CILIUM_KIND
from bailiwick.policy.facts import Node
from bailiwick.policy.network import cluster_policy
from bailiwick.policy.network.cluster_policy import INTERNET, METADATA, Bound, bound
from bailiwick.policy.network.compile import compile_network
from bailiwick.policy.network.reading import Reading
from bailiwick.policy.reach.addresses import contains, of_address
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.kinds import admin_policy, network_policy
from bailiwick.policy.rules import Direction
from bailiwick.policy.settings import Settings
from tests.unit.network.intents import compiled_in, intents, profiles
from tests.unit.network.make import CLUSTER, JSON, allowing, effective
from tests.unit.network.meaning import HERE
from tests.unit.network.worlds import METADATA as METADATA_SERVICES
from tests.unit.network.worlds import PORTS, PUBLIC, SETTINGS, clusters, halves
from tests.unit.reach.test_compiled import half, told_apart

EGRESS = Direction.EGRESS
DENIED = {"internet": "Denied"}
ALLOW_ALL = {
    "podSelector": {},
    "policyTypes": ["Ingress", "Egress"],
    "ingress": [{}],
    "egress": [{}],
}


def brings(profile: JSON, *rules: JSON, on: FixedCluster = CLUSTER) -> Bound:
    intent = effective(*rules, profile=profile, on=on)
    return bound(intent, compile_network(intent, {}, on, Settings()))


def denied(*members: Bound, on: FixedCluster = CLUSTER) -> dict[str, Any]:
    return cluster_policy.denied(members, Reading(on, Settings()))


def is_denied(address: str, *members: Bound, on: FixedCluster = CLUSTER) -> bool:
    found = denied(*members, on=on)
    return any(contains(each, of_address(address)) for each in found.values())


def test_metadata_services_are_denied_always() -> None:
    for profile in ({}, DENIED, {"internet": "Open"}, {"isolate": ["Ingress"]}):
        assert METADATA in denied(brings(profile))
        for address in METADATA_SERVICES:
            assert is_denied(address, brings(profile))


def test_what_the_profile_opens_of_them_is_not() -> None:
    opened = brings({"allowances": [{"name": "it", "to": {"cidr": "169.254.169.254/32"}}]})
    assert not is_denied("169.254.169.254", opened)
    assert is_denied("169.254.170.2", opened)
    assert not is_denied("169.254.169.254", brings({}), opened), "one policy is for both"


@pytest.mark.parametrize(
    "profile, is_told",
    [
        (DENIED, True),
        ({}, False),
        ({"internet": "Open"}, False),
        ({**DENIED, "isolate": ["Ingress"]}, False),
    ],
)
def test_the_internet_is_denied_where_the_profile_says_so(profile: JSON, is_told: bool) -> None:
    assert (INTERNET in denied(brings(profile))) is is_told
    assert is_denied("8.8.8.8", brings(profile)) is is_told
    assert is_denied("64:ff9b::808:808", brings(profile)) is is_told, "translated to IPv4"


def test_it_is_denied_once_it_is_to_all_namespaces() -> None:
    assert INTERNET not in denied(brings(DENIED), brings({}))


def test_networks_of_ones_own_are_not_the_internet() -> None:
    for address in ("10.1.2.3", "192.168.7.1", "fd99::1", "127.0.0.1", "10.244.0.7", "224.0.0.1"):
        assert not is_denied(address, brings(DENIED))


def test_nodes_and_the_api_server_are_not_denied_wherever_they_are() -> None:
    on = replace(
        CLUSTER,
        all_nodes=(Node("a", ("198.51.100.7",), ("10.244.0.0/24",)),),
        all_slices=tuple(
            replace(each, addresses=("198.51.100.10",)) for each in CLUSTER.all_slices
        ),
    )
    member = brings(DENIED | allowing("KubeAPIServer"), on=on)
    for address in ("198.51.100.7", "198.51.100.10"):
        assert not is_denied(address, member, on=on)
    assert is_denied("198.51.100.8", member, on=on)


def test_a_cluster_whose_ranges_are_not_known_cannot_be_told_from_the_internet() -> None:
    on = replace(CLUSTER, all_service_cidrs=(), all_nodes=())
    assert denied(brings(DENIED, on=on), on=on).keys() == {METADATA}


def test_a_host_that_the_profile_opens_by_name_may_have_any_address() -> None:
    on = replace(CLUSTER, served=(CILIUM_KIND,))
    profile = {**DENIED, "allowances": [{"name": "it", "to": {"fqdn": "api.example.com"}}]}
    assert denied(brings(profile, on=on), on=on).keys() == {METADATA}


def test_its_namespaces_are_read_back() -> None:
    spec = cluster_policy.spec(["b", "a"], denied(brings({})))
    assert cluster_policy.namespaces_of(spec) == {"a", "b"}
    assert cluster_policy.namespaces_of({"subject": {"namespaces": {}}}) == frozenset()
    assert cluster_policy.namespaces_of({}) == frozenset()


@given(clusters(), intents, profiles())
def test_nothing_that_an_intent_comes_to_is_cut_and_nobody_else_opens_what_is_denied(
    cluster: FixedCluster, intent: list[JSON], profile: JSON
) -> None:
    profile["isolate"] = sorted({*profile["isolate"], "Egress"})
    network = compiled_in(cluster, intent, profile)
    merged = effective(*intent, profile=profile, on=cluster, settings=SETTINGS)
    denials = cluster_policy.denied([bound(merged, network)], Reading(cluster, SETTINGS))
    spec = cluster_policy.spec([HERE], denials)
    for peer in (peer for rule in spec["egress"] for peer in rule["to"]):
        assert 1 <= len(peer["networks"]) <= 25
        assert all(ip_network(each) for each in peer["networks"])
    cluster = told_apart(cluster)
    own = [each for policy in network.policies for each in policy.read(HERE)]
    policy = admin_policy.read_cluster("floor", spec)
    break_glass = network_policy.read(HERE, "break-glass", ALLOW_ALL)
    alone, with_it = graph(cluster, own), graph(cluster, [*own, policy])
    widened = graph(cluster, [*own, break_glass, policy])
    outwards = [
        (pod, other)
        for direction, pod, other, port in halves(cluster)
        if direction == "Egress" and port == PORTS[0] and not pod.host_network
    ]
    opened = {other.address for pod, other in outwards if half(alone, EGRESS, pod, other)}
    closed = {*METADATA_SERVICES, *(PUBLIC if INTERNET in denials else ())} - opened
    for pod, other in outwards:
        assert half(with_it, EGRESS, pod, other) == half(alone, EGRESS, pod, other)
        if not other.namespace and other.address in closed:
            assert not half(widened, EGRESS, pod, other)


def graph(cluster: FixedCluster, policies: list[Any]) -> Graph:
    return Graph.build(
        cluster.all_namespaces,
        cluster.all_pods,
        policies,
        cluster.all_nodes,
        ClusterNetwork(blocks_cover_pods=True),
    )
