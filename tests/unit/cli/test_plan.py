"""`bailiwick plan`, as it is called."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bailiwick.cli.plan import plan
from tests.unit.offline.make import (
    EXAMPLES,
    from_to,
    intent,
    policy,
    profile,
    service,
    workload,
)

SHOP = workload("web") + workload("api")
WEB_TO_API = from_to("web", "api", "8080")
CHARGE = from_to("api", "payments/api", "8443", "charge")


def run(*texts: str, options: tuple[str, ...] = ()) -> Result:
    return CliRunner().invoke(plan, ["-", *options], input="".join(texts))


def data(*texts: str, options: tuple[str, ...] = ()) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*texts, options=("-o", "json", *options)).stdout)
    return found


def edges(found: dict[str, Any], namespace: str = "shop") -> set[tuple[str, str, str, str]]:
    (each,) = [each for each in found["namespaces"] if each["name"] == namespace]
    return {
        (_end(edge["from"]), _end(edge["to"]), edge["ports"], edge["state"])
        for edge in each["edges"]
        if edge["from"] != edge["to"]
    }


def _end(end: dict[str, Any]) -> str:
    return "outside" if "outside" in end else f"{end['namespace']}/{end['name']}"


def findings(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    every = [*found["findings"], *(f for each in found["namespaces"] for f in each["findings"])]
    return [(each["namespace"], each["severity"], each["code"]) for each in every]


def test_a_plan_is_readable() -> None:
    text = profile() + SHOP + intent(WEB_TO_API)
    done = run(text)
    assert done.stdout.splitlines() == [
        "Namespace shop: profile restricted, Enforce, 3 policies",
        "",
        "  FROM  TO   PORTS  OPENED BY",
        "  web   api  8080   web-to-api",
        "",
        "In all: nothing to say.",
    ]
    assert done.exit_code == 0


def test_policies_are_told_by_name_where_that_is_asked_for() -> None:
    lines = run(profile() + SHOP + intent(WEB_TO_API), options=("--policies",)).stdout.splitlines()
    table = [line.split(maxsplit=2) for line in lines[2:6]]
    assert table[0] == ["POLICY", "HALF", "RULE"]
    assert [row[1:] for row in table[1:]] == [
        ["isolation", "every pod is isolated"],
        ["ingress", "web-to-api"],
        ["egress", "web-to-api"],
    ]


def test_policies_are_in_the_data_as_they_would_be_applied() -> None:
    (shop,) = data(profile() + SHOP + intent(WEB_TO_API))["namespaces"]
    assert {each["kind"] for each in shop["policies"]} == {"NetworkPolicy"}
    assert {each["metadata"]["labels"].get("bailiwick.dev/rule") for each in shop["policies"]} == {
        None,
        "web-to-api",
    }


def test_what_another_policy_opens_is_told_with_the_policy() -> None:
    opener = policy("debug", "podSelector: {matchLabels: {app: api}}, ingress: [{}]")
    egress = policy(
        "out", "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{}]"
    )
    found = data(profile(), SHOP, intent(WEB_TO_API), opener, egress)
    assert ("shop/web", "shop/api", "8080", "open") in edges(found)
    assert ("shop/web", "shop/api", "all but 8080", "widened") in edges(found)
    told = [f for f in found["namespaces"][0]["findings"] if f["code"] == "WidenedByForeign"]
    assert [f["about"] for f in told] == ["NetworkPolicy shop/debug", "NetworkPolicy shop/out"]
    assert "web to api on all but 8080" in told[0]["message"]
    assert "anywhere outside to api on all" in told[0]["message"]


def test_an_intent_in_audit_is_told_what_enforcing_would_cut() -> None:
    done = run(profile(), SHOP, intent(WEB_TO_API, enforcement="Audit"))
    assert done.stdout.splitlines() == [
        "Namespace shop: profile restricted, Audit, 3 policies once it is enforced",
        "",
        "  FROM  TO   PORTS  OPENED BY",
        "  web   api  8080   web-to-api",
        "",
        "  Possible today, and cut once it is enforced:",
        "  FROM                   TO                PORTS",
        "  anywhere outside       api               all",
        "  api, anywhere outside  web               all",
        "  every workload         anywhere outside  all",
        "  web                    api               all but 8080",
        "",
        "  stdin:21: note Unisolated",
        "    no policy restricts egress of every workload: Enforce would",
        "",
        "  stdin:21: note Unisolated",
        "    no policy restricts ingress of every workload: Enforce would",
        "",
        "  stdin:21: note WouldBeCut",
        "    Enforce would cut 6 connections that are possible today",
        "",
        "In all: 3 notes.",
    ]


def test_whether_a_range_covers_pods_is_not_known_unless_somebody_tells() -> None:
    lan = "{cidr: 10.0.0.0/8}"
    rules = (f"name: a, to: {lan}, ports: [80]", f"name: b, from: {lan}, ports: [80]")
    given = (profile(), SHOP, intent(*rules))
    assert ("shop/web", "shop/api", "80", "unknown") in edges(data(*given))
    assert ("shop", "note", "Unknown") in findings(data(*given))
    of_cilium = data(*given, options=("--enforcer", "Cilium"))
    assert findings(of_cilium) == []
    assert {state for *_, state in edges(of_cilium)} == {"open"}


def test_a_namespace_with_the_label_alone_is_held_to_its_profile() -> None:
    namespace = (
        "apiVersion: v1\nkind: Namespace\n"
        "metadata: {name: shop, labels: {bailiwick.dev/profile: restricted}}\n---\n"
    )
    (shop,) = data(profile("enforcement: {minimum: Enforce}"), namespace, SHOP)["namespaces"]
    assert (shop["profile"], shop["enforcement"], shop["edges"]) == ("restricted", "Enforce", [])


def test_what_stands_in_for_the_cluster_is_told_where_it_was_used() -> None:
    dns = profile("network: {allowances: [{name: dns, entity: DNS}]}")
    found = data(dns, SHOP, intent())
    assert edges(found) == {
        ("shop/web", "kube-system/coredns", "53, 53/UDP", "open"),
        ("shop/api", "kube-system/coredns", "53, 53/UDP", "open"),
    }
    (assumed,) = found["assumed"]
    assert "kube-system/kube-dns" in assumed
    assert data(profile(), SHOP, intent())["assumed"] == []


def test_the_clusters_own_dns_needs_no_stand_in() -> None:
    dns = profile("network: {allowances: [{name: dns, entity: DNS}]}")
    own = workload("dns", namespace="kube-system") + service("dns", 53, namespace="kube-system")
    named = own.replace(
        "kind: Service\nmetadata: {name: dns", "kind: Service\nmetadata: {name: kube-dns"
    )
    found = data(dns, SHOP, intent(), named)
    assert ("shop/web", "kube-system/dns", "53", "open") in edges(found)
    assert found["assumed"] == []


@pytest.mark.parametrize(
    "text, code, line",
    [
        (intent("name: a, to: {fqdn: example.com}, ports: [443]"), "NotEnforceable", 13),
        (intent("name: a, to: {service: {name: gone}}"), "ServiceNotFound", 13),
        (intent(from_to("web", "api", "http")), "UnresolvedPort", 13),
        (intent(from_to("nobody", "api", "80")), "UnmatchedSelector", 13),
        (intent(from_to("web", "api", "80") + ", reviewBy: 2020-01-01"), "Lapsed", 13),
        (intent("name: a, to: {cidr: 169.254.169.254/32}"), "MetadataAddress", 13),
        (intent(name="gone"), "ProfileNotFound", 6),
    ],
)
def test_findings_are_told_with_their_line(text: str, code: str, line: int) -> None:
    found = data(profile(), text, SHOP)["namespaces"][0]["findings"]
    assert [(f["code"], f["file"], f["line"]) for f in found] == [(code, "stdin", line)]


INVALID = {
    "a field that is none": (intent("name: a, tooo: {entity: DNS}"), "there is no such field"),
    "a port that is none": (intent(from_to("web", "api", "70000")), "ports go from 1 to 65535"),
    "a range with host bits": (intent("name: a, to: {cidr: 10.0.0.1/8}"), "bits after the prefix"),
    "an exception outside": (
        intent("name: a, to: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}"),
        "must lie inside 10.0.0.0/8",
    ),
    "no side": (intent("name: a, ports: [80]"), "write from, to, or both"),
    "no side here": (
        intent(from_to("a/b", "c/d", "80", "x")),
        "one side must be in this namespace",
    ),
    "two kinds of peer": (
        intent("name: a, to: {entity: DNS, cidr: 10.0.0.0/8}"),
        "write exactly one of",
    ),
    "two rules of one name": (
        intent("name: a, to: {entity: DNS}", "name: a, from: {entity: DNS}"),
        "2 entries have this name",
    ),
    "an unquoted Off": (profile("images: {pinned: Off}"), "spec.images.pinned"),
    "a duration that is none": (profile("images: {maxAge: 3 weeks}"), "is not a duration"),
    "an allowance of two kinds": (
        profile("network: {allowances: [{name: a, entity: DNS, to: {entity: Nodes}}]}"),
        "write exactly one of entity, from, to, template",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_the_api_server_would_refuse_of_an_intent_or_profile_ends_it(name: str) -> None:
    text, words = INVALID[name]
    done = run(text)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.startswith("error: stdin:")


@pytest.mark.parametrize("fail_on, code", [("note", 1), ("warning", 1), ("error", 0), ("never", 0)])
def test_the_exit_code_says_whether_findings_matter(fail_on: str, code: int) -> None:
    payments = workload("api", namespace="payments") + intent(namespace="payments")
    done = run(profile(), SHOP, intent(CHARGE), payments, options=("--fail-on", fail_on))
    assert done.exit_code == code


@pytest.mark.parametrize(
    "day, expected",
    [
        ("2026-12-01", set()),
        ("2027-02-20", {("shop", "warning", "LapsesSoon")}),
        ("2027-03-02", {("shop", "error", "Lapsed")}),
    ],
)
def test_the_day_can_be_chosen(day: str, expected: set[tuple[str, str, str]]) -> None:
    rule = from_to("web", "api", "80") + ", reviewBy: 2027-03-01"
    found = data(profile(), SHOP, intent(rule), options=("--at", day))
    assert set(findings(found)) == expected


def test_the_ids_of_findings_stay_when_lines_move() -> None:
    text = intent("name: a, to: {service: {name: gone}}")
    ids = [
        [f["id"] for f in data(profile(), before, text, SHOP)["namespaces"][0]["findings"]]
        for before in ("", "# a comment\n\n")
    ]
    assert ids[0] == ids[1] != []


def test_yaml_is_the_same_data_as_json() -> None:
    text = profile() + SHOP + intent(WEB_TO_API)
    assert yaml.safe_load(run(text, options=("-o", "yaml")).stdout) == data(text)


def test_sarif_names_file_line_and_level() -> None:
    text = profile() + SHOP + intent("name: a, to: {service: {name: gone}}")
    (found,) = json.loads(run(text, options=("-o", "sarif")).stdout)["runs"]
    (result,) = found["results"]
    assert (result["ruleId"], result["level"]) == ("ServiceNotFound", "error")
    assert found["tool"]["driver"]["rules"][result["ruleIndex"]] == {"id": "ServiceNotFound"}
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "stdin"},
        "region": {"startLine": 23},
    }


def test_junit_has_a_case_for_each_namespace() -> None:
    payments = workload("api", namespace="payments") + intent(namespace="payments")
    text = profile() + SHOP + intent(CHARGE) + payments
    suites = ET.fromstring(run(text, options=("-o", "junit")).stdout)
    assert suites.attrib["failures"] == "1"
    cases = {case.attrib["name"]: case.find("failure") for case in suites.iter("testcase")}
    assert cases["payments"] is None
    failure = cases["shop"]
    assert failure is not None
    assert "HalfOpen" in (failure.text or "")


def test_markdown_is_fit_for_a_comment() -> None:
    text = profile() + SHOP + intent("name: a, to: {service: {name: gone}}")
    lines = run(text, options=("-o", "markdown")).stdout.splitlines()
    assert lines[0] == "### Bailiwick plan: 1 error"
    assert lines[2].startswith("- ❌ **shop** ServiceNotFound: rule a: ")
    assert "</details>" in lines


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_no_line_of_the_examples_is_wider_than_the_table(name: str) -> None:
    done = CliRunner().invoke(plan, [str(EXAMPLES / name), str(EXAMPLES / "profile.yaml")])
    lines = done.stdout.splitlines()
    assert done.exit_code in (0, 1)
    assert [line for line in lines if len(line) > 100 and "/" not in line[:100]] == []


def test_the_examples_are_as_they_are_meant() -> None:
    done = CliRunner().invoke(plan, [str(EXAMPLES), "-o", "json", "--at", "2026-12-01"])
    found = json.loads(done.stdout)
    assert ("shop/checkoutservice", "payments/api", "50051", "open") in edges(found)
    assert {(n, c) for n, severity, c in findings(found) if severity != "note"} == {
        ("broken", "NotEnforceable"),
        ("broken", "Refused"),
        ("broken", "ServiceNotFound"),
        ("legacy", "HalfOpen"),
    }


def test_no_manifest_speaks_to_the_terminal() -> None:
    done = run(r'{kind: Pod, apiVersion: v1, metadata: {name: a, labels: {"\e[31m": 1}}}')
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr


def test_manifests_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    (tmp_path / "b.yaml").write_text(profile() + intent("name: A, to: {entity: DNS}"))
    done = CliRunner().invoke(plan, [str(tmp_path)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [f"{tmp_path}/a.yaml:2"]
