"""Putting Bailiwick into the cluster as its README says, and taking it out of a borrowed one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import yaml

from tests.controlplane.cluster import OPERATOR
from tests.controlplane.kubectl import Kubectl, KubectlError
from tests.controlplane.operator_process import MANIFESTS, OperatorProcess
from tests.demo import named
from tests.demo.application import NAMESPACES, NEIGHBOURS
from tests.demo.screen import Screen
from tests.demo.stage import Stage

Json = dict[str, Any]

ENFORCER: Final = "the demo, in name only"
_REMOVED_WITHIN: Final = 120  # seconds


@contextmanager
def bailiwick(stage: Stage) -> Iterator[OperatorProcess]:
    """Install Bailiwick and run the operator, until the story is over."""
    screen = stage.screen
    screen.heading("Bailiwick, with no other rights than manifests/ gives it")
    with ExitStack() as stack:
        if not stage.is_own:
            stack.callback(_take_out, screen, stage.admin)
        screen.command("kubectl apply --server-side -k manifests/crds")
        screen.command("kubectl apply --server-side -k manifests/base")
        with screen.working("Applying", "Applied"):
            stage.admin("apply", "--server-side", "-k", str(MANIFESTS / "crds"))
            stage.admin.apply(_base(stage), "--server-side")
        with screen.working(
            "Starting bailiwick run", "bailiwick run, as its service account, on this machine"
        ):
            operator = stack.enter_context(OperatorProcess(stage.cluster, *_arguments(stage)))
            operator.wait_ready()
        if stage.is_own:
            screen.say(
                "Nothing here enforces NetworkPolicy, so the demo names an enforcer by the setting "
                f'--enforcer "{ENFORCER}". Without one, no namespace is ever Compliant.'
            )
        yield operator


def _arguments(stage: Stage) -> list[str]:
    scanner = stage.scanner
    arguments = [
        f"--namespace={stage.home}",
        f"--scanner-url={scanner.url}",
        f"--scanner-token-file={scanner.token_file}",
        "--rescan-interval=1s",  # so that the story need not wait a minute for its rescan
    ]
    if stage.is_own:
        arguments += ["--allow-loopback-registries", f"--enforcer={ENFORCER}"]
    return arguments


def _base(stage: Stage) -> list[Json]:
    """manifests/base without pods, since operator and scanner run on this machine."""
    documents = _rendered(stage.admin, stage.home)
    for document in documents:
        if document["kind"] == "Deployment":
            document["spec"]["replicas"] = 0
    if not stage.is_own:
        documents += _auditor(stage.home)
    return documents


def _rendered(kubectl: Kubectl, home: str) -> list[Json]:
    text = kubectl("kustomize", str(MANIFESTS / "base"))
    return [each for each in yaml.safe_load_all(text.replace(OPERATOR[0], home)) if each]


def _auditor(home: str) -> list[Json]:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": named.AUDITOR, "namespace": home},
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{named.PREFIX}{named.AUDITOR}"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "bailiwick-auditor",
        },
        "subjects": [{"kind": "ServiceAccount", "name": named.AUDITOR, "namespace": home}],
    }
    return [account, binding]


def _take_out(screen: Screen, kubectl: Kubectl) -> None:
    """Remove all that the demo made in a cluster of somebody else's, the operator being gone."""
    namespaces = [named.PREFIX + name for name in (*NAMESPACES, *NEIGHBOURS)]
    cluster_wide = [
        each
        for each in [*_rendered(kubectl, named.HOME), *_auditor(named.HOME)]
        if "namespace" not in each["metadata"] and each["kind"] != "Namespace"
    ]
    options = ["--ignore-not-found", f"--timeout={_REMOVED_WITHIN}s"]
    screen.say()
    left = []
    with screen.working(
        "Removing what the demo made in the cluster", "Removed what the demo made in the cluster"
    ):
        for what, input in (
            (["namespace", *namespaces, named.HOME], None),
            (["-k", str(MANIFESTS / "crds")], None),
            (["-f", "-"], json.dumps({"apiVersion": "v1", "kind": "List", "items": cluster_wide})),
        ):
            try:
                kubectl("delete", *what, *options, input=input, timeout=_REMOVED_WITHIN + 30)
            except (KubectlError, subprocess.TimeoutExpired) as error:
                left.append(str(error))
    for said in left:
        screen.say(f"Not all could be removed, see to it by hand: {said}")
