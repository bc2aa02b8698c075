"""Several sources of scans in one operator: Harbor for its own images, an adapter for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from bailiwick.scanners import errors
from tests.cluster.images.conftest import OperatorFactory, ShopFactory, declare_profile
from tests.cluster.images.shop import (
    Shop,
    container,
    until_complete,
    until_scan,
    until_scanned,
)
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.scanners import fake, harbor
from tests.scanners.fake import DIGEST, FakeScanner, answer
from tests.scanners.harbor import LivingHarbor

SOURCES = """\
sources:
- name: harbor
  type: Harbor
  url: {harbor}
  basicFile: {robot}
  registries: [harbor.example.com]
  limits: {{scan: 20s}}
- name: adapter
  type: Adapter
  url: {adapter}
"""
CART = f"harbor.example.com/shop/team/cart@{DIGEST}"
# Scans outlive their tests: no other module has these digests.
_numbers = count(0x50C3_0000)


@pytest.fixture(scope="module")
def of_harbor() -> Iterator[LivingHarbor]:
    living = LivingHarbor()
    with fake.background(harbor.serving(living)):
        yield living


@pytest.fixture(scope="module")
def of_adapter() -> Iterator[FakeScanner]:
    with fake.in_background(FakeScanner(scan=[fake.take], report=[fake.scanned])) as scanner:
        yield scanner


@pytest.fixture(scope="module")
def operator(
    start: OperatorFactory,
    of_harbor: LivingHarbor,
    of_adapter: FakeScanner,
    tmp_path_factory: pytest.TempPathFactory,
) -> OperatorProcess:
    home = tmp_path_factory.mktemp("sources")
    (home / "robot").write_text(harbor.ROBOT)
    file = home / "scanners.yaml"
    told = {"harbor": of_harbor.url, "robot": home / "robot", "adapter": of_adapter.url}
    file.write_text(SOURCES.format(**told))
    return start(None, f"--scanners-file={file}", "--image-grace=1h")


@pytest.fixture
def profile(installed: ControlPlane) -> str:
    listed = ["harbor.example.com", "registry.example.com"]
    return declare_profile(installed, {"registries": listed}, "sources")


@pytest.fixture
def team(shop: ShopFactory, of_harbor: LivingHarbor) -> Iterator[Shop]:
    """A namespace that runs Harbor's image, scanned by Harbor."""
    made = shop()
    made.run("cart", container(CART))
    until_scan(made.api, DIGEST, lambda s: scanner_of(s) == "Trivy" and s["phase"] == "Scanned")
    yield made
    of_harbor.heal()
    made.stop("cart")


def scanner_of(status: dict[str, dict[str, str]]) -> str:
    return status.get("scanner", {}).get("name", "")


def rescan(team: Shop) -> str:
    return team.rescan(f"again-{next(_numbers)}", images=[DIGEST])


@pytest.mark.usefixtures("operator")
def test_each_image_goes_to_the_source_that_lists_its_registry(
    team: Shop, of_adapter: FakeScanner
) -> None:
    other = f"sha256:{next(_numbers):064x}"
    team.run("tool", container(f"registry.example.com/tool@{other}"))
    assert scanner_of(until_scanned(team.api, other)) == "Fake"
    status = until_scanned(team.api, DIGEST)
    assert (scanner_of(status), status["high"]) == ("Trivy", 1)
    assert of_adapter.count(DIGEST) == 0


@pytest.mark.usefixtures("operator")
def test_a_rescan_triggers_harbor_and_waits_for_its_new_result(
    team: Shop, of_harbor: LivingHarbor
) -> None:
    before = until_scanned(team.api, DIGEST)
    asked = of_harbor.count("POST", "/scan")
    until_complete(team.api, rescan(team))
    assert of_harbor.count("POST", "/scan") == asked + 1
    assert until_scanned(team.api, DIGEST)["scannedAt"] > before["scannedAt"]


@pytest.mark.usefixtures("operator")
def test_what_harbor_does_not_scan_is_told_with_its_words_and_is_over_with_it(
    team: Shop, of_harbor: LivingHarbor
) -> None:
    before = until_scanned(team.api, DIGEST)
    of_harbor.scan = [answer(422, harbor.errors("UNPROCESSABLE", "no scanner for this type"))]
    path = rescan(team)
    failed = until_scan(team.api, DIGEST, lambda s: s.get("phase") == "Failed")
    assert failed["reason"] == errors.REFUSED
    assert "Harbor does not scan this (422): no scanner for this type" in failed["message"]
    assert failed["scannedAt"] == before["scannedAt"]
    of_harbor.heal()
    until_complete(team.api, path)
    until_complete(team.api, rescan(team))
    until_scanned(team.api, DIGEST)


def test_while_harbor_is_down_the_next_source_scans_and_harbor_again_when_it_is_back(
    operator: OperatorProcess, team: Shop, of_harbor: LivingHarbor
) -> None:
    of_harbor.scanners = of_harbor.artifact = [answer(500)]

    def answers(value: int) -> None:
        def told() -> None:
            assert operator.metric("bailiwick_scanner_answers", source="harbor") == value
            assert operator.metric("bailiwick_scanner_answers", source="adapter") == 1

        eventually(told, 60)

    answers(0)
    until_complete(team.api, rescan(team))
    assert scanner_of(until_scanned(team.api, DIGEST)) == "Fake"
    of_harbor.heal()
    answers(1)
    until_complete(team.api, rescan(team))
    assert scanner_of(until_scanned(team.api, DIGEST)) == "Trivy"
