"""A tag that leads to another image than the one that runs, told by a real registry."""

from __future__ import annotations

import pytest

from tests.cluster.images.conftest import ShopFactory, declare_profile
from tests.cluster.images.shop import WITHIN, Shop, container
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.images.build import Image, layout_of
from tests.images.registry import Registry

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture(scope="module")
def profile(installed: ControlPlane, registry: Registry) -> str:
    """A profile that asks what tags lead to, as often as an eager platform could have it."""
    scan = {"maxAge": "1h", "rescanEvery": "5s"}
    images = {"registries": [f"{registry.host}/*"], "scan": scan, "pinned": "Off"}
    controls = {"image-current": "Fail", "image-newest": "Warn"}
    return declare_profile(installed, images, "current", controls=controls)


def until_control(team: Shop, control: str, result: str, words: str = "") -> None:
    """Wait until a control of the status has a result, with these words."""

    def told() -> None:
        controls = team.status().get("controls") or ()
        found = [c for c in controls if c["id"] == control]
        assert [(c["result"], words in c["message"]) for c in found] == [(result, True)], found

    eventually(told, WITHIN)


def build(number: int) -> Image:
    return Image(files={"/current": str(number)}, programs=("/app",), user="1000")


def test_an_outdated_digest_and_a_newer_version_are_told_and_passed_once_rolled_out(
    registry: Registry, shop: ShopFactory
) -> None:
    team, name = shop(), f"{registry.host}/current/app"
    first = registry.push(layout_of(build(1)), "current/app", "1.0.0")
    team.run("web", container(f"{name}:1.0.0"), image_ids={"app": f"{name}@{first}"})
    until_control(team, "image-current", "pass")
    until_control(team, "image-newest", "pass")
    second = registry.push(layout_of(build(2)), "current/app", "1.0.0")
    until_control(team, "image-current", "fail", f"{name}:1.0.0 leads to {second[:19]}")
    team.stop("web")
    team.run("web-2", container(f"{name}:1.0.0"), image_ids={"app": f"{name}@{second}"})
    until_control(team, "image-current", "pass")
    registry.push(layout_of(build(3)), "current/app", "1.1.0")
    until_control(team, "image-newest", "warn", "now 1.1.0")
    team.delete_intent()


def test_a_registry_that_cannot_be_asked_is_an_error_and_no_pass(
    shop: ShopFactory, registry: Registry
) -> None:
    team, name = shop(), f"{registry.host}/current/never"
    team.run("web", container(f"{name}:1.0.0"), image_ids={"app": f"{name}@sha256:{'0' * 64}"})
    until_control(team, "image-newest", "error", "does not have")
    until_control(team, "image-current", "error")
    team.delete_intent()
