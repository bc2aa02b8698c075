"""What settings and nodes tell of the network: the plugin's view of blocks, and where pods are."""

from __future__ import annotations

import pytest

from bailiwick.policy.facts import Node
from bailiwick.policy.reach.addresses import of_block
from bailiwick.policy.reach.cluster_network import PRIVATE, cluster_network
from bailiwick.policy.settings import Settings


@pytest.mark.parametrize(
    "enforcer, covers",
    [
        ("Cilium", False),
        ("Calico", True),
        ("OVN-Kubernetes", True),
        ("ovn kubernetes", True),
        ("kube-router", True),
        ("something else", None),
        ("", None),
    ],
)
def test_the_enforcer_says_whether_blocks_cover_pods(enforcer: str, covers: bool | None) -> None:
    assert cluster_network(Settings(enforcer=enforcer), ()).blocks_cover_pods is covers


def test_pods_are_in_the_ranges_of_nodes_and_settings_or_in_private_ones() -> None:
    nodes = [Node("a", pod_cidrs=("10.1.0.0/24",)), Node("b", pod_cidrs=("10.1.1.0/24",))]
    settings = Settings(cluster_cidrs=("fd00::/64",))
    found = cluster_network(settings, nodes).pod_ranges
    assert found == (*of_block("10.1.0.0/23"), *of_block("fd00::/64"))
    assert cluster_network(Settings(), [Node("a")]).pod_ranges == PRIVATE
