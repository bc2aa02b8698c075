"""What of manifests says something of traffic, and what is told of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from bailiwick.policy.facts import Owner
from tests.unit.offline.make import inventory, policy, workload

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop%s}\n---\n"
OWNED = ", ownerReferences: [{controller: true, kind: %s, name: %s}]"


@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"]
)
def test_a_workload_stands_for_the_pods_it_would_make(kind: str, tmp_path: Path) -> None:
    spec = "containers: [{name: a, image: b, ports: [{name: http, containerPort: 8080}]}]"
    (pod,) = inventory(tmp_path, workload("web", kind=kind, spec=spec)).running()
    assert (pod.namespace, pod.owner) == ("shop", Owner(kind, "web"))
    assert pod.labels == {"app": "web"}
    assert [(port.name, port.number) for port in pod.ports] == [("http", 8080)]


def test_pods_that_have_finished_have_no_traffic(tmp_path: Path) -> None:
    finished = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {phase: %s}\n---\n"
    job = workload("once", kind="Job").replace(
        "---", "status: {conditions: [{type: Complete, status: 'True'}]}\n---"
    )
    assert inventory(tmp_path, finished % "Succeeded", finished % "Failed", job).running() == []


def test_pods_are_named_after_what_made_them_in_the_end(tmp_path: Path) -> None:
    replicas = workload("web-1", kind="ReplicaSet").replace(
        "namespace: shop", "namespace: shop" + OWNED % ("Deployment", "web")
    )
    pod = POD % (OWNED % ("ReplicaSet", "web-1"))
    assert {p.owner for p in inventory(tmp_path, pod).running()} == {Owner("ReplicaSet", "web-1")}
    found = inventory(tmp_path, pod, replicas, workload("web")).running()
    assert {p.owner for p in found} == {Owner("Deployment", "web")}
    assert len(found) == 2


def test_objects_without_a_namespace_are_in_the_one_that_is_given(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
    assert [pod.namespace for pod in inventory(tmp_path, text, namespace="shop").running()] == [
        "shop"
    ]


def test_two_kinds_of_workloads_may_have_one_name(tmp_path: Path) -> None:
    both = workload("web") + workload("web", kind="StatefulSet")
    assert len(inventory(tmp_path, both).running()) == 2


def test_what_says_nothing_of_traffic_is_counted(tmp_path: Path) -> None:
    found = inventory(
        tmp_path,
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n",
        "a: 1",
        "- 1",
        "kind: Foo",
    )
    assert found.problems == []
    assert found.other_kinds == {"": 2, "Foo": 1}


def test_an_object_that_comes_again_replaces_the_first_and_is_told(tmp_path: Path) -> None:
    found = inventory(
        tmp_path, policy("a", "podSelector: {}"), "\n" + policy("a", "podSelector: {}")
    )
    (remark,) = found.remarks
    assert (remark.code, str(remark.place)) == ("Duplicate", f"{tmp_path}/1.yaml:2")
    assert f"NetworkPolicy shop/a stands in {tmp_path}/0.yaml:1 too" in remark.message


def test_a_name_that_the_api_server_refuses_is_told(tmp_path: Path) -> None:
    found = inventory(tmp_path, "apiVersion: v1\nkind: Pod\nmetadata: {name: Web_1}\n")
    assert [remark.code for remark in found.remarks] == ["InvalidName"]
    assert len(found.running()) == 1


OF_OTHERS = """\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: strict}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: a, namespace: shop}
---
apiVersion: crd.antrea.io/v1beta1
kind: NetworkPolicy
metadata: {name: a, namespace: shop}
spec: {ingress: [{action: Drop}]}
---
apiVersion: crd.antrea.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: strict}
spec: {egress: [{action: Drop}]}
---
"""


def test_policies_that_nobody_here_can_evaluate_are_kept_by_name(tmp_path: Path) -> None:
    named_alike = policy("a", "podSelector: {}")
    found = inventory(tmp_path, OF_OTHERS, named_alike)
    assert found.remarks == []
    assert found.other_kinds == {}
    assert found.not_evaluated == {
        ("GlobalNetworkPolicy.projectcalico.org", "", "strict"),
        ("NetworkPolicy.projectcalico.org", "shop", "a"),
        ("NetworkPolicy.crd.antrea.io", "shop", "a"),
        ("ClusterNetworkPolicy.crd.antrea.io", "", "strict"),
    }
    assert {str(key) for key in found.policies} == {
        "NetworkPolicy shop/a",
        *(" ".join((kind, f"{ns}/{name}".strip("/"))) for kind, ns, name in found.not_evaluated),
    }
    assert str(found.place("ClusterNetworkPolicy.crd.antrea.io", "", "strict")).endswith(":14")


INVALID = {
    "an operator that there is not": (
        policy("a", "podSelector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}"),
        "NetworkPolicy a: spec.podSelector.matchExpressions[0].operator: Gt is not one of In,",
    ),
    "a range that is none": (
        policy("a", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]"),
        "NetworkPolicy a: spec.ingress[0].from[0].ipBlock: 10.0.0.0/33 is not a range of addresses",
    ),
    "an exception that is not inside": (
        policy(
            "a",
            "podSelector: {}, ingress: [{from: [{ipBlock: "
            "{cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]",
        ),
        "NetworkPolicy a: spec.ingress[0].from[0].ipBlock: except 11.0.0.0/9",
    ),
    "a port that is none": (
        policy("a", "podSelector: {}, ingress: [{ports: [{port: 70000}]}]"),
        "NetworkPolicy a: spec.ingress[0].ports[0]: 70000 is not a port",
    ),
    "a label that is no text": (
        workload("web").replace("labels: {app: web}", "labels: {version: 1.0}"),
        "Deployment web: spec.template.metadata.labels[version]: a label is text: "
        "put it in quotation marks",
    ),
    "a port that is text": (
        workload("web", spec="containers: [{ports: [{containerPort: http}]}]"),
        "Deployment web: spec.template.spec.containers[0].ports[0].containerPort: "
        "write a whole number, not text",
    ),
    "no template": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n",
        "Deployment web: spec.template: write the pods that it makes",
    ),
    "no name": ("apiVersion: v1\nkind: Pod\nmetadata: {}\n", "Pod: metadata.name: write a name"),
    "a name that cannot be printed": (
        'apiVersion: v1\nkind: Pod\nmetadata: {name: "a\\e[31m"}\n',
        "Pod",
    ),
    "a namespace of two words": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: a b}\n",
        "Pod a: metadata.namespace: write lower-case letters",
    ),
    "a range of pods that is none": (
        "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDRs: [x]}\n",
        "Node a: spec.podCIDRs: x is not a range of addresses",
    ),
    "an address that is none": (
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n"
        "addressType: IPv4\nendpoints: [{addresses: [x]}]\n",
        "EndpointSlice a: endpoints: x is not an address",
    ),
    "a protocol that is none": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
        "spec: {ports: [{port: 80, protocol: HTTP}]}\n",
        'Service a: spec.ports: "HTTP" is no protocol of ports: write TCP, UDP, SCTP',
    ),
    "no metadata": ("apiVersion: v1\nkind: Service\n", "Service: metadata.name: write a name"),
    "a spec that is a list": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: []\n",
        "Pod a: spec: write a mapping",
    ),
    "another name for an intent": (
        "apiVersion: bailiwick.dev/v1alpha1\nkind: SecurityIntent\nmetadata: {name: mine}\n",
        "SecurityIntent mine: metadata.name: name it default: a namespace has one SecurityIntent",
    ),
    "an entrance to a Service without a name": (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\n"
        "spec: {rules: [{backendRefs: [{port: 80}]}]}\n",
        "HTTPRoute a: spec.rules[0].backendRefs[0].name: write a name",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_the_api_server_would_refuse_is_told(name: str, tmp_path: Path) -> None:
    text, expected = INVALID[name]
    (problem,) = inventory(tmp_path, text).problems
    assert problem.message.startswith(expected)
    assert problem.place.source == f"{tmp_path}/0.yaml"


def test_a_problem_is_told_with_the_line_of_its_field(tmp_path: Path) -> None:
    text = (
        "# a comment\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {name: a}\nspec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: 0\n"
    )
    (problem,) = inventory(tmp_path, text).problems
    assert problem.place.line == 9


def test_every_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    found = inventory(tmp_path, "a: [", workload("web"), "\n\nb: }")
    assert [str(problem.place) for problem in found.problems] == [
        f"{tmp_path}/0.yaml:2",
        f"{tmp_path}/2.yaml:3",
    ]
    assert len(found.running()) == 1
