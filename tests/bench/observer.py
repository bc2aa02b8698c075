"""What can be seen from outside, and when: watches of our own on intents and policies."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from bailiwick.api.meta import API_VERSION, MANAGED_BY, MANAGED_BY_LABEL, RULE_LABEL
from tests.bench.bare import Bare
from tests.controlplane.operator_process import OperatorProcess

INTENTS: Final = f"/apis/{API_VERSION}/securityintents"
POLICIES: Final = "/apis/networking.k8s.io/v1/networkpolicies"


class _Meta(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: dict[str, str] = {}


class _Condition(msgspec.Struct):
    type: str
    status: str


class _Status(msgspec.Struct, rename="camel"):
    observed_generation: int = -1
    conditions: list[_Condition] = []


class Seen(msgspec.Struct):
    """An intent or a policy as a watch told it."""

    metadata: _Meta
    spec: dict[str, Any] = {}
    status: _Status = msgspec.field(default_factory=_Status)

    @property
    def rule(self) -> str:
        """The rule that a policy was made for; empty where it is none's."""
        return self.metadata.labels.get(RULE_LABEL, "")

    @property
    def is_ready(self) -> bool:
        """Whether it is an intent that was seen to as it is now."""
        return self.status.observed_generation == self.metadata.generation and any(
            each.type == "Ready" and each.status == "True" for each in self.status.conditions
        )


class _Event(msgspec.Struct):
    type: str
    object: Seen


class NotSeen(Exception):
    """What was waited for did not come."""


class Observer:
    """The newest intents, and policies where asked; an async context manager that watches.

    `ready` are the namespaces whose intent is Ready, `policies` those of the operator by
    namespace and name.
    """

    def __init__(self, client: Bare, *, policies: bool = False, within: float = 120.0) -> None:
        self.generations: dict[str, int] = {}
        self.ready: set[str] = set()
        self.policies: dict[str, dict[str, Seen]] = defaultdict(dict)
        self._kinds = [(INTENTS, self._intent), *([(POLICIES, self._policy)] if policies else [])]
        self._client = client
        self._within = within
        self._condition: Callable[[], bool] = lambda: False
        self._expected: asyncio.Future[float] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for path, take in self._kinds:
            listed = await self._client.get(path)
            for item in listed["items"]:
                take("ADDED", msgspec.convert(item, Seen))
            version = listed["metadata"]["resourceVersion"]
            self._tasks.append(asyncio.create_task(self._watch(path, version, take)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def expect(self, condition: Callable[[], bool]) -> asyncio.Future[float]:
        """Wait, from now on, for an event after which the condition holds.

        The future gives the loop's time at which that event came.
        """
        self._condition = condition
        self._expected = asyncio.get_running_loop().create_future()
        self._look()
        return self._expected

    async def at(
        self, expected: asyncio.Future[float], what: str, operator: OperatorProcess
    ) -> float:
        """Return the loop's time at which what is expected came.

        Raises:
            NotSeen: It did not come in time, or the operator ended.
        """
        deadline = time.monotonic() + self._within
        while not (await asyncio.wait({expected}, timeout=0.5))[0]:
            ended = [task for task in self._tasks if task.done()]
            if ended:
                ended[0].result()
                raise NotSeen(f"{what}: the API server ended a watch of the benchmark")
            if not operator.is_running:
                raise NotSeen(f"{what}: the operator ended\n{operator.tail()}")
            if time.monotonic() > deadline:
                raise NotSeen(f"{what}: not within {self._within:.0f} s\n{operator.tail()}")
        return expected.result()

    async def _watch(self, path: str, version: str, take: Callable[[str, Seen], None]) -> None:
        decoder = msgspec.json.Decoder(_Event)
        async with self._client.watch(path, version) as response:
            rest = b""
            while chunk := await response.content.readany():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = decoder.decode(line)
                    take(event.type, event.object)
                    self._look()

    def _look(self) -> None:
        if self._expected is not None and not self._expected.done() and self._condition():
            self._expected.set_result(asyncio.get_running_loop().time())

    def _intent(self, event: str, found: Seen) -> None:
        namespace = found.metadata.namespace
        if event == "DELETED":
            self.generations.pop(namespace, None)
        else:
            self.generations[namespace] = found.metadata.generation
        (self.ready.add if event != "DELETED" and found.is_ready else self.ready.discard)(namespace)

    def _policy(self, event: str, found: Seen) -> None:
        meta = found.metadata
        if event == "DELETED":
            self.policies[meta.namespace].pop(meta.name, None)
        elif meta.labels.get(MANAGED_BY_LABEL) == MANAGED_BY:
            self.policies[meta.namespace][meta.name] = found
