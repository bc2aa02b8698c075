"""The few fields of the API's objects that are read, as they are on the wire.

Decoded straight from the server's bytes: what is not named here is skipped unparsed. Go leaves
out empty fields or writes null for them, hence the defaults and the `| None`.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct, field

W = TypeVar("W", bound="Object")


class OwnerReference(Struct, rename="camel", gc=False):
    """`metav1.OwnerReference`."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Meta(Struct, rename="camel", gc=False):
    """`metav1.ObjectMeta`."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    deletion_timestamp: str | None = None


class Object(Struct, gc=False):
    """Any object: all that a bookmark or a deletion needs."""

    metadata: Meta = field(default_factory=Meta)


class ListMeta(Struct, rename="camel", gc=False):
    """`metav1.ListMeta`."""

    resource_version: str = ""
    continue_: str = field(default="", name="continue")


class Page(Struct, Generic[W], gc=False):
    """One page of a list."""

    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[W] | None = None


class ContainerPort(Struct, rename="camel", gc=False):
    """`v1.ContainerPort`."""

    container_port: int
    protocol: str = "TCP"
    name: str = ""


class SecurityContext(Struct, rename="camel", gc=False):
    """The part of a pod's or container's securityContext that says who runs."""

    run_as_user: int | None = None
    run_as_non_root: bool | None = None


NO_SECURITY_CONTEXT = SecurityContext()


class Container(Struct, rename="camel", gc=False):
    """`v1.Container` and `v1.EphemeralContainer`."""

    name: str = ""
    image: str = ""
    restart_policy: str | None = None
    ports: list[ContainerPort] | None = None
    security_context: SecurityContext | None = None


class ImageVolume(Struct, gc=False):
    """`v1.ImageVolumeSource`."""

    reference: str = ""


class Volume(Struct, gc=False):
    """`v1.Volume`."""

    name: str = ""
    image: ImageVolume | None = None


class LocalReference(Struct, gc=False):
    """`v1.LocalObjectReference`."""

    name: str = ""


class PodSpec(Struct, rename="camel", gc=False):
    """`v1.PodSpec`."""

    node_name: str = ""
    host_network: bool = False
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    image_pull_secrets: list[LocalReference] | None = None
    security_context: SecurityContext | None = None


class ContainerStatus(Struct, gc=False):
    """`v1.ContainerStatus`."""

    name: str = ""
    image_id: str = field(default="", name="imageID")


class PodAddress(Struct, gc=False):
    """`v1.PodIP`."""

    ip: str = ""


class PodStatus(Struct, rename="camel", gc=False):
    """`v1.PodStatus`."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: list[PodAddress] | None = field(default=None, name="podIPs")
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class Pod(Object, gc=False):
    """`v1.Pod`."""

    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)


class ServicePort(Struct, rename="camel", gc=False):
    """`v1.ServicePort`."""

    port: int
    target_port: int | str | None = None
    protocol: str = "TCP"
    name: str = ""


class ServiceSpec(Struct, rename="camel", gc=False):
    """`v1.ServiceSpec`."""

    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    cluster_ip: str = field(default="", name="clusterIP")
    cluster_ips: list[str] | None = field(default=None, name="clusterIPs")
    type: str = "ClusterIP"
    external_name: str = ""


class Service(Object, gc=False):
    """`v1.Service`."""

    spec: ServiceSpec = field(default_factory=ServiceSpec)


class Endpoint(Struct, gc=False):
    """`discovery/v1.Endpoint`."""

    addresses: list[str] | None = None


class EndpointPort(Struct, gc=False):
    """`discovery/v1.EndpointPort`."""

    port: int | None = None
    protocol: str | None = None
    name: str | None = None


class EndpointSlice(Object, rename="camel", gc=False):
    """`discovery/v1.EndpointSlice`."""

    address_type: str = "IPv4"
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None


class NodeSpec(Struct, gc=False):
    """`v1.NodeSpec`."""

    pod_cidr: str = field(default="", name="podCIDR")
    pod_cidrs: list[str] | None = field(default=None, name="podCIDRs")


class NodeAddress(Struct, gc=False):
    """`v1.NodeAddress`."""

    type: str = ""
    address: str = ""


class NodeInfo(Struct, gc=False):
    """`v1.NodeSystemInfo`."""

    architecture: str = ""


class NodeStatus(Struct, rename="camel", gc=False):
    """`v1.NodeStatus`."""

    addresses: list[NodeAddress] | None = None
    node_info: NodeInfo = field(default_factory=NodeInfo)


class Node(Object, gc=False):
    """`v1.Node`."""

    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)


class ServiceCIDRSpec(Struct, gc=False):
    """`networking/v1.ServiceCIDRSpec`."""

    cidrs: list[str] | None = None


class ServiceCIDR(Object, gc=False):
    """`networking/v1.ServiceCIDR`."""

    spec: ServiceCIDRSpec = field(default_factory=ServiceCIDRSpec)


class NetworkPolicy(Object):
    """`networking/v1.NetworkPolicy`; the spec is kept whole, since it is compared whole."""

    spec: dict[str, Any] = field(default_factory=dict)


class CiliumPolicy(Object):
    """`cilium.io/v2`: CiliumNetworkPolicy, and the kind for the whole cluster."""

    spec: dict[str, Any] | None = None
    specs: list[dict[str, Any]] | None = None


class Namespace(Object, gc=False):
    """`v1.Namespace`."""


class ConfigMap(Object, gc=False):
    """`v1.ConfigMap`."""

    data: dict[str, str] | None = None
