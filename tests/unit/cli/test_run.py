"""What `bailiwick run` makes of its options and of the environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bailiwick.cli import run as run_module
from bailiwick.cli.run import run
from bailiwick.engine.options import Options
from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import PodsOf


class Started:
    """Stands in for the program: what it was started with, and nothing runs."""

    options: Options | None = None
    context: str | None = None

    def __init__(self, options: Options, source: Any) -> None:
        Started.options, Started.context = options, source

    async def run(self) -> None:
        """End at once."""


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("POD_NAME", "POD_NAMESPACE", "BAILIWICK_ENFORCER", "BAILIWICK_RESYNC"):
        monkeypatch.delenv(name, raising=False)
    for name in ("set_up_logging", "_spare_the_garbage_collector"):
        monkeypatch.setattr(run_module, name, lambda *_: None)
    monkeypatch.setattr(run_module, "Program", Started)
    monkeypatch.setattr(run_module, "find", lambda context: context)
    yield
    Started.options = None


def invoke(arguments: Sequence[str], **environment: str) -> Result:
    return CliRunner().invoke(run, [*arguments], env=environment)


def started(*arguments: str, **environment: str) -> Options:
    """The options that a command line leads to."""
    done = invoke(arguments, **environment)
    assert done.exit_code == 0, done.output
    assert Started.options is not None
    return Started.options


def test_by_default_nothing_is_scanned_and_nothing_is_known_to_enforce() -> None:
    options = started()
    assert options.scanner.url == ""
    assert options.settings.enforcer == ""
    assert not options.settings.allow_loopback_registries
    assert options.settings.operator_namespace == "bailiwick-system"
    assert options.settings.review_warning == timedelta(days=14)
    assert options.settings.heartbeat == timedelta(hours=6)
    assert options.resync_every == timedelta(minutes=10)


def test_namespaces_of_the_system_and_the_operators_own_are_always_exempt() -> None:
    settings = started("--exempt-namespace", "infra", "--namespace", "security").settings
    exempt = ("kube-system", "kube-public", "kube-node-lease", "security", "infra")
    assert all(map(settings.is_exempt, exempt))
    assert not settings.is_exempt("shop")


def test_a_pod_is_known_by_what_the_downward_api_says() -> None:
    options = started(POD_NAME="bailiwick-operator-7", POD_NAMESPACE="security")
    assert options.identity == "bailiwick-operator-7"
    assert options.settings.operator_namespace == "security"


def test_every_option_can_come_from_the_environment() -> None:
    options = started(
        BAILIWICK_ENFORCER="Cilium",
        BAILIWICK_CLUSTER_CIDRS="10.0.0.0/8 fd00::/8",
        BAILIWICK_RESYNC="90s",
    )
    assert options.settings.enforcer == "Cilium"
    assert options.settings.cluster_cidrs == ("10.0.0.0/8", "fd00::/8")
    assert options.resync_every == timedelta(seconds=90)


def test_what_is_written_wins_over_the_environment() -> None:
    options = started("--enforcer", "Calico", BAILIWICK_ENFORCER="Cilium")
    assert options.settings.enforcer == "Calico"


def test_the_scanner_and_its_limits(tmp_path: Path) -> None:
    scanner = started(
        *("--scanner-url", "http://scanner:8090/api/v1"),
        *("--scanner-token-file", str(tmp_path / "token")),
        *("--scanner-poll", "30s", "--scan-timeout", "5m", "--parallel-scans", "2"),
        *("--rescan-interval", "2m", "--image-grace", "1d"),
    ).scanner
    assert scanner.url == "http://scanner:8090/api/v1"
    assert scanner.token_file == tmp_path / "token"
    assert scanner.metadata_every == timedelta(seconds=30)
    assert scanner.timeout == timedelta(minutes=5)
    assert scanner.parallel == 2
    assert scanner.minimum_interval == timedelta(minutes=2)
    assert scanner.grace == timedelta(days=1)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("ingress-nginx", PodsOf("ingress-nginx", Selector.of({}))),
        (
            "edge:app=envoy,tier=front",
            PodsOf("edge", Selector.of({"app": "envoy", "tier": "front"})),
        ),
    ],
)
def test_ingress_controllers_are_a_namespace_with_labels(text: str, expected: PodsOf) -> None:
    assert started("--ingress-controller", text).settings.ingress_controllers == (expected,)


def test_the_clusters_dns_is_looked_for_where_the_settings_say() -> None:
    usual = started().settings
    assert (usual.dns_namespace, usual.dns_services[0]) == ("kube-system", "kube-dns")
    assert usual.node_local_dns == ("169.254.20.10",)
    named = started(
        *("--dns-namespace", "dns", "--dns-service", "unbound", "--node-local-dns", "169.254.25.10")
    ).settings
    assert (named.dns_namespace, named.dns_services) == ("dns", ("unbound",))
    assert named.node_local_dns == ("169.254.25.10",)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--resync", "soon"], '"soon" is not a duration: write a whole number and a unit'),
        (["--ingress-controller", ":app=a"], "write NAMESPACE or NAMESPACE:key=value,key=value"),
        (["--ingress-controller", "edge:app"], "write NAMESPACE or NAMESPACE:key=value,key=value"),
        (["--log-format", "xml"], "'xml' is not one of"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage_and_starts_nothing(
    arguments: list[str], words: str
) -> None:
    done = invoke(arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
    assert Started.options is None


def test_a_context_is_looked_for_in_the_kubeconfig() -> None:
    started("--context", "staging")
    assert Started.context == "staging"


def test_the_scanners_file_is_read_and_what_is_wrong_with_it_ends_the_start(
    tmp_path: Path,
) -> None:
    file = tmp_path / "scanners.yaml"
    file.write_text("sources: [{name: trivy, type: TrivyOperator}]")
    assert [each.name for each in started("--scanners-file", str(file)).scanner.sources] == [
        "trivy"
    ]
    file.write_text("sources: [{name: trivy, type: Trivy}]")
    done = invoke(["--scanners-file", str(file)])
    assert done.exit_code == 2
    assert "  sources[0].type: write Adapter, TrivyOperator or Harbor" in done.output
    done = invoke(["--scanners-file", str(file), "--scanner-url", "http://scanner/api/v1"])
    assert "do not go together" in done.output
