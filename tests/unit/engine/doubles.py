"""A clock, an API server and a scanner in memory, that do what a test says."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bailiwick.kube.client import Client, Json, Listing
from bailiwick.kube.errors import ApiError, NotFound
from bailiwick.kube.events import Regarding
from bailiwick.kube.resources import Resource
from bailiwick.policy.images.findings import Finding, HygieneFacts, ScanReport, Severity
from bailiwick.policy.images.references import Reference
from bailiwick.scanners import errors
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.source import Capabilities, Limits, Order
from bailiwick.scanners.tags import Tag, TagsAnswer, TagsRequest

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
FINDING = Finding("CVE-2026-1", "openssl", "3.0.11", Severity.HIGH, "3.0.12")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


class MemoryClient(Client):
    """The API server's objects in memory; `fault` may refuse a request by verb and name."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Json] = {}
        self.version = 0
        self.fault: Callable[[str, str], ApiError | None] = lambda _verb, _name: None

    async def get(self, resource: Resource, name: str, *_: Any) -> Json:
        self._check("get", name)
        if (resource.plural, name) not in self.objects:
            raise NotFound(404, "NotFound", f"{name} not found")
        return copy.deepcopy(self.objects[resource.plural, name])

    async def list(self, resource: Resource, *_: Any, **options: Any) -> Listing:
        self._check("list", resource.plural)
        label = str(options.get("label_selector", "")).partition("=")[0]
        found = [
            copy.deepcopy(body)
            for (plural, _name), body in self.objects.items()
            if plural == resource.plural and label in body["metadata"].get("labels", {label: ""})
        ]
        return Listing(found, str(self.version))

    async def apply(self, resource: Resource, body: Json, **options: Any) -> Json:
        name = body["metadata"]["name"]
        subresource = options.get("subresource", "")
        self._check(f"apply/{subresource}" if subresource else "apply", name)
        key = (resource.plural, name)
        before = self.objects.get(key)
        if subresource and before is None:
            raise NotFound(404, "NotFound", f"{name} not found")
        kept = {**(before or {}), **copy.deepcopy(body)}
        self.version += 1
        kept["metadata"] = {
            "uid": f"uid-{name}",
            "creationTimestamp": START.isoformat(),
            "generation": 1,
            **(before or {}).get("metadata", {}),
            **copy.deepcopy(body["metadata"]),
            "resourceVersion": str(self.version),
        }
        self.objects[key] = kept
        return copy.deepcopy(kept)

    async def delete(self, resource: Resource, name: str, *_: Any, **__: Any) -> bool:
        self._check("delete", name)
        return self.objects.pop((resource.plural, name), None) is not None

    def _check(self, verb: str, name: str) -> None:
        error = self.fault(verb, name)
        if error is not None:
            raise error


@dataclass
class Events:
    """Remembers what a recorder was told: reason and note."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def tell(
        self,
        regarding: Regarding,  # noqa: ARG002  # the recorder's signature
        severity: str,  # noqa: ARG002  # the recorder's signature
        reason: str,
        action: str,  # noqa: ARG002  # the recorder's signature
        note: str,
    ) -> None:
        """Remember one."""
        self.told.append((reason, note))


@dataclass
class Started:
    """A scan of the scanner below, which is done as soon as it began."""

    report: ScanReport

    async def poll(self) -> None:
        """Nothing is waited for."""

    async def result(self) -> ScanReport:
        return self.report


class FakeAdapter:
    """A scanner that answers what a test says; `manifests` are those of indexes."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock
        self.limits = Limits()
        self.asked: list[tuple[str, str]] = []
        self.orders: list[Order] = []
        self.resumed: list[str] = []
        self.questions_of_tags: list[TagsRequest] = []
        self.leads_to: dict[str, Tag] = {}
        self.built_on = ("", "")
        self.remembers: set[str] = set()
        self.questions = 0
        self.database: datetime | None = None
        self.silent: ScanError | None = None
        self.failing: ScanError | None = None
        self.manifests: dict[tuple[str, str], str] = {}
        self.unscannable: set[str] = set()
        self.cached: datetime | None = None
        self.findings: dict[str, list[Finding]] = {}
        self.gate: asyncio.Event | None = None
        self.at_a_time = 0
        self.most_at_a_time = 0
        self._changed = asyncio.Condition()

    async def capabilities(self) -> Capabilities:
        self.questions += 1
        if self.silent:
            raise self.silent
        return Capabilities("Fake", database_built=self.database)

    async def start(self, order: Order) -> Started:
        self.orders.append(order)
        if order.begun is None:
            self.asked.append((order.image.digest, order.architecture))
            scan_id = f"scan-{len(self.asked)}"
            self.remembers.add(scan_id)
            order.taken(scan_id)
        elif order.begun.id in self.remembers:
            self.resumed.append(order.begun.id)
        else:
            raise ScanError(errors.FORGOTTEN, "The scanner no longer knows of this scan.")
        return Started(await self._scan(order.image, order.architecture))

    async def tags(self, request: TagsRequest) -> TagsAnswer:
        self.questions_of_tags.append(request)
        if self.failing:
            raise self.failing
        found = tuple(self.leads_to.get(tag, Tag(tag)) for tag in request.tags)
        return TagsAnswer(found, *self.built_on)

    async def _scan(self, image: Reference, architecture: str) -> ScanReport:
        # As real ones do where they are not told.
        wanted = architecture or "amd64"
        await self._count(1)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if image.digest in self.unscannable:
                raise ScanError("NotAnImage", "It is no image.", permanent=True)
            if self.silent or self.failing:
                raise self.silent or self.failing  # type: ignore[misc]  # one of them is there
            return ScanReport.of(
                image.digest,
                self.cached or self.now(),
                self.findings.get(image.digest, [FINDING]),
                database_built=self.database,
                manifest_digest=self.manifests.get((image.digest, wanted), image.digest),
                hygiene=HygieneFacts(architecture=wanted),
            )
        finally:
            await self._count(-1)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of the scans in hand."""
        async with self._changed:
            await self._changed.wait_for(holds)

    async def _count(self, more: int) -> None:
        self.at_a_time += more
        self.most_at_a_time = max(self.at_a_time, self.most_at_a_time)
        async with self._changed:
            self._changed.notify_all()
