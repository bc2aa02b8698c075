"""The operator ends while a scan runs: whoever leads next finds it, or begins it anew."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from aiohttp import web

from tests.cluster.images.conftest import OperatorFactory, ShopFactory, declare_profile
from tests.cluster.images.shop import WITHIN, container, until_scan
from tests.cluster.images.test_faulty_scanner import Faulty
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.scanners.fake import answer, failure, in_background, scanned

_numbers = count(500)
LEASE = ("--lease-seconds=3", "--scanner-poll=30s", "--image-grace=1h")


@pytest.fixture
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """A scanner that is at work for as long as a test likes."""
    scanner = Faulty(tmp_path_factory.mktemp("scanner") / "token")
    scanner.report = [answer(302, headers={"Refresh-After": "1"})]
    with in_background(scanner):
        yield scanner


@pytest.fixture
def profile(installed: ControlPlane) -> str:
    return declare_profile(installed, {"registries": ["registry.example.com"]}, "handed-over")


def begun(scanner: Faulty, digest: str) -> int:
    """How often a scan of a digest was begun."""
    return sum(method == "POST" and digest in body for method, _, _, body in scanner.asked)


def until_it_leads(operator: OperatorProcess) -> None:
    def leads() -> None:
        assert operator.metric("bailiwick_leader") == 1

    eventually(leads, WITHIN)


@pytest.mark.parametrize(
    "forgets, scans", [(False, 1), (True, 2)], ids=["still known", "forgotten"]
)
def test_a_scan_that_runs_is_found_by_the_next_leader_and_else_begun_anew(
    start: OperatorFactory, slow: Faulty, shop: ShopFactory, forgets: bool, scans: int
) -> None:
    digest = f"sha256:{next(_numbers):064x}"
    first = start(slow, *LEASE, "--identity=first")
    until_it_leads(first)
    team = shop()
    team.run("web", container(f"registry.example.com/shop/app@{digest}"))
    status = until_scan(team.api, digest, lambda s: s.get("ongoing"))
    assert (status["phase"], status["ongoing"]) == ("Scanning", {"source": "scanner", "id": digest})
    second = start(slow, *LEASE, "--identity=second")
    asked_before = len(slow.asked)
    first.kill()
    until_it_leads(second)

    async def once_more(request: web.Request) -> web.StreamResponse:
        if forgets and begun(slow, digest) == 1:
            return answer(404, failure("no such scan"))
        return await scanned(request)

    slow.report = [once_more]
    team.until_counts(clean=1)
    assert begun(slow, digest) == scans
    assert any("/report" in path for _, path, _, _ in slow.asked[asked_before:])
    assert "ongoing" not in until_scan(team.api, digest, lambda s: s.get("phase") == "Scanned")
    second.stop()
