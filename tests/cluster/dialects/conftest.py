"""A control plane where Cilium's kinds and ClusterNetworkPolicy come and go."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.conftest import CRDS, NamespaceFactory
from tests.cluster.dialects.definitions import CILIUM_POLICIES, Definitions
from tests.cluster.engine.tenant import PROFILES, Tenant
from tests.controlplane import binaries
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.operator_process import OperatorProcess, install

Validator = Callable[[Mapping[str, Any]], str]
TenantFactory = Callable[..., Tenant]


@pytest.fixture(scope="package")
def cilium() -> Path:
    """The directory with Cilium's own validation, and with the definitions of the kinds."""
    return binaries.ensure(binaries.CILIUM)


@pytest.fixture(scope="package")
def sanitise(cilium: Path) -> Iterator[Validator]:
    """Says what Cilium finds wrong with a policy, empty where nothing is wrong."""
    program = subprocess.Popen(
        [cilium / binaries.CILIUM.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdin
    assert program.stdout

    def ask(policy: Mapping[str, Any]) -> str:
        assert program.stdin
        assert program.stdout
        program.stdin.write(json.dumps(policy) + "\n")
        program.stdin.flush()
        answer = program.stdout.readline()
        assert answer, "the validation ended"
        return answer.strip()

    yield ask
    program.stdin.close()
    program.stdout.close()
    program.wait(timeout=30)


@pytest.fixture(scope="package")
def control_plane() -> Iterator[ControlPlane]:
    """A Kubernetes with the operator's rights, in place of the one that all other tests share.

    Its default profile opens DNS, and lets intents name what they like.
    """
    with ControlPlane.start(crds=[CRDS]) as plane:
        install(plane)
        plane.api.create(PROFILES, profile("plain", default=True))
        yield plane


def profile(name: str, *, default: bool = False, **network: Any) -> dict[str, Any]:
    """A profile that isolates in both directions, and whose changes do not wait."""
    spec = {
        "default": default,
        "usableBy": {"namespaceSelector": {}},
        "network": {"allowances": [{"name": "dns", "entity": "DNS"}], **network},
        "rollout": {"pause": "1s"},
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "SecurityProfile",
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.fixture(scope="package")
def definitions(control_plane: ControlPlane, cilium: Path) -> Definitions:
    """Installs and removes the kinds."""
    return Definitions(control_plane, cilium)


@pytest.fixture
def served(definitions: Definitions) -> Definitions:
    """The same, where Cilium's kinds are installed when the test begins."""
    for name in CILIUM_POLICIES:
        definitions.install(name)
    return definitions


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Iterator[OperatorProcess]:
    """A running operator that was told that Cilium enforces."""
    with OperatorProcess(control_plane, "--enforcer", "Cilium") as running:
        yield running.wait_ready()


@pytest.fixture
def tenant(control_plane: ControlPlane, namespace: NamespaceFactory) -> TenantFactory:
    """Makes namespaces with an intent."""

    def make(
        prefix: str = "shop",
        labels: dict[str, str] | None = None,
        intent: dict[str, Any] | None = None,
    ) -> Tenant:
        made = Tenant(control_plane.api, namespace(prefix, labels))
        if intent is not None:
            made.declare(intent)
        return made

    return make
