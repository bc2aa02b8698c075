"""Who can reach whom, given every policy of the cluster.

For each class of pods there is one table a direction, computed from the policies that select it
and nothing else. A connection needs both halves: the egress table of its source and the ingress
table of its target. A change renews only the tables that it can have changed, when they are asked
for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bailiwick.policy.facts import Labels, Namespace, Node, Pod
from bailiwick.policy.reach.classes import Change, Classes
from bailiwick.policy.reach.cluster_network import NOTHING_TOLD, ClusterNetwork
from bailiwick.policy.reach.decide import ResolvedRule, Table
from bailiwick.policy.reach.edges import NOTHING, Connection, OutsideEdge, between, with_outside
from bailiwick.policy.reach.index import Policies
from bailiwick.policy.reach.model import (
    BlockPeer,
    NodesPeer,
    Peer,
    PodsPeer,
    Policy,
    PolicyKey,
    Rule,
)
from bailiwick.policy.reach.peers import PodSet, bit, bits, numbers
from bailiwick.policy.reach.resolve import Resolver
from bailiwick.policy.reach.tables import Tables
from bailiwick.policy.rules import Direction


class Graph:
    """The cluster as policies see it. Fill it by `build` or by the changes one by one."""

    def __init__(self, network: ClusterNetwork = NOTHING_TOLD) -> None:
        self.classes = Classes(network)
        self._policies = Policies()
        self._resolver = Resolver(self.classes)
        self._tables = Tables(self.classes, self._policies, self._resolver)

    @classmethod
    def build(
        cls,
        namespaces: Iterable[Namespace] = (),
        pods: Iterable[Pod] = (),
        policies: Iterable[Policy] = (),
        nodes: Iterable[Node] = (),
        network: ClusterNetwork = NOTHING_TOLD,
    ) -> Graph:
        """Make the graph of a whole cluster."""
        graph = cls(network)
        graph._resolver.nodes = {node.name: node for node in nodes}
        for namespace in namespaces:
            graph.classes.put_namespace(namespace)
        for pod in pods:
            graph.classes.put_pod(pod)
        for policy in policies:
            graph._policies.remove(policy.key)
            graph._policies.add(policy)
        return graph

    # What changes

    def put_policy(self, policy: Policy) -> None:
        """Take in a policy, new or changed."""
        self.remove_policy(policy.key)
        self._policies.add(policy)
        self._tables.forget_policy(policy)

    def remove_policy(self, key: PolicyKey) -> None:
        """Drop a policy; one that is not there is no error."""
        policy, unused = self._policies.remove(key)
        self._resolver.forget(unused)
        if policy:
            self._tables.forget_policy(policy)

    def put_pod(self, pod: Pod) -> None:
        """Take in a pod, new or changed."""
        self._pods_changed(self.classes.put_pod(pod))

    def remove_pod(self, namespace: str, name: str) -> None:
        """Drop a pod; one that is not there is no error."""
        self._pods_changed(self.classes.remove_pod(namespace, name))

    def put_namespace(self, namespace: Namespace) -> None:
        """Take in a namespace, new or with other labels."""
        before = self.classes.labels_of(namespace.name)
        self.classes.put_namespace(namespace)
        self._labels_changed(namespace.name, before)

    def remove_namespace(self, name: str) -> None:
        """Drop a namespace; one that is not there is no error."""
        before = self.classes.labels_of(name)
        self.classes.remove_namespace(name)
        self._labels_changed(name, before)

    def put_node(self, node: Node) -> None:
        """Take in a node, new or changed."""
        self._resolver.nodes[node.name] = node
        self._nodes_changed()

    def remove_node(self, name: str) -> None:
        """Drop a node; one that is not there is no error."""
        self._resolver.nodes.pop(name, None)
        self._nodes_changed()

    # What is asked

    @property
    def policies(self) -> Mapping[PolicyKey, Policy]:
        """Every policy, by its key."""
        return self._policies.by_key

    def table(self, number: int, direction: Direction) -> Table:
        """Return what is allowed for a class in a direction."""
        return self._tables.table(number, direction)

    def table_without_admin(self, number: int, direction: Direction) -> Table:
        """Return what a class's namespace lets through, whatever admin policies say of it."""
        return self._tables.without_admin(number, direction)

    def connection(self, source: int, target: int) -> Connection:
        """Say on what ports some pod of a class can reach some pod of another.

        That a pod always reaches itself, whatever policies say, is not part of it.
        """
        one, other = self.classes[source], self.classes[target]
        egress = self._tables.table(source, Direction.EGRESS)
        ingress = self._tables.table(target, Direction.INGRESS)
        found = [
            between(egress, bit(target, family), ingress, bit(source, family))
            for family in one.families & other.families
        ]
        if len(found) < 2 or found[0] is found[1]:
            return found[0] if found else NOTHING
        if one.places and other.places:
            return found[0] | found[1]
        # Which family the pods will have is not known.
        return found[0] & found[1]

    def targets(self, source: int, among: PodSet = -1) -> Iterator[tuple[int, Connection]]:
        """Go through the classes that a class can reach, in the order of their numbers."""
        reachable: PodSet = 0
        for out in self.table(source, Direction.EGRESS):
            reachable |= out.allowed.pods | out.unknown.pods
        for target in numbers(reachable & among & self.classes.live):
            found = self.connection(source, target)
            if found:
                yield target, found

    def outside(self, number: int, direction: Direction) -> list[OutsideEdge]:
        """Return the addresses outside that a class can reach, or that can reach it."""
        return with_outside(self.table(number, direction))

    def of_class(self, number: int) -> list[Policy]:
        """Return the policies that select a class, by key."""
        return self._tables.selecting(number)

    def selects(self, policy: Policy, number: int) -> bool:
        """Say whether a policy, which need not be in force here, selects a class."""
        return bool(self._resolver.selected(policy.subject) & bits(number))

    def resolved(self, rule: Rule, direction: Direction, number: int) -> ResolvedRule:
        """Return a rule of a policy as it holds for a class."""
        return self._resolver.rule(rule, direction, self.classes[number])

    def of_own_nodes(self, number: int) -> PodSet:
        """Return the classes on the network of a node on which a class has a pod."""
        return self._tables.of_own_nodes(number)

    # How it is kept

    def _look_again(self, peers: list[Peer]) -> None:
        """Look peers up anew, and forget the tables that policies made of them."""
        self._resolver.forget(peers)
        self._renew(peers)

    def _renew(self, peers: list[Peer]) -> None:
        for policy, direction in self._policies.naming(peers):
            self._tables.forget_rules(policy, direction)

    def _pods_changed(self, change: Change) -> None:
        come_and_gone = {each.number: each for each in (*change.began, *change.ended)}
        for each in come_and_gone.values():
            self._tables.forget_policies(bits(each.number))
            peers = self._policies.peers_of(each.namespace)
            self._look_again(self._resolver.outdated(peers, each))
            for port in each.signature.ports:
                for policy in self._policies.naming_port_of_anybody(port.name):
                    self._tables.forget_rules(policy, Direction.EGRESS)
        for number in {each.number for each in change.moved} - come_and_gone.keys():
            blocks = self._policies.peers_of_type(BlockPeer)
            self._look_again(self._resolver.outdated(blocks, self.classes[number]))
        for each, node in change.on:
            self._tables.forget(bits(each.number))
            if each.signature.host_network:
                self._tables.forget(self.classes.on_node(node))
                peers = self._policies.peers_of_type(NodesPeer)
                self._look_again(self._resolver.outdated(peers, each))

    def _labels_changed(self, name: str, before: Labels) -> None:
        """Renew what names namespaces by labels that this one got or lost."""
        after = self.classes.labels_of(name)
        inside = self.classes.in_namespace(name)
        if before == after or not inside:
            return

        def turns(peer: Peer) -> bool:
            if not isinstance(peer, PodsPeer):
                return False
            return peer.namespaces.matches(before) != peer.namespaces.matches(after)

        self._look_again([peer for peer in self._policies.peers_of(name) if turns(peer)])
        if any(turns(policy.subject) for policy in self._policies.that_may_select(name)):
            self._tables.forget_policies(inside)

    def _nodes_changed(self) -> None:
        self._renew(self._resolver.renewed(self._policies.peers_of_type(NodesPeer)))
