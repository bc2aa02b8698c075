"""What is known of a cluster, reduced to the fields that decide what an intent means.

`kube.projections` makes these values from what the API server sends; everything in `policy`
reads them. Mappings are shared between values and are never changed after they were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bailiwick.policy.dialects import Dialect, policy_key

Labels = Mapping[str, str]
Protocol = Literal["TCP", "UDP", "SCTP"]
ContainerKind = Literal["main", "init", "sidecar", "ephemeral", "volume"]

NO_LABELS: Labels = {}


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; `terminating` once it has a deletion timestamp."""

    name: str
    uid: str
    labels: Labels = field(default_factory=dict)
    terminating: bool = False


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that a container declares; `name` is empty where it has none."""

    number: int
    protocol: Protocol = "TCP"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod, or an image mounted as a volume.

    `image` is the reference in the pod's spec. `image_id` is what the container runtime
    reported, in its own spelling, and empty until it did; Kubernetes reports none for volumes.
    `sidecar` is an init container with `restartPolicy: Always`. `run_as_user` and
    `run_as_non_root` are what its securityContext says, or else the pod's; None where neither does.
    """

    name: str
    kind: ContainerKind
    image: str
    image_id: str = ""
    run_as_user: int | None = None
    run_as_non_root: bool | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of a pod."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; `finished` in the phases Succeeded and Failed, where it has no traffic."""

    namespace: str
    name: str
    uid: str
    labels: Labels = field(default_factory=dict)
    owner: Owner | None = None
    node: str = ""
    addresses: tuple[str, ...] = ()
    host_network: bool = False
    finished: bool = False
    ports: tuple[ContainerPort, ...] = ()
    containers: tuple[Container, ...] = ()
    pull_secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; `target` is a number, or the name of a container port."""

    number: int
    target: int | str
    protocol: Protocol = "TCP"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service; an empty `selector` means that its EndpointSlices are made by somebody else."""

    namespace: str
    name: str
    selector: Labels = field(default_factory=dict)
    ports: tuple[ServicePort, ...] = ()
    cluster_ips: tuple[str, ...] = ()
    type: str = "ClusterIP"
    external_name: str = ""


@dataclass(frozen=True, slots=True)
class EndpointPort:
    """A port of an EndpointSlice; no `number` stands for all ports."""

    number: int | None
    protocol: Protocol = "TCP"
    name: str = ""


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """The addresses behind a Service, of one family; `service` is empty where none is named."""

    namespace: str
    name: str
    service: str
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    addresses: tuple[str, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A node; addresses of the types InternalIP and ExternalIP only."""

    name: str
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()
    architecture: str = ""
    labels: Labels = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceCIDR:
    """A range of Service addresses (networking.k8s.io/v1)."""

    name: str
    cidrs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnerReference:
    """An entry of `metadata.ownerReferences`."""

    kind: str
    uid: str


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """A policy as it is in the cluster; `spec` is the API's own JSON, never changed.

    In Cilium's dialect that is its `spec` and its `specs`, each where there is one. Its policies
    of the whole cluster have no namespace.
    """

    namespace: str
    name: str
    uid: str
    labels: Labels = field(default_factory=dict)
    owners: tuple[OwnerReference, ...] = ()
    resource_version: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    dialect: Dialect = Dialect.NETWORK_POLICY

    @property
    def key(self) -> str:
        """What names it among the policies of its namespace, of whatever kind."""
        return policy_key(self.dialect, self.name)


@dataclass(frozen=True, slots=True)
class ClusterPolicy:
    """A policy of the whole cluster, of whichever kind; `spec` is the API's own JSON."""

    kind: str
    name: str
    uid: str
    labels: Labels = field(default_factory=dict)
    owners: tuple[OwnerReference, ...] = ()
    resource_version: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap of the operator's namespace that holds templates of allowances."""

    namespace: str
    name: str
    labels: Labels = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
