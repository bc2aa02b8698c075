"""Who can reach whom, given every policy of the cluster.

For each class of pods there is one table a direction, computed from the policies that select it
and nothing else. A connection needs both halves: the egress table of its source and the ingress
table of its target. A change computes anew only the tables that it can have changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bailiwick.policy.facts import Labels, Namespace, Node, Pod
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.reach.classes import Classes, PodClass
from bailiwick.policy.reach.decide import FREE, ResolvedRule, Stack, Table, decide
from bailiwick.policy.reach.model import Peer, PodsPeer, Policy, PolicyKey, Rule, Tier
from bailiwick.policy.reach.peers import PodSet, numbers
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.reach.resolve import Resolver, may_match
from bailiwick.policy.rules import Direction


@dataclass(frozen=True, slots=True)
class Connection:
    """The ports on which a connection is allowed, and those where that is unknown."""

    allowed: PortSet = port_sets.NONE
    unknown: PortSet = port_sets.NONE

    def __bool__(self) -> bool:
        """Whether anything is possible, for all we know."""
        return bool(self.allowed or self.unknown)

    def __or__(self, other: Connection) -> Connection:
        """Return what either allows."""
        allowed = self.allowed | other.allowed
        return Connection(allowed, (self.unknown | other.unknown) & ~allowed)


@dataclass(frozen=True, slots=True)
class OutsideEdge:
    """Addresses outside of the cluster with which all is alike on some ports."""

    addresses: Addresses
    connection: Connection


@dataclass(slots=True)
class Graph:
    """The cluster as policies see it. Fill it by `build` or by the changes one by one."""

    classes: Classes = field(default_factory=Classes)
    policies: dict[PolicyKey, Policy] = field(default_factory=dict)
    _resolver: Resolver = field(init=False)
    _by_namespace: dict[str, set[PolicyKey]] = field(default_factory=lambda: defaultdict(set))
    _using: dict[Peer, set[PolicyKey]] = field(default_factory=lambda: defaultdict(set))
    _tables: dict[Direction, dict[int, Table]] = field(
        default_factory=lambda: {direction: {} for direction in Direction}
    )

    def __post_init__(self) -> None:
        """Join the parts."""
        self._resolver = Resolver(self.classes)

    @classmethod
    def build(
        cls,
        namespaces: Iterable[Namespace] = (),
        pods: Iterable[Pod] = (),
        policies: Iterable[Policy] = (),
        nodes: Iterable[Node] = (),
    ) -> Graph:
        """Make the graph of a whole cluster."""
        graph = cls()
        graph._resolver.nodes = {node.name: node for node in nodes}
        for namespace in namespaces:
            graph.classes.put_namespace(namespace)
        for pod in pods:
            graph.classes.put_pod(pod)
        for policy in policies:
            graph._register(policy)
        graph._compute(graph.classes.live)
        return graph

    # What changes

    def put_policy(self, policy: Policy) -> None:
        """Take in a policy, new or changed."""
        touched = self._unregister(policy.key)
        self._register(policy)
        self._compute(touched | self._subject(policy))

    def remove_policy(self, key: PolicyKey) -> None:
        """Drop a policy; one that is not there is no error."""
        self._compute(self._unregister(key))

    def put_pod(self, pod: Pod) -> None:
        """Take in a pod, new or changed."""
        ended, begun = self.classes.put_pod(pod)
        self._classes_changed([each for each in (ended, begun) if each])

    def remove_pod(self, namespace: str, name: str) -> None:
        """Drop a pod."""
        ended = self.classes.remove_pod(namespace, name)
        self._classes_changed([ended] if ended else [])

    def put_namespace(self, namespace: Namespace) -> None:
        """Take in a namespace, new or with other labels."""
        before = self.classes.labels_of(namespace.name)
        self.classes.put_namespace(namespace)
        self._labels_changed(namespace.name, before)

    def remove_namespace(self, name: str) -> None:
        """Drop a namespace."""
        before = self.classes.labels_of(name)
        self.classes.remove_namespace(name)
        self._labels_changed(name, before)

    # What is asked

    def table(self, number: int, direction: Direction) -> Table:
        """Return what is allowed for a class in a direction."""
        return self._tables[direction].get(number, FREE)

    def connection(self, source: int, target: int) -> Connection:
        """Say on what ports a class of pods can reach another."""
        bit_of_source, bit_of_target = 1 << source, 1 << target
        result = Connection()
        for out in self.table(source, Direction.EGRESS):
            may_go = out.allowed.pods & bit_of_target
            if not may_go and not out.unknown.pods & bit_of_target:
                continue
            for into in self.table(target, Direction.INGRESS):
                ports = out.ports & into.ports
                may_come = into.allowed.pods & bit_of_source
                if not ports or not (may_come or into.unknown.pods & bit_of_source):
                    continue
                sure = bool(may_go and may_come)
                result |= Connection(ports) if sure else Connection(unknown=ports)
        return result

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
        """Return the addresses outside that a class can reach, or that can reach it.

        Addresses with which all is alike are together; none is in two of the results.
        """
        entries = self.table(number, direction)
        cuts = [part for e in entries for part in (e.allowed.outside, e.unknown.outside)]
        found: dict[Connection, list[addresses.Range]] = defaultdict(list)
        for each in addresses.split(cuts):
            connection = Connection()
            for entry in entries:
                if addresses.contains(entry.allowed.outside, each[0]):
                    connection |= Connection(entry.ports)
                elif addresses.contains(entry.unknown.outside, each[0]):
                    connection |= Connection(unknown=entry.ports)
            if connection:
                found[connection].append(each)
        return [OutsideEdge(addresses.merged(ranges), c) for c, ranges in found.items()]

    def of_class(self, number: int) -> list[Policy]:
        """Return the policies that select a class, by key."""
        found = self.classes[number]
        bit = 1 << number
        keys = self._by_namespace[found.namespace] | self._by_namespace[""]
        chosen = [self.policies[key] for key in sorted(keys)]
        return [policy for policy in chosen if self._subject(policy) & bit]

    def resolved(self, rule: Rule, direction: Direction, number: int) -> ResolvedRule:
        """Return a rule of a policy as it holds for a class."""
        return self._resolver.rule(rule, direction, self.classes[number])

    def shares_node(self, one: int, other: int) -> bool:
        """Say whether a pod of one class is on its node's network where one of the other runs.

        Kubernetes lets that through whatever policies say: the node probes its pods.
        """
        pair = self.classes[one], self.classes[other]
        if pair[0].signature.host_network == pair[1].signature.host_network:
            return False
        return not pair[0].nodes.keys().isdisjoint(pair[1].nodes.keys() - {""})

    # How it is kept

    def _register(self, policy: Policy) -> None:
        self.policies[policy.key] = policy
        self._by_namespace[policy.key.namespace].add(policy.key)
        for peer in _peers(policy):
            self._using[peer].add(policy.key)

    def _unregister(self, key: PolicyKey) -> PodSet:
        """Drop a policy and return the classes that it selected."""
        policy = self.policies.pop(key, None)
        if policy is None:
            return 0
        self._by_namespace[key.namespace].discard(key)
        for peer in _peers(policy):
            self._using[peer].discard(key)
            if not self._using[peer]:
                del self._using[peer]
                self._resolver.forget([peer])
        return self._subject(policy)

    def _subject(self, policy: Policy) -> PodSet:
        return self._resolver.selected(policy.subject)

    def _compute(self, classes: PodSet) -> None:
        for number in numbers(classes & self.classes.live):
            policies = self.of_class(number)
            for direction in Direction:
                stack = self._stack(number, policies, direction)
                self._tables[direction][number] = decide(stack)

    def _stack(self, number: int, policies: Iterable[Policy], direction: Direction) -> Stack:
        subject = self.classes[number]
        tiers: dict[Tier, dict[int, list[list[ResolvedRule]]]] = {tier: {} for tier in Tier}
        isolated = False
        for policy in policies:
            side = policy.sides.get(direction)
            if side is None:
                continue
            isolated = isolated or side.isolates
            rules = [self._resolver.rule(rule, direction, subject) for rule in side.rules]
            tiers[policy.tier].setdefault(policy.priority, []).append(rules)
        return Stack(
            admin=_groups(tiers[Tier.ADMIN]),
            local=[
                rule for rules in _groups(tiers[Tier.NAMESPACE]) for each in rules for rule in each
            ],
            isolated=isolated,
            baseline=_groups(tiers[Tier.BASELINE]),
        )

    def _classes_changed(self, changed: Iterable[PodClass]) -> None:
        touched: PodSet = 0
        for each in changed:
            for direction in Direction:
                self._tables[direction].pop(each.number, None)
            touched |= 1 << each.number
            stale = [peer for peer in self._using if may_match(peer, each, self.classes)]
            touched |= self._stale(stale)
        if touched:
            self._compute(touched)

    def _labels_changed(self, name: str, before: Labels) -> None:
        """Compute what names namespaces by labels that this one got or lost."""
        after = self.classes.labels_of(name)
        inside = self.classes.in_namespace(name)
        if before == after or not inside:
            return

        def turns(peer: PodsPeer) -> bool:
            if peer.namespace not in ("", name):
                return False
            return peer.namespaces.matches(before) != peer.namespaces.matches(after)

        touched = self._stale(
            [peer for peer in self._using if isinstance(peer, PodsPeer) and turns(peer)]
        )
        for key in self._by_namespace[""]:
            if turns(self.policies[key].subject):
                touched |= inside
        self._compute(touched)

    def _stale(self, peers: Sequence[Peer]) -> PodSet:
        """Look peers up anew; returns the classes whose policies name them."""
        self._resolver.forget(peers)
        touched: PodSet = 0
        for key in {key for peer in peers for key in self._using[peer]}:
            touched |= self._subject(self.policies[key])
        return touched


def _groups(
    by_priority: dict[int, list[list[ResolvedRule]]],
) -> tuple[tuple[list[ResolvedRule], ...], ...]:
    return tuple(tuple(by_priority[priority]) for priority in sorted(by_priority))


def _peers(policy: Policy) -> set[Peer]:
    return {peer for side in policy.sides.values() for rule in side.rules for peer in rule.peers}
