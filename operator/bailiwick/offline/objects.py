"""From the objects of manifests to what an inventory holds: one function for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from bailiwick.api.meta import GROUP, INTENT_NAME
from bailiwick.kube import projections
from bailiwick.kube.interning import Interner
from bailiwick.offline import entrances, workloads
from bailiwick.offline.documents import Document
from bailiwick.offline.inventory import Inventory, Key, Problem, Remark
from bailiwick.offline.projecting import (
    InvalidObject,
    check_addresses,
    check_ports,
    check_ranges,
    mapping,
    projected,
)
from bailiwick.offline.refusals import refusals
from bailiwick.policy.reach.kinds import admin_policy, cilium, network_policy, not_evaluated
from bailiwick.policy.reach.model import InvalidPolicy, Policy
from bailiwick.rendering.library import TEMPLATE_LABEL

# RFC 1123, as the API server asks: a subdomain for objects, a label for namespaces.
_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NAMESPACE: Final = re.compile(rf"(?=.{{1,63}}$){_LABEL}", re.ASCII)
# What can at least be told apart and printed.
_READABLE: Final = re.compile(r"[!-.0-~]{1,253}", re.ASCII)
_HOW_TO_NAME: Final = (
    'write lower-case letters, digits and "-", starting and ending with a letter or digit'
)

P = TypeVar("P")
JSON = dict[str, Any]

POLICY_GROUP: Final = "policy.networking.k8s.io"

_ADMIN: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Policy]]] = {
    admin_policy.ADMIN: admin_policy.read_admin,
    admin_policy.BASELINE: admin_policy.read_baseline,
    admin_policy.CLUSTER: admin_policy.read_cluster,
}


class Collector:
    """Takes objects into an inventory; `namespace` is for those that name none."""

    def __init__(self, inventory: Inventory, namespace: str = "default") -> None:
        self.inventory = inventory
        self._namespace = namespace
        self._interner = Interner()

    def take(self, document: Document) -> None:
        """Take in an object, or note the problem that it has."""
        if not document.kind:
            self.inventory.other_kinds[""] += 1
            return
        known = (document.api_group, document.kind)
        reader = _READERS.get(known)
        if reader is None:
            self.inventory.other_kinds[document.kind] += 1
            return
        read, namespaced = reader
        try:
            key = self._key(document, namespaced)
            self._remember(key, document)
            read(self, document, key)
        except InvalidObject as error:
            what = f"{document.kind} {_name(document)}".rstrip()
            for field, message in ((error.field, error.message), *error.further):
                at = f"{field}: " if field else ""
                problem = Problem(document.place_of(field), f"{what}: {at}{message}")
                self.inventory.problems.append(problem)

    def pod(self, document: Document, key: Key) -> None:
        """Take in a pod, unless it has come to its end."""
        _, namespace, name = key
        found = workloads.pod(self._placed(document, key), self._interner)
        if found.finished:
            self.inventory.pods.pop((namespace, name), None)
        else:
            self.inventory.pods[namespace, name] = found

    def workload(self, document: Document, key: Key) -> None:
        """Take in the pods that a workload would make."""
        kind, namespace, name = key
        body = document.body
        owner = workloads.controller(body)
        if owner is not None:
            self.inventory.owners[key] = owner
        self.inventory.templates.pop(key, None)
        if kind == "Job" and workloads.has_ended(body):
            return
        path = workloads.TEMPLATES[document.api_group, kind]
        self.inventory.templates[key] = workloads.pod_of_template(
            path, kind, namespace, name, body, self._interner
        )

    def namespace(self, document: Document, key: Key) -> None:
        """Take in a namespace."""
        self.inventory.namespaces[key[2]] = projected(
            projections.NAMESPACES, document.body, self._interner
        )

    def service(self, document: Document, key: Key) -> None:
        """Take in a Service."""
        body = self._placed(document, key)
        found = projected(projections.SERVICES, body, self._interner)
        check_ports(found.ports, "spec.ports")
        self.inventory.services[key[1:]] = found

    def endpoint_slice(self, document: Document, key: Key) -> None:
        """Take in an EndpointSlice."""
        body = self._placed(document, key)
        found = projected(projections.ENDPOINT_SLICES, body, self._interner)
        check_ports(found.ports, "ports")
        if found.address_type != "FQDN":
            check_addresses(found.addresses, "endpoints")
        self.inventory.slices[key[1:]] = found

    def node(self, document: Document, key: Key) -> None:
        """Take in a node."""
        found = projected(projections.NODES, document.body, self._interner)
        check_ranges(found.pod_cidrs, "spec.podCIDRs")
        check_addresses(found.addresses, "status.addresses")
        labels = mapping(document.body, "metadata.labels")
        self.inventory.nodes[key[2]] = replace(found, labels=dict(labels))

    def service_cidr(self, document: Document, key: Key) -> None:
        """Take in a ServiceCIDR."""
        found = projected(projections.SERVICE_CIDRS, document.body, self._interner)
        check_ranges(found.cidrs, "spec.cidrs")
        self.inventory.service_cidrs[key[2]] = found

    def config_map(self, document: Document, key: Key) -> None:
        """Take in a ConfigMap, if it holds templates of allowances."""
        if mapping(document.body, "metadata.labels").get(TEMPLATE_LABEL) == "true":
            body = self._placed(document, key)
            found = projected(projections.CONFIG_MAPS, body, self._interner)
            self.inventory.config_maps[key[1:]] = found

    def network_policy(self, document: Document, key: Key) -> None:
        """Take in a NetworkPolicy."""
        _, namespace, name = key
        body = self._placed(document, key)
        found = projected(projections.NETWORK_POLICIES, body, self._interner)
        policy = _policy(
            lambda given: network_policy.read(namespace, name, given.get("spec") or {}),
            {"spec": found.spec},
        )
        self.inventory.network_policies[namespace, name] = found
        self.inventory.policies[policy.key] = policy
        self.inventory.documents[key] = document

    def admin_policy(self, document: Document, key: Key) -> None:
        """Take in a policy of the whole cluster."""
        kind, _, name = key
        policy = _policy(
            lambda given: _ADMIN[kind](name, given.get("spec") or {}),
            {"spec": mapping(document.body, "spec")},
        )
        self.inventory.policies[policy.key] = policy
        self.inventory.documents[key] = document

    def cilium_policy(self, document: Document, key: Key) -> None:
        """Take in a policy of Cilium's, each of whose specs is one."""
        _, namespace, name = key
        policies = _policy(lambda given: cilium.read(namespace, name, given), document.body)
        self.inventory.policies.update({policy.key: policy for policy in policies})
        self.inventory.documents[key] = document

    def not_evaluated(self, document: Document, key: Key) -> None:
        """Take note of a policy of a kind that is not evaluated: what it may touch is unknown."""
        _, namespace, name = key
        policy = not_evaluated.read(
            document.api_group, document.kind, namespace, name, mapping(document.body, "spec")
        )
        self.inventory.not_evaluated.add(key)
        self.inventory.policies[policy.key] = policy
        self.inventory.documents[key] = document

    def ingress(self, document: Document, key: Key) -> None:
        """Take in the ways that an Ingress opens."""
        found = entrances.of_ingress(key[1], mapping(document.body, "spec"))
        self.inventory.entrances[key] = found

    def route(self, document: Document, key: Key) -> None:
        """Take in the ways that a route opens."""
        kind, namespace, _ = key
        found = entrances.of_route(kind, namespace, mapping(document.body, "spec"))
        self.inventory.entrances[key] = found

    def profile(self, document: Document, key: Key) -> None:
        """Take in a SecurityProfile."""
        mapping(document.body, "spec")
        self.inventory.profiles[key[2]] = self.inventory.documents[key] = document

    def intent(self, document: Document, key: Key) -> None:
        """Take in a SecurityIntent."""
        mapping(document.body, "spec")
        if key[2] != INTENT_NAME:
            raise InvalidObject(
                "metadata.name", f"name it {INTENT_NAME}: a namespace has one SecurityIntent"
            )
        self.inventory.intents[key[1]] = self.inventory.documents[key] = document

    def _key(self, document: Document, namespaced: bool) -> Key:
        metadata = mapping(document.body, "metadata")
        name, namespace = metadata.get("name"), metadata.get("namespace")
        if name is None and isinstance(metadata.get("generateName"), str):
            # Each of these is an object of its own, which the API server would name.
            name = f"{metadata['generateName']}{document.place.line}"
        if not isinstance(name, str) or not name:
            hint = ", as text: put it in quotation marks" if name is not None else ""
            raise InvalidObject("metadata.name", f"write a name{hint}")
        if not _READABLE.fullmatch(name):
            raise InvalidObject("metadata.name", _HOW_TO_NAME)
        if namespace is not None and not isinstance(namespace, str):
            raise InvalidObject("metadata.namespace", "write the name of a namespace, as text")
        if namespace and not _READABLE.fullmatch(namespace):
            raise InvalidObject("metadata.namespace", _HOW_TO_NAME)
        kind = document.kind
        if (document.api_group, kind) in not_evaluated.KINDS:
            kind = not_evaluated.qualified(document.api_group, kind)
        return kind, (namespace or self._namespace) if namespaced else "", name

    def _remember(self, key: Key, document: Document) -> None:
        kind, namespace, name = key
        place, before = document.place, self.inventory.places.get(key)
        self.inventory.places[key] = place
        what = f"{kind} {namespace + '/' if namespace else ''}{name}"
        remarks = self.inventory.remarks
        if before is not None:
            message = f"{what} stands in {before} too: the last one counts"
            remarks.append(Remark(place, "Duplicate", what, message, namespace))
        if not _NAME.fullmatch(name) or (namespace and not _NAMESPACE.fullmatch(namespace)):
            message = f"{what}: the API server refuses it: {_HOW_TO_NAME}"
            remarks.append(Remark(place, "InvalidName", what, message, namespace))
        for where, repeated in document.repeated:
            message = f"{what}: {repeated} stands twice in one mapping: the last one counts"
            remarks.append(Remark(where, "RepeatedKey", what, message, namespace, repeated))

    def _placed(self, document: Document, key: Key) -> dict[str, Any]:
        """Return an object with its name and namespace filled in."""
        _, namespace, name = key
        body = document.body
        return {**body, "metadata": {**body["metadata"], "name": name, "namespace": namespace}}


Reader = Callable[[Collector, Document, Key], None]

_READERS: Final[dict[tuple[str, str], tuple[Reader, bool]]] = {
    ("", "Pod"): (Collector.pod, True),
    ("", "Namespace"): (Collector.namespace, False),
    ("", "Service"): (Collector.service, True),
    ("", "Node"): (Collector.node, False),
    ("", "ConfigMap"): (Collector.config_map, True),
    ("discovery.k8s.io", "EndpointSlice"): (Collector.endpoint_slice, True),
    ("networking.k8s.io", "ServiceCIDR"): (Collector.service_cidr, False),
    ("networking.k8s.io", "NetworkPolicy"): (Collector.network_policy, True),
    ("cilium.io", cilium.KIND): (Collector.cilium_policy, True),
    ("cilium.io", cilium.CLUSTERWIDE): (Collector.cilium_policy, False),
    ("networking.k8s.io", "Ingress"): (Collector.ingress, True),
    (GROUP, "SecurityProfile"): (Collector.profile, False),
    (GROUP, "SecurityIntent"): (Collector.intent, True),
    **dict.fromkeys(workloads.TEMPLATES, (Collector.workload, True)),
    **{(POLICY_GROUP, kind): (Collector.admin_policy, False) for kind in _ADMIN},
    **{(entrances.GATEWAY, kind): (Collector.route, True) for kind in entrances.ROUTES},
    **{known: (Collector.not_evaluated, yes) for known, yes in not_evaluated.KINDS.items()},
}
"""How each kind is read, and whether its objects are in a namespace."""


def _policy(read: Callable[[JSON], P], body: JSON) -> P:
    try:
        return read(body)
    except InvalidPolicy as error:
        (field, message), *further = refusals(read, body)
        raise InvalidObject(field, message, further) from error


def _name(document: Document) -> str:
    metadata = document.body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return name if isinstance(name, str) and _READABLE.fullmatch(name) else ""
