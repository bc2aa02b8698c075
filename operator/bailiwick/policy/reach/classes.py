"""Every class of pods, found by namespace, labels, port names, nodes and addresses.

Each of these is an index to a set of classes, so that a selector is a few operations on bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bailiwick.policy.facts import Labels, Namespace, Pod
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import OF_FAMILY, Addresses, Family
from bailiwick.policy.reach.cluster_network import ClusterNetwork
from bailiwick.policy.reach.kinds.fields import NAMESPACE_NAME
from bailiwick.policy.reach.model import NamedPort
from bailiwick.policy.reach.peers import PodSet, bits
from bailiwick.policy.reach.places import Places
from bailiwick.policy.reach.pods import Member, PodClass, Signature, member_of
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.selectors import Selector

K = TypeVar("K")


@dataclass(slots=True)
class Change:
    """What the coming or going of a pod changed.

    Classes that `began` or `ended`, that `moved` (have an address more or less), and that are
    `on` a node now on which they were not, or the other way round.
    """

    began: list[PodClass] = field(default_factory=list)
    ended: list[PodClass] = field(default_factory=list)
    moved: list[PodClass] = field(default_factory=list)
    on: list[tuple[PodClass, str]] = field(default_factory=list)


class Classes:
    """Every class of pods.

    A number is free again once the last pod of its class is gone. `host` are the classes on
    their node's network, which no selector selects and no policy holds for.
    """

    def __init__(self, network: ClusterNetwork) -> None:
        self.network = network
        self.host: PodSet = 0
        self.live: PodSet = 0
        self.places = Places()
        self._classes: list[PodClass | None] = []
        self._by_signature: dict[Signature, PodClass] = {}
        self._of_pod: dict[tuple[str, str], Member] = {}
        self._free: list[int] = []
        self._namespaces: dict[str, Labels] = {}
        self._in_namespace: dict[str, PodSet] = {}
        self._on_node: dict[str, PodSet] = {}
        self._with_label: dict[tuple[str, str], PodSet] = {}
        self._with_key: dict[str, PodSet] = {}
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

    def put_pod(self, pod: Pod) -> Change:
        """Take in a pod, new or changed; one that is finished has no traffic and is dropped."""
        return self._replace((pod.namespace, pod.name), None if pod.finished else member_of(pod))

    def remove_pod(self, namespace: str, name: str) -> Change:
        """Drop a pod; one that is not there is no error."""
        return self._replace((namespace, name), None)

    def of_pod(self, namespace: str, name: str) -> PodClass | None:
        """Return the class that a pod is in; None where there is no such pod."""
        member = self._of_pod.get((namespace, name))
        return self._by_signature[member.signature] if member else None

    def populated(self) -> Iterable[str]:
        """Return the names of the namespaces that have pods."""
        return self._in_namespace.keys()

    def in_namespace(self, name: str) -> PodSet:
        """Return the classes of a namespace, those on the host's network too."""
        return self._in_namespace.get(name, 0)

    def on_node(self, name: str) -> PodSet:
        """Return the classes that have a pod on a node."""
        return self._on_node.get(name, 0)

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

    def ranges_of(self, found: PodClass) -> Addresses:
        """Return where the pods of a class are as long as no address of theirs is known."""
        return addresses.ALL if found.signature.host_network else self.network.pod_ranges

    def _replace(self, pod: tuple[str, str], after: Member | None) -> Change:
        change, before = Change(), self._of_pod.pop(pod, None)
        if after is not None:
            self._of_pod[pod] = after
        if before != after:
            # Joining comes first: the only pod of a class that stays in it must not end it.
            if after is not None:
                self._join(after, change)
            if before is not None:
                self._leave(before, change)
        return change

    def _join(self, member: Member, change: Change) -> None:
        found = self._by_signature.get(member.signature)
        if found is None:
            found = self._begin(member.signature)
            change.began.append(found)
        _increase(found.workloads, member.workload)
        if _increase(found.nodes, member.node) and member.node:
            _mark(self._on_node, member.node, bits(found.number), present=True)
            change.on.append((found, member.node))
        for place in member.places:
            if _increase(found.places, place):
                self._moved_in(found, place)
                change.moved.append(found)

    def _leave(self, member: Member, change: Change) -> None:
        found = self._by_signature[member.signature]
        _decrease(found.workloads, member.workload)
        if _decrease(found.nodes, member.node) and member.node:
            _mark(self._on_node, member.node, bits(found.number), present=False)
            change.on.append((found, member.node))
        for place in member.places:
            if _decrease(found.places, place):
                self._moved_out(found, place)
                change.moved.append(found)
        if not found.workloads:
            self._end(found)
            change.ended.append(found)

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
        self._unplace(found)
        return found

    def _end(self, found: PodClass) -> None:
        self.places.mark(found.number, self.ranges_of(found), unplaced=False)
        self._index(found, present=False)
        del self._by_signature[found.signature]
        self._classes[found.number] = None
        self._free.append(found.number)

    def _moved_in(self, found: PodClass, place: int) -> None:
        self.places.add(found.number, place)
        family = addresses.family_of(place)
        if len(found.places) > 1:
            found.families |= {family}
        else:
            found.families = frozenset({family})
            self.places.mark(found.number, self.ranges_of(found), unplaced=False)

    def _moved_out(self, found: PodClass, place: int) -> None:
        self.places.remove(found.number, place)
        found.families = frozenset(addresses.family_of(each) for each in found.places)
        if not found.places:
            self._unplace(found)

    def _unplace(self, found: PodClass) -> None:
        ranges = self.ranges_of(found)
        self.places.mark(found.number, ranges, unplaced=True)
        known = {each for each in Family if addresses.intersect(ranges, OF_FAMILY[each])}
        found.families = frozenset(known or Family)

    def _index(self, found: PodClass, *, present: bool) -> None:
        own = bits(found.number)
        signature = found.signature
        _mark(self._in_namespace, signature.namespace, own, present=present)
        self.live = self.live | own if present else self.live & ~own
        if signature.host_network:
            self.host = self.host | own if present else self.host & ~own
        for key, value in signature.labels:
            _mark(self._with_label, (key, value), own, present=present)
            _mark(self._with_key, key, own, present=present)
        for port in signature.ports:
            for name in (NamedPort(port.name, port.protocol), NamedPort(port.name)):
                _mark(self._with_port[name], found.ports_named(name), own, present=present)
                if not self._with_port[name]:
                    del self._with_port[name]


def _mark(index: dict[K, PodSet], key: K, own: PodSet, *, present: bool) -> None:
    changed = index.get(key, 0) | own if present else index.get(key, 0) & ~own
    if changed:
        index[key] = changed
    else:
        index.pop(key, None)


def _increase(counts: dict[K, int], key: K) -> bool:
    """Count one more; returns whether it is the first."""
    counts[key] = counts.get(key, 0) + 1
    return counts[key] == 1


def _decrease(counts: dict[K, int], key: K) -> bool:
    """Count one less; returns whether it was the last."""
    counts[key] -= 1
    if counts[key]:
        return False
    del counts[key]
    return True
