"""The steps by which Bailiwick leaves a cluster, each safe to repeat.

The order is what keeps namespaces isolated: the operator stops, then policies lose their
owner, and only then may the kinds go. The garbage collector deletes what belongs to an object
that is gone (Kubernetes: garbage collection), so a policy that still has its owner goes too.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bailiwick.api.meta import GROUP, HALF_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from bailiwick.kube import errors
from bailiwick.kube.client import Client
from bailiwick.kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    LEASES,
    NETWORK_POLICIES,
    PODS,
    Resource,
)

Json = dict[str, Any]

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
LABEL = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
LEASE = "bailiwick-operator"
BRIDGE = "bailiwick-uninstall"
_ATTEMPTS = 5
_POLL_SECONDS = 0.5


class RemovalError(Exception):
    """A step that could not be done; the message says what to do before trying again."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What of Bailiwick is in a cluster.

    `replicas` is None where the Deployment is missing. `policies` are ours, as the API shows
    them; `shared` are the namespaces that have policies of others beside ours.
    """

    replicas: int | None
    policies: tuple[Json, ...]
    shared: frozenset[str]
    definitions: tuple[str, ...]

    @property
    def owned(self) -> tuple[Json, ...]:
        """The policies that would go with their intent."""
        return tuple(policy for policy in self.policies if _our_references(policy))

    @property
    def changing(self) -> tuple[str, ...]:
        """The namespaces in the middle of a change, held open until it is done."""
        held = [policy for policy in self.policies if _holds_open(policy)]
        return tuple(sorted({policy["metadata"]["namespace"] for policy in held}))

    @property
    def namespaces(self) -> int:
        """How many namespaces have a policy of ours."""
        return len({policy["metadata"]["namespace"] for policy in self.policies})


async def survey(client: Client, namespace: str, deployment: str) -> Survey:
    """Look at what is there; raises Forbidden where that may not be read."""
    try:
        found = await client.get(DEPLOYMENTS, deployment, namespace)
        replicas: int | None = found["spec"].get("replicas", 1)
    except errors.NotFound:
        replicas = None
    policies = (await client.list(NETWORK_POLICIES)).items
    ours = [policy for policy in policies if _label(policy, MANAGED_BY_LABEL) == MANAGED_BY]
    own_uids = {policy["metadata"]["uid"] for policy in ours}
    definitions = (await client.list(CUSTOM_RESOURCE_DEFINITIONS)).items
    return Survey(
        replicas=replicas,
        policies=tuple(ours),
        shared=frozenset(
            p["metadata"]["namespace"] for p in policies if p["metadata"]["uid"] not in own_uids
        ),
        definitions=tuple(
            sorted(d["metadata"]["name"] for d in definitions if d["spec"]["group"] == GROUP)
        ),
    )


async def stop(client: Client, namespace: str, deployment: str, *, wait: float) -> None:
    """Scale the operator to nothing and return when none runs any more, `wait` seconds at most.

    An operator elsewhere, as on a developer's machine, shows by the Lease that it renews.
    """
    try:
        scaled = await client.patch(
            DEPLOYMENTS, deployment, {"spec": {"replicas": 0}}, namespace, subresource="scale"
        )
        selector = str(scaled["status"].get("selector") or "")
    except errors.NotFound:
        selector = ""

    async def running() -> str:
        if selector:
            pods = (await client.list(PODS, namespace, label_selector=selector)).items
            if pods:
                names = ", ".join(sorted(pod["metadata"]["name"] for pod in pods))
                return f"pods still run in {namespace}: {names}"
        holder = await _lease_holder(client, namespace)
        return f"{holder} still renews the Lease {namespace}/{LEASE}" if holder else ""

    left = await _until_empty(running, wait)
    if left:
        raise RemovalError(
            f"The operator did not stop: {left}. Stop it, then run this again; "
            "nothing else was changed."
        )


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
        of_namespace[policy["metadata"]["namespace"]].append(policy)
    done = await asyncio.gather(
        *(
            _remove(client, namespace, group, bridged=namespace not in shared)
            for namespace, group in of_namespace.items()
        )
    )
    return sum(done)


async def delete_definitions(client: Client, names: Sequence[str], *, wait: float) -> None:
    """Delete our kinds with all their objects, and return when they are gone.

    Raises RemovalError, and deletes nothing, while a policy would go with its intent.
    """
    listed = await client.list(NETWORK_POLICIES, label_selector=LABEL)
    owned = [policy for policy in listed.items if _our_references(policy)]
    if owned:
        raise RemovalError(
            f"{len(owned)} policies got their owner back, so an operator runs: is the Deployment "
            "scaled up again by Argo CD or Flux? Suspend that, then run this again."
        )
    await asyncio.gather(*(client.delete(CUSTOM_RESOURCE_DEFINITIONS, name) for name in names))

    async def remaining() -> str:
        found = (await client.list(CUSTOM_RESOURCE_DEFINITIONS)).items
        present = {definition["metadata"]["name"] for definition in found}
        return ", ".join(name for name in names if name in present)

    left = await _until_empty(remaining, wait)
    if left:
        raise RemovalError(
            f"Still being deleted after {wait:.0f} s: {left}. Objects of theirs may carry "
            "finalizers that somebody else set; kubectl get shows which."
        )


async def _orphan(client: Client, policy: Json) -> bool:
    """Remove our references from one policy, reading it again when it changed meanwhile."""
    metadata = policy["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    for _ in range(_ATTEMPTS):
        indexes = _our_references(policy)
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
            await client.patch(NETWORK_POLICIES, name, patch, namespace)
        except errors.NotFound:
            return False
        except (errors.Invalid, errors.Conflict):
            try:
                policy = await client.get(NETWORK_POLICIES, name, namespace)
            except errors.NotFound:
                return False
        else:
            return True
    raise RemovalError(
        f"The policy {namespace}/{name} keeps changing, so an operator still runs. "
        "Stop it, then run this again."
    )


async def _remove(client: Client, namespace: str, policies: list[Json], *, bridged: bool) -> int:
    if bridged:
        await client.apply(NETWORK_POLICIES, _bridge(namespace))
    others = [policy for policy in policies if policy["metadata"]["name"] != BRIDGE]
    done = await asyncio.gather(
        *(
            client.delete(
                NETWORK_POLICIES,
                policy["metadata"]["name"],
                namespace,
                uid=policy["metadata"]["uid"],
            )
            for policy in others
        )
    )
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


def _holds_open(policy: Json) -> bool:
    """Say whether a policy is a bridge: one of its own, or the isolation policy while open."""
    half = _label(policy, HALF_LABEL)
    rules = [*(policy["spec"].get("ingress") or ()), *(policy["spec"].get("egress") or ())]
    return half == "bridge" or (half == "isolation" and {} in rules)


def _label(policy: Json, key: str) -> str:
    return str((policy["metadata"].get("labels") or {}).get(key, ""))


def _our_references(policy: Json) -> list[int]:
    """Return where in its ownerReferences a policy names an object of ours."""
    references = policy["metadata"].get("ownerReferences") or ()
    return [
        index
        for index, reference in enumerate(references)
        if str(reference.get("apiVersion", "")).partition("/")[0] == GROUP
    ]


async def _lease_holder(client: Client, namespace: str) -> str:
    """Return who holds the operator's Lease now, empty for nobody."""
    try:
        spec = (await client.get(LEASES, LEASE, namespace)).get("spec") or {}
    except errors.NotFound:
        return ""
    renewed = spec.get("renewTime")
    if not spec.get("holderIdentity") or not renewed:
        return ""
    lasts = timedelta(seconds=spec.get("leaseDurationSeconds") or 15)
    expired = datetime.fromisoformat(renewed) + lasts < datetime.now(UTC)
    return "" if expired else str(spec["holderIdentity"])


async def _until_empty(look: Callable[[], Awaitable[str]], wait: float) -> str:
    """Ask until nothing is left or the time is up; return what is left."""
    deadline = time.monotonic() + wait
    while True:
        left = await look()
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(_POLL_SECONDS)
