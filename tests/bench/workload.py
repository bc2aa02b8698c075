"""The cluster that is measured: namespaces with an intent and ten running pods each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from bailiwick.api.meta import API_VERSION

Json = dict[str, Any]

PROFILE: Final = "bench"
PODS_EACH: Final = 10
NODES: Final = 50
BASE_PORT: Final = 8080
_WORKLOADS: Final = ("web", "api", "worker", "cache", "db")
_TEAMS: Final = 20  # each has its own images, which its namespaces share


def profile() -> Json:
    """The floor that all namespaces are held to."""
    return {
        "apiVersion": API_VERSION,
        "kind": "SecurityProfile",
        "metadata": {"name": PROFILE},
        "spec": {
            "default": True,
            "enforcement": {"minimum": "Audit", "initial": "Enforce"},
            "network": {
                "isolate": ["Ingress", "Egress"],
                "mayDeclare": {"entities": [], "namespaces": {}},
                "allowances": [{"name": "dns", "entity": "DNS"}],
            },
            "images": {"registries": ["registry.example.com/*"]},
        },
    }


def namespaces(count: int) -> list[str]:
    """The names of this many namespaces."""
    return [f"bench-{index:04}" for index in range(count)]


def neighbours(index: int, count: int) -> tuple[str, str]:
    """The name of a namespace, and of the one that its intent names."""
    return f"bench-{index:04}", f"bench-{(index + 1) % count:04}"


def namespace(name: str, labels: dict[str, str] | None = None) -> Json:
    """A namespace."""
    metadata = {"name": name, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def intent(index: int, count: int) -> Json:
    """The intent of a namespace: one rule inside of it, one towards the next namespace."""
    _, neighbour = neighbours(index, count)
    return {
        "apiVersion": API_VERSION,
        "kind": "SecurityIntent",
        "metadata": {"name": "default"},
        "spec": {
            "enforcement": "Enforce",
            "network": {"allow": rules(neighbour)},
        },
    }


def rules(neighbour: str, *, port: int = BASE_PORT, more: bool = False) -> list[Json]:
    """The rules of an intent; `more` adds one inside of the namespace."""
    web, api, cache = (_workload(name) for name in ("web", "api", "cache"))
    found = [
        {"name": "web-to-api", "from": web, "to": api, "ports": [port]},
        {
            "name": "api-to-neighbour",
            "from": api,
            "to": {"namespace": neighbour, **_workload("api")},
            "ports": [BASE_PORT],
        },
    ]
    return [*found, {"name": "more", "from": api, "to": cache, "ports": [6379]}] if more else found


def pods(index: int) -> Iterator[tuple[Json, Json]]:
    """The pods of a namespace, each with the status that its kubelet reports."""
    for number in range(PODS_EACH):
        workload = _WORKLOADS[number // 2]
        image = f"registry.example.com/team-{index % _TEAMS}/{workload}"
        digest = f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
        serial = index * PODS_EACH + number
        container = {
            "name": workload,
            "image": f"{image}@{digest}",
            "ports": [{"name": "http", "containerPort": BASE_PORT, "protocol": "TCP"}],
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{workload}-{number % 2}",
                "labels": {"app": workload, "app.kubernetes.io/part-of": f"team-{index % _TEAMS}"},
            },
            "spec": {
                "nodeName": f"node-{serial % NODES + 1}",
                "automountServiceAccountToken": False,
                "containers": [container],
            },
        }
        yield pod, {"status": _running(container, f"{image}@{digest}", serial)}


def _workload(name: str) -> Json:
    return {"workload": {"matchLabels": {"app": name}}}


def _running(container: Json, image_id: str, serial: int) -> Json:
    address = f"10.{244 + serial // 65_536}.{serial // 256 % 256}.{serial % 256}"
    started = "2026-01-01T00:00:00Z"
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": started,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": started}
            for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": image_id,
                "containerID": f"containerd://{hashlib.sha256(str(serial).encode()).hexdigest()}",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": started}},
            }
        ],
    }
