"""What a template gives is held to the same checks as a rule that a person wrote."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.effective import EffectiveIntent, Enforcement
from bailiwick.policy.facts import Namespace
from bailiwick.policy.network.compile import Rendered, compile_network
from bailiwick.policy.network.model import CompiledNetwork
from bailiwick.policy.network.template_rules import RULE_LIMIT, TemplateFailure, template_rules
from bailiwick.policy.ports import Port
from bailiwick.policy.rules import (
    Direction,
    Entity,
    EntityPeer,
    NamespacePeer,
    Rule,
    TemplateRequest,
    WorkloadPeer,
)
from bailiwick.policy.selectors import Selector
from bailiwick.policy.settings import Settings
from tests.unit.network.template_cases import ALLOWED, REFUSED, Json

REQUEST = TemplateRequest(
    "metrics",
    "prometheus-scrape",
    {"port": "metrics"},
    "SecurityProfile restricted, allowance metrics",
)


def rules(given: object, namespace: str = "shop") -> tuple[Rule, ...]:
    outcome = template_rules(namespace, REQUEST, given)
    assert not isinstance(outcome, TemplateFailure), outcome.message
    return outcome


def failure(given: object, namespace: str = "shop") -> str:
    outcome = template_rules(namespace, REQUEST, given)
    assert isinstance(outcome, TemplateFailure), outcome
    assert not outcome.unreadable
    return outcome.message


def test_a_rule_gets_the_name_and_the_place_of_the_allowance() -> None:
    given = {
        "from": {"namespace": "monitoring", "workload": {"matchLabels": {"app": "prometheus"}}},
        "ports": ["metrics", 8080],
        "reason": "metrics are collected",
    }
    assert rules(given) == (
        Rule(
            name="metrics",
            source=NamespacePeer("monitoring", Selector.of({"app": "prometheus"})),
            target=None,
            ports=(Port.named("metrics"), Port.number(8080)),
            reason="metrics are collected",
            from_profile=True,
            field="SecurityProfile restricted, allowance metrics",
        ),
    )


def test_a_list_of_rules_shares_the_name_of_the_allowance() -> None:
    given = [{"to": {"entity": "DNS"}}, {"from": {"workload": {}}, "to": {"workload": {}}}]
    first, second = rules(given)
    assert (first.name, first.target) == ("metrics", EntityPeer(Entity.DNS))
    assert (second.name, second.source) == ("metrics", WorkloadPeer())


def test_a_namespace_that_is_named_by_the_template_may_be_the_one_it_is_for() -> None:
    given = {"from": {"namespace": "elsewhere"}, "to": {"namespace": "shop"}}
    (rule,) = rules(given, "shop")
    assert rule.target == WorkloadPeer()


@pytest.mark.parametrize("given", ALLOWED, ids=str)
def test_what_an_intent_may_declare_a_template_may_give(given: Json) -> None:
    assert len(rules(given)) == 1


@pytest.mark.parametrize("given, said", REFUSED, ids=str)
def test_what_an_intent_may_not_declare_a_template_may_not_give(given: Json, said: str) -> None:
    assert said in failure(given)


@pytest.mark.parametrize(
    "given, said",
    [
        (None, "a rule is a mapping with from, to, ports and reason"),
        ("from: {namespace: a}", "a rule is a mapping"),
        ([], "an empty list"),
        ([[{"to": {"workload": {}}}]], "[0] a rule is a mapping"),
        ([{"to": {"workload": {}}}, {"to": {}}], "[1] to: write exactly one of"),
        ([{"to": {"workload": {}}}] * (RULE_LIMIT + 1), f"write at most {RULE_LIMIT}"),
        ({"name": "other", "to": {"workload": {}}}, "name: there is no such field"),
        ({"to": {"workload": {}}, "http": [{"path": "/"}]}, "http: there is no such field"),
        ({"to": {"workload": {}}, "reviewBy": "2027-03-01"}, "reviewBy: there is no such field"),
    ],
)
def test_anything_but_a_few_rules_without_names_is_refused(given: Any, said: str) -> None:
    assert said in failure(given)


@pytest.mark.parametrize(
    "given, where",
    [
        ({"from": {"namespace": "a", "workload": {"matchLabels": None}}}, "from.workload.matchL"),
        ({"from": None, "to": {"workload": {}}}, "from"),
        ({"to": {"workload": {}}, "ports": None}, "ports"),
        ({"to": {"workload": {}}, "ports": [80, None]}, "ports[1]"),
    ],
)
def test_a_value_that_is_missing_does_not_mean_all(given: Json, where: str) -> None:
    message = failure(given)
    assert message.startswith(where)
    assert "is null: give it a value, or leave the field out" in message


def test_every_problem_is_told_up_to_three() -> None:
    message = failure({"from": {"namespace": "A"}, "to": {"cidr": "x"}, "ports": [0, "x y"]})
    assert message.count("; ") == 2
    assert [part.split(":")[0] for part in message.split("; ")] == [
        "from.namespace",
        "to.cidr",
        "ports[0]",
    ]


def compiled(rendered: Rendered) -> CompiledNetwork:
    effective = EffectiveIntent(
        namespace="shop",
        profile="restricted",
        profile_generation=1,
        enforcement=Enforcement.ENFORCE,
        isolate=frozenset(Direction),
        templates=(REQUEST,),
    )
    namespaces = (Namespace("shop", "1"), Namespace("monitoring", "2"))
    return compile_network(effective, rendered, FixedCluster(namespaces), Settings())


def test_rules_of_a_template_become_policies_of_the_profile() -> None:
    network = compiled({"metrics": rules({"from": {"namespace": "monitoring"}, "ports": [8080]})})
    policy = next(policy for policy in network.policies if policy.rule)
    assert policy.labels["bailiwick.dev/rule"] == "metrics"
    assert policy.labels["bailiwick.dev/origin"] == "profile"
    assert (network.declared_edges, network.opened_edges) == (1, 1)


def test_a_template_that_fails_closes_its_allowance_and_says_why() -> None:
    network = compiled({"metrics": TemplateFailure("it is not YAML")})
    (finding,) = network.findings
    assert (finding.code, finding.severity) == ("TemplateFailed", "closed")
    assert finding.field == REQUEST.field
    assert 'template "prometheus-scrape" gives no rule: it is not YAML' in finding.message
    assert not network.frozen


def test_a_template_that_cannot_be_read_leaves_its_policies_as_they_are() -> None:
    network = compiled({"metrics": TemplateFailure("forbidden", unreadable="configmaps")})
    (finding,) = network.findings
    assert (finding.code, finding.severity) == ("Frozen", "warning")
    assert network.frozen_by == {"configmaps": "forbidden"}
    assert {(f.origin, f.rule, f.half) for f in network.frozen} == {
        ("profile", "metrics", "ingress"),
        ("profile", "metrics", "egress"),
    }
