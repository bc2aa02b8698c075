"""From a change in the cluster to the namespaces that have to be looked at again.

Events only say where to look. A namespace is told when something that its policies, its images
or its status were computed from has changed, and not otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from bailiwick.engine.dependents import TEMPLATES, Dependents
from bailiwick.policy.facts import (
    ClusterPolicy,
    ConfigMap,
    EndpointSlice,
    Namespace,
    NetworkPolicy,
    Node,
    Pod,
    Service,
    ServiceCIDR,
)
from bailiwick.policy.network import dependencies as keys
from bailiwick.policy.settings import Settings

if TYPE_CHECKING:
    from bailiwick.engine.network.reachability import Reachability

T = TypeVar("T")

_OF_THE_CLUSTER = {keys.API_SERVER, keys.CLUSTER_RANGES, keys.NODES}


class Denials(Protocol):
    """Who keeps the policies of the whole cluster."""

    def policy_changed(self, name: str) -> None:
        """Take note that somebody, perhaps we, changed a policy."""

    def cluster_changed(self) -> None:
        """Take note that the cluster's own addresses changed."""


class Changes:
    """Listeners of the bulk kinds; each is told what was there before, and what is there now.

    `concerns` says whether a namespace has an intent or a label of ours. `denials` is told what
    the policies of the whole cluster depend on.
    """

    def __init__(
        self,
        enqueue: Callable[[str], None],
        concerns: Callable[[str], bool],
        dependents: Dependents,
        settings: Settings,
        reachability: Reachability,
        denials: Denials,
    ) -> None:
        self._enqueue = enqueue
        self._concerns = concerns
        self._dependents = dependents
        self._settings = settings
        self._reachability = reachability
        self._denials = denials

    def pod(self, old: Pod | None, new: Pod | None) -> None:
        """A pod concerns its own namespace, and those whose rules look at its ports."""
        pod = _either(old, new)
        if _network_shape(old) != _network_shape(new):
            self._reachability.pod_changed(old, new)
            self._tell(k for p in (old, new) if p for k in keys.keys_of_pod(p, self._settings))
        if _own_shape(old) != _own_shape(new):
            self._own(pod.namespace)

    def service(self, old: Service | None, new: Service | None) -> None:
        """A Service concerns the namespaces whose rules name it."""
        self._tell(keys.keys_of_service(_either(old, new), self._settings))

    def endpoint_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """Addresses concern the namespaces whose rules name their Service."""
        self._tell(k for s in (old, new) if s for k in keys.keys_of_slice(s, self._settings))

    def node(self, old: Node | None, new: Node | None) -> None:
        """Addresses and pod ranges of nodes concern those who name Nodes, or the internet."""
        self._tell(keys.keys_of_node_change(old, new))

    def service_cidr(self, _old: ServiceCIDR | None, _new: ServiceCIDR | None) -> None:
        """Ranges of Services concern those who name the internet."""
        self._tell([keys.CLUSTER_RANGES])

    def network_policy(self, old: NetworkPolicy | None, new: NetworkPolicy | None) -> None:
        """A policy, ours or not, concerns its namespace."""
        namespace = _either(old, new).namespace
        if not namespace:
            self._reachability.cluster_policy_changed(old, new)
            return
        self._own(namespace)
        self._reachability.changed(namespace)

    def cluster_policy(self, old: ClusterPolicy | None, new: ClusterPolicy | None) -> None:
        """A policy of the whole cluster concerns whom it selects, and us if we wrote it."""
        self._denials.policy_changed(_either(old, new).name)
        self._reachability.cluster_policy_changed(old, new)

    def template(self, _old: ConfigMap | None, _new: ConfigMap | None) -> None:
        """A template concerns the namespaces whose profile uses templates."""
        self._tell([TEMPLATES])

    def namespace(self, old: Namespace | None, new: Namespace | None) -> None:
        """A namespace concerns itself, and those whose rules name it."""
        namespace = _either(old, new)
        self._enqueue(namespace.name)
        if old is None or new is None or old.labels != new.labels:
            self._tell([keys.namespace_key(namespace.name)])
            self._reachability.namespace_changed(namespace.name)

    def _own(self, namespace: str) -> None:
        if self._concerns(namespace):
            self._enqueue(namespace)

    def _tell(self, changed: Iterable[str]) -> None:
        changed = set(changed)
        if changed & _OF_THE_CLUSTER:
            self._denials.cluster_changed()
        for namespace in {n for key in changed for n in self._dependents.on(key)}:
            self._enqueue(namespace)


def _either(old: T | None, new: T | None) -> T:
    found = old if new is None else new
    if found is None:
        raise ValueError("a change has something before it or after it")
    return found


def _network_shape(pod: Pod | None) -> object:
    """What rules of any namespace may depend on; finished pods have no traffic."""
    if pod is None or pod.finished:
        return None
    return pod.labels, pod.ports, pod.host_network


def _own_shape(pod: Pod | None) -> object:
    """What an intent of the pod's own namespace depends on: its images besides."""
    if pod is None:
        return None
    return _network_shape(pod), pod.containers, pod.pull_secrets, pod.finished
