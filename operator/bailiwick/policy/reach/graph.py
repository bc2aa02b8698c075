"""Who can reach whom, given every policy of the cluster.

For each class of pods there is one table a direction, computed from the policies that select it
and nothing else. A connection needs both halves: the egress table of its source and the ingress
table of its target. A change computes anew only the tables that it can have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bailiwick.policy.facts import Labels, Namespace, Node, Pod
from bailiwick.policy.reach.classes import Change, Classes
from bailiwick.policy.reach.cluster_network import NOTHING_TOLD, ClusterNetwork
from bailiwick.policy.reach.decide import FREE, Match, ResolvedRule, Stack, Table, decide
from bailiwick.policy.reach.edges import Connection, OutsideEdge, between, with_outside
from bailiwick.policy.reach.index import Policies
from bailiwick.policy.reach.model import (
    ALL_PORTS,
    Action,
    BlockPeer,
    NodesPeer,
    Peer,
    PodsPeer,
    Policy,
    PolicyKey,
    Rule,
    Tier,
)
from bailiwick.policy.reach.peers import Peers, PodSet, bit, bits, numbers
from bailiwick.policy.reach.resolve import Resolver
from bailiwick.policy.rules import Direction


class Graph:
    """The cluster as policies see it. Fill it by `build` or by the changes one by one."""

    def __init__(self, network: ClusterNetwork = NOTHING_TOLD) -> None:
        self.classes = Classes(network)
        self._policies = Policies()
        self._resolver = Resolver(self.classes)
        self._tables: dict[Direction, dict[int, Table]] = {each: {} for each in Direction}

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
        graph._compute(graph.classes.live)
        return graph

    # What changes

    def put_policy(self, policy: Policy) -> None:
        """Take in a policy, new or changed."""
        touched = self._drop(policy.key)
        self._policies.add(policy)
        self._compute(touched | self._subjects([policy]))

    def remove_policy(self, key: PolicyKey) -> None:
        """Drop a policy; one that is not there is no error."""
        self._compute(self._drop(key))

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
        return self._tables[direction].get(number, FREE)

    def connection(self, source: int, target: int) -> Connection:
        """Say on what ports some pod of a class can reach some pod of another.

        That a pod always reaches itself, whatever policies say, is not part of it.
        """
        ends = self.classes[source], self.classes[target]
        egress, ingress = (
            self.table(source, Direction.EGRESS),
            self.table(target, Direction.INGRESS),
        )
        found = [
            between(egress, bit(target, family), ingress, bit(source, family))
            for family in sorted(ends[0].families & ends[1].families)
        ]
        if len(found) < 2 or found[0] is found[1]:
            return found[0] if found else Connection()
        if all(end.places for end in ends):
            return found[0] | found[1]
        # Which family the pods will have is not known.
        return found[0] & found[1]

    def targets(self, source: int) -> Iterator[tuple[int, Connection]]:
        """Go through the classes that a class can reach, in the order of their numbers."""
        reachable: PodSet = 0
        for out in self.table(source, Direction.EGRESS):
            reachable |= out.allowed.pods | out.unknown.pods
        for target in numbers(reachable & self.classes.live):
            found = self.connection(source, target)
            if found:
                yield target, found

    def outside(self, number: int, direction: Direction) -> list[OutsideEdge]:
        """Return the addresses outside that a class can reach, or that can reach it."""
        return with_outside(self.table(number, direction))

    def of_class(self, number: int) -> list[Policy]:
        """Return the policies that select a class, by key."""
        own = bits(number)
        if self.classes.host & own:
            return []
        chosen = self._policies.that_may_select(self.classes[number].namespace)
        return [policy for policy in chosen if self._subjects([policy]) & own]

    def resolved(self, rule: Rule, direction: Direction, number: int) -> ResolvedRule:
        """Return a rule of a policy as it holds for a class."""
        return self._resolver.rule(rule, direction, self.classes[number])

    def of_own_nodes(self, number: int) -> PodSet:
        """Return the classes on the network of a node on which a class has a pod.

        No NetworkPolicy keeps a pod and its own node apart.
        https://kubernetes.io/docs/concepts/services-networking/network-policies/
        """
        found: PodSet = 0
        for node in self.classes[number].nodes:
            found |= self.classes.on_node(node)
        return found & self.classes.host

    # How it is kept

    def _drop(self, key: PolicyKey) -> PodSet:
        """Drop a policy and return the classes that it selected."""
        policy, unused = self._policies.remove(key)
        self._resolver.forget(unused)
        return self._subjects([policy]) if policy else 0

    def _subjects(self, policies: Iterable[Policy]) -> PodSet:
        found: PodSet = 0
        for policy in policies:
            found |= self._resolver.selected(policy.subject)
        return found

    def _naming(self, peers: list[Peer]) -> PodSet:
        """Look peers up anew; returns the classes whose policies name them."""
        self._resolver.forget(peers)
        return self._subjects(self._policies.naming(peers))

    def _compute(self, classes: PodSet) -> None:
        for number in numbers(classes & self.classes.live):
            policies = self.of_class(number)
            for direction in Direction:
                stack = self._stack(number, policies, direction)
                self._tables[direction][number] = decide(stack)

    def _stack(self, number: int, policies: Iterable[Policy], direction: Direction) -> Stack:
        subject = self.classes[number]
        tiers: dict[Tier, dict[int, list[list[ResolvedRule]]]] = {tier: {} for tier in Tier}
        isolated, spares_own_node = False, True
        for policy in policies:
            side = policy.sides.get(direction)
            if side is None:
                continue
            isolated = isolated or side.isolates
            spares_own_node = spares_own_node and (side.spares_own_node or not side.isolates)
            rules = [self._resolver.rule(rule, direction, subject) for rule in side.rules]
            tiers[policy.tier].setdefault(policy.priority, []).append(rules)
        local = [
            rule for group in _groups(tiers[Tier.NAMESPACE]) for rules in group for rule in rules
        ]
        if isolated and spares_own_node and (nodes := self.of_own_nodes(number)):
            local.append(ResolvedRule(Action.ALLOW, (Match(ALL_PORTS.numbers, Peers(nodes)),)))
        return Stack(_groups(tiers[Tier.ADMIN]), local, isolated, _groups(tiers[Tier.BASELINE]))

    def _pods_changed(self, change: Change) -> None:
        for ended in change.ended:
            for direction in Direction:
                self._tables[direction].pop(ended.number, None)
        touched = self._on_nodes(change)
        come_and_gone = {each.number: each for each in (*change.began, *change.ended)}
        for each in come_and_gone.values():
            touched |= bits(each.number)
            touched |= self._naming(self._resolver.outdated(self._policies.peers(), each))
            for port in each.signature.ports:
                touched |= self._subjects(self._policies.naming_port_of_anybody(port.name))
        blocks = [peer for peer in self._policies.peers() if isinstance(peer, BlockPeer)]
        for number in {each.number for each in change.moved} - come_and_gone.keys():
            touched |= self._naming(self._resolver.outdated(blocks, self.classes[number]))
        self._compute(touched)

    def _on_nodes(self, change: Change) -> PodSet:
        """Return the classes that share a node with one on its network, or no longer do."""
        touched: PodSet = 0
        for each, node in change.on:
            touched |= bits(each.number)
            if each.signature.host_network:
                touched |= self.classes.on_node(node)
        return touched

    def _labels_changed(self, name: str, before: Labels) -> None:
        """Compute what names namespaces by labels that this one got or lost."""
        after = self.classes.labels_of(name)
        inside = self.classes.in_namespace(name)
        if before == after or not inside:
            return

        def turns(peer: Peer) -> bool:
            if not isinstance(peer, PodsPeer) or peer.namespace not in ("", name):
                return False
            return peer.namespaces.matches(before) != peer.namespaces.matches(after)

        touched = self._naming([peer for peer in self._policies.peers() if turns(peer)])
        if any(turns(policy.subject) for policy in self._policies.that_may_select(name)):
            touched |= inside
        self._compute(touched)

    def _nodes_changed(self) -> None:
        nodes = [peer for peer in self._policies.peers() if isinstance(peer, NodesPeer)]
        self._compute(self._subjects(self._policies.naming(self._resolver.renewed(nodes))))


def _groups(
    by_priority: dict[int, list[list[ResolvedRule]]],
) -> tuple[tuple[list[ResolvedRule], ...], ...]:
    return tuple(tuple(by_priority[priority]) for priority in sorted(by_priority))
