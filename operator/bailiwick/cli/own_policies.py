"""The policies of Bailiwick as whoever leaves finds them: set free, or removed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bailiwick.api.meta import GROUP, HALF_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from bailiwick.kube import errors
from bailiwick.kube.client import Client
from bailiwick.kube.resources import (
    CILIUM_NETWORK_POLICIES,
    CLUSTER_NETWORK_POLICIES,
    NETWORK_POLICIES,
)

Json = dict[str, Any]

LABEL = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
BRIDGE = "bailiwick-uninstall"
_ATTEMPTS = 5
_RESOURCES = {
    each.kind: each
    for each in (NETWORK_POLICIES, CILIUM_NETWORK_POLICIES, CLUSTER_NETWORK_POLICIES)
}


class RemovalError(Exception):
    """A step that could not be done; the message says what to do before trying again."""


async def listed(client: Client, label_selector: str = "") -> list[Json]:
    """Return the policies of every kind that is served, each with its kind."""
    found: list[Json] = []
    for resource in _RESOURCES.values():
        try:
            items = (await client.list(resource, label_selector=label_selector)).items
        except errors.NotFound:
            continue
        found += ({**item, "kind": resource.kind} for item in items)
    return found


def plurals(policies: Sequence[Json]) -> list[str]:
    """Return the kinds of some policies as kubectl takes them, NetworkPolicy always."""
    kinds = {NETWORK_POLICIES.kind, *(policy["kind"] for policy in policies)}
    return [each.plural for kind, each in _RESOURCES.items() if kind in kinds]


def is_ours(policy: Json) -> bool:
    """Say whether a policy carries the operator's label."""
    return _label(policy, MANAGED_BY_LABEL) == MANAGED_BY


def in_place(policy: Json) -> str:
    """Name a policy by its namespace, where it has one, and its name."""
    metadata = policy["metadata"]
    return "/".join(each for each in (metadata.get("namespace"), metadata["name"]) if each)


async def orphan(client: Client, policies: Sequence[Json]) -> int:
    """Take our owner references from policies and nothing else; return how many had one."""
    done = await asyncio.gather(*(_orphan(client, policy) for policy in policies))
    return sum(done)


async def remove(client: Client, policies: Sequence[Json], shared: frozenset[str]) -> int:
    """Delete policies; return how many there were.

    The policies of a namespace add up, so that deleting one by one would cut for a moment what
    a deleted one allowed. An allow-all policy covers that moment, except where policies of
    others are: it would open what they close.
    """
    of_namespace: dict[str, list[Json]] = defaultdict(list)
    for policy in policies:
        of_namespace[policy["metadata"].get("namespace", "")].append(policy)
    done = await asyncio.gather(
        *(
            _remove(client, namespace, group, bridged=bool(namespace) and namespace not in shared)
            for namespace, group in of_namespace.items()
        )
    )
    return sum(done)


async def _orphan(client: Client, policy: Json) -> bool:
    """Remove our references from one policy, reading it again when it changed meanwhile."""
    metadata = policy["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace")
    resource = _RESOURCES[policy["kind"]]
    for _ in range(_ATTEMPTS):
        indexes = our_references(policy)
        if not indexes:
            return False
        references = policy["metadata"]["ownerReferences"]
        patch: list[Json] = [
            {
                "op": "test",
                "path": f"/metadata/ownerReferences/{index}/uid",
                "value": references[index]["uid"],
            }
            for index in indexes
        ]
        # From the last to the first, so that removing one does not move the others.
        patch += [
            {"op": "remove", "path": f"/metadata/ownerReferences/{index}"}
            for index in reversed(indexes)
        ]
        try:
            await client.patch(resource, name, patch, namespace)
        except errors.NotFound:
            return False
        except (errors.Invalid, errors.Conflict):
            try:
                policy = {**await client.get(resource, name, namespace), "kind": resource.kind}
            except errors.NotFound:
                return False
        else:
            return True
    raise RemovalError(
        f"{resource.kind} {in_place(policy)} keeps changing, so an operator still runs. "
        "Stop it, then run this again."
    )


async def _remove(client: Client, namespace: str, policies: list[Json], *, bridged: bool) -> int:
    if bridged:
        await client.apply(NETWORK_POLICIES, _bridge(namespace))
    others = [policy for policy in policies if policy["metadata"]["name"] != BRIDGE]
    done = await asyncio.gather(
        *(
            client.delete(
                _RESOURCES[policy["kind"]],
                policy["metadata"]["name"],
                namespace or None,
                uid=policy["metadata"]["uid"],
            )
            for policy in others
        )
    )
    if bridged:
        await client.delete(NETWORK_POLICIES, BRIDGE, namespace)
    return sum(done)


def _bridge(namespace: str) -> Json:
    return {
        "metadata": {
            "name": BRIDGE,
            "namespace": namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY},
        },
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{}],
            "egress": [{}],
        },
    }


def holds_open(policy: Json) -> bool:
    """Say whether a policy is a bridge: one of its own, or the isolation policy while open."""
    half = _label(policy, HALF_LABEL)
    spec = policy.get("spec") or {}
    rules = [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]
    return half == "bridge" or (half == "isolation" and {} in rules)


def _label(policy: Json, key: str) -> str:
    return str((policy["metadata"].get("labels") or {}).get(key, ""))


def our_references(policy: Json) -> list[int]:
    """Return where in its ownerReferences a policy names an object of ours."""
    references = policy["metadata"].get("ownerReferences") or ()
    return [
        index
        for index, reference in enumerate(references)
        if str(reference.get("apiVersion", "")).partition("/")[0] == GROUP
    ]
