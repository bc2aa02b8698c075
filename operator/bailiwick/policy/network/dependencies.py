"""Keys for the parts of a cluster that a namespace's policies can be computed from.

The compiler records the keys it looked at; whoever sees a change asks here for its keys, and
tells only the namespaces that looked.
"""

from __future__ import annotations

from bailiwick.policy.facts import EndpointSlice, Node, Pod, Service
from bailiwick.policy.settings import PodsOf, Settings

NODES = "nodes"
CLUSTER_RANGES = "cluster-ranges"
DNS = "dns"
API_SERVER = "apiserver"
INGRESS_CONTROLLERS = "ingress-controllers"

OPENSHIFT_DNS = ("openshift-dns", "dns-default")
API_SERVER_SERVICE = ("default", "kubernetes")
NODE_LOCAL_LABEL = ("k8s-app", "node-local-dns")


def service_key(namespace: str, name: str) -> str:
    """Return the key of a Service."""
    return f"services/{namespace}/{name}"


def endpoints_key(namespace: str, service: str) -> str:
    """Return the key of all EndpointSlices of a Service."""
    return f"endpoints/{namespace}/{service}"


def ports_key(namespace: str) -> str:
    """Return the key of the labels, container ports and host network of a namespace's pods."""
    return f"ports/{namespace}"


def namespace_key(name: str) -> str:
    """Return the key of a namespace: its being there, and its labels."""
    return f"namespaces/{name}"


def dns_candidates(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the Services, by namespace and name, that may be the cluster's DNS."""
    ours = tuple((settings.dns_namespace, name) for name in settings.dns_services)
    return ours if OPENSHIFT_DNS in ours else (*ours, OPENSHIFT_DNS)


def is_node_local_dns(pod: Pod, settings: Settings) -> bool:
    """Say whether a pod is one of NodeLocal DNSCache."""
    key, value = NODE_LOCAL_LABEL
    return (
        pod.namespace == settings.dns_namespace
        and pod.labels.get(key) == value
        and not pod.finished
    )


def keys_of_service(service: Service, settings: Settings) -> frozenset[str]:
    """Return the keys that a Service stands behind."""
    where = (service.namespace, service.name)
    keys = {service_key(*where)}
    if where in dns_candidates(settings):
        keys.add(DNS)
    if where == API_SERVER_SERVICE:
        keys.add(API_SERVER)
    return frozenset(keys)


def keys_of_slice(slice_: EndpointSlice, settings: Settings) -> frozenset[str]:
    """Return the keys that an EndpointSlice stands behind."""
    where = (slice_.namespace, slice_.service)
    keys = {endpoints_key(*where)}
    if where in dns_candidates(settings):
        keys.add(DNS)
    if where == API_SERVER_SERVICE:
        keys.add(API_SERVER)
    return frozenset(keys)


def keys_of_pod(
    pod: Pod, settings: Settings, ingress_controllers: tuple[PodsOf, ...] = ()
) -> frozenset[str]:
    """Return the keys that a pod stands behind."""
    keys = {ports_key(pod.namespace)}
    if is_node_local_dns(pod, settings):
        keys.add(DNS)
    if any(
        of.namespace == pod.namespace and of.selector.matches(pod.labels)
        for of in (*settings.ingress_controllers, *ingress_controllers)
    ):
        keys.add(INGRESS_CONTROLLERS)
    return frozenset(keys)


def keys_of_node_change(old: Node | None, new: Node | None) -> frozenset[str]:
    """Return the keys that are touched where a node came, went or changed."""
    keys = set()
    if (old.addresses if old else ()) != (new.addresses if new else ()):
        keys.add(NODES)
    if (old.pod_cidrs if old else ()) != (new.pod_cidrs if new else ()):
        keys.add(CLUSTER_RANGES)
    return frozenset(keys)
