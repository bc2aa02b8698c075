"""`kubectl bailiwick rescan`: what a team asks for with its own rights, and sees the end of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.images.conftest import ShopFactory
from tests.cluster.images.shop import Shop, container, push
from tests.controlplane import binaries
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import Identity
from tests.controlplane.kubectl import eventually
from tests.images.registry import Registry

pytestmark = pytest.mark.usefixtures("operator")

NO_SUCH = "sha256:" + "0" * 64
WITHIN = 120.0


def plugin(who: Identity, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the plugin by kubectl, as it finds it beside this Python."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [str(binaries.program("kubectl")), "bailiwick", "rescan", *arguments],
        env={**os.environ, "PATH": path, "KUBECONFIG": str(who.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


@pytest.fixture
def team(control_plane: ControlPlane, registry: Registry, shop: ShopFactory) -> Shop:
    """A namespace whose one image was scanned, and an app team with rights in it."""
    made = shop()
    control_plane.let_app_team_edit(made.name)
    made.run("web", container(push(registry, f"{made.name}/app")))
    made.until_counts(clean=1)
    return made


def test_a_team_has_its_images_scanned_and_waits_for_the_end(
    team: Shop, control_plane: ControlPlane
) -> None:
    before = team.images()
    done = plugin(control_plane.app_team, "-n", team.name, "--wait", "--reason", "a new advisory")
    assert done.returncode == 0, done.stderr
    assert f"created in {team.name}" in done.stdout
    assert "1 of 1 image done." in done.stderr

    def told() -> None:
        rescan = team.status()["rescan"]
        assert rescan["reason"] == "a new advisory"
        assert (rescan["total"], rescan["done"], rescan["failed"]) == (1, 1, [])

    eventually(told, WITHIN)
    assert team.images()["digests"] == before["digests"]


def test_what_cannot_be_scanned_is_said_and_is_the_exit_code(
    team: Shop, control_plane: ControlPlane, registry: Registry
) -> None:
    gone = f"{registry.host}/{team.name}/gone"
    team.run("gone", container(f"{gone}@{NO_SUCH}"))
    team.until_counts(clean=1, failed=1)
    done = plugin(control_plane.app_team, "-n", team.name, "--wait", "--digest", NO_SUCH)
    assert done.returncode == 1, done.stderr
    assert gone in done.stdout
    assert "does not have" in done.stdout


def test_without_wait_it_only_asks(team: Shop, control_plane: ControlPlane) -> None:
    done = plugin(control_plane.app_team, "-n", team.name, "--image", "nothing/like-it")
    assert (done.returncode, done.stderr) == (0, "")


def test_who_may_not_ask_in_a_namespace_is_told_by_the_api_server(
    control_plane: ControlPlane,
) -> None:
    done = plugin(control_plane.app_team, "-n", "kube-system")
    assert done.returncode == 2
    assert "forbidden" in done.stderr
