"""Whom a plan tells of what: who can mend a finding, and both sides of half of an edge."""

from __future__ import annotations

import yaml

from tests.unit.cli.test_plan import CHARGE, SHOP, data, edges, findings, run
from tests.unit.offline.make import from_to, intent, policy, profile, workload


def test_a_half_that_the_other_side_has_not_opened_is_told_with_what_to_add() -> None:
    payments = workload("api", namespace="payments") + intent(namespace="payments")
    found = data(profile(), SHOP, intent(CHARGE), payments)
    assert edges(found) == {("shop/api", "payments/api", "8443", "half-open")}
    (finding,) = found["namespaces"][1]["findings"]
    assert finding["code"] == "HalfOpen"
    assert yaml.safe_load(finding["suggestion"]) == [
        {
            "name": "charge",
            "from": {"namespace": "shop", "workload": {"matchLabels": {"app": "api"}}},
            "to": {"workload": {"matchLabels": {"app": "api"}}},
            "ports": [8443],
            "reason": "say why",
        }
    ]


def test_what_is_suggested_for_the_other_side_opens_it() -> None:
    payments = workload("api", namespace="payments")
    charged = from_to("shop/api", "api", "8443")
    found = data(profile(), SHOP, intent(CHARGE), payments, intent(charged, namespace="payments"))
    assert edges(found) == {("shop/api", "payments/api", "8443", "open")}
    assert edges(found, "payments") == edges(found)
    assert findings(found) == []


def test_a_namespace_that_is_not_in_the_manifests_is_no_mistake() -> None:
    found = data(profile(), SHOP, intent(CHARGE))
    assert findings(found) == [("shop", "note", "NotInManifests")]
    assert run(profile(), SHOP, intent(CHARGE)).exit_code == 0


def test_what_other_namespaces_ask_for_is_told_with_what_to_add() -> None:
    asks = "".join(
        workload("client", namespace=name)
        + intent(from_to("client", "shop/api", "8443", "call"), namespace=name)
        for name in ("team-a", "team-b")
    )
    given = (profile(), SHOP, intent(), asks)
    (shop,) = [each for each in data(*given)["namespaces"] if each["name"] == "shop"]
    assert [(each["namespace"], each["from"]) for each in shop["incomingHalfOpen"]] == [
        ("team-a", "team-a/client"),
        ("team-b", "team-b/client"),
    ]
    lines = run(*given).stdout.splitlines()
    begin = lines.index("  Declared by other namespaces, and not let through here:")
    assert lines[begin + 1 : begin + 10] == [
        "  FROM           TO   PORTS  RULE",
        "  team-a/client  api  8443   call of team-a",
        "  team-b/client  api  8443   call of team-b",
        "  To let it through, add",
        "    # SecurityIntent of namespace shop, under spec.network.allow:",
        "    - name: call",
        "      from: {namespace: team-a, workload: {matchLabels: {app: client}}}",
        "      to: {workload: {matchLabels: {app: api}}}",
        "      ports: [8443]",
    ]
    assert "    - name: call-of-team-b" in lines
    assert "call of team-a" in run(*given, options=("-o", "markdown")).stdout


def test_each_finding_names_what_causes_it_and_who_can_mend_it() -> None:
    payments = workload("api", namespace="payments") + intent(namespace="payments")
    opened = policy("debug", "podSelector: {}, ingress: [{}]")
    given = (profile(), SHOP, intent(CHARGE), payments, opened)
    found = data(*given)["namespaces"]
    told = {
        each["code"]: (each.get("rule"), each.get("policy"), each["mender"])
        for namespace in found
        for each in namespace["findings"]
    }
    assert told == {
        "HalfOpen": ("charge", None, "the owner of namespace payments"),
        "WidenedByForeign": (None, "NetworkPolicy shop/debug", "the owner of namespace shop"),
    }
    assert "warning HalfOpen (for the owner of namespace payments)" in run(*given).stdout


MANY = """
apiVersion: bailiwick.dev/v1alpha1
kind: SecurityProfile
metadata: {name: restricted}
spec: {network: {mayDeclare: {cidrs: [203.0.113.0/24]}}}
---
apiVersion: v1
kind: Service
metadata: {name: partner, namespace: shop}
spec: {ports: [{port: 443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: partner-1, namespace: shop, labels: {kubernetes.io/service-name: partner}}
addressType: IPv4
endpoints: [{addresses: [198.51.100.7]}]
ports: [{port: 443}]
---
"""
CAUSES = {
    "Lapsed": (f"{from_to('web', 'api', '80', 'past')}, reviewBy: 2020-01-01", "past"),
    "LapsesSoon": (f"{from_to('web', 'api', '81', 'near')}, reviewBy: 2026-11-28", "near"),
    "UnmatchedSelector": (from_to("nobody", "api", "82", "gone"), "gone"),
    "UnresolvedPort": (from_to("web", "api", "grpc", "named"), "named"),
    "TooWide": ("name: wide, to: {service: {name: partner}}", "wide"),
    "NotEnforceable": ("name: host, to: {fqdn: example.com}, ports: [443]", "host"),
    "HostNetwork": (from_to("agent", "api", "83", "node"), "node"),
    "HalfOpen": (from_to("web", "payments/api", "84", "half"), "half"),
    "Shadowed": (from_to("web", "api", "81", "twice"), "twice"),
}
"""What causes each finding about a rule, and the name of that rule."""


def test_every_finding_about_a_rule_names_it_and_says_who_can_mend_it() -> None:
    rules = [rule for rule, _ in CAUSES.values()]
    agent = workload("agent", spec="hostNetwork: true")
    payments = workload("api", namespace="payments") + intent(namespace="payments")
    given = (MANY, SHOP, agent, intent(*rules), payments)
    found = data(*given, options=("--at", "2026-11-25", "--enforcer", "Calico"))
    (shop,) = [each for each in found["namespaces"] if each["name"] == "shop"]
    told = {each["code"]: each for each in shop["findings"] if "rule" in each}
    assert {code: each["rule"] for code, each in told.items()} == {
        code: rule for code, (_, rule) in CAUSES.items()
    }
    menders = {code: each["mender"] for code, each in told.items()}
    assert menders.pop("HalfOpen") == "the owner of namespace payments"
    assert set(menders.values()) == {"the owner of namespace shop"}
    assert len({each["id"] for each in shop["findings"]}) == len(shop["findings"])
    again = data(*given, options=("--at", "2026-11-26", "--enforcer", "Calico"))["namespaces"]
    assert [f["id"] for each in again for f in each["findings"]] == [
        f["id"] for each in found["namespaces"] for f in each["findings"]
    ]
