"""Rescans: by instant, by request, by age, and because the scanner knows more than it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import absent_as_none
from tests.cluster.images.conftest import ShopFactory, declare_profile
from tests.cluster.images.shop import (
    WITHIN,
    Shop,
    conditions,
    container,
    until_complete,
    until_condition,
    until_gone,
    until_scan,
    until_scanned,
)
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, eventually
from tests.images.build import DEBIAN_12_VULNERABLE, Image, layout_of
from tests.images.database import ADVISORIES, GLIBC, TAR
from tests.images.registry import Registry
from tests.images.scanner import Scanner

pytestmark = pytest.mark.usefixtures("operator")

NO_SUCH = "sha256:" + "0" * 64


def small(number: int) -> Image:
    """An image that no other test has."""
    return Image(files={"/rescanned": str(number)}, programs=("/app",), user="1000")


@pytest.fixture
def scanned(registry: Registry, shop: ShopFactory, request: pytest.FixtureRequest) -> Scanned:
    """A namespace whose one image was scanned already."""
    number = abs(hash(request.node.name)) % 10_000
    return Scanned(registry, shop(), f"shop/rescan-{number}", small(number))


class Scanned:
    """An image in a namespace, scanned once."""

    def __init__(self, registry: Registry, team: Shop, repository: str, image: Image) -> None:
        self.team = team
        self.name = f"{registry.host}/{repository}"
        self.digest = registry.push(layout_of(image), repository)
        team.run("web", container(f"{self.name}@{self.digest}"))
        team.until_counts(clean=1)
        self.first = self.scanned_at()

    def scanned_at(self) -> datetime:
        return datetime.fromisoformat(until_scanned(self.team.api, self.digest)["scannedAt"])

    def until_later_than(self, instant: datetime, within: float = WITHIN) -> datetime:
        """Wait until it was scanned after an instant; results are told in whole seconds."""
        whole = instant.replace(microsecond=0)

        def scanned_since(status: Json) -> bool:
            return datetime.fromisoformat(status["scannedAt"]) > whole

        until_scan(self.team.api, self.digest, scanned_since, within)
        return self.scanned_at()


def now() -> datetime:
    return datetime.now(UTC)


def stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def rescan_of(team: Shop, reason: str) -> Json:
    """The rescan that the intent's status tells of, once it is done."""

    def done() -> Json:
        found: Json = team.status().get("rescan") or {}
        assert found.get("reason") == reason, found
        assert "completed" in found, found
        return found

    return eventually(done, WITHIN)


def test_an_instant_in_the_intent_makes_older_results_stale_and_renews_them(
    scanned: Scanned,
) -> None:
    team = scanned.team
    # The instant is in whole seconds, and the result must be older than it.
    wanted = scanned.first + timedelta(seconds=1)
    eventually(lambda: _assert_passed(wanted), 5)
    team.declare({**team.intent()["spec"], "images": {"scannedAfter": stamp(wanted)}})
    assert scanned.until_later_than(wanted - timedelta(seconds=1)) >= wanted
    told = rescan_of(team, "spec.images.scannedAfter")
    assert told["requested"] == stamp(wanted)
    assert told["completed"] >= told["requested"]
    team.until_counts(clean=1)


def _assert_passed(instant: datetime) -> None:
    assert now() > instant


def test_an_instant_in_the_future_counts_as_now_and_only_once(scanned: Scanned) -> None:
    team = scanned.team
    before = now()
    team.declare({**team.intent()["spec"], "images": {"scannedAfter": "2099-01-01T00:00:00Z"}})
    again = scanned.until_later_than(scanned.first)
    told = rescan_of(team, "spec.images.scannedAfter")
    assert stamp(before) <= told["requested"] <= stamp(now())
    team.until_counts(clean=1)
    # Something else happens in the namespace, and it is looked at again.
    team.label({"looked": "at"})
    team.run("other", container(f"{scanned.name}@{scanned.digest}"))
    team.until_counts(clean=1)
    assert scanned.scanned_at() == again


def test_a_request_has_everything_scanned_again_and_is_removed_after_a_time(
    scanned: Scanned, control_plane: ControlPlane
) -> None:
    team = scanned.team
    path = team.rescan("now", reason="a new advisory", ttlAfterFinished="3s")
    done = until_complete(control_plane.api, path)
    assert (done["total"], done["done"], done["failed"]) == (1, 1, [])
    assert conditions(done)["Ready"]["status"] == "True"
    assert done["requested"] <= done["completed"]
    assert scanned.scanned_at() >= datetime.fromisoformat(done["requested"])
    told = rescan_of(team, "a new advisory")
    assert told["requested"] == done["requested"]

    def removed() -> None:
        assert absent_as_none(lambda: control_plane.api.get(path)) is None

    eventually(removed, WITHIN)
    # What was done stays to be read after the request is gone.
    team.run("more", container(f"{scanned.name}@{scanned.digest}"))
    assert team.status()["rescan"] == told


def test_a_request_tells_how_far_it_is_in_columns(scanned: Scanned, admin: Kubectl) -> None:
    path = scanned.team.rescan("now", images=[scanned.name])
    until_complete(scanned.team.api, path)
    head, row = admin("get", "rescan", "now", "-n", scanned.team.name).splitlines()
    assert head.split()[:5] == ["NAME", "COMPLETE", "FAILED", "DONE", "TOTAL"]
    assert row.split()[:4] == ["now", "True", "1", "1"]


def test_a_request_for_one_image_leaves_the_others(scanned: Scanned, registry: Registry) -> None:
    team = scanned.team
    other = registry.push(layout_of(small(10_001)), "shop/other")
    team.run("other", container(f"{registry.host}/shop/other@{other}"))
    team.until_counts(clean=2)
    before = until_scanned(team.api, other)["scannedAt"]
    done = until_complete(team.api, team.rescan("one", images=[scanned.digest]))
    assert done["total"] == 1
    assert scanned.scanned_at() >= datetime.fromisoformat(done["requested"])
    assert until_scanned(team.api, other)["scannedAt"] == before


def test_an_image_that_does_not_run_here_is_told(scanned: Scanned) -> None:
    done = until_complete(scanned.team.api, scanned.team.rescan("typo", images=["shop/crat"]))
    assert done["failed"] == [
        {
            "image": "shop/crat",
            "reason": "NotRunning",
            "message": done["failed"][0]["message"],
        }
    ]
    assert "Name an image as a workload does" in done["failed"][0]["message"]
    assert conditions(done)["Failed"]["status"] == "True"


def test_an_image_that_cannot_be_scanned_fails_the_request_in_words(
    scanned: Scanned,
) -> None:
    team = scanned.team
    team.run("gone", container(f"{scanned.name}@{NO_SUCH}"))
    team.until_counts(clean=1, failed=1)
    done = until_complete(team.api, team.rescan("all"))
    assert (done["total"], done["done"]) == (2, 2)
    (failed,) = done["failed"]
    assert failed["reason"] == "ImageNotFound"
    assert "does not have" in failed["message"]
    team.stop("gone")
    until_gone(team.api, NO_SUCH)


@pytest.mark.parametrize(
    "spec, why",
    [(None, "has no SecurityIntent"), ({"profile": "nowhere"}, 'names "nowhere"')],
    ids=["no intent", "no profile"],
)
def test_a_request_where_nothing_is_scanned_says_why_and_goes_on_when_it_is(
    control_plane: ControlPlane,
    namespace: NamespaceFactory,
    profile: str,
    spec: Json | None,
    why: str,
) -> None:
    team = Shop(control_plane.api, namespace("shop"))
    if spec is not None:
        team.declare(spec)
    path = team.rescan("early")
    until_condition(control_plane.api, path, "Stalled", why)
    team.declare({"profile": profile})
    until_complete(control_plane.api, path)


def test_results_are_renewed_by_age(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory
) -> None:
    # As short as a team of an eager platform could have it; the operator's least interval holds.
    scan = {"maxAge": "1h", "rescanEvery": "5s"}
    terms = {"registries": [f"{registry.host}/*"], "scan": scan}
    declare_profile(control_plane, terms, "eager")
    team = shop(profile="eager")
    digest = registry.push(layout_of(small(10_002)), "shop/aging")
    team.run("web", container(f"{registry.host}/shop/aging@{digest}"))
    instants = {until_scanned(control_plane.api, digest)["scannedAt"]}
    for _ in range(2):
        found = until_scan(control_plane.api, digest, lambda s: s["scannedAt"] not in instants)
        instants.add(found["scannedAt"])
    first, second, third = sorted(map(datetime.fromisoformat, instants))
    assert second - first >= timedelta(seconds=4)
    assert third - second >= timedelta(seconds=4)
    team.delete_intent()


def test_a_newer_database_of_the_scanner_has_images_scanned_again(
    control_plane: ControlPlane, registry: Registry, shop: ShopFactory, scanner: Scanner
) -> None:
    scanner.import_advisories([TAR], now())
    digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), "shop/database")
    team = shop()
    team.run("web", container(f"{registry.host}/shop/database@{digest}"))
    found = until_scan(control_plane.api, digest, lambda s: s.get("phase") == "Scanned")
    assert [each["vulnerability"] for each in found["worst"]] == [TAR.id]
    scanner.import_advisories(ADVISORIES, now())
    renewed = until_scan(control_plane.api, digest, lambda s: s.get("high") == 2)
    assert GLIBC.id in [each["vulnerability"] for each in renewed["worst"]]
    assert renewed["scannedAt"] > found["scannedAt"]
