"""`bailiwick init`, as it is called."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bailiwick.cli.init import init
from bailiwick.cli.plan import plan
from tests.unit.offline.make import intent, policy, profile, service, workload

SHOP = workload("web") + workload("api")


def run(text: str, *options: str) -> Result:
    return CliRunner().invoke(init, ["-n", "shop", "-f", "-", *options], input=text)


def rules(text: str) -> list[dict[str, Any]]:
    done = run(text)
    assert done.exit_code == 0, done.stderr
    found: list[dict[str, Any]] = yaml.safe_load(done.stdout)["spec"]["network"]["allow"]
    return found


def allowing(spec: str) -> str:
    return policy("a", f"podSelector: {{matchLabels: {{app: api}}}}, {spec}")


WEB = {"workload": {"matchLabels": {"app": "web"}}}
API = {"workload": {"matchLabels": {"app": "api"}}}


@pytest.mark.parametrize(
    "spec, expected",
    [
        (
            "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]",
            [{"from": WEB, "to": API, "ports": [80]}],
        ),
        (
            "ingress: [{from: [{namespaceSelector: {matchLabels: "
            "{kubernetes.io/metadata.name: other}}, podSelector: {matchLabels: {app: web}}}]}]",
            [{"from": {"namespace": "other", **WEB}, "to": API}],
        ),
        (
            "policyTypes: [Egress], egress: [{"
            "to: [{ipBlock: {cidr: 10.1.0.1/16, except: [10.1.1.0/24]}}], "
            "ports: [{port: 53, protocol: UDP}, {port: 90, endPort: 99}]}]",
            [
                {
                    "from": API,
                    "to": {"cidr": "10.1.0.0/16", "except": ["10.1.1.0/24"]},
                    "ports": ["53/UDP", "90-99"],
                }
            ],
        ),
        (
            "ingress: [{ports: [{port: http}]}]",
            [
                {"from": {"entity": "Cluster"}, "to": API, "ports": ["http"]},
                {"from": {"entity": "Internet"}, "to": API, "ports": ["http"]},
            ],
        ),
        (
            "policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], "
            "ports: [{port: 53, protocol: UDP}, {port: 53}]}]",
            [{"from": {"workload": {}}, "to": {"entity": "DNS"}}],
        ),
    ],
)
def test_what_policies_open_is_taken_over(spec: str, expected: list[dict[str, Any]]) -> None:
    found = rules(SHOP + allowing(spec))
    assert [{k: v for k, v in r.items() if k not in ("name", "reason")} for r in found] == expected


def test_what_a_policy_says_of_another_direction_is_void() -> None:
    assert rules(SHOP + allowing("policyTypes: [Ingress], egress: [{ports: [{port: 80}]}]")) == []


def test_every_rule_has_a_name_of_its_own_and_a_reason_to_fill_in() -> None:
    entries = "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]"
    other = policy(
        "b", f"podSelector: {{matchLabels: {{app: api}}}}, {entries.replace('80', '81')}"
    )
    found = rules(SHOP + allowing(entries) + other)
    assert [(rule["name"], rule["reason"]) for rule in found] == [
        ("web-to-api", "say why"),
        ("web-to-api-2", "say why"),
    ]


def test_what_only_one_side_opens_is_not_possible_today_and_left_out() -> None:
    ingress = "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]"
    closed = policy("b", "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]")
    assert rules(SHOP + allowing(ingress) + closed) == []


def test_whoever_serves_an_ingress_is_let_in() -> None:
    ingress = (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a, namespace: shop}\n"
        "spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}\n---\n"
    )
    (rule,) = rules(SHOP + service("web", 80) + ingress)
    assert (rule["from"], rule["to"], rule["ports"]) == (
        {"entity": "IngressController"},
        {"service": {"name": "web"}},
        [80],
    )


def test_services_that_nothing_leads_to_are_asked_about() -> None:
    done = run(SHOP + service("web", 80) + service("api", 81))
    assert "# Who calls Service api (81)?" in done.stdout
    assert "# Who calls Service web (80)?" in done.stdout


def test_dns_is_left_to_a_profile_that_opens_it() -> None:
    dns = profile("default: true, network: {allowances: [{name: dns, entity: DNS}]}")
    spec = "policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]"
    done = run(SHOP + allowing(spec) + dns)
    written = yaml.safe_load(done.stdout)["spec"]
    assert written["profile"] == "restricted"
    assert [rule["to"] for rule in written["network"]["allow"]] == [{"entity": "Internet"}]


def test_it_isolates_nothing_and_opens_no_more_than_is_possible_today() -> None:
    given = SHOP + workload("db") + profile()
    given += policy(
        "a",
        "podSelector: {matchLabels: {app: db}}, "
        "ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 5432}]}]",
    )
    given += policy("b", "podSelector: {}, policyTypes: [Ingress, Egress]").replace("Egress]", "]")
    written = run(given, "--profile", "restricted").stdout
    assert "enforcement: Audit" in written
    enforced = written.replace("Audit", "Enforce")
    done = CliRunner().invoke(plan, ["-", "-o", "json"], input=f"{given}---\n{enforced}")
    (shop,) = json.loads(done.stdout)["namespaces"]
    assert {edge["state"] for edge in shop["edges"] if "outside" not in edge["to"]} <= {"open"}


def test_a_namespace_with_an_intent_keeps_it() -> None:
    done = run(SHOP + profile() + intent())
    assert done.exit_code == 2
    assert "has an intent already, in stdin:" in done.stderr


def test_a_namespace_that_is_not_there_is_told() -> None:
    assert "there is nothing of namespace shop" in run(profile()).stderr
