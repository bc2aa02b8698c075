"""Pods that no policy can tell apart, as one class each: the nodes of the graph.

Pods are of one class where namespace, labels and named ports are equal, so that the cost follows
the number of different workloads. Pods on their node's network are told apart by their address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bailiwick.policy.facts import ContainerPort, Labels, Namespace, Pod, Protocol
from bailiwick.policy.reach.kinds.fields import NAMESPACE_NAME
from bailiwick.policy.reach.model import NamedPort
from bailiwick.policy.reach.peers import PodSet
from bailiwick.policy.reach.ports import PortSet, of_range
from bailiwick.policy.selectors import Selector

K = TypeVar("K")


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


@dataclass(slots=True)
class PodClass:
    """The pods of one signature, with what is common and what they have in all."""

    number: int
    signature: Signature
    workloads: dict[Workload, int] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)

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


def signature_of(pod: Pod) -> Signature:
    """Return what policies can tell a pod apart by."""
    return Signature(
        pod.namespace,
        tuple(sorted(pod.labels.items())),
        tuple(port for port in pod.ports if port.name),
        pod.host_network,
        tuple(sorted(pod.addresses)) if pod.host_network else (),
    )


def workload_of(pod: Pod) -> Workload:
    """Return what a person calls a pod by."""
    if pod.owner is None:
        return Workload(pod.namespace, pod.name, "Pod")
    return Workload(pod.namespace, pod.owner.name, pod.owner.kind)


class Classes:
    """Every class of pods, found by namespace and labels with a few operations on bits.

    A number is free again once the last pod of its class is gone. `host` are the classes on
    their node's network, which no selector selects and no policy holds for.
    """

    def __init__(self) -> None:
        self.host: PodSet = 0
        self.live: PodSet = 0
        self._classes: list[PodClass | None] = []
        self._by_signature: dict[Signature, PodClass] = {}
        self._of_pod: dict[tuple[str, str], tuple[Signature, Workload, str]] = {}
        self._free: list[int] = []
        self._namespaces: dict[str, Labels] = {}
        self._in_namespace: dict[str, PodSet] = defaultdict(int)
        self._with_label: dict[tuple[str, str], PodSet] = defaultdict(int)
        self._with_key: dict[str, PodSet] = defaultdict(int)
        self._with_port: dict[NamedPort, dict[PortSet, PodSet]] = defaultdict(dict)

    def __getitem__(self, number: int) -> PodClass:
        """Return the class of a number that is in use."""
        found = self._classes[number]
        if found is None:
            raise KeyError(number)
        return found

    def all(self) -> Iterable[PodClass]:
        """Return every class."""
        return self._by_signature.values()

    def namespaces(self) -> Mapping[str, Labels]:
        """Return every namespace with its labels."""
        return self._namespaces

    def put_namespace(self, namespace: Namespace) -> None:
        """Take in a namespace; its name is one of its labels, as the API server makes it."""
        self._namespaces[namespace.name] = {
            **namespace.labels,
            NAMESPACE_NAME: namespace.name,
        }

    def remove_namespace(self, name: str) -> None:
        """Drop a namespace; pods that are still there keep their name's label only."""
        self._namespaces.pop(name, None)

    def labels_of(self, namespace: str) -> Labels:
        """Return the labels of a namespace, its name alone where it is not known."""
        return self._namespaces.get(namespace) or {NAMESPACE_NAME: namespace}

    def put_pod(self, pod: Pod) -> tuple[PodClass | None, PodClass | None]:
        """Take in a pod; returns the class that ended by that, and the one that began."""
        place = (pod.namespace, pod.name)
        if pod.finished:
            return self.remove_pod(*place), None
        signature, workload = signature_of(pod), workload_of(pod)
        before = self._of_pod.get(place)
        if before == (signature, workload, pod.node):
            return None, None
        known = self._by_signature.get(signature)
        found = known or self._begin(signature)
        found.workloads[workload] = found.workloads.get(workload, 0) + 1
        found.nodes[pod.node] = found.nodes.get(pod.node, 0) + 1
        # Only now: moving the only pod of a class to the same class must not end it.
        ended = self._leave(before) if before else None
        self._of_pod[place] = (signature, workload, pod.node)
        return ended, None if known else found

    def remove_pod(self, namespace: str, name: str) -> PodClass | None:
        """Drop a pod; returns the class that ended by that."""
        before = self._of_pod.pop((namespace, name), None)
        return self._leave(before) if before else None

    def populated(self) -> Iterable[str]:
        """Return the names of the namespaces that have pods."""
        return self._in_namespace.keys()

    def in_namespace(self, name: str) -> PodSet:
        """Return the classes of a namespace, those on the host's network too."""
        return self._in_namespace.get(name, 0)

    def with_labels(self, selector: Selector) -> PodSet:
        """Return the classes whose pods a selector selects, in whichever namespace."""
        found: PodSet = -1
        for label in selector.match_labels:
            found &= self._with_label.get(label, 0)
        for each in selector.match_expressions:
            if each.operator in ("In", "NotIn"):
                some: PodSet = 0
                for value in each.values:
                    some |= self._with_label.get((each.key, value), 0)
            else:
                some = self._with_key.get(each.key, 0)
            found &= some if each.operator in ("In", "Exists") else ~some
        return found & self.live & ~self.host

    def with_port(self, name: NamedPort) -> Mapping[PortSet, PodSet]:
        """Return the classes that give a port this name, by the ports it stands for."""
        return self._with_port.get(name, {})

    def _begin(self, signature: Signature) -> PodClass:
        if self._free:
            number = self._free.pop()
        else:
            number = len(self._classes)
            self._classes.append(None)
        found = PodClass(number, signature)
        self._classes[number] = found
        self._by_signature[signature] = found
        self._index(found, present=True)
        return found

    def _leave(self, before: tuple[Signature, Workload, str]) -> PodClass | None:
        signature, workload, node = before
        found = self._by_signature[signature]
        _decrease(found.workloads, workload)
        _decrease(found.nodes, node)
        if found.workloads:
            return None
        del self._by_signature[signature]
        self._classes[found.number] = None
        self._free.append(found.number)
        self._index(found, present=False)
        return found

    def _index(self, found: PodClass, *, present: bool) -> None:
        bit = 1 << found.number
        signature = found.signature
        _mark(self._in_namespace, signature.namespace, bit, present)
        self.live = self.live | bit if present else self.live & ~bit
        if signature.host_network:
            self.host = self.host | bit if present else self.host & ~bit
        for key, value in signature.labels:
            _mark(self._with_label, (key, value), bit, present)
            _mark(self._with_key, key, bit, present)
        for port in signature.ports:
            for name in (NamedPort(port.name, port.protocol), NamedPort(port.name)):
                _mark(self._with_port[name], found.ports_named(name), bit, present)
                if not self._with_port[name]:
                    del self._with_port[name]


def _mark(index: dict[K, PodSet], key: K, bit: int, present: bool) -> None:
    changed = index.get(key, 0) | bit if present else index.get(key, 0) & ~bit
    if changed:
        index[key] = changed
    else:
        index.pop(key, None)


def _decrease(counts: dict[K, int], key: K) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
