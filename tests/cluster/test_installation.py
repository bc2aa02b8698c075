"""What `manifests/` installs is accepted by a real API server and grants what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, eventually

MANIFESTS = Path(__file__).parents[2] / "manifests"
HOME = "bailiwick-system"


def install(admin: Kubectl, directory: str) -> None:
    """Apply a kustomization as the README says."""
    admin("apply", "--server-side", "-k", str(MANIFESTS / directory))


@pytest.fixture(scope="module", autouse=True)
def _installed(admin: Kubectl) -> None:
    install(admin, "crds")
    install(admin, "base")


@pytest.fixture(scope="module")
def operator(control_plane: ControlPlane) -> Kubectl:
    """Kubectl of the operator's service account."""
    return Kubectl(control_plane.operator())


def may(who: Kubectl, verb: str, resource: str, namespace: str = "") -> bool:
    """Ask the API server whether an identity may do something to `plural.group/subresource`."""
    kind, _, subresource = resource.partition("/")
    plural, _, group = kind.partition(".")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "verb": verb,
                "resource": plural,
                "subresource": subresource,
                "group": group,
                "namespace": namespace,
            }
        },
    }
    answer = who("create", "--validate=false", "-f", "-", "-o", "json", input=json.dumps(review))
    return bool(json.loads(answer)["status"]["allowed"])


def test_both_deployments_get_pods_under_the_restricted_standard(admin: Kubectl) -> None:
    def both_run() -> None:
        pods = admin.list("pods", HOME)
        running = {
            pod["metadata"]["labels"]["app.kubernetes.io/component"]
            for pod in pods
            if pod["status"]["phase"] == "Running"
        }
        assert running == {"operator", "scanner"}

    eventually(both_run, timeout=30)


def test_applying_again_changes_nothing(admin: Kubectl) -> None:
    before = admin.get("deployment", "bailiwick-operator", HOME)
    install(admin, "base")
    after = admin.get("deployment", "bailiwick-operator", HOME)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_high_availability_is_applied_over_the_base(admin: Kubectl) -> None:
    install(admin, "overlays/high-availability")
    assert admin.get("deployment", "bailiwick-operator", HOME)["spec"]["replicas"] == 2
    assert admin.get("pdb", "bailiwick-operator", HOME)["spec"]["minAvailable"] == 1


def test_the_webhook_has_a_port_a_token_and_a_policy_of_its_own(admin: Kubectl) -> None:
    rendered = admin("kustomize", str(MANIFESTS / "overlays/registry-webhook"))
    admin("apply", "--server-side", "--dry-run=server", "-f", "-", input=rendered)
    assert "--webhook-port=8091" in rendered
    assert "secretName: bailiwick-webhook-token" in rendered
    assert "--webhook-port" not in admin("kustomize", str(MANIFESTS / "base"))


@pytest.mark.parametrize(
    "verb, resource, namespace",
    [
        ("watch", "pods", ""),
        ("watch", "servicecidrs.networking.k8s.io", ""),
        ("patch", "networkpolicies.networking.k8s.io", ""),
        ("patch", "ciliumnetworkpolicies.cilium.io", ""),
        ("patch", "securityintents.bailiwick.dev/status", ""),
        ("create", "events.events.k8s.io", ""),
        ("update", "leases.coordination.k8s.io", HOME),
        ("create", "configmaps", HOME),
    ],
)
def test_the_operator_may_do_its_work(
    operator: Kubectl, verb: str, resource: str, namespace: str
) -> None:
    assert may(operator, verb, resource, namespace)


@pytest.mark.parametrize(
    "verb, resource, namespace",
    [
        ("get", "secrets", ""),
        ("get", "secrets", HOME),
        ("get", "configmaps", "default"),
        ("patch", "namespaces", ""),
        ("patch", "pods", ""),
        ("patch", "deployments.apps", ""),
        ("create", "securityprofiles.bailiwick.dev", ""),
        ("patch", "securityprofiles.bailiwick.dev", ""),
        ("patch", "vulnerabilityexceptions.bailiwick.dev", ""),
        ("create", "clusterrolebindings.rbac.authorization.k8s.io", ""),
        ("delete", "customresourcedefinitions.apiextensions.k8s.io", ""),
        ("patch", "ciliumclusterwidenetworkpolicies.cilium.io", ""),
    ],
)
def test_the_operator_may_do_nothing_else(
    operator: Kubectl, verb: str, resource: str, namespace: str
) -> None:
    assert not may(operator, verb, resource, namespace)


def test_a_team_declares_in_its_namespace_only(
    app_team: Kubectl, namespace: NamespaceFactory
) -> None:
    own = namespace("shop", team=True)

    def may_declare() -> None:
        assert may(app_team, "create", "securityintents.bailiwick.dev", own)

    # The controller manager joins our roles to the cluster's own a moment after they are applied.
    eventually(may_declare)
    assert may(app_team, "create", "rescanrequests.bailiwick.dev", own)
    assert may(app_team, "create", "vulnerabilityexceptions.bailiwick.dev", own)
    assert not may(app_team, "create", "securityintents.bailiwick.dev", "default")
    assert not may(app_team, "patch", "securityintents.bailiwick.dev/status", own)
    assert not may(app_team, "create", "securityprofiles.bailiwick.dev")
    assert not may(app_team, "create", "clustervulnerabilityexceptions.bailiwick.dev")


@pytest.mark.parametrize(
    "plural",
    [
        "clustervulnerabilityexceptions",
        "imagescans",
        "networkreaches",
        "rescanrequests",
        "securityintents",
        "securityprofiles",
        "vulnerabilityexceptions",
    ],
)
def test_an_auditor_reads_every_kind_and_writes_none(auditor: Kubectl, plural: str) -> None:
    kind = f"{plural}.bailiwick.dev"
    assert may(auditor, "list", kind)
    for verb in ("create", "patch", "delete"):
        assert not may(auditor, verb, kind)


def test_the_scanner_may_do_nothing(control_plane: ControlPlane) -> None:
    scanner = Kubectl(control_plane.service_account(HOME, "bailiwick-scanner"))
    for resource in ("pods", "secrets", "configmaps", "imagescans.bailiwick.dev"):
        assert not may(scanner, "list", resource, HOME)


def test_a_pull_secret_is_readable_only_where_granted(
    admin: Kubectl, operator: Kubectl, namespace: NamespaceFactory
) -> None:
    shop, other = namespace("shop"), namespace("other")
    grant = admin("kustomize", str(MANIFESTS / "overlays/pull-secrets"))
    admin("apply", f"--namespace={shop}", "-f", "-", input=grant)
    for where in (shop, other):
        for name in ("pull-secret", "database"):
            admin("create", "secret", "generic", name, f"--namespace={where}")
    assert operator.get("secret", "pull-secret", shop)["metadata"]["name"] == "pull-secret"
    assert "forbidden" in operator.refused("get", "secret", "database", f"--namespace={shop}")
    assert "forbidden" in operator.refused("get", "secrets", f"--namespace={shop}")
    assert "forbidden" in operator.refused("get", "secret", "pull-secret", f"--namespace={other}")
