"""An image that hundreds of namespaces run has a new result: until the last of them says so."""

from __future__ import annotations

import asyncio
import copy
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from bailiwick.api.meta import API_VERSION
from tests.bench import workload
from tests.bench.bare import Request, merge
from tests.bench.figures import Figure
from tests.bench.scene import Scene, usage
from tests.controlplane.operator_process import OperatorProcess
from tests.scanners.fake import FakeScanner, answer, in_background, report, take, vulnerability

Json = dict[str, Any]

_COMMON: Final = "sha256:" + "c0" * 32
_IMAGE: Final = f"registry.example.com/platform/common@{_COMMON}"
_NEW: Final = "CVE-2026-0002"
_INTENTS: Final = f"/apis/{API_VERSION}/securityintents"
_WITHIN: Final = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from the scanner's answer until the first and the last intent told of it.

    `cpu` is what that took the operator, which other work on the machine does not change.
    """

    namespaces: int
    first: float
    last: float
    cpu: float


def figures(found: Measured) -> list[Figure]:
    """How long until the last namespace says what is known now."""
    detail = f"{found.namespaces} namespaces run one digest; the first after {found.first:.1f} s"
    return [
        Figure("fan-out-last", found.last, "s", None, detail),
        Figure("fan-out-cpu", found.cpu, "s", None, "of the operator's CPU for all of them"),
    ]


class Scanner(FakeScanner):
    """Finds a vulnerability in the image that all run, and another once it is told to."""

    def __init__(self, token_file: Path) -> None:
        super().__init__(token="right", scan=[take], report=[self.tell])
        self.client_token_file = token_file
        self.knows_more = False
        self.answered = 0.0
        token_file.write_text("right\n")

    async def tell(self, request: web.Request) -> web.StreamResponse:
        digest = request.path.split("/")[-2]
        if digest != _COMMON:
            return answer(body=report(digest=digest, generated_at=None))
        found = [vulnerability(1), *([vulnerability(2)] if self.knows_more else [])]
        self.answered = time.monotonic()
        return answer(body=report(*found, digest=digest, generated_at=None))


async def measure(namespaces: int) -> Measured:
    """Measure one rescan of an image that every namespace runs, on a real API server."""
    with tempfile.TemporaryDirectory() as home:
        scanner = Scanner(Path(home) / "token")
        with in_background(scanner):
            async with Scene(namespaces) as scene:
                await _let_all_run_one_image(scene)
                with scene.operator(
                    *("--scanner-url", scanner.url, "--rescan-interval", "1s"),
                    *("--scanner-token-file", str(scanner.client_token_file)),
                ) as operator:
                    await _until_told(scene, operator, "CVE-2026-0001")
                    await scene.settled(operator)
                    scanner.knows_more, before = True, usage(operator.pid).cpu
                    await scene.admin.send(_rescan(scene.names[0]))
                    first, last = await _until_told(scene, operator, _NEW)
                    cpu = usage(operator.pid).cpu - before
                    since = scanner.answered
                    return Measured(namespaces, first - since, last - since, cpu)


async def _let_all_run_one_image(scene: Scene) -> None:
    """One more pod in each namespace, all of the same image, and a profile that lets it be read."""
    profile = f"/apis/{API_VERSION}/securityprofiles/{workload.profile()['metadata']['name']}"
    terms = {"images": {"registries": ["registry.example.com"]}}
    await scene.admin.send(merge(profile, {"spec": terms}))
    made = []
    for index, name in enumerate(scene.names):
        pod, status = copy.deepcopy(next(iter(workload.pods(index))))
        pod["metadata"]["name"] = "common"
        pod["spec"]["containers"][0]["image"] = _IMAGE
        status["status"]["containerStatuses"][0] |= {"image": _IMAGE, "imageID": _IMAGE}
        made.append((f"/api/v1/namespaces/{name}/pods", pod, status))
    await scene.admin.send_all(Request("POST", path, pod) for path, pod, _ in made)
    await scene.admin.send_all(merge(f"{path}/common/status", status) for path, _, status in made)


def _rescan(namespace: str) -> Request:
    body = {
        "apiVersion": API_VERSION,
        "kind": "RescanRequest",
        "metadata": {"name": "again", "namespace": namespace},
        "spec": {"images": [_COMMON]},
    }
    return Request("POST", f"/apis/{API_VERSION}/namespaces/{namespace}/rescanrequests", body)


async def _until_told(
    scene: Scene, operator: OperatorProcess, vulnerability_id: str
) -> tuple[float, float]:
    """Wait until every intent tells of a vulnerability; returns when the first and last did."""
    first, deadline = 0.0, time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        intents = (await scene.admin.get(_INTENTS))["items"]
        now = time.monotonic()
        told = sum(_tells(each, vulnerability_id) for each in intents)
        first = first or (now if told else 0.0)
        if told == len(scene.names):
            return first, now
        await asyncio.sleep(0.05)
    raise AssertionError(f"{vulnerability_id} is not told everywhere:\n{operator.tail(40)}")


def _tells(intent: Json, vulnerability_id: str) -> bool:
    worst = (intent.get("status") or {}).get("images", {}).get("worst") or ()
    return any(each["vulnerability"] == vulnerability_id for each in worst)


if __name__ == "__main__":
    print(asyncio.run(measure(int(sys.argv[1]))))
