"""Pull secrets: read where a namespace grants it, one entry for one registry, and not kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from tests.cluster.images.conftest import ShopFactory, declare_profile
from tests.cluster.images.shop import Shop, container, digest_in, until_scanned
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.operator_process import MANIFESTS
from tests.images.build import Image, layout_of
from tests.images.registry import HTPASSWD, TEAM, Registry, running_registry

pytestmark = pytest.mark.usefixtures("operator")

NAME = "pull-secret"


@pytest.fixture(scope="module")
def closed() -> Iterator[Registry]:
    """A registry that asks for credentials."""
    with running_registry(htpasswd=HTPASSWD) as running:
        yield running


@pytest.fixture(scope="module")
def profile(installed: ControlPlane, closed: Registry) -> str:
    return declare_profile(installed, {"registries": [f"{closed.host}/*"]}, "closed")


def push(closed: Registry, repository: str) -> str:
    image = Image(files={"/name": repository}, programs=("/app",), user="1000")
    digest = closed.push(layout_of(image), repository, credentials=TEAM)
    return f"{closed.host}/{repository}@{digest}"


def give_secret(team: Shop, registry: str, who: str = TEAM) -> None:
    """Make a pull secret as `kubectl create secret docker-registry` does."""
    auth = base64.b64encode(who.encode()).decode()
    config = json.dumps({"auths": {registry: {"auth": auth}}})
    body = {
        "metadata": {"name": NAME},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config},
    }
    team.api.create(f"{team.path}/secrets", body)


def grant(admin: Kubectl, team: Shop) -> None:
    """Let the operator read it, as the overlay says."""
    text = admin("kustomize", str(MANIFESTS / "overlays/pull-secrets"))
    admin("apply", f"--namespace={team.name}", "-f", "-", input=text)


def test_an_image_of_a_closed_registry_is_scanned_once_its_secret_is_granted(
    admin: Kubectl, closed: Registry, shop: ShopFactory
) -> None:
    image = push(closed, "closed/cart")
    team = shop()
    give_secret(team, closed.host)
    team.run("web", container(image), imagePullSecrets=[{"name": NAME}])
    problem = team.until_problem(image.partition("@")[0], "RegistryUnauthorized")
    assert f"may not read the pull secret {team.name}/{NAME}" in problem["message"]
    assert "manifests/overlays/pull-secrets" in problem["message"]
    grant(admin, team)
    team.rescan("now")
    team.until_counts(clean=1)
    scan = until_scanned(team.api, digest_in(image))
    assert TEAM not in json.dumps(scan)


@pytest.mark.parametrize(
    "registry, who, words",
    [
        ("registry.example.com", TEAM, "does not let the scanner pull"),
        (None, "team:wrong", "does not let the scanner pull"),
    ],
    ids=["for another registry", "a wrong password"],
)
def test_what_is_not_for_this_registry_or_not_right_is_told(
    admin: Kubectl,
    closed: Registry,
    shop: ShopFactory,
    registry: str | None,
    who: str,
    words: str,
) -> None:
    image = push(closed, "closed/wrong" if registry is None else "closed/other")
    team = shop()
    give_secret(team, registry or closed.host, who)
    grant(admin, team)
    team.run("web", container(image), imagePullSecrets=[{"name": NAME}])
    problem = team.until_problem(image.partition("@")[0], "RegistryUnauthorized")
    assert words in problem["message"]
    assert "may not read" not in problem["message"]


def test_a_secret_that_is_not_there_is_told(closed: Registry, shop: ShopFactory) -> None:
    image = push(closed, "closed/missing")
    team = shop()
    team.run("web", container(image), imagePullSecrets=[{"name": "typo"}])
    problem = team.until_problem(image.partition("@")[0], "RegistryUnauthorized")
    # Without the right to read it there is no telling whether it exists.
    assert f"may not read the pull secret {team.name}/typo" in problem["message"]
