"""One control plane for all tests of this directory, and the people who use it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.controlplane import binaries
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.operator_process import OperatorProcess

CRDS = Path(__file__).resolve().parents[2] / "crds"

# What has to be built, by the fixture that needs it.
NEEDED = {
    "control_plane": (binaries.CONTROL_PLANE, binaries.KWOK),
    "cilium": (binaries.CILIUM,),
    "demo": tuple(build for build in binaries.ALL if build is not binaries.CILIUM),
}

NamespaceFactory = Callable[..., str]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build before the first test, with progress to be seen and outside of any test's timeout."""
    names = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    needed = {build for name in names for build in NEEDED.get(name, ())}
    if needed and not session.config.option.collectonly:
        capture = session.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            binaries.ensure_all([build for build in binaries.ALL if build in needed])


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A whole Kubernetes with our kinds; tests keep apart by namespaces of their own."""
    with ControlPlane.start(crds=[CRDS]) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def admin(control_plane: ControlPlane) -> Kubectl:
    """Kubectl of who may do everything."""
    return Kubectl(control_plane.admin)


@pytest.fixture(scope="session")
def app_team(control_plane: ControlPlane) -> Kubectl:
    """Kubectl of a developer, who may edit where `namespace(team=True)` was asked for."""
    return Kubectl(control_plane.app_team)


@pytest.fixture(scope="session")
def auditor(control_plane: ControlPlane) -> Kubectl:
    """Kubectl of the auditor."""
    return Kubectl(control_plane.auditor)


_numbers = count(1)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[NamespaceFactory]:
    """Makes namespaces with names of their own: namespace("shop", labels={…}, team=True).

    They are deleted after the test, without waiting for it.
    """
    made: list[str] = []

    def make(
        prefix: str = "test", labels: dict[str, str] | None = None, *, team: bool = False
    ) -> str:
        name = f"{prefix}-{next(_numbers)}"
        metadata = {"name": name, "labels": labels or {}}
        control_plane.api.create("/api/v1/namespaces", {"metadata": metadata})
        made.append(name)
        if team:
            control_plane.let_app_team_edit(name)
        return name

    yield make
    for name in made:
        control_plane.delete_namespace(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the operator's log beside a failure."""
    report = yield
    running = getattr(item, "funcargs", {}).get("operator")
    if report.failed and isinstance(running, OperatorProcess):
        report.sections.append(("log of the operator", running.tail(40)))
    return report
