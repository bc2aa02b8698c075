"""The offline commands on a real API server, as those who may see all of it and as a team."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bailiwick.api.meta import API_VERSION
from bailiwick.policy.findings.effective import EdgeRow
from bailiwick.reports.reach import reach_spec
from tests.cluster.conftest import NamespaceFactory
from tests.controlplane.identity import Identity
from tests.controlplane.kubectl import Kubectl, eventually
from tests.unit.offline.make import from_to, intent, policy, profile

USER_ROLES = Path(__file__).parents[3] / "manifests/base/user-roles.yaml"


def bailiwick(who: Identity, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command as somebody, with their kubeconfig."""
    return subprocess.run(
        [sys.executable, "-m", "bailiwick.cli.main", *arguments, f"--kubeconfig={who.kubeconfig}"],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def pod(name: str, namespace: str) -> str:
    return (
        "apiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}\n"
        "spec: {containers: [{name: a, image: example.com/a}]}\n---\n"
    )


@pytest.fixture
def shop(admin: Kubectl, namespace: NamespaceFactory) -> str:
    """A namespace of the team with two pods, of which one is closed."""
    name = namespace("shop", team=True)
    closed = policy("closed", "podSelector: {matchLabels: {app: db}}", namespace=name)
    admin.apply(pod("web", name) + pod("db", name) + closed)
    return name


def test_who_may_see_everything_is_told_who_can_reach_whom(admin: Kubectl, shop: str) -> None:
    done = bailiwick(admin.identity, "reach", "-n", shop, "-o", "connlist")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if f"=> {shop}/" in line]
    assert f"{shop}/db[Pod] => {shop}/web[Pod] : All Connections" in lines
    assert not [line for line in lines if f"=> {shop}/db[Pod]" in line]
    assert "may not be read" not in done.stderr


def test_a_team_is_told_of_its_namespace_and_what_it_may_not_know(
    app_team: Kubectl, shop: str
) -> None:
    done = bailiwick(app_team.identity, "reach", "-n", shop)
    assert done.returncode == 0, done.stderr
    assert "Not known, since it may not be read:" in done.stderr
    assert "- pods: pods is forbidden" in done.stderr
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "db, anywhere outside web all" in rows


def test_a_team_reads_what_the_operator_wrote_down_of_its_namespace(
    admin: Kubectl, app_team: Kubectl, shop: str
) -> None:
    rows = [EdgeRow("payments/api", "web", "8080", "half-open", ("charge",))]
    admin.apply(
        [
            {
                "apiVersion": API_VERSION,
                "kind": "NetworkReach",
                "metadata": {"name": "default", "namespace": shop},
                "spec": reach_spec(rows),
            }
        ]
    )
    # The roles for people come with the installation, and the cluster adds them up in its own time.
    admin.apply(USER_ROLES)

    def may_read_it() -> subprocess.CompletedProcess[str]:
        done = bailiwick(app_team.identity, "reach", "-n", shop)
        assert "as the operator found it" in done.stdout, done.stderr
        return done

    done = eventually(may_read_it, timeout=60)
    assert done.returncode == 0, done.stderr
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert told[0] == f"Namespace {shop}, as the operator found it:"
    assert told[2] == "payments/api web 8080 half-open charge"
    assert "note: you may not list" in done.stderr
    done = bailiwick(admin.identity, "reach", "-n", shop)
    assert "as the operator found it" not in done.stdout


@pytest.mark.parametrize("output", ["text", "json", "connlist"])
def test_who_may_read_nothing_of_a_namespace_is_not_told_that_it_is_empty(
    output: str, auditor: Kubectl, shop: str
) -> None:
    done = bailiwick(auditor.identity, "reach", "-n", shop, "-o", output)
    assert done.returncode == 2, done.stdout
    assert "Nobody" not in done.stdout
    assert "- pods: pods is forbidden" in done.stderr
    asked = bailiwick(auditor.identity, "explain", f"{shop}/web", f"{shop}/db:80")
    assert asked.returncode == 2
    assert "as far as it may be read" in asked.stderr


def test_a_connection_is_explained_by_what_is_in_the_cluster(admin: Kubectl, shop: str) -> None:
    done = bailiwick(admin.identity, "explain", f"{shop}/web", f"{shop}/db:80")
    assert done.returncode == 1, done.stderr
    assert f"NetworkPolicy {shop}/closed isolates it, and no rule allows this" in done.stdout


def test_manifests_are_planned_against_the_cluster(admin: Kubectl, shop: str) -> None:
    given = profile(name="planned") + intent(
        from_to("web", "db", "5432"), namespace=shop, name="planned"
    )
    done = bailiwick(admin.identity, "plan", "-", "--against-cluster", stdin=given)
    assert done.returncode == 0, done.stderr
    assert "Against the cluster:" in done.stdout
    (added,) = [line.split() for line in done.stdout.splitlines() if line.startswith("added")]
    assert added == ["added", f"{shop}/web", f"{shop}/db", "5432"]


def test_a_cluster_is_drawn_with_what_the_caller_may_not_know(
    admin: Kubectl, app_team: Kubectl, shop: str
) -> None:
    drawn = bailiwick(admin.identity, "graph", "-n", shop, "-o", "dot")
    assert drawn.returncode == 0, drawn.stderr
    assert 'label="db (may reach all)"' in drawn.stdout
    assert f'label="{shop} (no intent)"' in drawn.stdout
    drawn = bailiwick(app_team.identity, "graph", "-n", shop, "-o", "html")
    assert drawn.returncode == 0, drawn.stderr
    assert "Not known, since it may not be read: pods: pods is forbidden" in drawn.stdout


def test_a_first_intent_is_written_and_nothing_else(admin: Kubectl, shop: str) -> None:
    before = admin("get", "networkpolicies,securityintents", "-n", shop, "-o", "name")
    done = bailiwick(admin.identity, "init", "-n", shop)
    assert done.returncode == 0, done.stderr
    assert f"metadata: {{name: default, namespace: {shop}}}" in done.stdout
    assert admin("get", "networkpolicies,securityintents", "-n", shop, "-o", "name") == before


def test_a_cluster_that_cannot_be_reached_is_told_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: a}]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "bailiwick.cli.main", "reach", f"--kubeconfig={config}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: the connection to the API server failed")
    assert len(done.stderr.splitlines()) == 1
