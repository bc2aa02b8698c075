"""Harbor as its REST API is documented, with one artifact, and the faults that a test wants."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web

from bailiwick.policy.images.findings import ScanReport
from bailiwick.policy.images.references import Reference
from bailiwick.scanners import wire
from bailiwick.scanners.harbor import Harbor
from bailiwick.scanners.http import Api
from bailiwick.scanners.source import Limits, Order, carry_out
from tests.loopback import served
from tests.scanners.calls import LIMITS, NOW
from tests.scanners.fake import DIGEST, Answer, answer, vulnerability

ROBOT = "robot$shop+bailiwick:s3cret"
IMAGE = Reference("harbor.example.com", "shop/team/cart", "", DIGEST)
ROOT = "/api/v2.0"
PLACE = f"{ROOT}/projects/shop/repositories/team%252Fcart/artifacts/{DIGEST}"
Json = dict[str, Any]


def errors(code: str, message: str) -> Json:
    """The body of an error of Harbor's."""
    return {"errors": [{"code": code, "message": message}]}


def overview(status: str, report_id: str = "r1", **fields: object) -> Json:
    """An artifact's overview of a scan."""
    told = {"report_id": report_id, "scan_status": status, **fields}
    return {wire.REPORT: told}


def artifact(scan: Json | None = None, digest: str = DIGEST, **fields: object) -> Json:
    return {"digest": digest, "type": "IMAGE", "scan_overview": scan, "references": None, **fields}


def report(*vulnerabilities: Json, mime_type: str = wire.REPORT, **fields: object) -> Json:
    """A report, by its type, as Harbor rebuilds it from its database: without an artifact."""
    body = {
        "generated_at": "2026-11-23T10:00:00Z",
        "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "v0.60.0"},
        "severity": "High",
        "vulnerabilities": list(vulnerabilities) or None,
        **fields,
    }
    return {mime_type: body}


DONE = overview("Success", "r2", end_time="2026-11-23T10:00:01Z")
SCANNERS = [{"uuid": "u-1", "name": "Trivy", "is_default": True, "disabled": False}]


@dataclass
class FakeHarbor:
    """Answers each question with what stands in its list, in order; the last one for ever.

    Only the account `ROBOT` is known, and only the paths are that Harbor's router finds.
    """

    url: str = ""
    scanners: Sequence[Answer] = field(default_factory=lambda: [answer(403)])
    metadata: Sequence[Answer] = field(default_factory=lambda: [answer(404)])
    artifact: Sequence[Answer] = field(
        default_factory=lambda: [answer(body=artifact()), answer(body=artifact(DONE))]
    )
    scan: Sequence[Answer] = field(default_factory=lambda: [answer(202)])
    report: Sequence[Answer] = field(default_factory=lambda: [answer(body=report(vulnerability()))])
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    _given: dict[str, int] = field(default_factory=dict)

    def count(self, method: str, end: str = "") -> int:
        """Return how often something was asked."""
        return sum(m == method and path.endswith(end) for m, path in self.asked)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        self.asked.append((request.method, path))
        self.bodies.append(await request.text())
        known = base64.b64encode(ROBOT.encode()).decode()
        if request.headers.get("Authorization") != f"Basic {known}":
            return answer(401, errors("UNAUTHORIZED", "unauthorized"))
        name = self._name(request.method, path)
        if not name:
            return answer(404, errors("NOT_FOUND", f"path {path} was not found"))
        answers: Sequence[Answer] = getattr(self, name)
        position = self._given.get(name, 0)
        self._given[name] = position + 1
        wanted = answers[min(position, len(answers) - 1)]
        if not isinstance(wanted, web.Response):
            return await wanted(request)
        headers = {k: v for k, v in wanted.headers.items() if k.lower() != "content-length"}
        return web.Response(status=wanted.status, body=wanted.body, headers=headers)

    def _name(self, method: str, path: str) -> str:
        if path == f"{ROOT}/scanners":
            return "scanners"
        if path == f"{ROOT}/scanners/u-1/metadata":
            return "metadata"
        here, _, _ = PLACE.rpartition("/")
        if not path.startswith(f"{here}/sha256:"):
            return ""
        below = path.removeprefix(f"{here}/").partition("/")[2]
        return {
            ("GET", ""): "artifact",
            ("POST", "scan"): "scan",
            ("GET", "additions/vulnerabilities"): "report",
        }.get((method, below), "")


@asynccontextmanager
async def serving(harbor: FakeHarbor) -> AsyncIterator[FakeHarbor]:
    """Serve it on a free port of loopback."""
    async with served(harbor.handle, drop_given_up=True) as host:
        harbor.url = f"http://{host}"
        yield harbor


@asynccontextmanager
async def client_of(
    harbor: FakeHarbor, limits: Limits = LIMITS, account: str = ROBOT
) -> AsyncIterator[Harbor]:
    """The operator's client, under the robot's account or another one."""
    header = f"Basic {base64.b64encode(account.encode()).decode()}"
    async with serving(harbor), aiohttp.ClientSession() as http:
        api = Api(http, harbor.url, limits, authorization=lambda: header)
        yield Harbor(api, clock=lambda: NOW)


async def scan(
    harbor: FakeHarbor, order: Order | None = None, limits: Limits = LIMITS
) -> ScanReport:
    """Scan the artifact with the operator's client."""
    async with client_of(harbor, limits) as source:
        return await carry_out(source, order or Order(IMAGE))


class LivingHarbor(FakeHarbor):
    """One whose scans take a moment, and end with a report of that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.heal()
        self._scans = 0
        self._state = artifact()

    def heal(self) -> None:
        """Answer as it should, whatever a test had it do."""
        self.scanners, self.artifact = [answer(403)], [self._artifact]
        self.scan, self.report = [self._scan], [self._report]

    async def _artifact(self, _request: web.Request) -> web.StreamResponse:
        told, self._state = self._state, self._after(self._state)
        return answer(body=told)

    def _after(self, state: Json) -> Json:
        overviews = state["scan_overview"]
        if not overviews or overviews[wire.REPORT]["scan_status"] != "Running":
            return state
        now = datetime.now(UTC).isoformat()
        return artifact(overview("Success", f"r{self._scans}", end_time=now))

    async def _scan(self, _request: web.Request) -> web.StreamResponse:
        self._scans += 1
        self._state = artifact(overview("Running", f"r{self._scans}"))
        return answer(202)

    async def _report(self, _request: web.Request) -> web.StreamResponse:
        now = datetime.now(UTC).isoformat()
        return answer(body=report(vulnerability(), generated_at=now))
