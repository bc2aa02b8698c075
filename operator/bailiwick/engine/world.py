"""What the operator knows of the cluster: the newest state of each object, and nothing decided.

It answers what the compiler may ask (`policy.cluster.ClusterView`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from bailiwick.engine.network.policies import PolicyStore
from bailiwick.kube.store import Key, Store
from bailiwick.policy.facts import (
    ClusterPolicy,
    ConfigMap,
    EndpointSlice,
    Namespace,
    Node,
    Pod,
    Service,
    ServiceCIDR,
)

Namespaced = TypeVar("Namespaced", Pod, Service, ConfigMap)
Named = TypeVar("Named", Namespace, Node, ServiceCIDR, ClusterPolicy)


class World:
    """The bulk kinds and namespaces.

    `read_problems` gives the kinds that could not be read, by plural, with the reason, and
    `served` those that the API server serves.
    """

    def __init__(
        self,
        read_problems: Callable[[], Mapping[str, str]] = dict,
        served: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._read_problems = read_problems
        self._served = served
        self.all_namespaces: dict[str, Namespace] = {}
        self.all_pods: Store[Pod] = Store()
        self.all_services: Store[Service] = Store()
        self.policies = PolicyStore()
        self.templates: Store[ConfigMap] = Store()
        self.cluster_policies: dict[str, ClusterPolicy] = {}
        self.admin_policies: dict[tuple[str, str], ClusterPolicy] = {}
        self._slices: dict[tuple[str, str], dict[str, EndpointSlice]] = defaultdict(dict)
        self._nodes: dict[str, Node] = {}
        self._architectures: dict[str, str] = {}
        self._service_cidrs: dict[str, ServiceCIDR] = {}

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Kinds that could not be read, each with the reason."""
        return self._read_problems()

    @property
    def served(self) -> Collection[str]:
        """Kinds that the API server serves, and that can be read."""
        return self._served()

    def namespace(self, name: str) -> Namespace | None:
        """Return the namespace of this name."""
        return self.all_namespaces.get(name)

    def namespaces(self) -> Iterable[Namespace]:
        """Return every namespace."""
        return self.all_namespaces.values()

    def pods(self, namespace: str) -> Iterable[Pod]:
        """Return the pods of a namespace, finished ones too."""
        return self.all_pods.within(namespace)

    def service(self, namespace: str, name: str) -> Service | None:
        """Return the Service of this name."""
        return self.all_services.get(namespace, name)

    def services(self, namespace: str) -> Iterable[Service]:
        """Return the Services of a namespace."""
        return self.all_services.within(namespace)

    def endpoint_slices(self, namespace: str, service: str) -> Iterable[EndpointSlice]:
        """Return the EndpointSlices that belong to a Service."""
        return self._slices.get((namespace, service), {}).values()

    def nodes(self) -> Iterable[Node]:
        """Return every node."""
        return self._nodes.values()

    def architectures(self) -> Mapping[str, str]:
        """Return the architecture of each node by its name."""
        return self._architectures

    def service_cidrs(self) -> Iterable[ServiceCIDR]:
        """Return every ServiceCIDR."""
        return self._service_cidrs.values()

    def keep_namespace(self, old: Namespace | None, new: Namespace | None) -> None:
        """Take in a change of a namespace."""
        _replace(self.all_namespaces, old, new)

    def keep_pod(self, old: Pod | None, new: Pod | None) -> None:
        """Take in a change of a pod."""
        _index(self.all_pods, old, new)

    def keep_service(self, old: Service | None, new: Service | None) -> None:
        """Take in a change of a Service."""
        _index(self.all_services, old, new)

    def keep_template(self, old: ConfigMap | None, new: ConfigMap | None) -> None:
        """Take in a change of a ConfigMap of templates."""
        _index(self.templates, old, new)

    def keep_cluster_policy(self, old: ClusterPolicy | None, new: ClusterPolicy | None) -> None:
        """Take in a change of a policy of the whole cluster."""
        _replace(self.cluster_policies, old, new)

    def keep_admin_policy(self, old: ClusterPolicy | None, new: ClusterPolicy | None) -> None:
        """Take in a change of a policy of the older kinds for the whole cluster."""
        if old is not None:
            self.admin_policies.pop((old.kind, old.name), None)
        if new is not None:
            self.admin_policies[new.kind, new.name] = new

    def keep_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Take in a change of an EndpointSlice, which may have moved to another Service."""
        if old is not None:
            group = self._slices[old.namespace, old.service]
            group.pop(old.name, None)
            if not group:
                del self._slices[old.namespace, old.service]
        if new is not None:
            self._slices[new.namespace, new.service][new.name] = new

    def keep_node(self, old: Node | None, new: Node | None) -> None:
        """Take in a change of a node."""
        _replace(self._nodes, old, new)
        if new is not None:
            self._architectures[new.name] = new.architecture
        elif old is not None:
            self._architectures.pop(old.name, None)

    def keep_service_cidr(self, old: ServiceCIDR | None, new: ServiceCIDR | None) -> None:
        """Take in a change of a ServiceCIDR."""
        _replace(self._service_cidrs, old, new)


def _index(objects: Store[Namespaced], old: Namespaced | None, new: Namespaced | None) -> None:
    if new is not None:
        objects.put(Key(new.namespace, new.name), new)
    elif old is not None:
        objects.remove(Key(old.namespace, old.name))


def _replace(objects: dict[str, Named], old: Named | None, new: Named | None) -> None:
    if new is not None:
        objects[new.name] = new
    elif old is not None:
        objects.pop(old.name, None)
