"""The operator at work under its installed rights: one process for each module of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.conftest import NamespaceFactory
from tests.cluster.engine.tenant import PROFILES, Tenant, absent_as_none
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess, install

ENFORCER = "the tests"
"""The cluster has no network: what enforces policies is told by a setting, as in the demo."""

TenantFactory = Callable[..., Tenant]
ProfileFactory = Callable[..., str]


@pytest.fixture(scope="session")
def installed(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with the operator's namespace, service account and roles."""
    install(control_plane)
    return control_plane


@pytest.fixture(scope="module")
def operator(installed: ControlPlane) -> Iterator[OperatorProcess]:
    """A running operator that knows an enforcer; no scanner, so images stay unscanned."""
    with OperatorProcess(installed, "--enforcer", ENFORCER) as running:
        yield running.wait_ready()


@pytest.fixture
def tenant(control_plane: ControlPlane, namespace: NamespaceFactory) -> TenantFactory:
    """Makes namespaces: tenant("shop", labels={…}, intent={…}), with or without an intent."""

    def make(
        prefix: str = "shop",
        labels: dict[str, str] | None = None,
        intent: dict[str, Any] | None = None,
        *,
        team: bool = False,
    ) -> Tenant:
        made = Tenant(control_plane.api, namespace(prefix, labels, team=team))
        if intent is not None:
            made.declare(intent)
        return made

    return make


_numbers = count(1)


@pytest.fixture
def profile(control_plane: ControlPlane) -> Iterator[ProfileFactory]:
    """Makes profiles with names of their own: profile("floor", network={…}); removed at the end."""
    made: list[str] = []

    def make(prefix: str = "profile", **spec: Any) -> str:
        name = f"{prefix}-{next(_numbers)}"
        control_plane.api.create(
            PROFILES,
            {
                "apiVersion": API_VERSION,
                "kind": "SecurityProfile",
                "metadata": {"name": name},
                "spec": spec,
            },
        )
        made.append(name)
        return name

    yield make
    for name in made:
        absent_as_none(partial(control_plane.api.delete, f"{PROFILES}/{name}"))
