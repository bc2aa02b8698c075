"""What neither pods nor policies tell of the network that they are in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from bailiwick.policy.facts import Node
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.settings import Settings

_COVER_PODS = {
    "antrea": True,
    "calico": True,
    "cilium": False,
    "kube-router": True,
    "ovn-kubernetes": True,
}
"""What each enforcer makes of pods whose addresses are in an `ipBlock`, by its documentation."""


# Nodes hardly ever change, and every namespace asks.
@lru_cache(maxsize=8)
def _joined(blocks: tuple[str, ...]) -> Addresses:
    return addresses.merged(part for block in blocks for part in addresses.of_block(block))


PRIVATE = _joined(("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
"""Where pods are in nearly all clusters (RFC 1918, 6598 and 4193)."""


@dataclass(frozen=True, slots=True)
class ClusterNetwork:
    """What decides whether a block of addresses covers a pod.

    `blocks_cover_pods`: whether the network plugin takes pods and nodes to be in an `ipBlock` of
    a NetworkPolicy by their addresses, as most do. None: not known. Cilium does not for pods, and
    for nodes only where it is told to, so that nodes are not known then.
    `pod_ranges`: where the pods are of which no address is known.
    """

    blocks_cover_pods: bool | None = None
    pod_ranges: Addresses = PRIVATE


NOTHING_TOLD = ClusterNetwork()
OUTSIDE_ONLY = ClusterNetwork(blocks_cover_pods=False, pod_ranges=addresses.NONE)
"""Blocks hold for the world outside alone, as long as no pod's address is known."""


def cluster_network(settings: Settings, nodes: Iterable[Node]) -> ClusterNetwork:
    """Return what settings and nodes tell of a cluster's network."""
    ranges = (*settings.cluster_cidrs, *(cidr for node in nodes for cidr in node.pod_cidrs))
    return ClusterNetwork(
        _COVER_PODS.get(settings.enforcer.lower().replace(" ", "-")),
        _joined(ranges) if ranges else PRIVATE,
    )
