"""Pods, and the pods that workloads would make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from bailiwick.kube import projections
from bailiwick.kube.interning import Interner
from bailiwick.offline.projecting import InvalidObject, check_ports, mapping, projected
from bailiwick.policy.facts import Owner, Pod

TEMPLATES: Final = {
    ("apps", "Deployment"): "spec.template",
    ("apps", "StatefulSet"): "spec.template",
    ("apps", "DaemonSet"): "spec.template",
    ("apps", "ReplicaSet"): "spec.template",
    ("", "ReplicationController"): "spec.template",
    ("batch", "Job"): "spec.template",
    ("batch", "CronJob"): "spec.jobTemplate.spec.template",
}
"""Where each kind of workload has the pod that it makes."""

_ENDED: Final = ("Complete", "Failed")


def pod(body: Mapping[str, Any], interner: Interner) -> Pod:
    """Project a pod; raises InvalidObject."""
    mapping(body, "spec")
    found = projected(projections.PODS, body, interner)
    check_ports(found.ports, "spec.containers")
    if found.owner is not None and not found.owner.kind:
        # The API server asks for a kind; where there is none, the name is all that is known.
        return replace(found, owner=interner.owner("Pod", found.owner.name))
    return found


def pod_of_template(
    path: str, kind: str, namespace: str, name: str, body: Mapping[str, Any], interner: Interner
) -> Pod:
    """Project the pod that a workload would make; raises InvalidObject."""
    template = mapping(body, path)
    if not template:
        raise InvalidObject(path, "write the pods that it makes")
    metadata = mapping(body, f"{path}.metadata")
    made = {
        "metadata": {"name": name, "namespace": namespace, "labels": metadata.get("labels")},
        "spec": template.get("spec") or {},
    }
    found = projected(projections.PODS, made, interner, path)
    check_ports(found.ports, f"{path}.spec.containers")
    return replace(found, owner=interner.owner(kind, name))


def controller(body: Mapping[str, Any]) -> Owner | None:
    """Return what made an object, by its ownerReferences; raises InvalidObject."""
    return pod({"metadata": body.get("metadata")}, Interner()).owner


def has_ended(body: Mapping[str, Any]) -> bool:
    """Say whether a Job has come to its end, so that it makes no pods any more."""
    conditions = mapping(body, "status").get("conditions")
    return isinstance(conditions, list) and any(
        isinstance(each, Mapping) and each.get("type") in _ENDED and each.get("status") == "True"
        for each in conditions
    )
