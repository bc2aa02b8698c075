"""Single changes in a cluster where all is done, and how long until their effect can be seen.

Each is timed from the answer to the change until our own watches have told of all its effects.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bailiwick.api.meta import PROFILE_LABEL
from tests.bench import workload
from tests.bench.bare import Request, apply, merge
from tests.bench.observer import Observer
from tests.bench.scene import Scene, intent_path, policy_path
from tests.controlplane.operator_process import OperatorProcess

_PAUSE = 0.05  # seconds between two changes: each is to meet an operator that is idle
_ISOLATION = "bailiwick-isolation"
_NOBODY = {"spec": {"podSelector": {"matchLabels": {"app": "nobody"}}}}


class Changes:
    """Makes changes one after the other and times them; times are in seconds."""

    def __init__(self, scene: Scene, operator: OperatorProcess, observer: Observer) -> None:
        self._scene = scene
        self._operator = operator
        self._observer = observer

    async def edits(self, count: int) -> list[float]:
        """Edits of intents: a port replaced, a rule added, a rule removed, in turn.

        Timed until the policies are as declared and the status has observed the generation.
        """
        return [await self._edit(index) for index in range(count)]

    async def opt_ins(self, count: int) -> list[float]:
        """New namespaces with the label, until each is isolated and has what its profile opens."""
        return [await self._opt_in(f"bench-new-{index:04}") for index in range(count)]

    async def deletions(self, count: int) -> list[float]:
        """Deletions of single policies of ours, until they are back."""
        return [await self._drift(index, "DELETE", None) for index in range(count)]

    async def tamperings(self, count: int) -> list[float]:
        """Edits of single policies of ours, until they are as they were."""
        return [await self._drift(index, "PATCH", _NOBODY) for index in range(count)]

    async def _edit(self, index: int) -> float:
        number = index // 3 * 7 % self._scene.size
        name, neighbour = workload.neighbours(number, self._scene.size)
        kind = ("port", "add", "remove")[index % 3]
        port = workload.BASE_PORT + 1 + index // 3
        generation = self._observer.generations[name] + 1

        def is_done() -> bool:
            policies = self._observer.policies[name].values()
            ports = [_ports(each.spec) for each in policies if each.rule == "web-to-api"]
            more = sum(each.rule == "more" for each in policies)
            return (
                self._observer.generations[name] == generation
                and name in self._observer.ready
                and ports == [[port], [port]]
                and more == (2 if kind == "add" else 0)
            )

        rules = workload.rules(neighbour, port=port, more=kind == "add")
        patch = merge(intent_path(name), {"spec": {"network": {"allow": rules}}})
        return await self._time(patch, is_done, f"edit of {name}: {kind}")

    async def _opt_in(self, name: str) -> float:
        def is_done() -> bool:
            policies = self._observer.policies[name]
            isolation = policies.get(_ISOLATION)
            return len(policies) == 2 and isolation is not None and _is_closed(isolation.spec)

        body = workload.namespace(name, labels={PROFILE_LABEL: workload.PROFILE})
        return await self._time(Request("POST", "/api/v1/namespaces", body), is_done, name)

    async def _drift(self, index: int, method: str, body: workload.Json | None) -> float:
        name = self._scene.names[index * 7 % self._scene.size]
        here = self._observer.policies[name]
        policy = sorted(here)[index % len(here)]
        version = here[policy].metadata.resource_version
        before = {each: seen.spec for each, seen in here.items()}

        def is_done() -> bool:
            there = here.get(policy)
            return (
                there is not None
                and there.metadata.resource_version != version
                and {each: seen.spec for each, seen in here.items()} == before
            )

        path = policy_path(name, policy)
        change = merge(path, body) if body else Request(method, path, None)
        return await self._time(change, is_done, f"{method} of {name}/{policy}")

    async def _time(self, change: Request, is_done: Callable[[], bool], what: str) -> float:
        await asyncio.sleep(_PAUSE)
        done = self._observer.expect(is_done)
        await self._scene.admin.send(change)
        answered = asyncio.get_running_loop().time()
        return max(0.0, await self._observer.at(done, what, self._operator) - answered)


async def bare_applies(scene: Scene, count: int) -> list[float]:
    """The times of bare applies of a policy, one after the other, in seconds."""
    path = policy_path("default", "bench")
    times = []
    for index in range(count):
        spec = {
            "podSelector": {"matchLabels": {"app": "nobody"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP", "port": 8000 + index}]}],
        }
        body = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "bench", "namespace": "default"},
            "spec": spec,
        }
        begun = time.monotonic()
        await scene.bare.send(apply(path, body))
        times.append(time.monotonic() - begun)
    await scene.admin.send(Request("DELETE", path, None))
    return times


async def quiet_writes(scene: Scene, operator: OperatorProcess, seconds: float) -> list[str]:
    """What the operator writes while nothing changes, but for its Lease: from the audit log.

    Raises:
        RuntimeError: The log does not even show the Lease, so it proves nothing.
    """
    await scene.settled(operator)
    since = datetime.now(UTC)
    await asyncio.sleep(seconds)
    writes = scene.cluster.audit_writes(since, scene.user)
    if not any(each.resource == "leases" for each in writes):
        raise RuntimeError("the audit log shows no renewal of the Lease")
    return [str(each) for each in writes if each.resource != "leases"]


def _ports(spec: workload.Json) -> list[int]:
    entries = [*spec.get("ingress", ()), *spec.get("egress", ())]
    return [port["port"] for entry in entries for port in entry.get("ports", ())]


def _is_closed(spec: workload.Json) -> bool:
    return not spec.get("ingress") and not spec.get("egress")
