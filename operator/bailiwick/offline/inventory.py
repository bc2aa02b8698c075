"""What was found in manifests, or in a cluster: facts, policies, and what people declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from bailiwick.offline.documents import Document, Place
from bailiwick.offline.entrances import Entrance
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.dialects import CILIUM_KIND
from bailiwick.policy.facts import (
    ConfigMap,
    EndpointSlice,
    Namespace,
    NetworkPolicy,
    Node,
    Owner,
    Pod,
    Service,
    ServiceCIDR,
)
from bailiwick.policy.reach.model import Policy, PolicyKey

Named = tuple[str, str]
"""Namespace and name."""
Key = tuple[str, str, str]
"""Kind, namespace and name."""
_GENERATIONS = 5
_MAPPINGS = (
    "namespaces",
    "templates",
    "owners",
    "services",
    "slices",
    "nodes",
    "service_cidrs",
    "config_maps",
    "network_policies",
    "policies",
    "entrances",
    "profiles",
    "intents",
    "documents",
    "places",
)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that cannot be read, so that no answer would be worth anything."""

    place: Place
    message: str

    def __str__(self) -> str:
        """Write it as compilers do."""
        return f"{self.place}: {self.message}" if self.place.source else self.message


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """Something about the manifests themselves that may not be meant.

    `about` is the object, `detail` what tells two remarks of one code about it apart.
    """

    place: Place
    code: str
    about: str
    message: str
    namespace: str = ""
    detail: str = ""


@dataclass(slots=True)
class Inventory:
    """Everything that was found. What comes again under one name replaces what was there.

    `templates` are the pods that workloads would make, by the workload. `owners` leads from
    ReplicaSets and Jobs to what made them. `documents` are kept of what messages speak of.
    """

    namespaces: dict[str, Namespace] = field(default_factory=dict)
    pods: dict[Named, Pod] = field(default_factory=dict)
    templates: dict[Key, Pod] = field(default_factory=dict)
    owners: dict[Key, Owner] = field(default_factory=dict)
    services: dict[Named, Service] = field(default_factory=dict)
    slices: dict[Named, EndpointSlice] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    service_cidrs: dict[str, ServiceCIDR] = field(default_factory=dict)
    config_maps: dict[Named, ConfigMap] = field(default_factory=dict)
    network_policies: dict[Named, NetworkPolicy] = field(default_factory=dict)
    policies: dict[PolicyKey, Policy] = field(default_factory=dict)
    not_evaluated: set[Key] = field(default_factory=set)
    entrances: dict[Key, tuple[Entrance, ...]] = field(default_factory=dict)
    profiles: dict[str, Document] = field(default_factory=dict)
    intents: dict[str, Document] = field(default_factory=dict)
    documents: dict[Key, Document] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    other_kinds: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    served: set[str] = field(default_factory=set)

    def place(self, kind: str, namespace: str, name: str, at: str = "") -> Place:
        """Return where an object stands, or one of its fields."""
        key = (kind, namespace, name)
        document = self.documents.get(key)
        if document is not None and at:
            return document.place_of(at)
        return self.places.get(key, Place(""))

    def forget_networks(self) -> None:
        """Take pods on the network of their node for ordinary ones, and no address for known."""
        self.pods = {key: _alone(pod) for key, pod in self.pods.items()}
        self.templates = {key: _alone(pod) for key, pod in self.templates.items()}

    def changed_by(self, files: Inventory) -> Inventory:
        """Return what a cluster would have once these manifests are applied to it.

        Pods of workloads that the manifests have are replaced by those they would make.
        """
        pods = {
            place: pod
            for place, pod in self.pods.items()
            if (owner := self._in_the_end(pod.namespace, pod.owner)) is None
            or (owner.kind, pod.namespace, owner.name) not in files.templates
        }
        result = Inventory(
            pods=pods | files.pods,
            not_evaluated=self.not_evaluated | files.not_evaluated,
            other_kinds=files.other_kinds,
            problems=self.problems + files.problems,
            remarks=files.remarks,
            unreadable=self.unreadable,
        )
        for name in _MAPPINGS:
            setattr(result, name, {**getattr(self, name), **getattr(files, name)})
        return result

    def running(self) -> list[Pod]:
        """Return the pods there are, and those that workloads would make.

        Each is named after what it belongs to in the end: not after the ReplicaSet of a
        Deployment. A workload that another one here makes is left out.
        """
        found: dict[Named, Pod] = {}
        for place, pod in self.pods.items():
            owner = self._in_the_end(pod.namespace, pod.owner)
            found[place] = pod if owner == pod.owner else replace(pod, owner=owner)
        for (kind, namespace, name), pod in self.templates.items():
            maker = self.owners.get((kind, namespace, name))
            if maker is not None and (maker.kind, namespace, maker.name) in self.templates:
                continue
            taken = (namespace, name) in found
            told = f"{name} ({kind})" if taken else name
            found[namespace, told] = replace(pod, name=told)
        return list(found.values())

    def cluster(self, further: Collection[str] = ()) -> FixedCluster:
        """Return what was found as the compiler reads it, with a namespace for everything.

        `further` are names of namespaces that there are, too.
        """
        pods = self.running()
        names = self.populated() | set(further)
        implied = [Namespace(name, "") for name in sorted(names - self.namespaces.keys())]
        return FixedCluster(
            all_namespaces=(*self.namespaces.values(), *implied),
            all_pods=tuple(pods),
            all_services=tuple(self.services.values()),
            all_slices=tuple(self.slices.values()),
            all_nodes=tuple(self.nodes.values()),
            all_service_cidrs=tuple(self.service_cidrs.values()),
            # What is made of an intent depends on whether there are such policies at all.
            unreadable={k: v for k, v in self.unreadable.items() if k != CILIUM_KIND},
            served=frozenset(self.served),
        )

    def populated(self) -> set[str]:
        """Return the names of the namespaces that anything was found of."""
        named = (*self.pods, *self.services, *self.network_policies)
        found = {namespace for namespace, _ in named} | {key[1] for key in self.templates}
        return found | self.namespaces.keys() | self.intents.keys()

    def all_entrances(self) -> set[Entrance]:
        """Return every way into the cluster."""
        return {entrance for found in self.entrances.values() for entrance in found}

    def _in_the_end(self, namespace: str, owner: Owner | None) -> Owner | None:
        for _ in range(_GENERATIONS):
            if owner is None:
                break
            owner = self.owners.get((owner.kind, namespace, owner.name), owner)
        return owner


def _alone(pod: Pod) -> Pod:
    return replace(pod, host_network=False, addresses=())
