"""The steady state of images: where nothing changes, nothing is written and nothing is scanned."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bailiwick.api.meta import API_VERSION
from tests.cluster.conftest import NamespaceFactory
from tests.cluster.images.conftest import OperatorFactory, ShopFactory
from tests.cluster.images.shop import (
    Shop,
    container,
    until_complete,
    until_condition,
    until_scan,
)
from tests.controlplane.audit import Write
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.images.build import DEBIAN_12_VULNERABLE, Image, layout_of
from tests.images.registry import Registry
from tests.images.scanner import Scanner

QUIET = 8.0  # seconds
NO_SUCH = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def operator(start: OperatorFactory, scanner: Scanner) -> OperatorProcess:
    """It reads everything anew, and asks the scanner, each second: that too must write nothing."""
    return start(scanner, "--resync=1s", "--image-grace=1h")


def writes(cluster: ControlPlane, since: datetime) -> list[Write]:
    """What the operator has written, but for the Lease."""
    found = cluster.audit_writes(since, user=cluster.operator().name)
    return [each for each in found if each.resource != "leases"]


EXCEPTIONS: dict[str, dict[str, Any]] = {
    "waiting": {},
    "too-long": {"expiresAt": "2099-01-01T00:00:00Z"},
    "not-understood": {"packages": [{"name": "a", "versions": "vers:deb/<<1"}]},
    "expired": {"expiresAt": "2026-01-01T00:00:00Z"},
}


def except_in(team: Shop, name: str, **fields: Any) -> None:
    """Make an exception that nobody approves."""
    spec = {
        "vulnerabilities": ["CVE-2023-5363"],
        "status": "affected",
        "actionStatement": "it is updated next week",
        "reason": "to be seen in a quiet cluster",
        "author": "admin",
        "expiresAt": (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **fields,
    }
    path = f"/apis/{API_VERSION}/namespaces/{team.name}/vulnerabilityexceptions"
    kind = {"apiVersion": API_VERSION, "kind": "VulnerabilityException"}
    team.api.create(path, {**kind, "metadata": {"name": name}, "spec": spec})


@pytest.mark.usefixtures("operator")
def test_nothing_is_written_or_scanned_where_nothing_changes(
    control_plane: ControlPlane,
    registry: Registry,
    scanner: Scanner,
    shop: ShopFactory,
    namespace: NamespaceFactory,
) -> None:
    small = Image(files={"/quiet": ""}, programs=("/app",), user="1000")
    cart = (
        f"{registry.host}/quiet/cart@{registry.push(layout_of(DEBIAN_12_VULNERABLE), 'quiet/cart')}"
    )
    manifest = registry.push(layout_of(small), "quiet/multi", "amd64")
    index = registry.push_index("quiet/multi", "latest", {"linux/amd64": manifest})

    late = shop(images={"remediateWithin": {"high": "0d"}, "scannedAfter": "2099-01-01T00:00:00Z"})
    late.run("cart", container(cart))
    late.until_counts(violating=1)
    several = shop()
    several.run("multi", container(f"{registry.host}/quiet/multi@{index}"))
    several.run("untold", container(f"{registry.host}/quiet/untold:1"))
    several.run("unlisted", container(f"registry.example.com/quiet/unlisted@{NO_SUCH}"))
    several.run("missing", container(f"{registry.host}/quiet/missing@sha256:{'1' * 64}"))
    several.until_counts(clean=1, unscanned=1, failed=2)
    until_scan(control_plane.api, f"sha256:{'1' * 64}", lambda s: s.get("phase") == "Failed")
    until_complete(control_plane.api, several.rescan("done", images=[index]))
    for name, fields in EXCEPTIONS.items():
        except_in(late, name, **fields)
    idle = Shop(control_plane.api, namespace("idle"))
    except_in(idle, "unjudged")
    until_condition(control_plane.api, idle.rescan("waits"), "Stalled", "no SecurityIntent")

    def is_quiet() -> None:
        since = datetime.now(UTC)
        time.sleep(2)
        assert writes(control_plane, since) == []

    eventually(is_quiet, 60)
    since, scans = datetime.now(UTC), scanner.log.count("scanned")
    time.sleep(QUIET)
    assert writes(control_plane, since) == []
    assert scanner.log.count("scanned") == scans
