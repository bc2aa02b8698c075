"""The steps by which Bailiwick leaves a cluster, each safe to repeat.

The order is what keeps namespaces isolated: the operator stops, then policies lose their
owner, and only then may the kinds go. The garbage collector deletes what belongs to an object
that is gone (Kubernetes: garbage collection), so a policy that still has its owner goes too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bailiwick.api.meta import GROUP
from bailiwick.cli import own_policies
from bailiwick.cli.own_policies import RemovalError
from bailiwick.kube import errors
from bailiwick.kube.client import Client
from bailiwick.kube.resources import (
    CUSTOM_RESOURCE_DEFINITIONS,
    LEASES,
    PODS,
    Resource,
)

Json = dict[str, Any]

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
LEASE = "bailiwick-operator"
_POLL_SECONDS = 0.5


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
        return tuple(policy for policy in self.policies if own_policies.our_references(policy))

    @property
    def changing(self) -> tuple[str, ...]:
        """The namespaces in the middle of a change, held open until it is done."""
        held = [policy for policy in self.policies if own_policies.holds_open(policy)]
        return tuple(sorted({policy["metadata"].get("namespace", "") for policy in held}))

    @property
    def namespaces(self) -> int:
        """How many namespaces have a policy of ours."""
        return len(
            {p["metadata"]["namespace"] for p in self.policies if "namespace" in p["metadata"]}
        )


async def survey(client: Client, namespace: str, deployment: str) -> Survey:
    """Look at what is there; raises Forbidden where that may not be read."""
    try:
        found = await client.get(DEPLOYMENTS, deployment, namespace)
        replicas: int | None = found["spec"].get("replicas", 1)
    except errors.NotFound:
        replicas = None
    policies = await own_policies.listed(client)
    ours = [policy for policy in policies if own_policies.is_ours(policy)]
    own_uids = {policy["metadata"]["uid"] for policy in ours}
    definitions = (await client.list(CUSTOM_RESOURCE_DEFINITIONS)).items
    return Survey(
        replicas=replicas,
        policies=tuple(ours),
        shared=frozenset(
            p["metadata"].get("namespace", "")
            for p in policies
            if p["metadata"]["uid"] not in own_uids
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


async def delete_definitions(client: Client, names: Sequence[str], *, wait: float) -> None:
    """Delete our kinds with all their objects, and return when they are gone.

    Raises RemovalError, and deletes nothing, while a policy would go with its intent.
    """
    listed = await own_policies.listed(client, own_policies.LABEL)
    owned = [policy for policy in listed if own_policies.our_references(policy)]
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
