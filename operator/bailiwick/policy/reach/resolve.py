"""Peers and ports of rules, looked up in what is there: from words to sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bailiwick.policy.facts import Node
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.classes import Classes
from bailiwick.policy.reach.decide import Match, ResolvedRule
from bailiwick.policy.reach.model import (
    AnyonePeer,
    BlockPeer,
    NamePeer,
    NodesPeer,
    Peer,
    PodsPeer,
    Ports,
    Rule,
    UnknownPeer,
)
from bailiwick.policy.reach.peers import EVERYBODY, NOBODY, Peers, PodSet, bits, numbers
from bailiwick.policy.reach.places import Covered, covered
from bailiwick.policy.reach.pods import PodClass
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

    def outdated(self, peers: Iterable[Peer], of: PodClass) -> list[Peer]:
        """Return those of some peers that were looked up before a class became what it is."""
        own = bits(of.number)
        live = bool(self.classes.live & own)
        result = []
        for peer in peers:
            found = self._found.get(peer)
            if found is not None:
                before = found[0].pods & own, found[1].pods & own
                if before != (self._as_peer(peer, of) if live else (0, 0)):
                    result.append(peer)
        return result

    def renewed(self, peers: Iterable[Peer]) -> list[Peer]:
        """Look peers up again and return those that are not what they were."""
        result = []
        for peer in peers:
            before = self._found.get(peer)
            if before is not None:
                self._found[peer] = self._look(peer)
                if self._found[peer] != before:
                    result.append(peer)
        return result

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
        certain, possible = self._peers(rule.peers)
        if rule.unknown:
            certain, possible = NOBODY, certain | possible
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
            for number, pods in self.classes.with_port(name).items():
                sure, perhaps = Peers(certain.pods & pods), Peers(possible.pods & pods)
                if sure or perhaps:
                    yield Match(number, sure, perhaps)

    def _peers(self, peers: tuple[Peer, ...]) -> Found:
        """Look up who is any of some peers; their addresses are joined once, not one by one."""
        each = [self._peer(peer) for peer in peers]
        if len(each) == 1:
            return each[0]
        certain, possible = (_union(found[index] for found in each) for index in (0, 1))
        return certain, possible

    def _peer(self, peer: Peer) -> Found:
        found = self._found.get(peer)
        if found is None:
            found = self._found[peer] = self._look(peer)
        return found

    def _look(self, peer: Peer) -> Found:
        match peer:
            case AnyonePeer():
                return EVERYBODY, NOBODY
            case UnknownPeer():
                return NOBODY, EVERYBODY
            case PodsPeer():
                return Peers(self.selected(peer)), NOBODY
            case BlockPeer(block):
                certain, possible = self._held(self.classes.places.covered(block), peer)
                return Peers(certain, block), Peers(possible)
            case NodesPeer(selector):
                certain, possible = 0, 0
                for number in numbers(self.classes.host):
                    sure, perhaps = self._on_nodes(selector, self.classes[number])
                    certain |= sure
                    possible |= perhaps
                return Peers(certain, self._addresses_of(selector)), Peers(possible)
            case NamePeer():
                # Only the network plugin knows which addresses a name has just now.
                return NOBODY, Peers(self.classes.host, addresses.ALL)

    def _as_peer(self, peer: Peer, of: PodClass) -> Covered:
        """Say of one class what `_look` says of all of them."""
        own, classes = bits(of.number), self.classes
        match peer:
            case AnyonePeer():
                return own, 0
            case UnknownPeer():
                return 0, own
            case PodsPeer():
                return own if self._selects(peer, of) else 0, 0
            case BlockPeer(block):
                return self._held(_covered(block, of, classes), peer)
            case NodesPeer(selector):
                return self._on_nodes(selector, of)
            case NamePeer():
                return 0, own & classes.host

    def _on_nodes(self, selector: Selector, of: PodClass) -> Covered:
        """Say whether a class is on the network of nodes that a selector selects.

        Of a node that is not told nobody knows its labels, but it is one of all nodes.
        """
        own = bits(of.number) & self.classes.host
        if not selector:
            return own, 0
        told = [self.nodes[name] for name in of.nodes if name in self.nodes]
        selected = [node for node in told if selector.matches(node.labels)]
        if len(selected) == len(of.nodes):
            return own, 0
        return 0, own if selected or len(told) < len(of.nodes) else 0

    def _held(self, found: Covered, peer: BlockPeer) -> Covered:
        """Return what a block covers in the eyes of who enforces its policy."""
        host = self.classes.host
        by_default = self.classes.network.blocks_cover_pods
        pods = by_default if peer.covers_pods is None else peer.covers_pods
        nodes = (by_default or None) if peer.covers_nodes is None else peer.covers_nodes
        certain: PodSet = 0
        possible: PodSet = 0
        for covers, within in ((pods, ~host), (nodes, host)):
            if covers is None:
                possible |= (found[0] | found[1]) & within
            elif covers:
                certain |= found[0] & within
                possible |= found[1] & within
        return certain, possible

    def _addresses_of(self, selector: Selector) -> Addresses:
        places = [
            place
            for node in self.nodes.values()
            if selector.matches(node.labels)
            for place in addresses.readable(node.addresses)
        ]
        return addresses.merged((place, place) for place in places)

    def _in_namespaces(self, selector: Selector) -> PodSet:
        found: PodSet = 0
        for name in self.classes.populated():
            if selector.matches(self.classes.labels_of(name)):
                found |= self.classes.in_namespace(name)
        return found

    def _selects(self, peer: PodsPeer, of: PodClass) -> bool:
        signature = of.signature
        if signature.host_network or (peer.namespace and peer.namespace != signature.namespace):
            return False
        return peer.pods.matches(dict(signature.labels)) and peer.namespaces.matches(
            self.classes.labels_of(signature.namespace)
        )


def _covered(block: Addresses, of: PodClass, classes: Classes) -> Covered:
    return covered(block, of.number, of.places, classes.ranges_of(of))


def _union(each: Iterable[Peers]) -> Peers:
    pods: PodSet = 0
    outside: list[addresses.Range] = []
    for peers in each:
        pods |= peers.pods
        outside += peers.outside
    return Peers(pods, addresses.merged(outside))
