"""The part of a cluster that can make a difference to one namespace.

Whoever the policies of a namespace name by its own name, or by labels that few have, is there as
it is, with the policies that hold for it. Everybody else is one stand-in for each way in which
policies name them, so that the cost follows what a namespace names and not the cluster; and so is
whom only policies of the whole cluster name by labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from bailiwick.policy.facts import (
    NO_LABELS,
    ContainerPort,
    Labels,
    Namespace,
    Node,
    Owner,
    Pod,
)
from bailiwick.policy.reach.cluster_network import NOTHING_TOLD, ClusterNetwork
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.kinds.fields import NAMESPACE_NAME
from bailiwick.policy.reach.model import AnyonePeer, NodesPeer, PodsPeer, Policy
from bailiwick.policy.rules import Direction, WorkloadPeer
from bailiwick.policy.selectors import EVERYTHING, Selector

NAMESPACES_EACH: Final = 32
"""Of more namespaces than these, that one peer names by labels, a stand-in is taken."""

EVERYONE_ELSE: Final = "everyone else in the cluster"
"""What the stand-in for those is called whom a rule does not tell apart."""

_ANYWHERE: Final = PodsPeer()
# Addresses that no rule means. Whoever is in a block of addresses is an end of an edge by it.
_NOT_ROUTED: Final = ("169.254.0.1", "fe80::1")


class Namespaces(Protocol):
    """Where namespaces are asked for."""

    def namespace(self, name: str) -> Namespace | None:
        """Return the namespace of this name."""


class Surroundings(Namespaces, Protocol):
    """What is asked of a cluster; pods that are finished may be among its answers."""

    def namespaces(self) -> Iterable[Namespace]:
        """Return every namespace."""

    def pods(self, namespace: str) -> Iterable[Pod]:
        """Return the pods of a namespace."""

    def nodes(self) -> Iterable[Node]:
        """Return every node."""

    def policies(self, namespace: str) -> Iterable[Policy]:
        """Return the policies of a namespace, of every kind; of the empty one, cluster-wide."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A namespace with whom it names.

    `others` are the namespaces that it names; `by_labels`: others may come to be among them with
    every namespace that is made or changes its labels.
    """

    here: str
    namespaces: tuple[Namespace, ...]
    pods: tuple[Pod, ...]
    policies: tuple[Policy, ...]
    others: frozenset[str] = frozenset()
    by_labels: bool = False
    nodes: tuple[Node, ...] = ()
    network: ClusterNetwork = NOTHING_TOLD

    def graph(self, own: Iterable[Policy]) -> Graph:
        """Return who can reach whom where the namespace's own policies are these."""
        return Graph.build(
            self.namespaces, self.pods, (*self.policies, *own), self.nodes, self.network
        )


def neighbourhood(
    here: str,
    naming: Iterable[Policy],
    around: Surroundings,
    also: Iterable[PodsPeer] = (),
    network: ClusterNetwork = NOTHING_TOLD,
) -> Neighbourhood:
    """Gather whom some policies of a namespace name.

    `also` are pods of further namespaces that matter.
    """
    named = _Named(here, around)
    everywhere = tuple(around.policies(""))
    naming = tuple(naming)
    chosen = (*naming, *(each for each in everywhere if may_select(each, here, around)))
    peers, own = _peers(chosen), {*_pods_of(_peers(naming)), *also}
    named.add(_ANYWHERE)
    for peer in sorted(own):
        named.add(peer)
    for peer in sorted(_pods_of(peers) - own):
        named.add_untold(peer)
    others = sorted(name for name in named.pods if around.namespace(name) is not None)
    pods = [pod for pod in around.pods(here) if not pod.finished]
    pods += [pod for name in others for pod in named.those_of(name)]
    namespaces = [_namespace(around, name) for name in (here, *others)]
    policies = [policy for name in others for policy in around.policies(name)]
    ports = _named_ports(chosen, pods)
    for stand_in in named.stand_ins.values():
        namespaces.append(stand_in.namespace)
        pods.append(replace(stand_in.pod, ports=ports))
    return Neighbourhood(
        here,
        tuple(namespaces),
        tuple(pods),
        (*everywhere, *policies),
        frozenset(named.pods),
        named.by_labels,
        tuple(around.nodes()) if any(isinstance(each, NodesPeer) for each in peers) else (),
        network,
    )


@dataclass(frozen=True, slots=True)
class _StandIn:
    namespace: Namespace
    pod: Pod


@dataclass(slots=True)
class _Named:
    """Who is named: selectors of pods by namespace, and stand-ins by peer."""

    here: str
    around: Surroundings
    pods: dict[str, set[Selector]] = field(default_factory=lambda: defaultdict(set))
    stand_ins: dict[PodsPeer, _StandIn] = field(default_factory=dict)
    by_labels: bool = False

    def add(self, peer: PodsPeer) -> None:
        if peer.namespace == self.here:
            return
        name = peer.namespace or dict(peer.namespaces.match_labels).get(NAMESPACE_NAME, "")
        if name:
            self._add([name] if self._selects(peer, name) else [], peer)
            return
        if peer.namespaces:
            self.by_labels = True
            found = [e.name for e in self._others() if peer.namespaces.matches(_labels(e))]
            if len(found) <= NAMESPACES_EACH:
                self._add(found, peer)
                return
        self.stand_ins[peer] = _stand_in(peer, len(self.stand_ins))

    def add_untold(self, peer: PodsPeer) -> None:
        """Take in pods that only policies of the whole cluster name.

        Whoever may read about this namespace need not be able to read those policies: which
        namespaces their labels select, and what is in those, is not told.
        """
        if dict(peer.namespaces.match_labels).get(NAMESPACE_NAME) or not peer.namespaces:
            self.add(peer)
            return
        self.by_labels = True
        if any(peer.namespaces.matches(_labels(each)) for each in self._others()):
            self.stand_ins[peer] = _stand_in(peer, len(self.stand_ins))

    def those_of(self, name: str) -> Iterator[Pod]:
        """Go through the pods of a namespace that matter; no selector selects hosts' networks."""
        selectors = self.pods[name]
        for pod in self.around.pods(name):
            if not (pod.finished or pod.host_network) and any(
                each.matches(pod.labels) for each in selectors
            ):
                yield pod

    def _others(self) -> Iterator[Namespace]:
        return (each for each in self.around.namespaces() if each.name != self.here)

    def _add(self, names: Iterable[str], peer: PodsPeer) -> None:
        for name in names:
            if name != self.here:
                self.pods[name].add(peer.pods)

    def _selects(self, peer: PodsPeer, name: str) -> bool:
        return peer.namespaces.matches(_labels(_namespace(self.around, name)))


def _stand_in(peer: PodsPeer, number: int) -> _StandIn:
    """Return a pod that a peer selects, of which nothing else is known."""
    # No namespace has such a name, so that nothing but a selector by labels leads there.
    name = f"{{elsewhere-{number}}}"
    owner = Owner("", _in_words(peer))
    namespace = Namespace(name, "", _satisfying(peer.namespaces))
    pod = Pod(name, name, "", _satisfying(peer.pods), owner, addresses=_NOT_ROUTED)
    return _StandIn(namespace, pod)


def _named_ports(policies: Iterable[Policy], pods: Iterable[Pod]) -> tuple[ContainerPort, ...]:
    """Return the ports that rules of egress name, with numbers that they have near by.

    What number a name has elsewhere nobody looks up; that somebody has it is taken for sure.
    """
    names = {
        port
        for policy in policies
        if Direction.EGRESS in policy.sides
        for rule in policy.sides[Direction.EGRESS].rules
        for port in rule.ports.names
    }
    if not names:
        return ()
    known = {(port.name, port.protocol): port for pod in pods for port in pod.ports if port.name}
    found = []
    for name, protocol in sorted({(each.name, each.protocol or "TCP") for each in names}):
        found.append(known.get((name, protocol)) or ContainerPort(80, protocol, name))
    return tuple(found)


def _in_words(peer: PodsPeer) -> str:
    if peer == _ANYWHERE:
        return EVERYONE_ELSE
    who = str(WorkloadPeer(peer.pods)) if peer.pods else "every workload"
    if not peer.namespaces:
        return f"{who} elsewhere in the cluster"
    return f"{who} in {str(WorkloadPeer(peer.namespaces)).replace('workloads', 'namespaces', 1)}"


def _satisfying(selector: Selector) -> Labels:
    """Return the fewest labels that a selector selects, for one that selects anything at all."""
    if not selector:
        return NO_LABELS
    found = dict(selector.match_labels)
    for each in selector.match_expressions:
        if each.operator == "In":
            allowed = [v for v in each.values if Selector((), (each,)).matches({each.key: v})]
            found.setdefault(each.key, allowed[0])
        elif each.operator == "Exists":
            found.setdefault(each.key, "x")
    return found


def _peers(policies: Iterable[Policy]) -> set[object]:
    return {
        peer
        for policy in policies
        for side in policy.sides.values()
        for rule in side.rules
        for peer in rule.peers
        if not isinstance(peer, AnyonePeer)
    }


def _pods_of(peers: Iterable[object]) -> set[PodsPeer]:
    return {peer for peer in peers if isinstance(peer, PodsPeer)}


def may_select(policy: Policy, here: str, around: Namespaces) -> bool:
    """Say whether a policy may select pods of a namespace, by its labels as they are now."""
    subject = policy.subject
    if subject.namespace not in ("", here):
        return False
    return subject.namespaces == EVERYTHING or subject.namespaces.matches(
        _labels(_namespace(around, here))
    )


def _namespace(around: Namespaces, name: str) -> Namespace:
    return around.namespace(name) or Namespace(name, "")


def _labels(namespace: Namespace) -> Labels:
    return {**namespace.labels, NAMESPACE_NAME: namespace.name}
