"""What the compiler of network policies may ask about the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bailiwick.policy.facts import EndpointSlice, Namespace, Node, Pod, Service, ServiceCIDR


class ClusterView(Protocol):
    """A consistent reading of the cluster's objects; every answer is complete or `unreadable`."""

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Kinds that could not be read (plural name, as `services`), each with the reason."""

    def namespace(self, name: str) -> Namespace | None:
        """Return the namespace of this name."""

    def namespaces(self) -> Iterable[Namespace]:
        """Return every namespace."""

    def pods(self, namespace: str) -> Iterable[Pod]:
        """Return the pods of a namespace, finished ones too."""

    def service(self, namespace: str, name: str) -> Service | None:
        """Return the Service of this name."""

    def services(self, namespace: str) -> Iterable[Service]:
        """Return the Services of a namespace."""

    def endpoint_slices(self, namespace: str, service: str) -> Iterable[EndpointSlice]:
        """Return the EndpointSlices that belong to a Service."""

    def nodes(self) -> Iterable[Node]:
        """Return every node."""

    def service_cidrs(self) -> Iterable[ServiceCIDR]:
        """Return every ServiceCIDR."""


@dataclass(frozen=True, slots=True)
class FixedCluster:
    """A cluster given as plain tuples: for the offline commands and for tests."""

    all_namespaces: tuple[Namespace, ...] = ()
    all_pods: tuple[Pod, ...] = ()
    all_services: tuple[Service, ...] = ()
    all_slices: tuple[EndpointSlice, ...] = ()
    all_nodes: tuple[Node, ...] = ()
    all_service_cidrs: tuple[ServiceCIDR, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def namespace(self, name: str) -> Namespace | None:
        """Return the namespace of this name."""
        return next((n for n in self.all_namespaces if n.name == name), None)

    def namespaces(self) -> Iterable[Namespace]:
        """Return every namespace."""
        return self.all_namespaces

    def pods(self, namespace: str) -> Iterable[Pod]:
        """Return the pods of a namespace, finished ones too."""
        return [p for p in self.all_pods if p.namespace == namespace]

    def service(self, namespace: str, name: str) -> Service | None:
        """Return the Service of this name."""
        return next((s for s in self.services(namespace) if s.name == name), None)

    def services(self, namespace: str) -> Iterable[Service]:
        """Return the Services of a namespace."""
        return [s for s in self.all_services if s.namespace == namespace]

    def endpoint_slices(self, namespace: str, service: str) -> Iterable[EndpointSlice]:
        """Return the EndpointSlices that belong to a Service."""
        return [s for s in self.all_slices if (s.namespace, s.service) == (namespace, service)]

    def nodes(self) -> Iterable[Node]:
        """Return every node."""
        return self.all_nodes

    def service_cidrs(self) -> Iterable[ServiceCIDR]:
        """Return every ServiceCIDR."""
        return self.all_service_cidrs
