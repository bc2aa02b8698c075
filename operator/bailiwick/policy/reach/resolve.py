"""Peers and ports of rules, looked up in what is there: from words to sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bailiwick.policy.facts import Node
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.classes import Classes, PodClass
from bailiwick.policy.reach.decide import EVERYBODY, Match, ResolvedRule
from bailiwick.policy.reach.model import (
    AnyonePeer,
    BlockPeer,
    NamedPort,
    NamePeer,
    NodesPeer,
    Peer,
    PodsPeer,
    Ports,
    Rule,
)
from bailiwick.policy.reach.peers import NOBODY, Peers, PodSet, numbers
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.rules import Direction
from bailiwick.policy.selectors import Selector

Found = tuple[Peers, Peers]
"""Who a peer is for certain, and who else it may be."""


@dataclass(slots=True)
class Resolver:
    """Looks peers up, each once until something changes that it may depend on."""

    classes: Classes
    nodes: dict[str, Node] = field(default_factory=dict)
    _found: dict[Peer, Found] = field(default_factory=dict)

    def forget(self, peers: Iterable[Peer]) -> None:
        """Look these peers up again next time."""
        for peer in peers:
            self._found.pop(peer, None)

    def selected(self, peer: PodsPeer) -> PodSet:
        """Return the classes of pods that a peer, or a policy's subject, selects."""
        pods = self.classes.with_labels(peer.pods)
        if peer.namespace:
            if not peer.namespaces.matches(self.classes.labels_of(peer.namespace)):
                return 0
            return pods & self.classes.in_namespace(peer.namespace)
        if not peer.namespaces:
            return pods
        return pods & self._in_namespaces(peer.namespaces)

    def rule(self, rule: Rule, direction: Direction, subject: PodClass) -> ResolvedRule:
        """Look up a rule as it holds for one class of pods."""
        certain, possible = NOBODY, NOBODY
        for peer in rule.peers:
            sure, perhaps = self._peer(peer)
            certain, possible = certain | sure, possible | perhaps
        if rule.unknown:
            certain, possible = NOBODY, certain | possible if rule.peers else EVERYBODY
        return ResolvedRule(
            rule.action, tuple(self._matches(rule.ports, direction, subject, certain, possible))
        )

    def _matches(
        self,
        ports: Ports,
        direction: Direction,
        subject: PodClass,
        certain: Peers,
        possible: Peers,
    ) -> Iterable[Match]:
        """Cut a rule where a port's name stands for different numbers."""
        if direction is Direction.INGRESS:
            own = ports.numbers
            for name in ports.names:
                own |= subject.ports_named(name)
            if own:
                yield Match(own, certain, possible)
            return
        if ports.numbers:
            yield Match(ports.numbers, certain, possible)
        for name in ports.names:
            for number, pods in self._named(name).items():
                sure, perhaps = _of_pods(certain, pods), _of_pods(possible, pods)
                if sure or perhaps:
                    yield Match(number, sure, perhaps)

    def _named(self, name: NamedPort) -> Mapping[PortSet, PodSet]:
        return self.classes.with_port(name)

    def _peer(self, peer: Peer) -> Found:
        found = self._found.get(peer)
        if found is None:
            found = self._found[peer] = self._look(peer)
        return found

    def _look(self, peer: Peer) -> Found:
        match peer:
            case AnyonePeer():
                return EVERYBODY, NOBODY
            case PodsPeer():
                return Peers(self.selected(peer)), NOBODY
            case BlockPeer(block):
                return Peers(self._hosts(block), block), NOBODY
            case NodesPeer(selector):
                return self._nodes(selector), NOBODY
            case NamePeer():
                # Only the network plugin knows which addresses a name has just now.
                return NOBODY, Peers(0, addresses.ALL)

    def _nodes(self, selector: Selector) -> Peers:
        places = [
            addresses.of_address(address)
            for node in self.nodes.values()
            if selector.matches(node.labels)
            for address in node.addresses
        ]
        block = addresses.merged((place, place) for place in places)
        return Peers(self._hosts(block), block)

    def _hosts(self, block: Addresses) -> PodSet:
        """Return the classes on their node's network whose addresses are all in a block."""
        found: PodSet = 0
        for number in numbers(self.classes.host):
            own = self.classes[number].signature.address
            if own and all(addresses.contains(block, addresses.of_address(a)) for a in own):
                found |= 1 << number
        return found

    def _in_namespaces(self, selector: Selector) -> PodSet:
        found: PodSet = 0
        for name in self.classes.populated():
            if selector.matches(self.classes.labels_of(name)):
                found |= self.classes.in_namespace(name)
        return found


def _of_pods(peers: Peers, pods: PodSet) -> Peers:
    return Peers(peers.pods & pods)


def may_match(peer: Peer, of: PodClass, classes: Classes) -> bool:
    """Say whether a peer's sets change when a class comes or goes."""
    signature = of.signature
    match peer:
        case PodsPeer(namespace, namespaces, pods):
            if signature.host_network or (namespace and namespace != signature.namespace):
                return False
            return pods.matches(dict(signature.labels)) and namespaces.matches(
                classes.labels_of(signature.namespace)
            )
        case BlockPeer() | NodesPeer():
            return signature.host_network
        case _:
            return False
