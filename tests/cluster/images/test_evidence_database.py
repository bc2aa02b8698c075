"""The operator whose evidence is in PostgreSQL: moved there, away for a while, and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bailiwick.evidence.layout import LABEL
from tests.cluster.images.conftest import OperatorFactory, ShopFactory
from tests.cluster.images.shop import container, digest_in, push, until_scanned
from tests.controlplane.cluster import OPERATOR, ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.evidence.server import PostgresqlServer
from tests.images.build import DEBIAN_12_VULNERABLE
from tests.images.registry import Registry
from tests.images.scanner import Scanner


@pytest.fixture(scope="module")
def dsn_file(postgresql: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The connection string of an empty database, as a Secret's volume has it."""
    file = tmp_path_factory.mktemp("secret") / "dsn"
    file.write_text(f"{postgresql.database()}\n")
    return file


def move(cluster: ControlPlane, dsn_file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bailiwick.cli.main", "evidence", "move", *options]
    paths = ["--dsn-file", str(dsn_file), "--kubeconfig", str(cluster.admin.kubeconfig)]
    return subprocess.run([*command, *paths], capture_output=True, text=True, check=False)


def evidence_in_config_maps(admin: Kubectl) -> list[str]:
    names = admin("get", "configmaps", "-n", OPERATOR[0], "-l", LABEL, "-o", "name")
    return names.split()


def test_evidence_moves_to_postgresql_and_back_with_its_deadlines_and_without_a_scan(
    start: OperatorFactory,
    scanner: Scanner,
    registry: Registry,
    shop: ShopFactory,
    control_plane: ControlPlane,
    admin: Kubectl,
    postgresql: PostgresqlServer,
    dsn_file: Path,
) -> None:
    image = push(registry, "shop/database", DEBIAN_12_VULNERABLE)
    team = shop(images={"remediateWithin": {"high": "1d"}})
    forwards = ("--from=configmaps", "--to=postgresql")

    with start(scanner, "--image-grace=1h") as operator:
        team.run("web", container(image))
        team.until_counts(clean=1)
        refused = move(control_plane, dsn_file, *forwards)
        assert refused.returncode == 1
        assert "The operator runs" in refused.stderr
        assert "--replicas=0" in refused.stderr
    due = team.images()["worst"][0]["dueBy"]
    scanned = until_scanned(team.api, digest_in(image))["scannedAt"]

    there = move(control_plane, dsn_file, *forwards, "--delete-source")
    assert there.returncode == 0, there.stderr
    assert "read back as they were written" in there.stdout
    assert evidence_in_config_maps(admin) == []

    in_database = ("--evidence=postgresql", "--evidence-dsn-file", str(dsn_file))
    with start(scanner, "--image-grace=1h", *in_database) as operator:
        team.until_counts(clean=1)
        assert team.images()["worst"][0]["dueBy"] == due
        other = push(registry, "shop/second", DEBIAN_12_VULNERABLE)
        team.run("other", container(other))
        team.until_counts(clean=2)
        operator.kill()
        postgresql.stop()
        try:
            operator.start_again()
            operator.wait_ready()
            problem = team.until_problem(image.partition("@")[0], "EvidenceMissing")
            assert "The evidence database cannot be used" in problem["message"]
            assert team.condition("EvidenceFresh")["status"] != "True"
            assert team.condition("Compliant")["status"] != "True"
        finally:
            postgresql.start()
        team.until_counts(clean=2)
        assert team.images()["worst"][0]["dueBy"] == due
    assert evidence_in_config_maps(admin) == []
    assert until_scanned(team.api, digest_in(image))["scannedAt"] == scanned

    back = move(control_plane, dsn_file, "--from=postgresql", "--to=configmaps")
    assert back.returncode == 0, back.stderr
    with start(scanner, "--image-grace=1h"):
        team.until_counts(clean=2)
        assert team.images()["worst"][0]["dueBy"] == due
    assert until_scanned(team.api, digest_in(image))["scannedAt"] == scanned
