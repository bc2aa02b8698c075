"""Which images are scanned: those of every container, by digest, once, whoever runs them."""

from __future__ import annotations

import pytest

from tests.cluster.images.conftest import ShopFactory
from tests.cluster.images.shop import (
    SCANS,
    container,
    digest_in,
    push,
    scan_of,
    scan_path,
    until_gone,
    until_scan,
    until_scanned,
)
from tests.controlplane.api import STRATEGIC
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.images.build import (
    DEBIAN_12_FAT,
    DEBIAN_12_VULNERABLE,
    Image,
    layout_of,
)
from tests.images.registry import Registry

pytestmark = pytest.mark.usefixtures("operator")

NO_SUCH = "sha256:" + "0" * 64


def test_a_vulnerable_image_is_scanned_and_told_to_its_team(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    vulnerable = push(registry, "shop/cart", DEBIAN_12_VULNERABLE)
    team = shop(
        images={"remediateWithin": {"knownExploited": "0d", "critical": "1d", "high": "30d"}}
    )
    team.run("cart", container(vulnerable))
    team.until_counts(violating=1)
    status = until_scanned(control_plane.api, digest_in(vulnerable))
    assert status["counts"]["high"] == {"total": 2, "fixable": 2}
    assert status["counts"]["negligible"] == {"total": 1, "fixable": 0}
    assert (status["critical"], status["high"]) == (0, 2)
    assert status["scanner"]["name"] == "Bailiwick scanner"
    assert status["scanner"]["databaseBuilt"]
    assert status["hygiene"]["shells"] == ["/bin/bash", "/bin/sh"]
    assert status["worst"][0]["vulnerability"] == "CVE-2023-4911"
    images = team.images()
    assert images["digests"] == 1
    worst = images["worst"][0]
    assert (worst["vulnerability"], worst["overdue"]) == ("CVE-2023-4911", True)
    assert worst["fixedVersion"] == "2.36-9+deb12u3"
    assert worst["dueBy"] == worst["firstSeen"]
    assert team.status()["overdue"] == 1
    compliant = team.condition("Compliant")
    assert compliant["status"] == "False"
    assert team.condition("EvidenceFresh")["status"] == "True"
    controls = {each["id"]: each for each in team.status()["controls"]}
    assert controls["images-vulnerabilities"]["result"] == "fail"
    assert controls["images-scanned"]["result"] == "pass"
    assert "Bailiwick scanner" in controls["images-scanned"]["evidence"]


def test_every_container_counts(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    main, init, sidecar, debug, data = (
        push(registry, f"shop/{name}") for name in ("main", "init", "sidecar", "debug", "data")
    )
    team = shop()
    team.run(
        "all",
        container(main),
        initContainers=[
            container(init, "init"),
            container(sidecar, "sidecar", restartPolicy="Always"),
        ],
        volumes=[{"name": "data", "image": {"reference": data}}],
    )
    team.until_counts(clean=4)
    # As `kubectl debug` does it.
    added = {"spec": {"ephemeralContainers": [container(debug, "debug")]}}
    control_plane.api.patch(f"{team.path}/pods/all/ephemeralcontainers", added, STRATEGIC)
    team.until_counts(clean=5)
    for image in (main, init, sidecar, debug, data):
        assert scan_of(control_plane.api, digest_in(image)) is not None


def test_one_digest_in_two_namespaces_is_scanned_once(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/shared")
    first, second = shop("first"), shop("second")
    first.run("web", container(image))
    first.until_counts(clean=1)
    before = until_scanned(control_plane.api, digest_in(image))["scannedAt"]
    second.run("web", container(image))
    second.until_counts(clean=1)
    assert until_scanned(control_plane.api, digest_in(image))["scannedAt"] == before
    named = [
        s for s in control_plane.api.get(SCANS)["items"] if s["spec"]["repository"] == "shop/shared"
    ]
    assert [scan["spec"]["digest"] for scan in named] == [digest_in(image)]


def test_an_index_is_an_alias_of_the_manifest_that_runs(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    manifests = {
        f"linux/{architecture}": registry.push(
            layout_of(Image(programs=("/app",), user="1000", architecture=architecture)),
            "shop/multi",
            architecture,
        )
        for architecture in ("amd64", "arm64")
    }
    index = registry.push_index("shop/multi", "latest", manifests)
    team = shop()
    # containerd reports the index for what was pulled by a tag.
    by_tag = f"{registry.host}/shop/multi:latest"
    team.run(
        "by-index", container(by_tag), image_ids={"app": f"{registry.host}/shop/multi@{index}"}
    )
    team.until_counts(clean=1)
    runs = manifests["linux/amd64"]
    status = until_scan(control_plane.api, runs, lambda s: s.get("aliases") == [index])
    assert status["phase"] == "Scanned"
    scan = scan_of(control_plane.api, runs)
    assert scan is not None
    assert scan["spec"]["platform"] == "linux/amd64"
    until_gone(control_plane.api, index)
    # Whoever runs the manifest itself runs the same image.
    team.run("by-manifest", container(f"{registry.host}/shop/multi@{runs}"))
    team.until_counts(clean=1)
    assert team.images()["digests"] == 1
    assert until_scanned(control_plane.api, runs)["scannedAt"] == status["scannedAt"]
    assert scan_of(control_plane.api, manifests["linux/arm64"]) is None


@pytest.mark.parametrize(
    "spelling",
    [
        "{name}@{digest}",
        "{name}:1.0@{digest}",
        "docker-pullable://{name}@{digest}",
    ],
)
def test_a_runtime_s_spelling_of_a_digest_is_understood(
    registry: Registry, shop: ShopFactory, spelling: str
) -> None:
    image = push(registry, "shop/spelled")
    name, _, digest = image.partition("@")
    team = shop()
    reported = spelling.format(name=name, digest=digest)
    team.run("web", container(f"{name}:1.0"), image_ids={"app": reported})
    team.until_counts(clean=1)


@pytest.mark.parametrize(
    "reported, reason, words",
    [
        ("", "DigestNotReported", "its container has not started"),
        ("sha256:" + "1" * 64, "ManifestNotReported", "Pull it from a registry"),
        ("docker://sha256:" + "1" * 64, "ManifestNotReported", "Pull it from a registry"),
        ("1" * 64, "ManifestNotReported", "Pull it from a registry"),
        ("something else", "ImageIDNotUnderstood", "names no digest"),
    ],
)
def test_an_image_without_a_manifest_s_digest_is_not_scanned_and_never_clean(
    registry: Registry, shop: ShopFactory, reported: str, reason: str, words: str
) -> None:
    team = shop()
    name = f"{registry.host}/shop/unknown"
    team.run("web", container(f"{name}:1.0"), image_ids={"app": reported})
    problem = team.until_problem(name, reason)
    assert words in problem["message"]
    assert team.counts() == {"unscanned": 1}
    assert team.condition("Compliant")["status"] != "True"


def test_an_image_pinned_by_digest_is_that_digest_whatever_the_node_calls_it(
    registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/pinned")
    team = shop()
    team.run("web", container(image), image_ids={"app": "sha256:" + "1" * 64})
    team.until_counts(clean=1)


def test_an_image_volume_without_a_digest_is_an_error(
    registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/main")
    name = f"{registry.host}/shop/data"
    team = shop()
    team.run("web", container(image), volumes=[{"name": "d", "image": {"reference": f"{name}:1"}}])
    team.until_counts(clean=1, unscanned=1)
    team.until_problem(name, "ImageVolumeNotPinned")
    scanned = next(c for c in team.status()["controls"] if c["id"] == "images-scanned")
    assert scanned["result"] == "error"


def test_what_nobody_runs_any_more_is_removed_after_the_grace_time(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/short-lived")
    team = shop()
    team.run("web", container(image))
    team.until_counts(clean=1)
    team.stop("web")

    def gone() -> None:
        assert team.images()["digests"] == 0

    eventually(gone, 60)
    until_gone(control_plane.api, digest_in(image))
    evidence = (
        "/api/v1/namespaces/bailiwick-system/configmaps?labelSelector=bailiwick.dev/evidence=report"
    )
    subjects = {each["data"]["subject"] for each in control_plane.api.get(evidence)["items"]}
    assert digest_in(image) not in subjects


def test_an_image_scan_that_was_deleted_comes_back_as_it_was(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/deleted")
    digest = digest_in(image)
    team = shop()
    team.run("web", container(image))
    team.until_counts(clean=1)
    before = until_scanned(control_plane.api, digest)
    control_plane.api.delete(scan_path(digest))
    after = until_scanned(control_plane.api, digest)
    for field in ("scannedAt", "counts", "hygiene", "scanner"):
        assert after[field] == before[field]


def test_an_image_scan_that_somebody_made_is_removed_after_the_grace_time(
    control_plane: ControlPlane,
) -> None:
    body = {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "ImageScan",
        "metadata": {"name": NO_SUCH.replace(":", "-")},
        "spec": {"digest": NO_SUCH, "registry": "registry.example.com", "repository": "a"},
    }
    control_plane.api.create(SCANS, body)
    until_gone(control_plane.api, NO_SUCH)


def test_a_status_that_somebody_wrote_is_put_right(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/forged", DEBIAN_12_FAT)
    digest = digest_in(image)
    team = shop()
    team.run("web", container(image))
    team.until_counts(clean=1)
    true = until_scanned(control_plane.api, digest)
    assert true["critical"] == 1
    control_plane.api.patch(f"{scan_path(digest)}/status", {"status": {"critical": 0}})
    until_scan(control_plane.api, digest, lambda status: status["critical"] == 1)
