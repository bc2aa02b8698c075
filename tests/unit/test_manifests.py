"""What `manifests/` installs: it builds, is hardened, and grants nothing beside the list."""

from __future__ import annotations

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bailiwick.cli.run import run
from bailiwick.cli.scanner import scanner
from tests.controlplane.binaries import kubectl

ROOT = Path(__file__).parents[2]
INSTALLED = ("base", "overlays/high-availability", "overlays/scanners")

Manifest = dict[str, Any]


@cache
def build(directory: str) -> list[Manifest]:
    """Build a kustomization as `kubectl apply -k` does."""
    done = subprocess.run(
        [kubectl(), "kustomize", str(ROOT / "manifests" / directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(directory: str, kind: str) -> dict[str, Manifest]:
    """Return the objects of a kind by name."""
    return {m["metadata"]["name"]: m for m in build(directory) if m["kind"] == kind}


def granted(role: Manifest) -> set[tuple[str, str]]:
    """Return the pairs of "resource.group" and verb that a role grants."""
    return {
        (f"{resource}.{group}" if group else resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("directory", INSTALLED)
def test_everything_namespaced_is_in_the_operators_namespace(directory: str) -> None:
    elsewhere = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    for manifest in build(directory):
        expected = None if manifest["kind"] in elsewhere else "bailiwick-system"
        assert manifest["metadata"].get("namespace") == expected, manifest["metadata"]["name"]


def test_the_namespace_enforces_the_restricted_standard() -> None:
    labels = of_kind("base", "Namespace")["bailiwick-system"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("directory", INSTALLED)
@pytest.mark.parametrize("name", ["bailiwick-operator", "bailiwick-scanner"])
def test_pods_are_hardened(directory: str, name: str) -> None:
    pod = of_kind(directory, "Deployment")[name]["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        assert {"livenessProbe", "readinessProbe"} <= container.keys()
    for volume in pod["volumes"]:
        assert {"emptyDir", "secret", "configMap"} & volume.keys(), "no path of the host"


@pytest.mark.parametrize("directory", INSTALLED)
def test_mounts_probes_and_services_name_what_exists(directory: str) -> None:
    deployments = of_kind(directory, "Deployment")
    for deployment in deployments.values():
        pod = deployment["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                check = container.get(probe, {})
                target = check.get("httpGet") or check.get("tcpSocket")
                assert target is None or target["port"] in ports
    for name, service in of_kind(directory, "Service").items():
        template = deployments[name]["spec"]["template"]
        assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
        ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def parsed(
    command: click.Command, name: str, files: Path, directory: str = "base"
) -> dict[str, Any]:
    """Read a Deployment's arguments as the program does, with its mounts below a directory."""
    pod = of_kind(directory, "Deployment")[name]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    for mount in container["volumeMounts"]:
        place = files / mount["mountPath"].lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        if mount["name"].endswith("token"):
            (place / "token").write_text("a-token")
    arguments = [argument.replace("=/", f"={files}/") for argument in container["args"][1:]]
    return command.make_context(container["args"][0], arguments).params


def test_the_scanner_understands_its_arguments_and_renews_its_database(tmp_path: Path) -> None:
    given = parsed(scanner, "bailiwick-scanner", tmp_path)
    [port] = of_kind("base", "Service")["bailiwick-scanner"]["spec"]["ports"]
    assert given["port"] == port["port"]
    assert given["token_file"].read_text() == "a-token"
    assert given["database"].is_dir()
    assert given["update_every"] > 0


def test_the_operator_asks_the_scanner_that_is_installed_beside_it(tmp_path: Path) -> None:
    given = parsed(run, "bailiwick-operator", tmp_path)
    [port] = of_kind("base", "Service")["bailiwick-scanner"]["spec"]["ports"]
    assert given["scanner_url"] == f"http://bailiwick-scanner:{port['port']}/api/v1"
    assert (tmp_path / given["scanner_token_file"].relative_to("/")).read_text() == "a-token"
    [metrics] = of_kind("base", "Service")["bailiwick-operator"]["spec"]["ports"]
    assert given["health_port"] == metrics["port"]


def test_images_carry_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for deployment in of_kind("base", "Deployment").values():
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            assert container["image"].endswith(f":{version}")


def test_the_scanner_has_no_way_into_the_api_server() -> None:
    pod = of_kind("base", "Deployment")["bailiwick-scanner"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    account = of_kind("base", "ServiceAccount")[pod["serviceAccountName"]]
    assert account["automountServiceAccountToken"] is False
    bindings = of_kind("base", "RoleBinding") | of_kind("base", "ClusterRoleBinding")
    subjects = {subject["name"] for b in bindings.values() for subject in b["subjects"]}
    assert pod["serviceAccountName"] not in subjects


def test_only_the_operator_reaches_the_scanner() -> None:
    policies = of_kind("base", "NetworkPolicy")
    labels = of_kind("base", "Deployment")["bailiwick-operator"]["spec"]["template"]["metadata"][
        "labels"
    ]
    (rule,) = policies["scanner"]["spec"]["ingress"]
    (peer,) = rule["from"]
    assert peer.keys() == {"podSelector"}
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()
    everyone = policies["default-deny"]["spec"]
    assert everyone == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("policy", ["operator", "scanner"])
def test_nothing_reaches_a_metadata_service(policy: str) -> None:
    blocks = [
        peer["ipBlock"]
        for rule in of_kind("base", "NetworkPolicy")[policy]["spec"]["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    excepted = {cut for block in blocks for cut in block["except"]}
    assert {"169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"} <= excepted
    assert all(block["except"] for block in blocks)


@pytest.mark.parametrize("directory", INSTALLED)
def test_no_role_is_wide(directory: str) -> None:
    roles = of_kind(directory, "ClusterRole") | of_kind(directory, "Role")
    for name, role in roles.items():
        for right in granted(role):
            assert "*" not in right, name
            assert not right[0].startswith("secrets"), name
            assert right[1] not in {"escalate", "bind", "impersonate"}, name


READS = {"get", "list", "watch"}


def writes(role: Manifest) -> dict[str, set[str]]:
    """Return the verbs that change something, by resource."""
    found: dict[str, set[str]] = {}
    for resource, verb in granted(role):
        if verb not in READS:
            found.setdefault(resource, set()).add(verb)
    return found


def test_the_operator_writes_only_what_it_owns() -> None:
    assert writes(of_kind("base", "ClusterRole")["bailiwick-operator"]) == {
        "ciliumnetworkpolicies.cilium.io": {"create", "patch", "update", "delete"},
        "clusternetworkpolicies.policy.networking.k8s.io": {"create", "patch", "update", "delete"},
        "clustervulnerabilityexceptions/status.bailiwick.dev": {"patch"},
        "events.events.k8s.io": {"create", "patch"},
        "imagescans.bailiwick.dev": {"create", "patch", "delete"},
        "imagescans/status.bailiwick.dev": {"patch"},
        "networkreaches.bailiwick.dev": {"create", "patch"},
        "networkpolicies.networking.k8s.io": {"create", "patch", "update", "delete"},
        "rescanrequests.bailiwick.dev": {"delete"},
        "rescanrequests/status.bailiwick.dev": {"patch"},
        "securityintents.bailiwick.dev": {"create", "delete"},
        "securityintents/status.bailiwick.dev": {"patch"},
        "securityprofiles/status.bailiwick.dev": {"patch"},
        "vulnerabilityexceptions/status.bailiwick.dev": {"patch"},
    }
    assert writes(of_kind("base", "Role")["bailiwick-operator"]) == {
        "configmaps": {"create", "patch", "delete"},
        "leases.coordination.k8s.io": {"create", "update"},
    }


def test_the_operator_asks_for_single_objects_only_where_it_does_not_watch_them() -> None:
    single = {
        resource
        for kind in ("ClusterRole", "Role")
        for resource, verb in granted(of_kind("base", kind)["bailiwick-operator"])
        if verb == "get"
    }
    assert single == {
        "configmaps",
        "customresourcedefinitions.apiextensions.k8s.io",
        "leases.coordination.k8s.io",
    }


def test_teams_see_and_write_their_kinds_by_the_clusters_own_roles() -> None:
    roles = of_kind("base", "ClusterRole")
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    joined = {
        name: {key.removeprefix(prefix) for key in role["metadata"]["labels"] if prefix in key}
        for name, role in roles.items()
        if name in {"bailiwick-view", "bailiwick-edit"}
    }
    assert joined == {
        "bailiwick-view": {"view", "edit", "admin"},
        "bailiwick-edit": {"edit", "admin"},
    }
    for name in joined:
        assert not any("/status" in resource for resource, _ in granted(roles[name]))


def test_an_auditor_reads_every_kind_and_writes_none() -> None:
    rights = granted(of_kind("base", "ClusterRole")["bailiwick-auditor"])
    assert {verb for _, verb in rights} == {"get", "list", "watch"}
    kinds = {resource for resource, _ in rights if resource.endswith(".bailiwick.dev")}
    assert kinds == of_kind("crds", "CustomResourceDefinition").keys()


def test_the_operator_reads_every_kind_and_reports_on_each() -> None:
    rights = granted(of_kind("base", "ClusterRole")["bailiwick-operator"])
    only_written = "networkreaches.bailiwick.dev"
    for name in of_kind("crds", "CustomResourceDefinition").keys() - {only_written}:
        plural, _, group = name.partition(".")
        assert {(name, "list"), (name, "watch"), (f"{plural}/status.{group}", "patch")} <= rights


def test_two_operators_are_apart_and_one_stays() -> None:
    directory = "overlays/high-availability"
    spec = of_kind(directory, "Deployment")["bailiwick-operator"]["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    affinity = spec["template"]["spec"]["affinity"]["podAntiAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    labels = spec["template"]["metadata"]["labels"]
    assert term["labelSelector"]["matchLabels"].items() <= labels.items()
    budget = of_kind(directory, "PodDisruptionBudget")["bailiwick-operator"]["spec"]
    assert budget["minAvailable"] == 1
    assert "maxUnavailable" not in budget


def test_pull_secrets_are_granted_by_name() -> None:
    role = of_kind("overlays/pull-secrets", "Role")["bailiwick-pull-secrets"]
    (rule,) = role["rules"]
    assert rule["resources"] == ["secrets"]
    assert rule["verbs"] == ["get"]
    assert rule["resourceNames"]
    binding = of_kind("overlays/pull-secrets", "RoleBinding")["bailiwick-pull-secrets"]
    account = of_kind("base", "ServiceAccount")["bailiwick-operator"]["metadata"]
    (subject,) = binding["subjects"]
    assert (subject["name"], subject["namespace"]) == (account["name"], account["namespace"])


def test_definitions_survive_a_prune_by_argo_or_flux() -> None:
    definitions = of_kind("crds", "CustomResourceDefinition")
    files = {path.name for path in (ROOT / "crds").glob("*.yaml")} - {"kustomization.yaml"}
    assert len(definitions) == len(files) > 0
    for definition in definitions.values():
        annotations = definition["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
        assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"


def test_the_reports_of_trivy_operator_are_granted_apart_and_nothing_else_with_them() -> None:
    role = of_kind("overlays/trivy-operator", "ClusterRole")["bailiwick-trivy-operator"]
    group = "aquasecurity.github.io"
    assert granted(role) == {
        (f"vulnerabilityreports.{group}", "list"),
        (f"vulnerabilityreports.{group}", "delete"),
        (f"sbomreports.{group}", "list"),
        (f"clustervulnerabilityreports.{group}", "list"),
    }


def test_a_list_of_sources_takes_the_place_of_the_one_scanner(tmp_path: Path) -> None:
    given = parsed(run, "bailiwick-operator", tmp_path, "overlays/scanners")
    assert given["scanner_url"] == ""
    configs = of_kind("overlays/scanners", "ConfigMap")
    (config,) = [configs[name] for name in configs if name.startswith("bailiwick-scanners-")]
    pod = of_kind("overlays/scanners", "Deployment")["bailiwick-operator"]["spec"]["template"]
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    assert volumes["scanners"]["configMap"]["name"] == config["metadata"]["name"]
    assert given["scanners_file"].name in config["data"]


def test_what_scans_may_use_fits_into_the_scanner_s_volume_and_memory(tmp_path: Path) -> None:
    given = parsed(scanner, "bailiwick-scanner", tmp_path)
    pod = of_kind("base", "Deployment")["bailiwick-scanner"]["spec"]["template"]["spec"]
    (tmp,) = [each["emptyDir"] for each in pod["volumes"] if each["name"] == "tmp"]
    gibibytes = int(tmp["sizeLimit"].removesuffix("Gi"))
    at_a_time = given["parallel"]
    assert at_a_time * given["scan_bytes"] + given["cache_bytes"] < gibibytes * 1024**3
    memory = int(pod["containers"][0]["resources"]["limits"]["memory"].removesuffix("Gi"))
    assert at_a_time * given["scan_memory"] < memory * 1024**3 * 0.9


def test_the_operator_finds_its_database_by_a_secret_and_may_reach_it(tmp_path: Path) -> None:
    overlay = "overlays/evidence-postgresql"
    given = parsed(run, "bailiwick-operator", tmp_path, overlay)
    assert given["evidence"] == "postgresql"
    pod = of_kind(overlay, "Deployment")["bailiwick-operator"]["spec"]["template"]
    (mount,) = [
        each
        for each in pod["spec"]["containers"][0]["volumeMounts"]
        if tmp_path / each["mountPath"].lstrip("/") == given["evidence_dsn_file"].parent
    ]
    (volume,) = [each for each in pod["spec"]["volumes"] if each["name"] == mount["name"]]
    assert volume["secret"]["secretName"] == "bailiwick-evidence"
    policy = of_kind(overlay, "NetworkPolicy")["evidence-database"]["spec"]
    selected = policy["podSelector"]["matchLabels"]
    assert selected.items() <= pod["metadata"]["labels"].items()
    assert policy["egress"] == [{"ports": [{"port": 5432}]}]
