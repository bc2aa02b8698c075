"""The graph of what was found, with whoever serves its Ingresses and routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bailiwick.offline.entrances import Entrance
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import Pod, Service
from bailiwick.policy.network.services import target_port
from bailiwick.policy.reach import ports as port_sets
from bailiwick.policy.reach.cluster_network import NOTHING_TOLD, ClusterNetwork
from bailiwick.policy.reach.graph import Graph
from bailiwick.policy.reach.model import NamedPort, Policy
from bailiwick.policy.reach.pods import Workload
from bailiwick.policy.reach.ports import PortSet
from bailiwick.policy.reach.workloads import Workloads
from bailiwick.policy.selectors import Selector

INGRESS_CONTROLLER: Final = "{ingress-controller}"
"""Stands for whoever serves Ingresses and routes, somewhere in the cluster: no name can be so."""

ENTRANCE: Final = Workload("", "the ingress controller", "")
"""The same as an end of an edge."""

_ITSELF: Final = Pod(INGRESS_CONTROLLER, INGRESS_CONTROLLER, "")


@dataclass(frozen=True, slots=True)
class World:
    """Who can reach whom, and the ports that an Ingress or a route opens of each workload."""

    workloads: Workloads
    entrances: Mapping[Workload, PortSet]


def world(
    cluster: FixedCluster,
    policies: Iterable[Policy],
    entrances: Iterable[Entrance] = (),
    network: ClusterNetwork = NOTHING_TOLD,
) -> World:
    """Compute who can reach whom by these policies."""
    graph = Graph.build(
        cluster.all_namespaces, [*cluster.all_pods, _ITSELF], policies, cluster.all_nodes, network
    )
    workloads = Workloads(graph, without=frozenset({INGRESS_CONTROLLER}))
    return World(workloads, _opened(cluster, entrances, workloads))


def _opened(
    cluster: FixedCluster, entrances: Iterable[Entrance], workloads: Workloads
) -> dict[Workload, PortSet]:
    graph = workloads.graph
    itself = next(
        each.number for each in graph.classes.all() if each.namespace == INGRESS_CONTROLLER
    )
    found: dict[Workload, PortSet] = {}
    for entrance in sorted(set(entrances), key=str):
        service = cluster.service(entrance.namespace, entrance.service)
        if service is None or not service.selector:
            continue
        selector = Selector.of(service.selector)
        for workload, numbers in workloads.classes.items():
            for number in numbers if workload.namespace == entrance.namespace else ():
                if selector.matches(dict(graph.classes[number].signature.labels)):
                    ports = _ports(entrance, service, graph, number)
                    ports &= graph.connection(itself, number).allowed
                    found[workload] = found.get(workload, port_sets.NONE) | ports
    return found


def _ports(entrance: Entrance, service: Service, graph: Graph, number: int) -> PortSet:
    """Return the ports of a class of pods that an entrance leads to through a Service."""
    found = port_sets.NONE
    for port in service.ports:
        if port.protocol == entrance.protocol and entrance.port in (None, port.number, port.name):
            target = target_port(port)
            if target.name:
                named = NamedPort(target.name, target.protocol)
                found |= graph.classes[number].ports_named(named)
            else:
                found |= port_sets.of_range(target.protocol, target.first, target.last)
    return found
