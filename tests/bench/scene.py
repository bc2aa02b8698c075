"""A control plane with namespaces, intents and pods in it, and the operator that is measured."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from bailiwick.api.meta import API_VERSION, MANAGED_BY, MANAGED_BY_LABEL
from tests.bench import workload
from tests.bench.bare import Bare, Request, apply, merge
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess, install

CRDS: Final = Path(__file__).parents[2] / "crds"
_OURS: Final = f"labelSelector={MANAGED_BY_LABEL}%3D{MANAGED_BY}"
_SETTLED_AFTER: Final = 2.0  # seconds without a write and with empty queues
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its children have cost: seconds of CPU, and the peak of its memory."""

    cpu: float
    peak_mib: float


def usage(pid: int) -> Usage:
    """Read it from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = sum(map(int, fields[11:15])) / _TICKS  # utime, stime, and those of ended children
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return Usage(cpu, int(peak.split()[1]) / 1024)


class Scene:
    """One control plane of one size; an async context manager that fills it and stops it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.names = workload.namespaces(size)
        self.user = ""  # the operator's, as the API server calls it
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            # The scheduler and the kubelets would only cost time: pods come with their status.
            self.cluster = self._stack.enter_context(
                ControlPlane.start(nodes=workload.NODES, scheduler=False, kwok=False, crds=[CRDS])
            )
            install(self.cluster)
            self.admin = await self._stack.enter_async_context(Bare(self.cluster.admin))
            # The same identity as the operator's, so that the server checks the same rights.
            identity = self.cluster.operator()
            self.user = identity.name
            self._kubeconfig = identity.kubeconfig
            self.bare = await self._stack.enter_async_context(Bare(identity))
            await self._fill()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def operator(self, *more: str) -> OperatorProcess:
        """Start the operator as it is installed, with no heartbeat within the run."""
        settings = ("--enforcer", "benchmark", "--heartbeat", "30d", "--lease-seconds", "15")
        return OperatorProcess(self.cluster, *settings, *more, kubeconfig=self._kubeconfig)

    async def settled(self, operator: OperatorProcess) -> None:
        """Wait until the operator has written nothing for a while and has nothing to do."""
        before, since = -1.0, time.monotonic()
        while time.monotonic() - since < _SETTLED_AFTER:
            await asyncio.sleep(0.2)
            writes, waiting = await asyncio.to_thread(_at_work, operator)
            if waiting or writes != before:
                before, since = writes, time.monotonic()

    async def results(self) -> list[Request]:
        """What the operator wrote, as the applies that a bare client would make of it."""
        policies = await self.admin.get(f"/apis/networking.k8s.io/v1/networkpolicies?{_OURS}")
        intents = await self.admin.get(f"/apis/{API_VERSION}/securityintents")
        requests = [
            apply(
                policy_path(each["metadata"]["namespace"], each["metadata"]["name"]),
                _bare_policy(each),
            )
            for each in policies["items"]
        ]
        for each in intents["items"]:
            namespace = each["metadata"]["namespace"]
            body = {
                "apiVersion": API_VERSION,
                "kind": "SecurityIntent",
                "metadata": {"name": "default", "namespace": namespace},
                "status": each["status"],
            }
            requests.append(apply(f"{intent_path(namespace)}/status", body))
        scans = await self.admin.get(f"/apis/{API_VERSION}/imagescans")
        for each in scans["items"]:
            path = f"/apis/{API_VERSION}/imagescans/{each['metadata']['name']}"
            scan = {
                "apiVersion": API_VERSION,
                "kind": "ImageScan",
                "metadata": {"name": each["metadata"]["name"]},
            }
            # Long before their statuses, which are refused without them.
            requests.insert(0, apply(path, {**scan, "spec": each["spec"]}))
            requests.append(apply(f"{path}/status", {**scan, "status": each["status"]}))
        return requests

    async def reset(self) -> None:
        """Take away all that the operator, or the bare client in its place, has written."""
        group = "/apis/networking.k8s.io/v1"
        await self.admin.send_all(
            Request("DELETE", f"{group}/namespaces/{name}/networkpolicies?{_OURS}", None)
            for name in self.names
        )
        await self.admin.send_all(
            merge(f"{intent_path(name)}/status", {"status": None}) for name in self.names
        )
        await self.admin.send_all(
            Request("DELETE", f"/apis/{API_VERSION}/namespaces/{name}/networkreaches", None)
            for name in self.names
        )
        await self.admin.send(Request("DELETE", f"/apis/{API_VERSION}/imagescans", None))

    async def _fill(self) -> None:
        """Make everything that is there before the operator is."""
        profiles = f"/apis/{API_VERSION}/securityprofiles"
        await self.admin.send(Request("POST", profiles, workload.profile()))
        await self.admin.send_all(
            Request("POST", "/api/v1/namespaces", workload.namespace(name)) for name in self.names
        )
        await self._accounts()
        await self.admin.send_all(self._intents())
        await self.admin.send_all(Request("POST", path, pod) for path, pod, _ in self._pods())
        await self.admin.send_all(
            merge(f"{path}/{pod['metadata']['name']}/status", status)
            for path, pod, status in self._pods()
        )

    async def _accounts(self) -> None:
        """Wait for the service accounts without which the API server takes no pod."""
        while True:
            found = await self.admin.get(
                "/api/v1/serviceaccounts?fieldSelector=metadata.name%3Ddefault"
            )
            if {each["metadata"]["namespace"] for each in found["items"]} >= set(self.names):
                return
            await asyncio.sleep(0.2)

    def _intents(self) -> Iterator[Request]:
        for index, name in enumerate(self.names):
            path = f"/apis/{API_VERSION}/namespaces/{name}/securityintents"
            yield Request("POST", path, workload.intent(index, self.size))

    def _pods(self) -> Iterator[tuple[str, Any, Any]]:
        for index, name in enumerate(self.names):
            for pod, status in workload.pods(index):
                yield f"/api/v1/namespaces/{name}/pods", pod, status


def intent_path(namespace: str) -> str:
    """The path of a namespace's intent."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/securityintents/default"


def policy_path(namespace: str, name: str) -> str:
    """The path of a NetworkPolicy."""
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/{name}"


def writes_of(operator: OperatorProcess) -> int:
    """How many writes an operator has sent, those to its Lease not counted."""
    return int(operator.metric("bailiwick_api_writes_total"))


def _at_work(operator: OperatorProcess) -> tuple[float, float]:
    return writes_of(operator), operator.metric("bailiwick_queue_depth")


def _bare_policy(policy: Any) -> Any:
    meta = policy["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "labels", "ownerReferences")}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": kept,
        "spec": policy["spec"],
    }
