from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cluster.conftest import NamespaceFactory
from tests.controlplane.api import Api, ApiError
from tests.controlplane.cluster import ControlPlane, ControlPlaneError
from tests.controlplane.kubectl import Kubectl, eventually

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + "ab" * 32
OTHER_DIGEST = "sha256:" + "cd" * 32


def bare() -> ControlPlane:
    return ControlPlane.start(nodes=0, controllers=False, scheduler=False, kwok=False, dns=False)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie has ended; whoever inherited it has only not looked yet.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def pod(name: str, **spec: Any) -> dict[str, Any]:
    annotations = spec.pop("annotations", {})
    containers = [{"name": "main", "image": f"registry.example.com/shop/api:1@{DIGEST}"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"containers": containers} | spec,
    }


def test_stopping_leaves_no_process_no_directory_and_no_listener() -> None:
    with ControlPlane.start() as cluster:
        pids = dict(cluster.pids)
        assert set(pids) == {
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kwok",
        }
        assert all(is_alive(pid) for pid in pids.values())
    assert not any(is_alive(pid) for pid in pids.values())
    assert not cluster.directory.exists()
    address = urlsplit(cluster.server)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=2)


def test_nothing_survives_a_parent_that_is_killed() -> None:
    script = (
        "from tests.controlplane.cluster import ControlPlane\n"
        "cluster = ControlPlane.start(nodes=0, kwok=False, dns=False)\n"
        "print(*cluster.pids.values(), cluster.directory, flush=True)\n"
        "import time; time.sleep(300)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        *numbers, directory = parent.stdout.readline().split()
        pids = [int(number) for number in numbers]
        assert len(pids) == 4
        parent.send_signal(signal.SIGKILL)

    def all_gone() -> None:
        assert not any(is_alive(pid) for pid in pids)

    eventually(all_gone, timeout=5)
    with bare():  # the next one tidies up
        assert not Path(directory).exists()


def test_the_processes_outlive_the_thread_that_started_them() -> None:
    started: list[ControlPlane] = []
    thread = threading.Thread(target=lambda: started.append(bare()))
    thread.start()
    thread.join()
    with started[0] as cluster:
        assert Api(cluster.admin).get("/readyz")["text"] == "ok"


def test_several_run_at_once_without_knowing_of_each_other() -> None:
    with ThreadPoolExecutor() as pool:
        one, two = pool.map(lambda _: bare(), range(2))
    with one, two:
        one.api.create("/api/v1/namespaces", {"metadata": {"name": "only-here"}})
        with pytest.raises(ApiError, match="404"):
            two.api.get("/api/v1/namespaces/only-here")
        with pytest.raises(OSError, match="certificate verify failed"):
            Api(replace(one.admin, server=two.server)).get("/api/v1/namespaces")


def test_a_restarted_api_server_has_its_data_its_certificate_and_its_tokens() -> None:
    with bare() as cluster:
        operator = cluster.operator()
        cluster.api.create("/api/v1/namespaces", {"metadata": {"name": "kept"}})
        cluster.stop_api_server()
        with pytest.raises(OSError, match="refused"):
            cluster.api.get("/api/v1/namespaces/kept")
        cluster.start_api_server()
        assert cluster.api.get("/api/v1/namespaces/kept")["status"]["phase"] == "Active"
        whoami = Kubectl(operator)("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
        assert whoami == "system:serviceaccount:bailiwick-system:bailiwick-operator"


def test_a_failed_start_shows_the_logs_and_leaves_nothing() -> None:
    with pytest.raises(ControlPlaneError, match="unknown flag: --no-such-flag") as failure:
        ControlPlane.start(api_server_args=["--no-such-flag"])
    log = next(word for word in str(failure.value).split() if word.endswith("/etcd.log"))
    assert not Path(log).parent.exists()


def test_each_identity_is_who_it_says(control_plane: ControlPlane) -> None:
    said = {
        each.name: Kubectl(each)("auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}")
        for each in (control_plane.app_team, control_plane.auditor, control_plane.operator())
    }
    assert "app-team" in said["dana"]
    assert "auditors" in said["iris"]
    operator = said["system:serviceaccount:bailiwick-system:bailiwick-operator"]
    assert "system:serviceaccounts:bailiwick-system" in operator
    assert not any("system:masters" in groups for groups in said.values())


def test_the_app_team_edits_its_own_namespace_and_no_other(
    app_team: Kubectl, namespace: NamespaceFactory
) -> None:
    ours, theirs = namespace("ours", team=True), namespace("theirs")
    app_team("create", "configmap", "settings", "-n", ours)
    assert "forbidden" in app_team.refused("create", "configmap", "settings", "-n", theirs)
    assert "forbidden" in app_team.refused("create", "namespace", "another")


def test_nobody_but_the_admin_has_rights_that_were_not_given(
    control_plane: ControlPlane, auditor: Kubectl, namespace: NamespaceFactory
) -> None:
    name = namespace()
    for who in (auditor, Kubectl(control_plane.operator())):
        assert "forbidden" in who.refused("get", "secrets", "-n", name)
        assert "forbidden" in who.refused("create", "configmap", "settings", "-n", name)


def test_every_kind_of_container_reports_its_digest(
    admin: Kubectl, namespace: NamespaceFactory
) -> None:
    name = namespace()
    admin.apply(
        pod(
            "all",
            annotations={"image-id.bailiwick.dev/sidecar": f"docker-pullable://busybox@{DIGEST}"},
            initContainers=[
                {"name": "init", "image": f"localhost:5000/tools/init:v2@{OTHER_DIGEST}"},
                {"name": "sidecar", "image": "busybox:1.36", "restartPolicy": "Always"},
            ],
        ),
        "--namespace",
        name,
    )
    eventually(lambda: _assert_running(admin, name, "all"))
    admin("debug", "all", "-n", name, f"--image=registry.example.com/debug@{DIGEST}", "-c", "look")

    def check() -> None:
        status = admin.get("pod", "all", name)["status"]
        reported = {
            each["name"]: (each["imageID"], next(iter(each["state"])))
            for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
            for each in status.get(kind, [])
        }
        assert reported == {
            "main": (f"registry.example.com/shop/api@{DIGEST}", "running"),
            "init": (f"localhost:5000/tools/init@{OTHER_DIGEST}", "terminated"),
            "sidecar": (f"docker-pullable://busybox@{DIGEST}", "running"),
            "look": (f"registry.example.com/debug@{DIGEST}", "running"),
        }

    eventually(check)


def test_an_image_without_a_digest_has_an_empty_image_id(
    admin: Kubectl, namespace: NamespaceFactory
) -> None:
    name = namespace()
    spec = pod("tagged", annotations={"image-id.bailiwick.dev/main": ""})
    admin.apply(spec, "--namespace", name)
    eventually(lambda: _assert_running(admin, name, "tagged"))
    statuses = admin.get("pod", "tagged", name)["status"]["containerStatuses"]
    assert [each["imageID"] for each in statuses] == [""]


def test_pods_have_addresses_of_both_families_and_those_of_the_host_network_the_nodes(
    admin: Kubectl, namespace: NamespaceFactory
) -> None:
    name = namespace()
    admin.apply([pod("own"), pod("host", hostNetwork=True)], "--namespace", name)
    eventually(lambda: _assert_running(admin, name, "own", "host"))
    own, host = (admin.get("pod", each, name)["status"] for each in ("own", "host"))
    assert [each["ip"].partition("244")[0] for each in own["podIPs"]] == ["10.", "fd00:10:"]
    assert host["podIP"] == host["hostIP"]
    assert host["hostIP"].startswith("172.18.0.")


def test_a_deployment_serves_and_goes_with_its_namespace(
    admin: Kubectl, namespace: NamespaceFactory
) -> None:
    name = namespace()
    admin("create", "deployment", "api", "--image=api:1", "--replicas=3", "--port=8080", "-n", name)
    admin("expose", "deployment", "api", "-n", name)

    def has_endpoints() -> None:
        slices = admin.list("endpointslices", name)
        addresses = [each for one in slices for each in one.get("endpoints") or []]
        assert len([each for each in addresses if each["conditions"]["ready"]]) == 3

    eventually(has_endpoints)
    admin.delete("namespace", name)

    def is_gone() -> None:
        assert "NotFound" in admin.refused("get", "namespace", name)

    eventually(is_gone, timeout=30)


def test_deleted_pods_go_at_once(admin: Kubectl, namespace: NamespaceFactory) -> None:
    name = namespace()
    admin.apply(pod("short-lived"), "--namespace", name)
    eventually(lambda: _assert_running(admin, name, "short-lived"))
    admin("delete", "pod", "short-lived", "-n", name, timeout=5)


def test_what_an_owner_has_goes_with_it_when_its_crd_was_there_at_the_start(
    admin: Kubectl, namespace: NamespaceFactory
) -> None:
    name = namespace()
    intent = {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "SecurityIntent",
        "metadata": {"name": "default"},
        "spec": {},
    }
    admin.apply(intent, "--namespace", name)
    uid = admin.get("securityintent", "default", name)["metadata"]["uid"]
    owner = {k: intent[k] for k in ("apiVersion", "kind")} | {"name": "default", "uid": uid}
    child = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "child", "ownerReferences": [owner]},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }
    admin.apply(child, "--namespace", name)
    admin.delete("securityintent", "default", name)

    def is_gone() -> None:
        assert admin.list("networkpolicies", name) == []

    eventually(is_gone, timeout=5)


def test_the_audit_log_tells_who_wrote_what_and_nothing_of_reads(
    control_plane: ControlPlane, admin: Kubectl, app_team: Kubectl, namespace: NamespaceFactory
) -> None:
    name = namespace(team=True)
    before = datetime.now(UTC)
    app_team("create", "configmap", "settings", "-n", name)
    app_team("get", "configmaps", "-n", name)
    app_team.refused("create", "namespace", "another")
    admin.refused("get", "configmap", "missing", "-n", name)
    writes = control_plane.audit_writes(before, user="dana")
    assert [
        (each.verb, each.resource, each.namespace, each.name, each.code) for each in writes
    ] == [
        ("create", "configmaps", name, "settings", 201),
        ("create", "namespaces", "", "", 403),
    ]
    assert {each.user for each in control_plane.audit_writes(before)} >= {"dana"}


def test_the_cluster_has_what_policies_resolve(admin: Kubectl) -> None:
    kubernetes = admin.list("endpointslices", "default")
    addresses = [each["addresses"] for one in kubernetes for each in one["endpoints"]]
    assert addresses == [["172.18.0.2"]]
    ranges = admin.get("servicecidr", "kubernetes")["spec"]["cidrs"]
    assert ranges == ["10.96.0.0/16", "fd00:10:96::/112"]
    nodes = admin.list("nodes")
    assert len(nodes) == 3
    assert {each["status"]["nodeInfo"]["architecture"] for each in nodes} == {"amd64"}
    assert all(len(each["spec"]["podCIDRs"]) == 2 for each in nodes)
    eventually(lambda: _assert_dns(admin))


def _assert_dns(admin: Kubectl) -> None:
    slices = admin.list(
        "endpointslices", "kube-system", "-l", "kubernetes.io/service-name=kube-dns"
    )
    assert sum(len(each.get("endpoints") or []) for each in slices) == 2


def _assert_running(admin: Kubectl, namespace: str, *names: str) -> None:
    for name in names:
        status = admin.get("pod", name, namespace)["status"]
        assert status["phase"] == "Running", status
