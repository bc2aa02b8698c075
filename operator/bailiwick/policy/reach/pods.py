"""Pods that no policy can tell apart, as one class each: the nodes of the graph.

Pods are of one class where namespace, labels and named ports are equal, so that the cost follows
the number of different workloads. Pods on their node's network are told apart by their address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bailiwick.policy.facts import ContainerPort, Owner, Pod, Protocol
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Family
from bailiwick.policy.reach.model import NamedPort
from bailiwick.policy.reach.ports import PortSet, of_range

_HASH_LABEL: Final = "pod-template-hash"


@dataclass(frozen=True, slots=True, order=True)
class Workload:
    """What a person calls the pods by: their controller, or a pod that has none."""

    namespace: str
    name: str
    kind: str

    def __str__(self) -> str:
        """Name it as `shop/checkout[Deployment]`."""
        return f"{self.namespace}/{self.name}[{self.kind}]"


@dataclass(frozen=True, slots=True)
class Signature:
    """What policies can tell pods apart by. `address` is for pods on their node's network."""

    namespace: str
    labels: tuple[tuple[str, str], ...]
    ports: tuple[ContainerPort, ...]
    host_network: bool = False
    address: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A pod as its class counts it; `places` are its addresses that can be read."""

    signature: Signature
    workload: Workload
    node: str
    places: tuple[int, ...]


@dataclass(slots=True)
class PodClass:
    """The pods of one signature, and how many of them are of what workload, where.

    `families` are those of the pods' addresses, both where no address is known.
    """

    number: int
    signature: Signature
    workloads: dict[Workload, int] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    families: frozenset[Family] = frozenset(Family)

    @property
    def namespace(self) -> str:
        """The namespace that the pods are in."""
        return self.signature.namespace

    def ports_named(self, name: NamedPort) -> PortSet:
        """Return the ports that the pods give a name: the first of each protocol."""
        found: dict[Protocol, PortSet] = {}
        for port in self.signature.ports:
            if port.name == name.name and name.protocol in (None, port.protocol):
                found.setdefault(port.protocol, of_range(port.protocol, port.number, port.number))
        return sum(found.values())


def member_of(pod: Pod) -> Member:
    """Return a pod as its class counts it."""
    named = tuple(port for port in pod.ports if port.name)
    host_address = tuple(sorted(pod.addresses)) if pod.host_network else ()
    signature = Signature(
        pod.namespace, tuple(sorted(pod.labels.items())), named, pod.host_network, host_address
    )
    return Member(signature, workload_of(pod), pod.node, tuple(addresses.readable(pod.addresses)))


def workload_of(pod: Pod) -> Workload:
    """Return what a person calls a pod by."""
    made_by = controller_of(pod)
    if made_by is None:
        return Workload(pod.namespace, pod.name, "Pod")
    return Workload(pod.namespace, made_by.name, made_by.kind)


def controller_of(pod: Pod) -> Owner | None:
    """Return what made a pod: the Deployment, where its ReplicaSet is named as one names them.

    That is after the Deployment and a hash of its pods, which the pods have as a label.
    """
    owner, suffix = pod.owner, f"-{pod.labels.get(_HASH_LABEL)}"
    if owner is not None and owner.kind == "ReplicaSet" and owner.name.endswith(suffix):
        return Owner("Deployment", owner.name.removesuffix(suffix))
    return owner
