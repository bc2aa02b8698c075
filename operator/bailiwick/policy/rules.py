"""Rules and the peers they speak of, after profile and intent were merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from bailiwick.policy.ports import Port
from bailiwick.policy.selectors import EVERYTHING, Selector


class Direction(StrEnum):
    """The two directions of `policyTypes`."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Entity(StrEnum):
    """Peers that the cluster itself has, resolved from what it really runs."""

    INTERNET = "Internet"
    DNS = "DNS"
    KUBE_API_SERVER = "KubeAPIServer"
    NODES = "Nodes"
    INGRESS_CONTROLLER = "IngressController"
    CLUSTER = "Cluster"


@dataclass(frozen=True, slots=True, order=True)
class WorkloadPeer:
    """Pods of the namespace that the intent is in."""

    selector: Selector = EVERYTHING

    def __str__(self) -> str:
        """Name the peer in a sentence."""
        return _pods(self.selector)


@dataclass(frozen=True, slots=True, order=True)
class NamespacePeer:
    """Pods of the namespace with this name."""

    namespace: str
    selector: Selector = EVERYTHING

    def __str__(self) -> str:
        """Name the peer in a sentence."""
        return f"{_pods(self.selector)} in namespace {self.namespace}"


@dataclass(frozen=True, slots=True, order=True)
class ServicePeer:
    """What a Service sends its traffic to."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Name the peer in a sentence."""
        return f"Service {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class CIDRPeer:
    """A range of addresses, less some."""

    cidr: str
    excluded: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name the peer in a sentence."""
        return self.cidr + (f" except {', '.join(self.excluded)}" if self.excluded else "")


@dataclass(frozen=True, slots=True, order=True)
class FQDNPeer:
    """A host name, which only some dialects can enforce."""

    name: str

    def __str__(self) -> str:
        """Name the peer in a sentence."""
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class EntityPeer:
    """A peer that the cluster itself has."""

    entity: Entity

    def __str__(self) -> str:
        """Name the peer in a sentence."""
        return self.entity.value


Peer = WorkloadPeer | NamespacePeer | ServicePeer | CIDRPeer | FQDNPeer | EntityPeer


@dataclass(frozen=True, slots=True, order=True)
class HTTPMatch:
    """HTTP requests; no methods are all methods, no path is every path."""

    methods: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is allowed.

    `source` or `target` None stands for every workload of the namespace; not both are None.
    No `ports` means all ports. `field` is where a person finds it:
    `spec.network.allow[checkout-to-payments]`, or `SecurityProfile restricted, allowance dns`.
    """

    name: str
    source: Peer | None
    target: Peer | None
    ports: tuple[Port, ...] = ()
    http: tuple[HTTPMatch, ...] = ()
    reason: str = ""
    review_by: date | None = None
    from_profile: bool = False
    field: str = ""

    def namespaces(self) -> set[str]:
        """Return the namespaces that it speaks of by name."""
        peers = (self.source, self.target)
        return {peer.namespace for peer in peers if isinstance(peer, NamespacePeer | ServicePeer)}


@dataclass(frozen=True, slots=True)
class TemplateRequest:
    """An allowance whose rule a template gives; `values` is what stands under `with`."""

    name: str
    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    field: str = ""


def _pods(selector: Selector) -> str:
    if not selector:
        return "every workload"
    parts = [f"{key}={value}" for key, value in selector.match_labels]
    parts += [
        " ".join((e.key, e.operator, *((",".join(e.values),) if e.values else ())))
        for e in selector.match_expressions
    ]
    return f"workloads with {', '.join(parts)}"
