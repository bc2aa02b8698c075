"""A plan for a cluster where Cilium enforces."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from bailiwick.cli.main import cli
from tests.unit.network.make import JSON

MANIFESTS = """
apiVersion: bailiwick.dev/v1alpha1
kind: SecurityProfile
metadata: {name: plain}
spec: {default: true, network: {allowances: [{name: dns, entity: DNS}]}}
---
apiVersion: bailiwick.dev/v1alpha1
kind: SecurityIntent
metadata: {name: default, namespace: shop}
spec:
  profile: plain
  enforcement: Enforce
  network:
    allow:
    - name: invoices
      from: {workload: {matchLabels: {app: web}}}
      to: {fqdn: api.example.com}
      ports: [443]
    - name: charge
      from: {workload: {matchLabels: {app: web}}}
      to: {workload: {matchLabels: {app: store}}}
      ports: [8080]
      http: [{methods: [POST], path: /charge}]
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: main, image: registry.example.com/web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: store, namespace: shop, labels: {app: store}}
spec: {containers: [{name: main, image: registry.example.com/store}]}
"""


def planned(directory: Path, *options: str) -> JSON:
    (directory / "all.yaml").write_text(MANIFESTS)
    done = CliRunner().invoke(cli, ["plan", str(directory), "--output", "json", *options])
    assert done.exit_code in (0, 1), done.output
    (shop,) = json.loads(done.stdout)["namespaces"]
    found: JSON = shop
    return found


def kinds(shop: JSON) -> list[str]:
    return sorted(policy["kind"] for policy in shop["policies"])


def test_hosts_and_requests_become_policies_of_ciliums(tmp_path: Path) -> None:
    shop = planned(tmp_path, "--enforcer", "Cilium")
    assert kinds(shop) == ["CiliumNetworkPolicy"] * 3 + ["NetworkPolicy"] * 2
    assert shop["findings"] == []


def test_the_requests_that_a_rule_is_limited_to_are_told_with_what_it_opens(tmp_path: Path) -> None:
    edges = planned(tmp_path, "--enforcer", "Cilium")["edges"]
    told = [by for each in edges for by in each.get("openedBy", ()) if by["rule"] == "charge"]
    assert told == [{"rule": "charge", "origin": "intent", "http": ["HTTP POST /charge.*"]}]

    def printed(*arguments: str) -> str:
        return CliRunner().invoke(cli, [*arguments, "--enforcer", "Cilium"]).stdout

    where = str(tmp_path)
    assert "charge: only HTTP POST /charge.*" in printed("plan", where)
    why = " ".join(printed("explain", "shop/web", "shop/store:8080", "-f", where).split())
    assert "allows this, for these requests only: HTTP POST /charge.*" in why
    assert "8080, some requests only" in printed("graph", where, "-o", "dot")
    assert "for these requests only: HTTP POST /charge.*" in printed("graph", where)


def test_without_cilium_they_are_closed(tmp_path: Path) -> None:
    shop = planned(tmp_path, "--enforcer", "Calico")
    assert kinds(shop) == ["NetworkPolicy"] * 2
    assert [each["code"] for each in shop["findings"]] == ["NotEnforceable"] * 2


def test_what_the_operator_wrote_before_is_not_somebody_elses(tmp_path: Path) -> None:
    before = planned(tmp_path, "--enforcer", "Cilium")
    (tmp_path / "live.json").write_text(json.dumps({"kind": "List", "items": before["policies"]}))
    assert planned(tmp_path, "--enforcer", "Cilium") == before
