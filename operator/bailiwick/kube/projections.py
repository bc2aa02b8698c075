"""From the API's objects to facts: `wire` in, `policy.facts` out, what is common shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

import msgspec

from bailiwick.kube import resources, wire
from bailiwick.kube.interning import Interner
from bailiwick.kube.resources import Resource
from bailiwick.kube.store import Key
from bailiwick.policy import facts
from bailiwick.policy.dialects import Dialect

F = TypeVar("F")
_SERVICE_NAME = "kubernetes.io/service-name"
_FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Kind(Generic[F]):
    """A kind of the API, and how its objects become facts.

    Decoding raises `msgspec.ValidationError` for what is not as the API documents it.
    """

    resource: Resource
    shape: type[wire.Object]
    page: msgspec.json.Decoder[Any]
    item: msgspec.json.Decoder[Any]
    project: Callable[[Any, Interner], F]

    @classmethod
    def of(
        cls,
        resource: Resource,
        shape: type[wire.W],
        project: Callable[[wire.W, Interner], F],
    ) -> Kind[F]:
        """Make a kind from the shape of its objects and their projection."""
        return cls(
            resource,
            shape,
            msgspec.json.Decoder(wire.Page[shape]),  # type: ignore[valid-type]  # made at run time
            msgspec.json.Decoder(shape),
            project,
        )

    def from_json(self, body: Mapping[str, Any], interner: Interner | None = None) -> F:
        """Project an object that somebody else decoded, such as Kopf."""
        plain = body if isinstance(body, dict) else dict(body)
        return self.project(msgspec.convert(plain, self.shape), interner or Interner())


def key_of(item: wire.Object) -> Key:
    """Return the place of an object."""
    return Key(item.metadata.namespace, item.metadata.name)


def pod(item: wire.Pod, interner: Interner) -> facts.Pod:
    """Project a pod."""
    meta, spec, status = item.metadata, item.spec, item.status
    owner = next((o for o in meta.owner_references or () if o.controller), None)
    addresses = tuple(a.ip for a in status.pod_ips or () if a.ip)
    return facts.Pod(
        namespace=interner.value(meta.namespace),
        name=meta.name,
        uid=meta.uid,
        labels=interner.labels(meta.labels),
        owner=interner.owner(owner.kind, owner.name) if owner else None,
        node=interner.value(spec.node_name),
        addresses=addresses or ((status.pod_ip,) if status.pod_ip else ()),
        host_network=spec.host_network,
        finished=status.phase in _FINISHED,
        ports=_ports(spec, interner),
        containers=_containers(spec, status, interner),
        pull_secrets=interner.value(
            tuple(each.name for each in spec.image_pull_secrets or () if each.name)
        ),
    )


def service(item: wire.Service, interner: Interner) -> facts.Service:
    """Project a Service; a headless one has no `cluster_ips`."""
    spec = item.spec
    return facts.Service(
        namespace=interner.value(item.metadata.namespace),
        name=item.metadata.name,
        selector=interner.labels(spec.selector),
        ports=tuple(
            interner.value(
                facts.ServicePort(
                    number=port.port,
                    # The API server fills it in, except for ExternalName, where it means this.
                    target=port.target_port or port.port,
                    protocol=_protocol(port.protocol),
                    name=port.name,
                )
            )
            for port in spec.ports or ()
        ),
        cluster_ips=tuple(
            ip for ip in spec.cluster_ips or (spec.cluster_ip,) if ip and ip != "None"
        ),
        type=interner.value(spec.type),
        external_name=spec.external_name,
    )


def endpoint_slice(item: wire.EndpointSlice, interner: Interner) -> facts.EndpointSlice:
    """Project an EndpointSlice; addresses sorted, since their order means nothing."""
    labels = item.metadata.labels or {}
    addresses = {a for endpoint in item.endpoints or () for a in endpoint.addresses or ()}
    return facts.EndpointSlice(
        namespace=interner.value(item.metadata.namespace),
        name=item.metadata.name,
        service=interner.value(labels.get(_SERVICE_NAME, "")),
        address_type=cast(Literal["IPv4", "IPv6", "FQDN"], interner.value(item.address_type)),
        addresses=tuple(sorted(addresses)),
        ports=tuple(
            interner.value(
                facts.EndpointPort(port.port, _protocol(port.protocol or "TCP"), port.name or "")
            )
            for port in item.ports or ()
        ),
    )


def node(item: wire.Node, interner: Interner) -> facts.Node:
    """Project a node."""
    spec, status = item.spec, item.status
    return facts.Node(
        name=item.metadata.name,
        addresses=tuple(
            a.address for a in status.addresses or () if a.type in ("InternalIP", "ExternalIP")
        ),
        pod_cidrs=tuple(spec.pod_cidrs or ()) or ((spec.pod_cidr,) if spec.pod_cidr else ()),
        architecture=interner.value(status.node_info.architecture),
    )


def service_cidr(item: wire.ServiceCIDR, interner: Interner) -> facts.ServiceCIDR:
    """Project a ServiceCIDR."""
    return facts.ServiceCIDR(item.metadata.name, tuple(map(interner.value, item.spec.cidrs or ())))


def network_policy(item: wire.NetworkPolicy, interner: Interner) -> facts.NetworkPolicy:
    """Project a NetworkPolicy."""
    return _policy(item.metadata, item.spec, Dialect.NETWORK_POLICY, interner)


def cilium_policy(item: wire.CiliumPolicy, interner: Interner) -> facts.NetworkPolicy:
    """Project a policy of Cilium's own kinds."""
    body = {name: each for name in ("spec", "specs") if (each := getattr(item, name))}
    return _policy(item.metadata, body, Dialect.CILIUM, interner)


def _cluster_policies(resource: Resource) -> Kind[facts.ClusterPolicy]:
    """Return a kind of policy of the whole cluster."""

    def project(item: wire.NetworkPolicy, interner: Interner) -> facts.ClusterPolicy:
        meta = item.metadata
        return facts.ClusterPolicy(
            kind=resource.kind,
            name=meta.name,
            uid=meta.uid,
            labels=interner.labels(meta.labels),
            owners=_owners(meta, interner),
            resource_version=meta.resource_version,
            spec=item.spec,
        )

    return Kind.of(resource, wire.NetworkPolicy, project)


def _owners(meta: wire.Meta, interner: Interner) -> tuple[facts.OwnerReference, ...]:
    references = meta.owner_references or ()
    return tuple(interner.value(facts.OwnerReference(o.kind, o.uid)) for o in references)


def _policy(
    meta: wire.Meta, spec: dict[str, Any], dialect: Dialect, interner: Interner
) -> facts.NetworkPolicy:
    return facts.NetworkPolicy(
        namespace=interner.value(meta.namespace),
        name=meta.name,
        uid=meta.uid,
        labels=interner.labels(meta.labels),
        owners=_owners(meta, interner),
        resource_version=meta.resource_version,
        spec=interner.document(spec),
        dialect=dialect,
    )


def namespace(item: wire.Namespace, interner: Interner) -> facts.Namespace:
    """Project a namespace."""
    meta = item.metadata
    return facts.Namespace(
        name=interner.value(meta.name),
        uid=meta.uid,
        labels=interner.labels(meta.labels),
        terminating=meta.deletion_timestamp is not None,
    )


def config_map(item: wire.ConfigMap, interner: Interner) -> facts.ConfigMap:
    """Project a ConfigMap."""
    meta = item.metadata
    return facts.ConfigMap(
        interner.value(meta.namespace), meta.name, interner.labels(meta.labels), item.data or {}
    )


def _ports(spec: wire.PodSpec, interner: Interner) -> tuple[facts.ContainerPort, ...]:
    # Named ports are looked up in containers, then in sidecars; other init containers have none.
    serving = [*(spec.containers or ()), *filter(_is_sidecar, spec.init_containers or ())]
    return interner.value(
        tuple(
            facts.ContainerPort(port.container_port, _protocol(port.protocol), port.name)
            for container in serving
            for port in container.ports or ()
        )
    )


def _containers(
    spec: wire.PodSpec, status: wire.PodStatus, interner: Interner
) -> tuple[facts.Container, ...]:
    found: list[facts.Container] = []

    def take(
        kind: facts.ContainerKind,
        containers: Iterable[wire.Container],
        statuses: list[wire.ContainerStatus] | None,
    ) -> None:
        ids = {s.name: s.image_id for s in statuses or ()}
        found.extend(
            interner.container(c.name, kind, c.image, ids.get(c.name, ""), _run_as(spec, c))
            for c in containers
        )

    take("main", spec.containers or (), status.container_statuses)
    for container in spec.init_containers or ():
        kind: facts.ContainerKind = "sidecar" if _is_sidecar(container) else "init"
        take(kind, (container,), status.init_container_statuses)
    take("ephemeral", spec.ephemeral_containers or (), status.ephemeral_container_statuses)
    found.extend(
        interner.container(volume.name, "volume", volume.image.reference, "")
        for volume in spec.volumes or ()
        if volume.image is not None and volume.image.reference
    )
    return interner.value(tuple(found))


def _run_as(spec: wire.PodSpec, container: wire.Container) -> tuple[int | None, bool | None]:
    """Return runAsUser and runAsNonRoot, each the container's own or else the pod's."""
    pod = spec.security_context or wire.NO_SECURITY_CONTEXT
    own = container.security_context or wire.NO_SECURITY_CONTEXT
    user = pod.run_as_user if own.run_as_user is None else own.run_as_user
    non_root = pod.run_as_non_root if own.run_as_non_root is None else own.run_as_non_root
    return user, non_root


def _is_sidecar(container: wire.Container) -> bool:
    return container.restart_policy == "Always"


def _protocol(name: str) -> facts.Protocol:
    return cast(facts.Protocol, name)


PODS = Kind.of(resources.PODS, wire.Pod, pod)
SERVICES = Kind.of(resources.SERVICES, wire.Service, service)
ENDPOINT_SLICES = Kind.of(resources.ENDPOINT_SLICES, wire.EndpointSlice, endpoint_slice)
NODES = Kind.of(resources.NODES, wire.Node, node)
SERVICE_CIDRS = Kind.of(resources.SERVICE_CIDRS, wire.ServiceCIDR, service_cidr)
NETWORK_POLICIES = Kind.of(resources.NETWORK_POLICIES, wire.NetworkPolicy, network_policy)
CILIUM_POLICIES = Kind.of(resources.CILIUM_NETWORK_POLICIES, wire.CiliumPolicy, cilium_policy)
CILIUM_CLUSTERWIDE_POLICIES = Kind.of(
    resources.CILIUM_CLUSTERWIDE_NETWORK_POLICIES, wire.CiliumPolicy, cilium_policy
)
CLUSTER_POLICIES = _cluster_policies(resources.CLUSTER_NETWORK_POLICIES)
ADMIN_POLICIES = (
    _cluster_policies(resources.ADMIN_NETWORK_POLICIES),
    _cluster_policies(resources.BASELINE_ADMIN_NETWORK_POLICIES),
)
NAMESPACES = Kind.of(resources.NAMESPACES, wire.Namespace, namespace)
CONFIG_MAPS = Kind.of(resources.CONFIG_MAPS, wire.ConfigMap, config_map)
