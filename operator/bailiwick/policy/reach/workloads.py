"""The graph as people speak of it: by workloads, several of which may share a class of pods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Range
from bailiwick.policy.reach.edges import Connection, OutsideEdge
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import BlockPeer
from bailiwick.policy.reach.peers import PodSet
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.rules import Direction


class Workloads:
    """The workloads of a graph, which must not change meanwhile, each with its classes.

    Those in the namespaces `without` are passed over.
    """

    def __init__(self, graph: Graph, without: frozenset[str] = frozenset()) -> None:
        self.graph = graph
        found: dict[Workload, list[int]] = defaultdict(list)
        for each in graph.classes.all():
            if each.namespace not in without:
                for workload in each.workloads:
                    found[workload].append(each.number)
        self.classes: Mapping[Workload, list[int]] = dict(sorted(found.items()))

    def numbers(self) -> list[int]:
        """Return the numbers of all their classes, in order."""
        return sorted({number for numbers in self.classes.values() for number in numbers})

    def targets(self, source: Workload, among: PodSet = -1) -> dict[Workload, Connection]:
        """Return whom some pod of a workload can reach, and on what ports; itself too."""
        found: dict[Workload, Connection] = {}
        for number in self.classes[source]:
            for target, connection in self.graph.targets(number, among):
                for workload in self.graph.classes[target].workloads.keys() & self.classes.keys():
                    known = found.get(workload)
                    if known is None:
                        found[workload] = connection
                    elif known is not connection:
                        found[workload] = known | connection
        return found

    def connection(self, source: Workload, target: Workload) -> Connection:
        """Say on what ports some pod of a workload can reach some pod of another."""
        result = Connection()
        for one in self.classes.get(source, ()):
            for other in self.classes.get(target, ()):
                result |= self.graph.connection(one, other)
        return result

    def outside(self, workload: Workload, direction: Direction) -> list[OutsideEdge]:
        """Return the addresses outside that some pod can reach, or that can reach one.

        Addresses with which all is alike are together; none is in two of the results.
        """
        edges = [
            edge
            for number in self.classes.get(workload, ())
            for edge in self.graph.outside(number, direction)
        ]
        found: dict[Connection, list[Range]] = defaultdict(list)
        for each in addresses.split(edge.addresses for edge in edges):
            connection = Connection()
            for edge in edges:
                if addresses.contains(edge.addresses, each[0]):
                    connection |= edge.connection
            if connection:
                found[connection].append(each)
        return [OutsideEdge(addresses.merged(ranges), c) for c, ranges in found.items()]


def outside_ranges(graph: Graph, direction: Direction) -> list[Range]:
    """Return the ranges of addresses that the policies of a direction tell apart, in order."""
    blocks = {
        peer.addresses
        for policy in graph.policies.values()
        for rule in (policy.sides[direction].rules if direction in policy.sides else ())
        for peer in rule.peers
        if isinstance(peer, BlockPeer)
    }
    return list(addresses.split(blocks))
