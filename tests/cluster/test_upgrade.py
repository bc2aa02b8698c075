"""A newer operator takes over what an older one left, and touches none of it."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, eventually
from tests.controlplane.operator_process import OperatorProcess, install

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "manifests/examples"
ISOLATED = ("shop", "payments")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The tree of the commit before this one."""
    try:
        archive = git("archive", "--format=tar", "HEAD~1", "operator", "crds", "manifests")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this is no git checkout with a commit before: {error}")
    with tarfile.open(fileobj=BytesIO(archive)) as tree:
        tree.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def plane(before: Path) -> Iterator[ControlPlane]:
    """A cluster of its own, with the kinds and roles of before."""
    with ControlPlane.start(crds=[before / "crds"]) as plane:
        install(plane, before / "manifests")
        yield plane


def policies(admin: Kubectl) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {
        (namespace, each["metadata"]["name"]): (
            each["metadata"]["uid"],
            each["metadata"]["resourceVersion"],
        )
        for namespace in ISOLATED
        for each in admin.list("networkpolicies", namespace)
    }


def assert_in_force(admin: Kubectl) -> None:
    for namespace in ISOLATED:
        status = admin.get("securityintent", "default", namespace).get("status", {})
        ready = {c["type"]: c for c in status.get("conditions", ())}.get("Ready", {})
        assert ready.get("status") == "True", f"{namespace}: {ready}"


def test_an_upgrade_keeps_every_policy_untouched(before: Path, plane: ControlPlane) -> None:
    admin = Kubectl(plane.admin)
    admin.apply(EXAMPLES / "profile.yaml")
    for namespace in ISOLATED:
        admin.apply(EXAMPLES / namespace)
    with OperatorProcess(plane, source=before / "operator") as older:
        older.wait_ready()
        eventually(lambda: assert_in_force(admin), timeout=60)
    made = policies(admin)
    assert {namespace for namespace, _ in made} == set(ISOLATED)

    # The control plane made its definitions itself, so it counts as another manager of them.
    admin("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "manifests/crds"))
    install(plane)
    with OperatorProcess(plane) as newer:
        newer.wait_ready()

        def every_namespace_was_looked_at() -> None:
            looks = newer.metric("bailiwick_reconcile_seconds_count", queue="namespaces")
            assert looks >= len(ISOLATED)
            assert newer.metric("bailiwick_queue_depth", queue="namespaces") == 0

        eventually(every_namespace_was_looked_at, timeout=60)
        assert_in_force(admin)
        assert newer.metric("bailiwick_api_writes_total", resource="networkpolicies") == 0
    assert policies(admin) == made
