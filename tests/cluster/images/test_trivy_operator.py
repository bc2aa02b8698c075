"""Scans that come from Trivy Operator's reports, read under the operator's own rights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from bailiwick.scanners import errors
from tests.cluster.images import trivy
from tests.cluster.images.conftest import OperatorFactory, ShopFactory, declare_profile
from tests.cluster.images.shop import (
    Shop,
    container,
    until_complete,
    until_condition,
    until_scan,
    until_scanned,
)
from tests.controlplane.api import Api
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.operator_process import MANIFESTS, OperatorProcess
from tests.scanners.trivy import metadata, report, sbom, vulnerability

SOURCES = "sources: [{name: trivy, type: TrivyOperator, limits: {scan: 30s}}]"
NAME = "registry.example.com/shop/cart"
OTHER = "sha256:" + "e" * 64
IMAGE_ID = "sha256:" + "f" * 64
BINDING = "bailiwick-trivy-operator"

# Scans outlive their tests: no other module has these digests.
_numbers = count(0x7217_0000)


@pytest.fixture(scope="module")
def admin(installed: ControlPlane) -> Iterator[Kubectl]:
    kubectl = Kubectl(installed.admin)
    trivy.remove(kubectl)
    yield kubectl
    trivy.remove(kubectl)
    kubectl("delete", "--ignore-not-found", "-k", str(MANIFESTS / "overlays/trivy-operator"))


@pytest.fixture(scope="module")
def operator(
    start: OperatorFactory, admin: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> OperatorProcess:
    # Before Trivy Operator is there, as in a cluster that gets both at a time.
    trivy.remove(admin)
    file = tmp_path_factory.mktemp("sources") / "scanners.yaml"
    file.write_text(SOURCES)
    return start(None, f"--scanners-file={file}", "--image-grace=1h")


@pytest.fixture
def reports(admin: Kubectl) -> Api:
    """Where Trivy Operator has been installed, and its reports granted."""
    trivy.define(admin)
    grant(admin)
    return Api(admin.identity)


@pytest.fixture
def profile(installed: ControlPlane) -> str:
    return declare_profile(installed, {"registries": ["registry.example.com"]}, "trivy")


def grant(admin: Kubectl) -> None:
    admin("apply", "--server-side", "-k", str(MANIFESTS / "overlays/trivy-operator"))


def run(team: Shop, image: str = NAME) -> str:
    """Run an image of its own in a namespace, and return its digest."""
    digest = new_digest()
    run_digest(team, digest, image)
    return digest


def new_digest() -> str:
    return f"sha256:{next(_numbers):064x}"


def run_digest(team: Shop, digest: str, image: str = NAME) -> None:
    declared = f"{image}@{digest}" if image == NAME else image
    team.run("web", container(declared), image_ids={"app": f"{NAME}@{digest}"})


def pod(team: Shop) -> dict[str, object]:
    return metadata(team.name, "Pod/web")


@pytest.mark.usefixtures("operator")
def test_what_is_missing_is_told_until_it_is_there(admin: Kubectl, shop: ShopFactory) -> None:
    team = shop()
    digest = run(team)
    problem = team.until_problem(digest, errors.UNREACHABLE)
    assert "install Trivy Operator" in problem["message"]
    trivy.define(admin)
    problem = team.until_problem(digest, errors.UNAUTHORIZED)
    assert "grant it with manifests/overlays/trivy-operator" in problem["message"]
    grant(admin)
    problem = team.until_problem(digest, errors.PENDING)
    assert f"for Pod/web in {team.name}" in problem["message"]
    assert "may not have come to it yet" in problem["message"]
    assert team.counts() == {"unscanned": 1}
    assert until_scan(team.api, digest, lambda s: s.get("phase") == "Queued")["attempts"]
    assert team.condition("Compliant")["status"] != "True"
    now = datetime.now(UTC)
    trivy.write(Api(admin.identity), report(pod(team), digest=digest, updated=now))
    team.until_counts(clean=1)


@pytest.mark.usefixtures("operator")
def test_a_report_of_the_digest_becomes_the_result(reports: Api, shop: ShopFactory) -> None:
    team, digest = shop(), new_digest()
    made = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    body = report(pod(team), vulnerability(), vulnerability(2), digest=digest, updated=made)
    trivy.write(reports, body)
    run_digest(team, digest)
    status = until_scanned(team.api, digest)
    assert status["high"] == 2
    assert status["scanner"] == {"name": "Trivy", "version": "0.65.0"}
    assert datetime.fromisoformat(status["scannedAt"]) == made
    assert status["hygiene"]["os"] == "debian 12.4"


@pytest.mark.usefixtures("operator")
def test_a_rescan_deletes_the_report_and_keeps_the_old_result_until_a_newer_is_there(
    reports: Api, shop: ShopFactory
) -> None:
    team, digest = shop(), new_digest()
    made = datetime.now(UTC) - timedelta(hours=1)
    where = pod(team)
    first = trivy.write(reports, report(where, vulnerability(), digest=digest, updated=made))
    run_digest(team, digest)
    before = until_scan(team.api, digest, lambda s: s.get("high") == 1)
    path = team.rescan("now")
    kept = until_scan(team.api, digest, lambda s: s.get("phase") == "Scanning")
    assert kept["scannedAt"] == before["scannedAt"]
    with trivy.renewing(reports, team.name, "Pod/web", digest):
        until_complete(team.api, path)
        renewed = reports.get(trivy.path(team.name, str(where["name"])))
    assert renewed["metadata"]["uid"] != first["metadata"]["uid"]
    after = until_scanned(team.api, digest)
    assert after["high"] == 0
    assert after["scannedAt"] > before["scannedAt"]


@pytest.mark.usefixtures("operator")
def test_a_report_of_which_it_cannot_be_told_is_not_used_until_an_sbom_tells(
    reports: Api, shop: ShopFactory
) -> None:
    team, digest = shop(), new_digest()
    now = datetime.now(UTC)
    where = pod(team)
    trivy.write(reports, report(where, digest=IMAGE_ID, tag="1.2", updated=now))
    run_digest(team, digest, f"{NAME}:1.2")
    problem = team.until_problem(digest, errors.AMBIGUOUS)
    assert IMAGE_ID in problem["message"]
    assert "Have Trivy Operator make SBOMs" in problem["message"]
    trivy.write(reports, sbom(where, image_id=IMAGE_ID, manifest=digest))
    team.rescan("again")
    team.until_counts(clean=1)


@pytest.mark.usefixtures("operator")
def test_a_report_without_a_digest_counts_for_the_version_that_the_workload_runs(
    reports: Api, shop: ShopFactory
) -> None:
    team = shop()
    trivy.write(reports, report(pod(team), tag="1.3", updated=datetime.now(UTC)))
    until_scanned(team.api, run(team, f"{NAME}:1.3"))
    moving = shop("moving")
    trivy.write(reports, report(pod(moving), tag="latest", updated=datetime.now(UTC)))
    digest = run(moving, f"{NAME}:latest")
    problem = moving.until_problem(digest, errors.AMBIGUOUS)
    assert 'its tag "latest" may have meant another image' in problem["message"]


@pytest.mark.usefixtures("operator")
def test_without_the_right_to_delete_the_old_result_stays_and_it_is_said(
    admin: Kubectl, reports: Api, shop: ShopFactory
) -> None:
    team, digest = shop(), new_digest()
    made = datetime.now(UTC) - timedelta(hours=1)
    trivy.write(reports, report(pod(team), vulnerability(), digest=digest, updated=made))
    run_digest(team, digest)
    before = until_scan(team.api, digest, lambda s: s.get("high") == 1)
    role = admin.get("clusterrole", BINDING)
    role["rules"][0]["verbs"] = ["list"]
    admin.apply(role)
    path = team.rescan("now")
    until_condition(team.api, path, "Complete", "may not delete vulnerabilityreports")
    kept = until_scan(team.api, digest, lambda s: s.get("phase") == "Failed")
    assert kept["scannedAt"] == before["scannedAt"]
    grant(admin)
    with trivy.renewing(reports, team.name, "Pod/web", digest):
        until_complete(team.api, path)
