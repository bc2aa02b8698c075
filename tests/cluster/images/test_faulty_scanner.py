"""A scanner that does what it should not: each failure is told in words, and is over with it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from bailiwick.scanners import errors
from tests.cluster.images.conftest import OperatorFactory, ShopFactory, declare_profile
from tests.cluster.images.shop import container, until_scan
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess
from tests.scanners.fake import (
    Answer,
    FakeScanner,
    Flood,
    answer,
    failure,
    hold,
    in_background,
    report,
    scanned,
    take,
)

OTHER = "sha256:" + "e" * 64
MEMORY_MIB = 300

_numbers = count(1)


class Faulty(FakeScanner):
    """A scanner whose reports a test replaces."""

    def __init__(self, token_file: Path) -> None:
        super().__init__(token="right", scan=[take], report=[scanned])
        self.client_token_file = token_file
        token_file.write_text("right\n")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    scanner = Faulty(tmp_path_factory.mktemp("scanner") / "token")
    with in_background(scanner):
        yield scanner


@pytest.fixture(scope="module")
def operator(start: OperatorFactory, faulty: Faulty) -> OperatorProcess:
    return start(faulty, "--scan-timeout=3s", "--scanner-poll=30s", "--image-grace=1h")


@pytest.fixture
def profile(installed: ControlPlane) -> str:
    return declare_profile(installed, {"registries": ["registry.example.com"]}, "faults")


@pytest.mark.parametrize(
    "at, fault, reason, words",
    [
        ("report", answer(302), errors.TIMED_OUT, "not done after 3 seconds"),
        ("report", hold, errors.TIMED_OUT, "not done after 3 seconds"),
        ("scan", hold, errors.TIMED_OUT, "not done after 3 seconds"),
        ("scan", answer(500, failure("disk full")), errors.FAILED, "disk full"),
        ("report", answer(500, failure("disk full")), errors.FAILED, "disk full"),
        ("report", answer(404), errors.FORGOTTEN, "may have been restarted"),
        ("scan", answer(422, failure("no such type")), errors.REFUSED, "no such type"),
        ("scan", answer(401), errors.UNAUTHORIZED, "the same token"),
        ("report", answer(200, "<html>"), errors.INVALID_ANSWER, "not a report"),
        ("report", Flood(), errors.ANSWER_TOO_LARGE, "larger than 32 MiB"),
        ("report", answer(200, report(digest=OTHER)), errors.OTHER_DIGEST, OTHER),
    ],
)
def test_a_fault_is_told_and_is_over_with_it(
    operator: OperatorProcess,
    faulty: Faulty,
    shop: ShopFactory,
    at: str,
    fault: Answer,
    reason: str,
    words: str,
) -> None:
    digest = f"sha256:{next(_numbers):064x}"
    team = shop()
    setattr(faulty, at, [fault])
    try:
        team.run("web", container(f"registry.example.com/shop/app@{digest}"))
        problem = team.until_problem("registry.example.com/shop/app", reason)
    finally:
        faulty.scan, faulty.report = [take], [scanned]
    assert words in problem["message"]
    assert team.counts() == {"failed": 1}
    assert team.condition("Compliant")["status"] != "True"
    status = until_scan(team.api, digest, lambda s: s.get("phase") == "Failed")
    assert (status["reason"], "scannedAt" in status) == (reason, False)
    # Whoever asks need not wait for the next attempt.
    team.rescan("again")
    team.until_counts(clean=1)
    assert resident(operator.pid) < MEMORY_MIB


def resident(pid: int) -> float:
    """The most memory that a process ever had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(peak) / 1024
