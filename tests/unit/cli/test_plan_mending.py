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
