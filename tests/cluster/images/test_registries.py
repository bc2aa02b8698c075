"""The operator is nobody's deputy: it contacts listed registries, and never the machine itself."""

from __future__ import annotations

import pytest

from tests.cluster.images.conftest import OperatorFactory, ShopFactory, declare_profile
from tests.cluster.images.shop import (
    Shop,
    container,
    digest_in,
    push,
    scan_of,
    until_complete,
    until_scan,
)
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess
from tests.images.registry import Registry
from tests.images.scanner import Scanner

NO_SUCH = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def operator(start: OperatorFactory, scanner: Scanner) -> OperatorProcess:
    """As in a cluster: without the option that opens loopback."""
    return start(scanner, loopback=False)


def until_refused(team: Shop, reference: str, reason: str) -> str:
    """Wait until an image is told as refused, and return the words."""
    name, _, digest = reference.partition("@")
    problem = team.until_problem(name, reason)
    assert problem["verdict"] == "Failed"
    status = until_scan(team.api, digest, lambda s: s.get("phase") == "Failed")
    assert status["reason"] == reason
    assert "scannedAt" not in status
    assert team.condition("Compliant")["status"] != "True"
    message: str = problem["message"]
    return message


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:{port}",
        "localhost:{port}",
        "[::1]:{port}",
        "[::ffff:127.0.0.1]:{port}",
        "169.254.169.254",
        "metadata.google.internal",
        "[fd00:ec2::254]:80",
        "127.1:{port}",
    ],
)
def test_no_profile_lists_the_machine_itself_or_its_cloud(
    control_plane: ControlPlane,
    registry: Registry,
    scanner: Scanner,
    shop: ShopFactory,
    host: str,
) -> None:
    port = registry.host.partition(":")[2]
    where = host.format(port=port)
    declare_profile(control_plane, {"registries": ["*", f"{where}/*"]}, "open")
    _, _, digest = push(registry, "shop/refused").partition("@")
    heard = registry.log.read_text()
    team = shop(profile="open")
    team.run("web", container(f"{where}/shop/refused@{digest}"))
    until_refused(team, f"{where}/shop/refused@{digest}", "RegistryRefused")
    assert registry.log.read_text() == heard
    assert "shop/refused" not in scanner.log
    team.delete_intent()


@pytest.mark.usefixtures("operator")
def test_a_registry_that_the_profile_does_not_list_is_never_asked(
    control_plane: ControlPlane, shop: ShopFactory, scanner: Scanner
) -> None:
    declare_profile(control_plane, {"registries": ["registry.example.com/platform/*"]}, "listed")
    team = shop(profile="listed")
    reference = f"registry.example.com/shop/unlisted@{NO_SUCH}"
    team.run("web", container(reference))
    words = until_refused(team, reference, "RegistryNotListed")
    assert "it lists registry.example.com/platform/*" in words
    assert "ask the platform team to list this one" in words
    controls = {each["id"]: each for each in team.status()["controls"]}
    assert controls["image-registries"]["result"] == "fail"
    assert "shop/unlisted" not in scanner.log


@pytest.mark.usefixtures("operator")
def test_a_rescan_of_an_image_that_is_not_scanned_ends_in_words(
    control_plane: ControlPlane, shop: ShopFactory
) -> None:
    declare_profile(control_plane, {"registries": []}, "none")
    team = shop(profile="none")
    reference = f"registry.example.com/shop/unlisted@{NO_SUCH}"
    team.run("web", container(reference))
    until_refused(team, reference, "RegistryNotListed")
    path = team.rescan("all")
    done = until_complete(control_plane.api, path)
    assert [each["reason"] for each in done["failed"]] == ["RegistryNotListed"]
    assert "it lists none" in done["failed"][0]["message"]


def test_a_registry_is_asked_once_the_profile_lists_it(
    control_plane: ControlPlane,
    registry: Registry,
    scanner: Scanner,
    operator: OperatorProcess,
    start: OperatorFactory,
    shop: ShopFactory,
) -> None:
    operator.stop()
    start(scanner)
    declare_profile(control_plane, {"registries": ["registry.example.com"]}, "late")
    reference = push(registry, "shop/late")
    heard = registry.log.read_text()
    team = shop(profile="late")
    team.run("web", container(reference))
    until_refused(team, reference, "RegistryNotListed")
    assert registry.log.read_text() == heard
    declare_profile(control_plane, {"registries": [f"{registry.host}/shop/*"]}, "late")
    team.until_counts(clean=1)
    assert scan_of(control_plane.api, digest_in(reference)) is not None
