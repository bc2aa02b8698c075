"""What every cluster has and manifests of an application do not: stand-ins for it.

Each that was used is told, so that nobody takes an assumption for a fact.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import (
    ContainerPort,
    EndpointPort,
    EndpointSlice,
    Namespace,
    Node,
    Owner,
    Pod,
    Service,
    ServicePort,
)
from bailiwick.policy.network import dependencies as keys
from bailiwick.policy.settings import Settings

API_SERVER: Final = "192.0.2.1"
NODE: Final = "192.0.2.2"
"""Addresses that nobody has (RFC 5737): they stand for those that only a cluster knows."""

# It is no part of the internet anyway, so that nothing becomes wider or narrower by it.
_PRIVATE: Final = "10.0.0.0/8"
_DNS_LABELS: Final = {"k8s-app": "kube-dns"}
_DNS_PORTS: Final = (ContainerPort(53, "UDP", "dns"), ContainerPort(53, "TCP", "dns-tcp"))


@dataclass(frozen=True, slots=True)
class Assumed:
    """A cluster and settings with stand-ins, and what to say of those that were used.

    `words` are by the key of `network.dependencies` that whoever uses a stand-in looked at.
    """

    cluster: FixedCluster
    settings: Settings
    words: dict[str, str]

    def told(self, looked_at: Collection[str]) -> list[str]:
        """Return what was assumed and made a difference."""
        return [words for key, words in self.words.items() if key in looked_at]

    def without_unused(self, looked_at: Collection[str]) -> FixedCluster:
        """Return the cluster without pods that stand in for what nobody asked for."""
        if keys.DNS in looked_at or keys.DNS not in self.words:
            return self.cluster
        pods = tuple(pod for pod in self.cluster.all_pods if pod != _dns_pod(self.settings))
        return replace(self.cluster, all_pods=pods)


def with_stand_ins(cluster: FixedCluster, settings: Settings) -> Assumed:
    """Add to what was found what every cluster has."""
    words: dict[str, str] = {}
    candidates = keys.dns_candidates(settings)
    if not any((each.namespace, each.name) in candidates for each in cluster.all_services):
        cluster = _with_dns(cluster, settings)
        words[keys.DNS] = (
            f"The cluster's DNS is Service {settings.dns_namespace}/{settings.dns_services[0]}, "
            "whose pods have the label k8s-app=kube-dns and listen on port 53."
        )
    if not any(cluster.endpoint_slices(*keys.API_SERVER_SERVICE)):
        port = EndpointPort(6443, "TCP", "https")
        namespace, name = keys.API_SERVER_SERVICE
        slice_ = EndpointSlice(namespace, name, name, "IPv4", (API_SERVER,), (port,))
        cluster = replace(cluster, all_slices=(*cluster.all_slices, slice_))
        words[keys.API_SERVER] = f"{API_SERVER}, port 6443, stands for the API server."
    if not cluster.all_nodes:
        cluster = replace(cluster, all_nodes=(Node("node", (NODE,)),))
        words[keys.NODES] = f"{NODE} stands for the nodes."
    has_ranges = any(node.pod_cidrs for node in cluster.all_nodes) or settings.cluster_cidrs
    if not has_ranges:
        settings = replace(settings, cluster_cidrs=(_PRIVATE,))
        words[keys.CLUSTER_RANGES] = "The cluster's own addresses are private ones."
    return Assumed(cluster, settings, words)


def _with_dns(cluster: FixedCluster, settings: Settings) -> FixedCluster:
    namespace = settings.dns_namespace
    namespaces = cluster.all_namespaces
    if cluster.namespace(namespace) is None:
        namespaces = (*namespaces, Namespace(namespace, ""))
    service = Service(
        namespace,
        settings.dns_services[0],
        _DNS_LABELS,
        (ServicePort(53, 53, "UDP", "dns"), ServicePort(53, 53, "TCP", "dns-tcp")),
    )
    return replace(
        cluster,
        all_namespaces=namespaces,
        all_services=(*cluster.all_services, service),
        all_pods=(*cluster.all_pods, _dns_pod(settings)),
    )


def _dns_pod(settings: Settings) -> Pod:
    return Pod(
        settings.dns_namespace,
        "coredns",
        "",
        _DNS_LABELS,
        Owner("Deployment", "coredns"),
        ports=_DNS_PORTS,
    )
