"""What the status says while the scanner, a registry, the operator or evidence is gone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bailiwick.evidence.layout import LABEL, name
from bailiwick.evidence.shelf import Key, Kind
from tests.cluster.images.conftest import OperatorFactory, ShopFactory
from tests.cluster.images.shop import (
    Shop,
    container,
    digest_in,
    push,
    scan_of,
    until_complete,
    until_condition,
    until_scan,
    until_scanned,
)
from tests.controlplane.api import Api, Json
from tests.controlplane.cluster import OPERATOR
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.images.build import DEBIAN_12_VULNERABLE
from tests.images.registry import Registry
from tests.images.scanner import Scanner

CONFIG_MAPS = f"/api/v1/namespaces/{OPERATOR[0]}/configmaps"


@pytest.fixture(scope="module")
def operator(start: OperatorFactory, scanner: Scanner) -> OperatorProcess:
    # Nothing is removed while a test has its scanner or operator stopped.
    return start(scanner, "--image-grace=1h")


@contextmanager
def down(what: Scanner | Registry | OperatorProcess) -> Iterator[None]:
    """Stop a process for the length of a block."""
    what.stop()
    try:
        yield
    finally:
        if isinstance(what, OperatorProcess):
            what.start_again()
            what.wait_ready()
        else:
            what.start()


@pytest.mark.usefixtures("operator")
def test_while_the_scanner_is_down_results_are_kept_and_what_is_missing_is_told(
    scanner: Scanner, registry: Registry, shop: ShopFactory
) -> None:
    old = push(registry, "shop/old", DEBIAN_12_VULNERABLE)
    team = shop()
    team.run("old", container(old))
    team.until_counts(clean=1)
    before = until_scanned(team.api, digest_in(old))
    new = push(registry, "shop/new")
    with down(scanner):
        team.run("new", container(new))
        team.until_counts(clean=1, failed=1)
        problem = team.until_problem(new.partition("@")[0], "ScannerUnreachable")
        assert scanner.url in problem["message"]
        assert "Check that it runs" in problem["message"]
        assert team.condition("EvidenceFresh")["reason"] == "ScanFailed"
        assert team.condition("Compliant")["status"] == "False"
        # A rescan that somebody asks for waits, and the old result stays to be read.
        path = team.rescan("meanwhile", images=[digest_in(old)])
        until_condition(team.api, path, "Complete", f"{old} waits: The scanner at")
        status = until_scan(team.api, digest_in(old), lambda s: s.get("phase") == "Failed")
        for field in ("scannedAt", "counts", "worst"):
            assert status[field] == before[field]
        assert "kept" in status["conditions"][0]["message"]
    team.until_counts(clean=2)
    until_complete(team.api, path)
    assert "reason" not in until_scanned(team.api, digest_in(old))


@pytest.mark.usefixtures("operator")
def test_a_scanner_that_wants_another_token_is_told_until_both_have_the_same(
    scanner: Scanner, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/token")
    team = shop()
    scanner.token_file.write_text("a new one\n")
    team.run("web", container(image))
    problem = team.until_problem(image.partition("@")[0], "ScannerUnauthorized")
    assert "Give operator and scanner the same token" in problem["message"]
    scanner.client_token_file.write_text("a new one\n")
    team.until_counts(clean=1)


@pytest.mark.usefixtures("operator")
def test_while_a_registry_is_down_its_images_are_told_as_not_scanned(
    registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/offline")
    team = shop()
    with down(registry):
        team.run("web", container(image))
        problem = team.until_problem(image.partition("@")[0], "RegistryUnreachable")
        assert registry.host in problem["message"]
        status = until_scan(team.api, digest_in(image), lambda s: s.get("phase") == "Failed")
        assert status["nextScanAt"]
        assert status["attempts"] == 1
    # It is tried again by itself, some seconds after it failed.
    team.until_counts(clean=1)


@pytest.mark.usefixtures("operator")
def test_an_image_that_is_deleted_while_it_runs_keeps_its_last_result(
    scanner: Scanner, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/deleted", DEBIAN_12_VULNERABLE)
    team = shop()
    team.run("web", container(image))
    team.until_counts(clean=1)
    before = until_scanned(team.api, digest_in(image))
    registry.delete("shop/deleted", digest_in(image))
    with down(scanner):
        pass  # what it keeps of images that it read is gone with it
    done = until_complete(team.api, team.rescan("again"))
    assert [each["reason"] for each in done["failed"]] == ["ImageNotFound"]
    after = until_scan(team.api, digest_in(image), lambda s: s.get("phase") == "Failed")
    assert "does not have" in after["message"]
    for kept in ("scannedAt", "counts", "worst"):
        assert after[kept] == before[kept]
    # That a rescan failed takes nothing away before the result is too old.
    assert team.images()["worst"]
    team.until_counts(clean=1)


def test_a_restarted_operator_has_its_evidence_and_scans_nothing_again(
    operator: OperatorProcess, scanner: Scanner, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/restart", DEBIAN_12_VULNERABLE)
    team = shop(images={"scannedAfter": "2099-01-01T00:00:00Z"})
    team.run("web", container(image))
    team.until_counts(clean=1)
    before = settled(team)
    scan = scan_of(team.api, digest_in(image))
    assert scan is not None
    operator.kill()
    scanned = scanner.log.count("shop/restart")
    operator.start_again()
    operator.wait_ready()
    # It has looked at this namespace when it has done something new there.
    team.run("other", container(push(registry, "shop/other")))
    team.until_counts(clean=2)
    after = team.status()
    assert after["images"]["worst"] == before["images"]["worst"]
    assert after["history"] == before["history"], "no verdict in between"
    assert after["rescan"] == before["rescan"]
    assert scanner.log.count("shop/restart") == scanned
    again = scan_of(team.api, digest_in(image))
    assert again is not None
    assert again["status"]["scannedAt"] == scan["status"]["scannedAt"]


def settled(team: Shop) -> Json:
    """The status once its rescan is done."""

    def check() -> Json:
        status = team.status()
        assert status.get("rescan", {}).get("completed"), status.get("rescan")
        return status

    return eventually(check, 60)


# Evidence that is gone or damaged is an error and never a pass, until a scan made it anew


@pytest.mark.parametrize(
    "damage, when",
    [
        ("deleted", "while it runs"),
        ("changed", "while it runs"),
        ("deleted", "while it is stopped"),
        ("not compressed", "while it is stopped"),
        ("of another image", "while it is stopped"),
    ],
)
def test_evidence_that_is_gone_or_damaged_is_an_error_until_it_is_made_anew(
    operator: OperatorProcess,
    scanner: Scanner,
    registry: Registry,
    shop: ShopFactory,
    damage: str,
    when: str,
) -> None:
    repository = f"shop/{damage}-{when}".replace(" ", "-")
    image = push(registry, repository)
    team = shop()
    team.run("web", container(image))
    team.until_counts(clean=1)
    first = until_scanned(team.api, digest_in(image))
    with down(scanner):
        if when == "while it runs":
            break_evidence(team.api, digest_in(image), damage)
        else:
            with down(operator):
                break_evidence(team.api, digest_in(image), damage)
        problem = team.until_problem(image.partition("@")[0], "EvidenceMissing")
        assert "ConfigMap" in problem["message"] or "no longer" in problem["message"]
        assert "rescan makes them anew" in problem["message"]
        assert team.counts() == {"unscanned": 1}
        fresh = team.condition("EvidenceFresh")
        assert (fresh["status"], fresh["reason"]) == ("Unknown", "EvidenceMissing")
        assert team.condition("Compliant")["status"] != "True"
        controls = {each["id"]: each["result"] for each in team.status()["controls"]}
        assert controls["images-scanned"] == "error"
    team.until_counts(clean=1)
    again = until_scan(
        team.api, digest_in(image), lambda s: s.get("scannedAt", "") > first["scannedAt"]
    )
    assert again["counts"] == first["counts"]


def test_since_when_findings_are_known_is_not_begun_anew_when_it_cannot_be_read(
    operator: OperatorProcess, registry: Registry, shop: ShopFactory
) -> None:
    image = push(registry, "shop/first-seen", DEBIAN_12_VULNERABLE)
    team = shop(images={"remediateWithin": {"high": "1d"}})
    team.run("web", container(image))
    team.until_counts(clean=1)
    due = team.images()["worst"][0]["dueBy"]
    name = image.partition("@")[0]
    (seen,) = [
        each
        for each in team.api.get(f"{CONFIG_MAPS}?labelSelector={LABEL}={Kind.SEEN}")["items"]
        if each["data"]["subject"] == name
    ]
    path = f"{CONFIG_MAPS}/{seen['metadata']['name']}"
    team.api.patch(path, {"data": {"sha256": "0" * 64}})
    problem = team.until_problem(name, "EvidenceMissing")
    assert "Restore it from a backup, or delete it" in problem["message"]
    assert team.condition("Compliant")["status"] != "True"
    team.api.patch(path, {"data": {"sha256": seen["data"]["sha256"]}})
    with down(operator):
        pass
    team.until_counts(clean=1)
    assert team.images()["worst"][0]["dueBy"] == due


def break_evidence(api: Api, digest: str, damage: str) -> None:
    """Do something to the report of a digest that its checksum or its absence shows."""
    path = f"{CONFIG_MAPS}/{name(Key(Kind.REPORT, digest))}"
    garbage = base64.b64encode(b"garbage").decode()
    if damage == "deleted":
        api.delete(path)
    elif damage == "changed":
        api.patch(path, {"data": {"sha256": "0" * 64}})
    elif damage == "not compressed":
        api.patch(path, {"binaryData": {"content": garbage}})
    else:
        found = api.get(f"{CONFIG_MAPS}?labelSelector={LABEL}={Kind.REPORT}")["items"]
        other = next(each for each in found if each["data"]["subject"] != digest)
        api.patch(path, {"data": other["data"], "binaryData": other["binaryData"]})
