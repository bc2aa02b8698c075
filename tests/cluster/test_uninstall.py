"""`bailiwick uninstall` on a real API server with its real garbage collector."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, eventually

ROOT = Path(__file__).parents[2]
HOME = "bailiwick-system"
COLLECTED_WITHIN = 5.0  # seconds; the garbage collector took under one wherever it had to


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    """A cluster of its own, since its kinds will be deleted."""
    with ControlPlane.start(crds=[ROOT / "crds"]) as plane:
        yield plane


@pytest.fixture
def admin(plane: ControlPlane) -> Kubectl:
    """Kubectl of who may do everything there."""
    return Kubectl(plane.admin)


@pytest.fixture
def installed(admin: Kubectl) -> Kubectl:
    """An installation with one isolated namespace, and a policy of somebody else's there."""
    admin("apply", "--server-side", "-k", str(ROOT / "manifests/base"))
    admin("create", "namespace", "shop")
    admin.apply(
        {
            "apiVersion": "bailiwick.dev/v1alpha1",
            "kind": "SecurityIntent",
            "metadata": {"name": "default", "namespace": "shop"},
            "spec": {},
        }
    )
    intent = admin.get("securityintent", "default", "shop")["metadata"]["uid"]
    admin("create", "configmap", "other-owner", "--namespace=shop")
    other = admin.get("configmap", "other-owner", "shop")["metadata"]["uid"]
    ours = {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "SecurityIntent",
        "name": "default",
        "uid": intent,
        "controller": True,
    }
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "name": "other-owner", "uid": other}
    admin.apply(
        [
            policy("bailiwick-isolation", [ours], half="isolation"),
            policy("shared", [theirs, ours], half="ingress"),
            policy("foreign", []),
        ]
    )

    def operator_runs() -> None:
        pods = admin.list("pods", HOME, "-l", "app.kubernetes.io/component=operator")
        assert [pod["status"]["phase"] for pod in pods] == ["Running"]

    eventually(operator_runs, timeout=30)
    return admin


def policy(name: str, owners: list[dict[str, Any]], half: str = "") -> dict[str, Any]:
    """A policy that denies all; one of ours where it has a half."""
    labels = {"app.kubernetes.io/managed-by": "bailiwick", "bailiwick.dev/half": half}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": labels if half else {},
            "ownerReferences": owners,
        },
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def uninstall(admin: Kubectl, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does; options decide how."""
    command = [sys.executable, "-m", "bailiwick.cli.main", "uninstall"]
    return subprocess.run(
        [*command, f"--kubeconfig={admin.identity.kubeconfig}", *options],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def specs(admin: Kubectl) -> dict[str, Any]:
    """Return what each policy of the shop says."""
    return {p["metadata"]["name"]: p["spec"] for p in admin.list("networkpolicies", "shop")}


def owners(admin: Kubectl, name: str) -> list[str]:
    """Return the kinds that own a policy of the shop."""
    metadata = admin.get("networkpolicy", name, "shop")["metadata"]
    return [owner["kind"] for owner in metadata.get("ownerReferences", [])]


def replicas(admin: Kubectl) -> int:
    """Return how many operators are asked for."""
    return int(admin.get("deployment", "bailiwick-operator", HOME)["spec"]["replicas"])


def kinds(admin: Kubectl) -> list[str]:
    """Return the names of our definitions."""
    return [
        crd["metadata"]["name"]
        for crd in admin.list("customresourcedefinitions")
        if crd["spec"]["group"] == "bailiwick.dev"
    ]


def test_every_namespace_stays_as_isolated_and_nothing_hangs(installed: Kubectl) -> None:
    before = specs(installed)
    done = uninstall(installed, "--yes")
    assert done.returncode == 0, done.stderr
    assert "2 policies set free" in done.stdout
    assert replicas(installed) == 0
    assert kinds(installed) == []
    time.sleep(COLLECTED_WITHIN)
    assert specs(installed) == before
    assert owners(installed, "bailiwick-isolation") == []
    assert owners(installed, "shared") == ["ConfigMap"]
    installed("delete", "namespace", HOME, "shop", "--timeout=30s")


def test_a_definition_deleted_by_hand_takes_the_policies_along(installed: Kubectl) -> None:
    """Why the command exists: this is what it prevents."""
    installed("delete", "customresourcedefinition", "securityintents.bailiwick.dev")

    def collected() -> None:
        assert "bailiwick-isolation" not in specs(installed)

    eventually(collected, timeout=30)


def test_it_can_be_repeated(installed: Kubectl) -> None:
    assert uninstall(installed, "--yes").returncode == 0
    again = uninstall(installed, "--yes")
    assert again.returncode == 0, again.stderr
    assert "1 of them belong to no intent already" not in again.stderr
    assert "find no definitions to delete" in again.stdout


def test_policies_are_removed_when_asked_and_foreign_ones_stay(installed: Kubectl) -> None:
    done = uninstall(installed, "--yes", "--remove-policies")
    assert done.returncode == 0, done.stderr
    assert specs(installed).keys() == {"foreign"}


def test_kept_definitions_keep_their_objects(installed: Kubectl) -> None:
    done = uninstall(installed, "--yes", "--keep-crds")
    assert done.returncode == 0, done.stderr
    assert installed.get("securityintent", "default", "shop")
    assert owners(installed, "bailiwick-isolation") == []


@pytest.mark.parametrize("options, code", [(["--dry-run"], 0), ([], 2)])
def test_nothing_happens_on_a_dry_run_or_without_consent(
    installed: Kubectl, options: list[str], code: int
) -> None:
    done = uninstall(installed, *options)
    assert done.returncode == code
    assert "keep 2 policies in 1 namespace in force" in done.stdout
    assert replicas(installed) == 1
    assert len(kinds(installed)) > 0
    assert owners(installed, "bailiwick-isolation") == ["SecurityIntent"]


def test_a_change_in_hand_is_not_frozen(installed: Kubectl) -> None:
    opened = '{"spec": {"ingress": [{}]}}'
    installed(
        "patch", "networkpolicy", "bailiwick-isolation", "-n=shop", "--type=merge", "-p", opened
    )
    done = uninstall(installed, "--yes")
    assert done.returncode == 1
    assert re.search(r"in the middle of a change in: shop\.", done.stderr)
    assert owners(installed, "bailiwick-isolation") == ["SecurityIntent"]
    assert len(kinds(installed)) > 0


def test_an_operator_elsewhere_is_found_by_its_lease(installed: Kubectl) -> None:
    renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    installed.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "bailiwick-operator", "namespace": HOME},
            "spec": {
                "holderIdentity": "a-laptop",
                "leaseDurationSeconds": 600,
                "renewTime": renewed,
            },
        }
    )
    done = uninstall(installed, "--yes", "--wait=2")
    assert done.returncode == 1
    assert "a-laptop still renews the Lease" in done.stderr
    assert owners(installed, "bailiwick-isolation") == ["SecurityIntent"]
