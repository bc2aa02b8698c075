"""What the compiler of network policies may ask about the cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

from bailiwick.policy.facts import EndpointSlice, Namespace, Node, Pod, Service, ServiceCIDR

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class ClusterView(Protocol):
    """A consistent reading of the cluster's objects; every answer is complete or `unreadable`."""

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Kinds that could not be read (plural name, as `services`), each with the reason."""

    @property
    def served(self) -> Collection[str]:
        """Kinds of policy beside NetworkPolicy that the API server serves, by plural name."""

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


@dataclass(frozen=True)
class FixedCluster:
    """A cluster given as plain tuples: for the offline commands and for tests."""

    all_namespaces: tuple[Namespace, ...] = ()
    all_pods: tuple[Pod, ...] = ()
    all_services: tuple[Service, ...] = ()
    all_slices: tuple[EndpointSlice, ...] = ()
    all_nodes: tuple[Node, ...] = ()
    all_service_cidrs: tuple[ServiceCIDR, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    served: Collection[str] = ()

    def namespace(self, name: str) -> Namespace | None:
        """Return the namespace of this name."""
        return next(iter(self._namespaces.get(name, ())), None)

    def namespaces(self) -> Iterable[Namespace]:
        """Return every namespace."""
        return self.all_namespaces

    def pods(self, namespace: str) -> Iterable[Pod]:
        """Return the pods of a namespace, finished ones too."""
        return self._pods.get(namespace, ())

    def service(self, namespace: str, name: str) -> Service | None:
        """Return the Service of this name."""
        return next((s for s in self.services(namespace) if s.name == name), None)

    def services(self, namespace: str) -> Iterable[Service]:
        """Return the Services of a namespace."""
        return self._services.get(namespace, ())

    def endpoint_slices(self, namespace: str, service: str) -> Iterable[EndpointSlice]:
        """Return the EndpointSlices that belong to a Service."""
        return self._slices.get((namespace, service), ())

    def nodes(self) -> Iterable[Node]:
        """Return every node."""
        return self.all_nodes

    def service_cidrs(self) -> Iterable[ServiceCIDR]:
        """Return every ServiceCIDR."""
        return self.all_service_cidrs

    @cached_property
    def _namespaces(self) -> Mapping[str, list[Namespace]]:
        return _grouped((each.name, each) for each in self.all_namespaces)

    @cached_property
    def _pods(self) -> Mapping[str, list[Pod]]:
        return _grouped((each.namespace, each) for each in self.all_pods)

    @cached_property
    def _services(self) -> Mapping[str, list[Service]]:
        return _grouped((each.namespace, each) for each in self.all_services)

    @cached_property
    def _slices(self) -> Mapping[tuple[str, str], list[EndpointSlice]]:
        return _grouped(((each.namespace, each.service), each) for each in self.all_slices)


def _grouped(pairs: Iterable[tuple[K, T]]) -> Mapping[K, list[T]]:
    found: dict[K, list[T]] = defaultdict(list)
    for key, each in pairs:
        found[key].append(each)
    return dict(found)
