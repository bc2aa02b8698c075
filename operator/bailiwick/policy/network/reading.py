"""One reading of the cluster: what was looked at is recorded, what cannot be read is raised."""

from __future__ import annotations

from collections.abc import Iterable

from bailiwick.policy.cluster import ClusterView
from bailiwick.policy.dialects import CILIUM_ENFORCER, CILIUM_KIND
from bailiwick.policy.facts import EndpointSlice, Namespace, Node, Pod, Service, ServiceCIDR
from bailiwick.policy.network import dependencies as keys
from bailiwick.policy.settings import Settings


class Closed(Exception):
    """A rule, or a part of it, that is not opened; the message says why and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Unreadable(Exception):
    """A kind that is needed, and cannot be read now."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Reading:
    """The cluster as one compilation looks at it."""

    def __init__(self, cluster: ClusterView, settings: Settings) -> None:
        self.settings = settings
        self.looked_at: set[str] = set()
        self._cluster = cluster

    def service(self, namespace: str, name: str, key: str = "") -> Service | None:
        """Return a Service; `key` is the one to record where it is not the Service's own."""
        self.looked_at.add(key or keys.service_key(namespace, name))
        self._need("services")
        return self._cluster.service(namespace, name)

    def slices(self, namespace: str, service: str, key: str = "") -> list[EndpointSlice]:
        """Return the EndpointSlices of a Service, sorted."""
        self.looked_at.add(key or keys.endpoints_key(namespace, service))
        self._need("endpointslices")
        found = self._cluster.endpoint_slices(namespace, service)
        return sorted(found, key=lambda s: s.name)

    def namespace(self, name: str) -> Namespace | None:
        """Return a namespace."""
        self.looked_at.add(keys.namespace_key(name))
        self._need("namespaces")
        return self._cluster.namespace(name)

    def pods(self, namespace: str, key: str = "") -> list[Pod]:
        """Return the pods of a namespace that have traffic, sorted."""
        self.looked_at.add(key or keys.ports_key(namespace))
        self._need("pods")
        return sorted(
            (p for p in self._cluster.pods(namespace) if not p.finished), key=lambda p: p.name
        )

    def nodes(self, key: str) -> list[Node]:
        """Return every node, sorted."""
        self.looked_at.add(key)
        self._need("nodes")
        return sorted(self._cluster.nodes(), key=lambda n: n.name)

    def service_cidrs(self) -> Iterable[ServiceCIDR]:
        """Return every ServiceCIDR."""
        self.looked_at.add(keys.CLUSTER_RANGES)
        self._need("servicecidrs")
        return self._cluster.service_cidrs()

    def cluster_ranges(self) -> list[str]:
        """Return the ranges of pods and Services; empty where those of either are not known.

        A setting that names ranges is taken to name all that the cluster itself does not.
        """
        set_by_hand = list(self.settings.cluster_cidrs)
        services = [cidr for each in self.service_cidrs() for cidr in each.cidrs]
        pods = [cidr for node in self.nodes(keys.CLUSTER_RANGES) for cidr in node.pod_cidrs]
        known = set_by_hand or (services and pods)
        return [*set_by_hand, *services, *pods] if known else []

    def speaks_cilium(self) -> bool:
        """Say whether rules may become policies of Cilium's own kind.

        They may where it is served, unless a setting names another enforcer: definitions that
        Cilium left behind enforce nothing. Raises Unreadable where that cannot be known.
        """
        enforcer = self.settings.enforcer.lower()
        if enforcer and enforcer != CILIUM_ENFORCER:
            return False
        self._need(CILIUM_KIND)
        return CILIUM_KIND in self._cluster.served

    def can_read(self, kind: str) -> bool:
        """Say whether a kind, by its plural name, can be read."""
        return kind not in self._cluster.unreadable

    def why_unreadable(self, kind: str) -> str:
        """Return the reason for which a kind cannot be read."""
        return self._cluster.unreadable.get(kind, "")

    def _need(self, kind: str) -> None:
        if kind in self._cluster.unreadable:
            raise Unreadable(kind)
