"""A real registry that tells the operator of pushes, and what Harbor sends of its scans."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.cluster.images.conftest import OperatorFactory, ShopFactory, declare_profile
from tests.cluster.images.shop import WITHIN, container, digest_in, push, until_scanned
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.images.build import Image, layout_of
from tests.images.registry import Registry, free_port, running_registry
from tests.images.scanner import Scanner
from tests.unit.scanners.test_notifications import DIGEST, harbor

TOKEN = "told-by-the-registry"


@pytest.fixture(scope="module")
def endpoint() -> str:
    return f"http://127.0.0.1:{free_port()}/v1/notifications"


@pytest.fixture(scope="module")
def registry(endpoint: str) -> Iterator[Registry]:
    """The registry of these tests, which tells of what happens in it."""
    with running_registry(notify=(endpoint, TOKEN)) as running:
        yield running


@pytest.fixture(scope="module")
def operator(
    start: OperatorFactory,
    scanner: Scanner,
    endpoint: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> OperatorProcess:
    token = tmp_path_factory.mktemp("webhook") / "token"
    token.write_text(f"{TOKEN}\n")
    port = endpoint.partition("127.0.0.1:")[2].partition("/")[0]
    return start(scanner, f"--webhook-port={port}", f"--webhook-token-file={token}")


@pytest.fixture(scope="module")
def profile(installed: ControlPlane, registry: Registry) -> str:
    return declare_profile(installed, {"registries": [f"{registry.host}/*"]}, "telling")


def send(endpoint: str, body: bytes, token: str = TOKEN) -> int:
    """Send what Harbor sends, and return the status of the answer."""
    request = urllib.request.Request(endpoint, body, {"Authorization": token})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_push_of_what_was_missing_is_told_by_the_registry_and_scanned_at_once(
    operator: OperatorProcess, registry: Registry, shop: ShopFactory
) -> None:
    image = Image(files={"/told": "once"}, programs=("/app",), user="1000")
    with running_registry() as elsewhere:
        digest = elsewhere.push(layout_of(image), "told/app")
    team = shop()
    name = f"{registry.host}/told/app"
    team.run("web", container(f"{name}@{digest}"))
    # The registry does not have it, so the next attempt would be in half an hour.
    team.until_problem(name, "ImageNotFound")
    assert registry.push(layout_of(image), "told/app") == digest
    team.until_counts(clean=1)
    assert operator.metric("bailiwick_registry_notifications_total", outcome="taken") > 0


@pytest.mark.usefixtures("operator")
def test_a_scan_that_harbor_completed_has_the_image_looked_at_again(
    registry: Registry, shop: ShopFactory, endpoint: str
) -> None:
    team = shop()
    reference = push(registry, "shop/cart")
    digest = digest_in(reference)
    team.run("web", container(reference))
    team.until_counts(clean=1)
    first = until_scanned(team.api, digest)["scannedAt"]

    def renewed() -> None:
        assert until_scanned(team.api, digest)["scannedAt"] > first

    assert send(endpoint, harbor("SCANNING_COMPLETED", digest=digest)) == 202
    eventually(renewed, WITHIN)


def test_who_does_not_show_the_token_is_refused(operator: OperatorProcess, endpoint: str) -> None:
    body = harbor("SCANNING_COMPLETED", digest=DIGEST)
    assert send(endpoint, body, "Bearer guessed") == 401
    assert operator.metric("bailiwick_registry_notifications_total", outcome="unauthorized") == 1
