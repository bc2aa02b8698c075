"""A cluster as the caller may read it, with the caller's own rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from bailiwick.kube import errors, resources
from bailiwick.kube.client import Client, Json
from bailiwick.kube.discovery import serves
from bailiwick.kube.resources import Resource
from bailiwick.offline import workloads
from bailiwick.offline.documents import Document
from bailiwick.offline.inventory import Inventory
from bailiwick.offline.lines import Lines
from bailiwick.offline.objects import POLICY_GROUP, Collector
from bailiwick.offline.yaml_documents import Composed
from bailiwick.policy.reach.kinds import not_evaluated
from bailiwick.policy.reach.kinds.unreadable import unknown
from bailiwick.policy.reach.model import Policy, PolicyKey
from bailiwick.policy.reach.pods import controller_of
from bailiwick.rendering.library import TEMPLATE_LABEL

CLUSTER: Final = "cluster"
"""What messages call the source of what was read."""

_INGRESSES: Final = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
_ROUTES: Final = (
    Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"),
    Resource("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute"),
)
_POLICIES: Final = (
    Resource(POLICY_GROUP, "v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy", False),
    Resource(
        POLICY_GROUP,
        "v1alpha1",
        "baselineadminnetworkpolicies",
        "BaselineAdminNetworkPolicy",
        namespaced=False,
    ),
    Resource(POLICY_GROUP, "v1alpha2", "clusternetworkpolicies", "ClusterNetworkPolicy", False),
    Resource("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
    Resource(
        "cilium.io",
        "v2",
        "ciliumclusterwidenetworkpolicies",
        "CiliumClusterwideNetworkPolicy",
        namespaced=False,
    ),
    Resource("crd.projectcalico.org", "v1", "networkpolicies", "NetworkPolicy"),
    Resource("crd.projectcalico.org", "v1", "globalnetworkpolicies", "GlobalNetworkPolicy", False),
    Resource("crd.antrea.io", "v1beta1", "networkpolicies", "NetworkPolicy"),
    Resource("crd.antrea.io", "v1beta1", "clusternetworkpolicies", "ClusterNetworkPolicy", False),
)
_NEEDED: Final = (
    resources.NAMESPACES,
    resources.PODS,
    resources.SERVICES,
    resources.ENDPOINT_SLICES,
    resources.NODES,
    resources.SERVICE_CIDRS,
    resources.NETWORK_POLICIES,
)
_OURS: Final = (resources.SECURITY_PROFILES, resources.SECURITY_INTENTS)
_JOBS: Final = Resource("batch", "v1", "jobs", "Job")
_NOT_READABLE: Final = "(not readable)"


async def read_cluster(
    client: Client, namespaces: Sequence[str] = (), operator_namespace: str = "bailiwick-system"
) -> Inventory:
    """Read all that says something of traffic.

    What may not be listed in all namespaces is listed in these. What cannot be read is in the
    inventory's `unreadable`, by plural name, and whatever depends on policies that cannot be
    read is then unknown. Raises ApiError where the server cannot be asked.
    """
    reader = _Reader(client, tuple(namespaces))
    for resource in _NEEDED:
        await reader.read(resource)
    for resource in (*_OURS, *_POLICIES, *_ROUTES):
        if await serves(client, resource.group, resource.version):
            await reader.read(resource)
            reader.inventory.served.add(resource.plural)
    await reader.read_what_only_names()
    await reader.read_templates(operator_namespace)
    reader.doubt_what_unread_policies_may_do()
    reader.name_pods_after_deployments()
    return reader.inventory


class _Reader:
    def __init__(self, client: Client, namespaces: Sequence[str]) -> None:
        self.inventory = Inventory()
        self._client = client
        self._namespaces = namespaces
        self._collector = Collector(self.inventory)
        # Kinds that were not read in all namespaces, and in which of them they were.
        self._partly: dict[Resource, set[str]] = {}

    async def read(self, resource: Resource) -> None:
        """Read a kind; where that is forbidden, in the namespaces that were asked for."""
        try:
            await self._list(resource)
            return
        except errors.Forbidden as error:
            self.inventory.unreadable[_name(resource)] = error.message
        read = self._partly.setdefault(resource, set())
        for namespace in self._namespaces:
            with suppress(errors.Forbidden, errors.NotFound):
                if resource.namespaced:
                    await self._list(resource, namespace)
                elif resource is resources.NAMESPACES:
                    self._take(resource, await self._client.get(resource, namespace))
                else:
                    continue
                read.add(namespace)

    async def read_what_only_names(self) -> None:
        """Read Ingresses, and the Jobs by which pods are named: nothing else depends on them."""
        jobs: list[Json] = []
        with suppress(errors.Forbidden):
            await self._list(_INGRESSES)
        with suppress(errors.Forbidden):
            await self._client.list_each(_JOBS, jobs.append)
        for job in jobs:
            owner = workloads.controller(job)
            if owner is not None:
                metadata = job["metadata"]
                self.inventory.owners["Job", metadata["namespace"], metadata["name"]] = owner

    async def read_templates(self, namespace: str) -> None:
        """Read the templates of allowances, in the operator's namespace."""
        selector = {"labelSelector": f"{TEMPLATE_LABEL}=true"}
        try:
            await self._list(resources.CONFIG_MAPS, namespace, selector)
        except errors.Forbidden as error:
            self.inventory.unreadable[resources.CONFIG_MAPS.plural] = error.message

    def doubt_what_unread_policies_may_do(self) -> None:
        """Stand in for policies that were not read: they may allow and deny anything."""
        populated = self.inventory.populated()
        for resource, read in self._partly.items():
            if resource not in (resources.NETWORK_POLICIES, *_POLICIES):
                continue
            for namespace in sorted(populated - read) if resource.namespaced else ("",):
                policy = _unread(resource, namespace)
                self.inventory.policies[policy.key] = policy

    def name_pods_after_deployments(self) -> None:
        """Name pods as their ReplicaSet is made: after the Deployment and a hash of its pods."""
        for place, pod in self.inventory.pods.items():
            made_by = controller_of(pod)
            if made_by != pod.owner:
                self.inventory.pods[place] = replace(pod, owner=made_by)

    async def _list(
        self,
        resource: Resource,
        namespace: str | None = None,
        selectors: Mapping[str, str] | None = None,
    ) -> None:
        await self._client.list_each(resource, partial(self._take, resource), namespace, selectors)

    def _take(self, resource: Resource, item: Json) -> None:
        body = {**item, "apiVersion": resource.api_version, "kind": resource.kind}
        self._collector.take(Document(CLUSTER, body, Composed(body, Lines(0, body))))


def _unread(resource: Resource, namespace: str) -> Policy:
    why = f"{resource.name} may not be read"
    if not _is_evaluated(resource):
        kind = not_evaluated.qualified(resource.group, resource.kind)
        return not_evaluated.doubt(PolicyKey(kind, namespace, _NOT_READABLE), why)
    return unknown(PolicyKey(resource.kind, namespace, _NOT_READABLE), why)


def _name(resource: Resource) -> str:
    """Name a kind: those that are not evaluated have the plural name of one that is."""
    return resource.plural if _is_evaluated(resource) else resource.name


def _is_evaluated(resource: Resource) -> bool:
    return (resource.group, resource.kind) not in not_evaluated.KINDS
