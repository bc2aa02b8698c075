"""The operator at work with a real scanner and a real registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.conftest import NamespaceFactory
from tests.cluster.images.shop import PROFILE, Shop
from tests.controlplane import binaries
from tests.controlplane.api import APPLY
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess, install
from tests.images.registry import Registry, running_registry
from tests.images.scanner import Scanner, running_scanner

ShopFactory = Callable[..., Shop]
OperatorFactory = Callable[..., OperatorProcess]


class Asked(Protocol):
    """What an operator has to know of a scanner."""

    url: str
    client_token_file: Path


_QUICK = (
    "--rescan-interval=1s",
    "--scanner-poll=1s",
    "--image-grace=3s",
    "--resync=5s",
)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build before the first test, with progress to be seen and outside of any test's timeout."""
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if "scanner" in names and not session.config.option.collectonly:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            binaries.ensure_all([binaries.SYFT, binaries.GRYPE])


@pytest.fixture(scope="session")
def installed(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with the operator's namespace, service account and roles."""
    install(control_plane)
    return control_plane


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    with running_registry() as running:
        yield running


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    with running_scanner() as running:
        yield running


@pytest.fixture(scope="module")
def start(installed: ControlPlane) -> Iterator[OperatorFactory]:
    """Starts operators that are in a hurry: start(scanner, "--image-grace=1h").

    Without a scanner, the options say where scans come from.
    """

    with ExitStack() as stack:

        def launch(scanner: Asked | None, *options: str, loopback: bool = True) -> OperatorProcess:
            told: list[str] = []
            if scanner is not None:
                token = str(scanner.client_token_file)
                told += ["--scanner-url", scanner.url, "--scanner-token-file", token]
            told += ["--allow-loopback-registries"] if loopback else []
            process = OperatorProcess(installed, "--enforcer=tests", *_QUICK, *told, *options)
            return stack.enter_context(process).wait_ready()

        yield launch


@pytest.fixture(scope="module")
def operator(start: OperatorFactory, scanner: Scanner) -> OperatorProcess:
    """One for the tests of a module."""
    return start(scanner)


@pytest.fixture(scope="module")
def profile(installed: ControlPlane, registry: Registry) -> str:
    """A profile that lists the registry and asks for scans, each module's own."""
    return declare_profile(installed, {"registries": [f"{registry.host}/*"]})


def declare_profile(
    cluster: ControlPlane, images: dict[str, Any], name: str = PROFILE, **spec: Any
) -> str:
    """Apply a profile with these terms for images; returns its name."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "SecurityProfile",
        "metadata": {"name": name},
        "spec": {"enforcement": {"minimum": "Audit"}, "images": images, **spec},
    }
    path = f"/apis/{API_VERSION}/securityprofiles/{name}"
    cluster.api.patch(f"{path}?fieldManager=tests&force=true", body, APPLY)
    return name


@pytest.fixture
def shop(control_plane: ControlPlane, namespace: NamespaceFactory, profile: str) -> ShopFactory:
    """Makes namespaces with an intent of that profile: shop(images={"scannedAfter": …})."""

    def make(name: str = "shop", **spec: Any) -> Shop:
        made = Shop(control_plane.api, namespace(name))
        made.declare({"profile": profile, **spec})
        return made

    return make
