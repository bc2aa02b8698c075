"""`bailiwick explain`, as it is called."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bailiwick.cli.explain import explain
from bailiwick.cli.plan import plan
from tests.unit.offline.make import EXAMPLES, from_to, intent, policy, profile, service, workload

HTTP = "containers: [{name: a, ports: [{name: http, containerPort: 8080}]}]"
SHOP = workload("web") + workload("api", spec=HTTP) + service("api", 80)
GOVERNED = profile() + SHOP + intent(from_to("web", "api", "8080"))
CLOSED = policy("closed", "podSelector: {}, policyTypes: [Ingress, Egress]")


def run(text: str, source: str, target: str, *options: str) -> Result:
    return CliRunner().invoke(
        explain, [source, target, "-n", "shop", "-f", "-", *options], input=text
    )


def data(text: str, source: str, target: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(text, source, target, "-o", "json").stdout)
    return found


def test_a_connection_that_is_allowed_is_told_with_the_rule_that_does() -> None:
    done = run(GOVERNED, "web", "api:8080")
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0] == "shop/web → shop/api on 8080: allowed"
    assert lines[2] == "  Leaving shop/web: allowed"
    assert lines[3].startswith("    NetworkPolicy shop/web-to-api-out-")
    assert "of rule web-to-api of the intent" in lines[3]


def test_a_connection_that_is_denied_is_told_with_what_isolates_and_what_to_add() -> None:
    done = run(GOVERNED, "api", "web:80")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "shop/api → shop/web on 80: denied",
        "",
        "  Leaving shop/api: denied",
        "    the intent isolates it, and none of its rules for it allows this",
        "",
        "  Entering shop/web: denied",
        "    the intent isolates it, and none of its rules for it allows this",
        "",
        "  To allow it, add",
        "    # SecurityIntent of namespace shop, under spec.network.allow:",
        "    - name: api-to-web",
        "      from: {workload: {matchLabels: {app: api}}}",
        "      to: {workload: {matchLabels: {app: web}}}",
        "      ports: [80]",
        "      reason: say why",
    ]


PAYMENTS = workload("api", namespace="payments") + intent(namespace="payments")


@pytest.mark.parametrize(
    "source, target",
    [
        ("web", "api:9999"),
        ("web", "payments/api:8443"),
        ("payments/api", "web:80/UDP"),
        ("api", "203.0.113.9:443"),
        ("api", "internet:443"),
    ],
)
def test_what_is_suggested_makes_it_possible(source: str, target: str) -> None:
    given = GOVERNED + PAYMENTS
    (answer,) = data(given, source, target)
    assert answer["outcome"] == "Denied"
    for suggestion in answer["add"]:
        namespace = suggestion.partition("namespace ")[2].partition(",")[0]
        (rule,) = yaml.safe_load(suggestion)
        documents = list(yaml.safe_load_all(given))
        for each in documents:
            if each and (each["kind"], each["metadata"].get("namespace")) == (
                "SecurityIntent",
                namespace,
            ):
                each["spec"]["network"]["allow"].append(rule)
        given = yaml.safe_dump_all([each for each in documents if each])
    assert [answer["outcome"] for answer in data(given, source, target)] == ["Allowed"]
    assert CliRunner().invoke(plan, ["-"], input=given).exit_code in (0, 1)


def test_what_the_profile_would_refuse_is_suggested_with_that() -> None:
    limited = profile("network: {mayDeclare: {cidrs: [203.0.113.0/24]}}") + SHOP + intent()
    (beyond,) = data(limited, "api", "8.8.8.8:443")[0]["add"]
    assert beyond.startswith("# Refused by SecurityProfile restricted: 8.8.8.8/32 is not inside")
    (within,) = data(limited, "api", "203.0.113.9:443")[0]["add"]
    assert "Refused" not in within


def test_a_namespace_without_an_intent_is_suggested_a_policy() -> None:
    given = SHOP + CLOSED
    (answer,) = data(given, "web", "api:8080")
    for suggestion in answer["add"]:
        given += f"---\n{suggestion}\n"
    assert len(answer["add"]) == 2
    assert [each["outcome"] for each in data(given, "web", "api:8080")] == ["Allowed"]


def test_what_the_platform_denies_is_not_suggested_away() -> None:
    deny = (
        "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\n"
        "metadata: {name: floor}\nspec: {priority: 1, subject: {namespaces: {}},"
        " ingress: [{name: never, action: Deny, from: [{namespaces: {}}]}]}\n"
    )
    done = run(SHOP + deny, "web", "api:8080")
    assert "AdminNetworkPolicy floor, never denies this" in done.stdout
    assert "add" not in data(SHOP + deny, "web", "api:8080")[0]
    assert "who owns what denies it has to change that" in done.stdout


def test_an_intent_in_audit_is_told_what_enforcing_would_do() -> None:
    audit = profile() + SHOP + intent(enforcement="Audit")
    done = run(audit, "web", "api:8080")
    assert done.exit_code == 0
    assert "With every intent enforced it would be denied." in done.stdout


@pytest.mark.parametrize(
    "target, ports",
    [
        ("api:http", ["8080"]),
        ("api", ["8080"]),
        ("api[Deployment]:8080", ["8080"]),
        ("internet:53/UDP", ["53/UDP"]),
        ("[2001:db8::1]:443", ["443"]),
        ("192.0.2.1:443", ["443"]),
    ],
)
def test_targets_are_named_in_many_ways(target: str, ports: list[str]) -> None:
    assert [answer["port"] for answer in data(SHOP, "web", target)] == ports


def test_the_port_of_a_service_is_what_its_pods_listen_on() -> None:
    given = (
        workload("web")
        + workload("back")
        + service("front", 80).replace(
            "app: front}, ports: [{port: 80}]", "app: back}, ports: [{port: 80, targetPort: 8080}]"
        )
    )
    for target in ("front:80", "front"):
        (answer,) = data(given, "web", target)
        assert (answer["to"], answer["port"]) == (target, "8080")


def test_the_address_of_a_pod_is_that_pod() -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\n"
        "status: {podIPs: [{ip: 10.1.2.3}]}\n---\n"
    )
    assert run(SHOP + pod, "web", "10.1.2.3:80").stdout.startswith("shop/web → shop/db on 80")


@pytest.mark.parametrize(
    "source, target, words",
    [
        (
            "wob",
            "api:80",
            "there is no workload or Service wob in namespace shop; there are: api, web",
        ),
        ("web", "gone/api:80", "namespaces with workloads: shop"),
        ("web", "internet", "write the port too, such as internet:443"),
        ("web", "api:grpc", "none of its pods has a port called grpc"),
        ("web", "api:0", "ports go from 1 to 65535"),
    ],
)
def test_what_is_not_there_is_told(source: str, target: str, words: str) -> None:
    done = run(SHOP, source, target)
    assert done.exit_code == 2
    assert words in done.stderr


def test_pods_of_one_workload_that_differ_are_told_apart() -> None:
    pods = "".join(
        "apiVersion: v1\nkind: Pod\n"
        f"metadata: {{name: web-{tier}, namespace: shop, labels: {{tier: {tier}}},"
        " ownerReferences: [{kind: StatefulSet, name: pair, controller: true}]}\n---\n"
        for tier in ("one", "two")
    )
    closed = policy("a", "podSelector: {matchLabels: {tier: one}}, policyTypes: [Egress]")
    answers = data(SHOP + pods + closed, "pair", "api:8080")
    assert {(answer["outcome"], *answer["pods"]) for answer in answers} == {
        ("Denied", "app=api", "tier=one"),
        ("Allowed", "app=api", "tier=two"),
    }


def test_the_question_of_the_examples() -> None:
    done = CliRunner().invoke(
        explain,
        ["shop/checkoutservice", "payments/api:50051", "-f", str(EXAMPLES), "--at", "2026-12-01"],
    )
    assert done.exit_code == 0
    assert "charge-from-shop" in done.stdout
