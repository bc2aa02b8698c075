"""A real Kubernetes in a few seconds, for the demo, the tests and the benchmark alike.

It listens on 127.0.0.1 only, keeps everything in a temporary directory, and ends with the program
that started it, however that ends.
"""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import yaml

from tests.controlplane import binaries, commands
from tests.controlplane.api import Api, ApiError, Json
from tests.controlplane.audit import Write, read_writes
from tests.controlplane.identity import (
    ADMIN,
    APP_TEAM,
    APP_TEAM_GROUP,
    APPROVER,
    APPROVER_GROUP,
    AUDITOR,
    AUDITOR_GROUP,
    USERS,
    Identity,
    make_tokens,
    service_account_key,
    token_file,
    write_identity,
)
from tests.controlplane.processes import Ports, Process, Scratch

OPERATOR: Final = ("bailiwick-system", "bailiwick-operator")  # as manifests/ names it
# Young heaps are collected all the time: a third of the API server's work on two cores.
_ENVIRONMENT: Final = {"GOGC": "400"}
_READY_WITHIN: Final = 60.0  # seconds; a machine busy with a build is slow


class ControlPlaneError(Exception):
    """The control plane did not start; the message has the end of the logs."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is started beside etcd and the API server."""

    nodes: int = 3
    controllers: bool = True
    scheduler: bool = True
    kwok: bool = True
    dns: bool = True  # the kube-dns Service and its Deployment
    crds: Sequence[Path] = ()  # files or directories; there before the garbage collector starts
    api_server_args: Sequence[str] = ()


class ControlPlane:
    """A running control plane; a context manager that stops it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._processes: dict[str, Process] = {}
        self._ports = Ports()
        self._scratch = Scratch()
        self.directory = self._scratch.path
        self._etcd_port = self._ports.take()
        self._port = self._ports.take()
        self.server = f"https://127.0.0.1:{self._port}"
        self.ca_file = self.directory / "certificates" / "apiserver.crt"
        self.audit_log = self.directory / "audit.log"
        self._users = self._write_users()
        self.api = Api(self.admin)

    @classmethod
    def start(
        cls,
        *,
        nodes: int = 3,
        controllers: bool = True,
        scheduler: bool = True,
        kwok: bool = True,
        dns: bool = True,
        crds: Sequence[Path] = (),
        api_server_args: Sequence[str] = (),
    ) -> Self:
        """Start one and wait until it can be used.

        Raises:
            ControlPlaneError: Some part did not become ready within a minute.
            BuildError: A program is not cached and could not be built.
        """
        options = Options(nodes, controllers, scheduler, kwok, dns, crds, api_server_args)
        cluster = cls(options)
        try:
            cluster._start_all()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process and remove the directory. Can be called twice."""
        self.api.close()
        for process in reversed(self._processes.values()):
            process.stop()
        self._processes.clear()
        self._scratch.remove()
        self._ports.release()

    # Who speaks to it

    @property
    def admin(self) -> Identity:
        """May do everything."""
        return self._users[ADMIN]

    @property
    def app_team(self) -> Identity:
        """A developer: has the role `edit` where `let_app_team_edit` has given it."""
        return self._users[APP_TEAM]

    @property
    def auditor(self) -> Identity:
        """Has the ClusterRole `bailiwick-auditor` of manifests/, once that is applied."""
        return self._users[AUDITOR]

    @property
    def approver(self) -> Identity:
        """Of the security team, which approves exceptions where `let_approve` has let it."""
        return self._users[APPROVER]

    def operator(self) -> Identity:
        """The operator's service account; its rights are those that manifests/ gives it."""
        return self.service_account(*OPERATOR)

    def service_account(self, namespace: str, name: str, seconds: int = 86_400) -> Identity:
        """A service account by a real token, made together with its namespace when missing."""
        self._create_missing("/api/v1/namespaces", {"metadata": {"name": namespace}})
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self._create_missing(accounts, {"metadata": {"name": name}})
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        token: str = self.api.create(f"{accounts}/{name}/token", request)["status"]["token"]
        user = f"system:serviceaccount:{namespace}:{name}"
        return write_identity(self.directory, user, self.server, self.ca_file, token)

    def let_app_team_edit(self, namespace: str) -> None:
        """Give the app team the cluster's own role `edit` in a namespace."""
        self._create_missing(
            f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
            _binding("app-team-edits", "edit", APP_TEAM_GROUP),
        )

    def let_approve(self, namespace: str, group: str = APPROVER_GROUP) -> None:
        """Give a group the ClusterRole `bailiwick-exception-approver` in a namespace."""
        self._create_missing(
            f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
            _binding(f"{group}-approves", "bailiwick-exception-approver", group),
        )

    def delete_namespace(self, name: str) -> None:
        """Delete a namespace, without waiting; one that is gone already is no error."""
        try:
            self.api.delete(f"/api/v1/namespaces/{name}")
        except ApiError as error:
            if error.status not in {404, 409}:
                raise

    # Faults and observations

    def stop_api_server(self) -> None:
        """Kill the API server as a crash does; etcd keeps what it had."""
        self._processes["kube-apiserver"].stop()

    def start_api_server(self) -> None:
        """Start it again on the same port with the same certificate, and wait for it."""
        self._start_api_server()
        self._wait("the API server", self._is_serving)

    def delete_from_storage(self, path: str) -> None:
        """Delete an object behind the API server's back: `networkpolicies/shop/web`."""
        key = _base64(f"/registry/{path}".encode())
        deleted = self._ask_etcd("kv/deleterange", {"key": key}).get("deleted", "0")
        if deleted != "1":
            raise ControlPlaneError(f"etcd has no {path}")

    def stored_bytes(self, prefix: str) -> int:
        """What etcd holds of the objects under a prefix, `configmaps/kube-system/`: all values."""
        start = f"/registry/{prefix}".encode()
        end = start[:-1] + bytes([start[-1] + 1])
        total = 0
        while True:
            question = {"key": _base64(start), "range_end": _base64(end), "limit": 100}
            found = self._ask_etcd("kv/range", question)
            values = found.get("kvs", [])
            total += sum(len(base64.b64decode(each["value"])) for each in values)
            if not found.get("more"):
                return total
            start = base64.b64decode(values[-1]["key"]) + b"\0"

    def _ask_etcd(self, what: str, question: Mapping[str, object]) -> Json:
        url = f"http://127.0.0.1:{self._etcd_port}/v3/{what}"
        request = urllib.request.Request(url, data=json.dumps(question).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: Json = json.load(answer)
            return found

    def restart_controller_manager(self) -> None:
        """Let the garbage collector learn of new CRDs at once; by itself it takes 30 s."""
        self._processes["kube-controller-manager"].stop()
        self._start_controller_manager()

    def audit_writes(self, since: datetime, user: str | None = None) -> list[Write]:
        """The writes that the API server has seen since an instant, of one user or of all."""
        return read_writes(self.audit_log, since, user)

    def logs(self, lines: int = 15) -> str:
        """The end of each program's log."""
        parts = [
            f"--- {process.name} ({'runs' if process.is_running else 'ended'}), {process.log}\n"
            f"{process.tail(lines)}"
            for process in self._processes.values()
        ]
        return "\n".join(parts)

    @property
    def pids(self) -> Mapping[str, int]:
        """Process ids by program, of those that run."""
        return {name: each.pid for name, each in self._processes.items() if each.is_running}

    # How it starts

    def _write_users(self) -> dict[str, Identity]:
        tokens = make_tokens()
        (self.directory / "tokens.csv").write_text(token_file(tokens))
        (self.directory / "service-account.key").write_text(service_account_key())
        return {
            name: write_identity(self.directory, name, self.server, self.ca_file, tokens[name])
            for name in USERS
        }

    def _start_all(self) -> None:
        self._launch("etcd", commands.etcd(self.directory, self._etcd_port))
        self._start_api_server()
        self._wait("the API server", self._is_serving)
        self._apply_crds()
        if self.options.controllers:
            self._start_controller_manager()
        if self.options.scheduler:
            scheduler = self._users["system:kube-scheduler"]
            command = commands.kube_scheduler(self.directory, scheduler)
            self._launch("kube-scheduler", command)
        if self.options.kwok:
            self._launch("kwok", commands.kwok(self._users["kwok"]))
        self._create_contents()
        self._wait("its first objects", self._has_first_objects)

    def _start_api_server(self) -> None:
        command = commands.kube_apiserver(self.directory, self._port, self._etcd_port)
        self._launch("kube-apiserver", [*command, *self.options.api_server_args])

    def _start_controller_manager(self) -> None:
        manager = self._users["system:kube-controller-manager"]
        command = commands.kube_controller_manager(self.directory, manager)
        self._launch("kube-controller-manager", command)

    def _launch(self, name: str, arguments: list[str]) -> None:
        command = [str(binaries.program(name)), *arguments]
        log = self.directory / f"{name}.log"
        self._processes[name] = Process(name, command, log, env={**os.environ, **_ENVIRONMENT})

    def _create_contents(self) -> None:
        auditors = _binding("auditors", "bailiwick-auditor", AUDITOR_GROUP, cluster=True)
        self._create_missing("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", auditors)
        for node in commands.nodes(self.options.nodes):
            self._create_missing("/api/v1/nodes", node)
        if self.options.dns:
            service, deployment = yaml.safe_load_all((commands.ASSETS / "dns.yaml").read_text())
            self._create_missing("/api/v1/namespaces/kube-system/services", service)
            self._create_missing("/apis/apps/v1/namespaces/kube-system/deployments", deployment)

    def _apply_crds(self) -> None:
        definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        names: list[str] = []
        for definition in _definitions(self.options.crds):
            names.append(definition["metadata"]["name"])
            try:
                self.api.create(definitions, definition)
            except ApiError as error:
                raise ControlPlaneError(f"the API server refuses {names[-1]}: {error}") from error

        def are_served() -> bool:
            return all(_is_established(self.api.get(f"{definitions}/{name}")) for name in names)

        self._wait("the CRDs", are_served)

    def _is_serving(self) -> bool:
        return self.ca_file.exists() and self.api.get("/readyz")["text"] == "ok"

    def _has_first_objects(self) -> bool:
        """What a cluster has a moment after its start, and pods and the operator rely on."""
        slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        self.api.get("/api/v1/namespaces/default/services/kubernetes")
        if not self.api.get(slices)["items"]:
            return False
        self.api.get("/apis/networking.k8s.io/v1/servicecidrs/kubernetes")
        if self.options.controllers:
            self.api.get("/api/v1/namespaces/default/serviceaccounts/default")
        return True

    def _create_missing(self, collection: str, body: Mapping[str, object]) -> None:
        try:
            self.api.create(collection, body)
        except ApiError as error:
            if error.status != 409:
                raise

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while True:
            try:
                if ready():
                    return
                reason = "not yet there"
            except (OSError, ApiError) as error:
                reason = str(error)
            ended = [each.name for each in self._processes.values() if not each.is_running]
            if ended or time.monotonic() > deadline:
                why = f"{', '.join(ended)} ended" if ended else reason
                raise ControlPlaneError(f"{what} did not become ready: {why}\n{self.logs()}")
            time.sleep(0.05)


def _base64(text: bytes) -> str:
    return base64.b64encode(text).decode()


def _binding(name: str, role: str, group: str, *, cluster: bool = False) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding" if cluster else "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role,
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }


def _definitions(paths: Sequence[Path]) -> list[Json]:
    """The CRDs in files and directories; anything else in them is left out."""
    files: list[Path] = []
    for path in paths:
        files += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text())]
    return [each for each in documents if each and each["kind"] == "CustomResourceDefinition"]


def _is_established(definition: Json) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
