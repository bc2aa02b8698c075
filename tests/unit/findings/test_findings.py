"""What is told of a namespace: each finding, what causes it, and who can mend it."""

from __future__ import annotations

import pytest

from bailiwick.policy.findings.effective import NamespaceReach
from bailiwick.policy.findings.finding import Severity
from tests.unit.findings.make import JSON, Cluster, app, codes, shop_and_payments, there

WEB = {"matchLabels": {"app": "web"}}
CART = {"matchLabels": {"app": "cart"}}
WEB_TO_CART = {"from": app("web"), "to": app("cart"), "ports": [8080]}
CHARGE = {"from": app("web"), "to": there("payments", "api"), "ports": [8080]}
FROM_SHOP = {"from": there("shop", "web"), "to": app("api"), "ports": [8080]}


@pytest.fixture
def cluster() -> Cluster:
    return shop_and_payments()


def edges(reach: NamespaceReach) -> tuple[int, int]:
    return reach.declared_edges, reach.effective_edges


def test_what_is_as_declared_has_no_finding(cluster: Cluster) -> None:
    cluster.intent("shop", WEB_TO_CART)
    found = cluster.look("shop")
    assert codes(found) == []
    assert edges(found) == (1, 1)


@pytest.mark.parametrize(
    "spec, told",
    [
        (
            {"podSelector": CART, "ingress": [{}]},
            "everyone in other namespaces, anywhere outside to cart on all.",
        ),
        (
            {"podSelector": CART, "ingress": [{"from": [{"namespaceSelector": {}}]}]},
            "everyone in other namespaces to cart on all",
        ),
        (
            {
                "podSelector": CART,
                "ingress": [
                    {
                        "from": [{"namespaceSelector": {"matchLabels": {"team": "payments"}}}],
                        "ports": [{"port": "http"}],
                    }
                ],
            },
            "payments/api, payments/ledger to cart on 8080",
        ),
        (
            {"policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": "8.8.8.8/32"}}]}]},
            "every workload to 8.8.8.8/32 on all",
        ),
        (
            {
                "policyTypes": ["Egress"],
                "egress": [
                    {"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}]}
                ],
            },
            "workloads with a=b elsewhere in the cluster on all",
        ),
    ],
)
def test_a_policy_of_others_that_opens_more_is_named_with_what_it_opens(
    cluster: Cluster, spec: JSON, told: str
) -> None:
    cluster.intent("shop", WEB_TO_CART)
    cluster.policy("shop", "by-hand", spec)
    (found,) = cluster.look("shop").findings
    assert (found.code, str(found.policy)) == ("WidenedByForeign", "NetworkPolicy shop/by-hand")
    assert found.severity is Severity.ERROR
    assert found.mender == "the owner of namespace shop"
    assert told in found.message


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": {"matchLabels": {"app": "nobody"}}, "ingress": [{}]},
        {"ingress": []},
        {
            "podSelector": CART,
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {"app": "web"}}}],
                    "ports": [{"port": 8080}],
                }
            ],
        },
    ],
)
def test_a_policy_of_others_that_opens_nothing_more_is_no_finding(
    cluster: Cluster, spec: JSON
) -> None:
    cluster.intent("shop", WEB_TO_CART)
    cluster.policy("shop", "harmless", spec)
    assert codes(cluster.look("shop")) == []


def test_a_policy_of_others_is_not_named_to_another_namespace(cluster: Cluster) -> None:
    cluster.intent("shop", CHARGE)
    cluster.look("payments")
    cluster.policy("payments", "secret-name", {"ingress": [{}]})
    assert codes(cluster.look("shop")) == []
    assert codes(cluster.look("payments")) == [
        ("WidenedByForeign", "NetworkPolicy payments/secret-name")
    ]


def test_an_isolation_by_others_that_closes_what_is_declared_is_named() -> None:
    cluster = shop_and_payments()
    cluster.isolate = ("Ingress",)
    cluster.intent("shop", WEB_TO_CART)
    cluster.policy("shop", "no-way-out", {"policyTypes": ["Egress"]})
    (found,) = cluster.look("shop").findings
    assert found.code == "NarrowedByForeign"
    assert found.about == "NetworkPolicy shop/no-way-out"
    assert "web to cart on 8080" in found.message


def test_an_edge_with_one_half_is_told_on_both_sides(cluster: Cluster) -> None:
    cluster.intent("shop", {"name": "charge", "reason": "a secret of shop", **CHARGE})
    cluster.look("shop")
    asked = cluster.look("payments")
    found = cluster.look("shop")
    assert edges(found) == (1, 0)
    (half,) = found.findings
    assert (half.code, half.about) == ("HalfOpen", "charge")
    assert half.mender == "the owner of namespace payments"
    assert "web to payments/api on 8080" in half.message
    assert codes(asked) == []
    (ask,) = asked.incoming
    assert (ask.namespace, ask.rule, ask.direction) == ("shop", "charge", "Ingress")
    assert ask.missing.rule == {
        "name": "charge",
        "from": {"namespace": "shop", "workload": {"matchLabels": {"app": "web"}}},
        "to": {"workload": {"matchLabels": {"app": "api"}}},
        "ports": [8080],
        "reason": "say why",
    }


@pytest.mark.parametrize(
    "rules, enforcement, asks",
    [
        ([FROM_SHOP], "Enforce", 0),
        ([{**FROM_SHOP, "ports": [9090]}], "Enforce", 1),
        ([{"from": there("shop"), "to": {"workload": {}}}], "Enforce", 0),
        ([], "Audit", 1),
        ([FROM_SHOP], "Audit", 0),
    ],
)
def test_nobody_asks_for_what_is_let_through(
    cluster: Cluster, rules: list[JSON], enforcement: str, asks: int
) -> None:
    cluster.intent("shop", CHARGE)
    cluster.look("shop")
    cluster.intent("payments", *rules, enforcement=enforcement)
    assert len(cluster.look("payments").incoming) == asks


def test_who_waits_for_others_to_come_out_asks_too(cluster: Cluster) -> None:
    cluster.intent("payments", {"name": "charges", **FROM_SHOP})
    cluster.look("payments")
    (ask,) = cluster.look("shop").incoming
    assert (ask.namespace, ask.rule, ask.direction) == ("payments", "charges", "Egress")
    assert [str(each.name) for each in (*ask.sources, *ask.targets)] == ["web", "api"]


def test_a_namespace_whose_intent_goes_asks_no_more(cluster: Cluster) -> None:
    cluster.intent("shop", CHARGE)
    cluster.look("shop")
    assert cluster.look("payments").incoming
    cluster.settle()
    cluster.reachability.forget("shop")
    assert cluster.settle() == {"payments"}
    assert not cluster.look("payments").incoming


@pytest.mark.parametrize(
    "rules, told",
    [
        ([WEB_TO_CART, {**WEB_TO_CART, "name": "same"}], ["same"]),
        ([WEB_TO_CART, {"name": "all", "from": app("web"), "to": app("cart")}], ["r0"]),
        ([WEB_TO_CART, {**WEB_TO_CART, "ports": [9090], "name": "more"}], []),
        ([WEB_TO_CART, {"name": "nobody", "from": app("x"), "to": app("cart")}], []),
        (
            [
                {"name": "low", **WEB_TO_CART, "ports": ["8000-8080"]},
                {"name": "high", **WEB_TO_CART, "ports": ["8080-8100"]},
                {"name": "middle", **WEB_TO_CART, "ports": ["8050-8090"]},
            ],
            ["middle"],
        ),
    ],
)
def test_a_rule_that_adds_nothing_is_told(
    cluster: Cluster, rules: list[JSON], told: list[str]
) -> None:
    cluster.intent("shop", *rules)
    assert [each.about for each in cluster.look("shop").of_code("Shadowed")] == told


def test_in_audit_everything_is_told_that_would_be_cut(cluster: Cluster) -> None:
    cluster.intent("shop", WEB_TO_CART, enforcement="Audit")
    found = cluster.look("shop")
    assert found.audit is not None
    rows = {(row.sources, row.targets, row.ports) for row in found.audit.rows}
    assert ("web", "cart", "all but 8080") in rows
    assert ("every workload", "everyone in other namespaces, anywhere outside", "all") in rows
    assert found.audit.cut + found.audit.stay == found.effective_edges
    assert [(f.code, f.about, f.severity) for f in found.findings] == [
        ("Unisolated", "Egress", Severity.NOTE),
        ("Unisolated", "Ingress", Severity.NOTE),
        ("WouldBeCut", "", Severity.NOTE),
    ]


def test_what_is_not_isolated_though_it_should_be_is_an_error(cluster: Cluster) -> None:
    cluster.intent("shop", WEB_TO_CART)
    meaning = cluster.meaning("shop")
    found = cluster.reachability.look(meaning, [], [])
    assert {(f.code, f.about, f.severity) for f in found.of_code("Unisolated")} == {
        ("Unisolated", "Ingress", Severity.ERROR),
        ("Unisolated", "Egress", Severity.ERROR),
    }
    assert found.effective_edges > found.declared_edges == 1


def test_kinds_that_cannot_be_read_are_named() -> None:
    cluster = shop_and_payments()
    cluster.world._read_problems = lambda: {
        "ciliumnetworkpolicies": "forbidden",
        "pods": "forbidden",
    }
    found = cluster.look("shop")
    assert codes(found) == [("Unknown", "ciliumnetworkpolicies")]
    assert "Give the operator the right to list and watch them" in found.findings[0].message


def test_a_policy_that_cannot_be_read_leaves_its_pods_unknown(cluster: Cluster) -> None:
    cluster.intent("shop", WEB_TO_CART)
    cluster.policy("shop", "odd", {"podSelector": {"matchExpressions": [{"operator": "Near"}]}})
    (found,) = cluster.look("shop").findings
    assert (found.code, found.about) == ("Unknown", "NetworkPolicy shop/odd")


def test_what_another_namespace_leaves_unknown_is_told_without_its_policies(
    cluster: Cluster,
) -> None:
    cluster.intent("shop", CHARGE)
    odd = {"podSelector": {"matchExpressions": [{"operator": "Near"}]}}
    cluster.policy("payments", "odd", odd)
    (found,) = cluster.look("shop").findings
    assert (found.code, found.severity) == ("Unknown", Severity.NOTE)
    assert found.mender == "the owner of namespace payments"
    assert found.message == (
        "namespace payments has policies that cannot be evaluated here, so it is not known "
        "whether it lets this through: web to payments/api on 8080"
    )


def test_the_same_finding_has_the_same_id_and_another_one_has_another(cluster: Cluster) -> None:
    cluster.policy("shop", "a", {"ingress": [{}]})
    cluster.policy("shop", "b", {"ingress": [{}]})
    first = [each.id for each in cluster.look("shop").findings]
    cluster.pod("shop", "new")
    assert [each.id for each in cluster.look("shop").findings] == first
    assert len(set(first)) == 2


def test_what_comes_and_goes_before_anybody_looked_wakes_nobody(cluster: Cluster) -> None:
    cluster.intent("shop", CHARGE)
    cluster.look("shop")
    cluster.look("payments")
    cluster.settle()
    cluster.policy("payments", "by-hand", {"ingress": [{}]})
    assert cluster.settle() == {"shop"}
    cluster.policy("payments", "more", {"ingress": [{}], "podSelector": WEB})
    cluster.policy("payments", "more", None)
    assert cluster.settle() == set()
    cluster.policy("payments", "more", {"ingress": [{}], "podSelector": WEB})
    cluster.look("shop")
    cluster.policy("payments", "more", None)
    assert cluster.settle() == {"shop"}


def test_a_pod_more_of_the_same_workload_wakes_nobody(cluster: Cluster) -> None:
    cluster.intent("shop", CHARGE)
    cluster.look("shop")
    cluster.settle()
    cluster.replica("payments", "api-1", "api")
    assert cluster.settle() == {"shop"}
    cluster.replica("payments", "api-2", "api")
    assert cluster.settle() == set()


def test_a_policy_of_the_whole_cluster_is_named_and_wakes_whom_it_selects(cluster: Cluster) -> None:
    cluster.look("shop")
    cluster.look("payments")
    cluster.settle()
    subject = {"namespaces": {"matchLabels": {"team": "shop"}}}
    everyone = {"name": "in", "action": "Accept", "from": [{"namespaces": {}}]}
    cluster.cluster_policy(
        "open", {"subject": subject, "tier": "Admin", "priority": 1, "ingress": [everyone]}
    )
    assert cluster.settle() == {"shop"}
    (found,) = cluster.look("shop").findings
    assert found.code == "WidenedByForeign"
    assert str(found.policy) == "ClusterNetworkPolicy open"
    assert found.mender == "the platform team"
    assert codes(cluster.look("payments")) == []


DENY = {"name": "cut", "action": "Deny"}
IN_SHOP = {"namespaces": {"matchLabels": {"team": "shop"}}}
IN_PAYMENTS = {"namespaces": {"matchLabels": {"team": "payments"}}}


@pytest.mark.parametrize(
    "denial",
    [
        {"subject": IN_PAYMENTS, "ingress": [{**DENY, "from": [IN_SHOP]}]},
        {"subject": IN_SHOP, "egress": [{**DENY, "to": [IN_PAYMENTS]}]},
    ],
    ids=["at the target", "at the source"],
)
def test_what_both_declare_and_the_platform_denies_is_told_alike_at_both_ends(
    cluster: Cluster, denial: JSON
) -> None:
    cluster.intent("shop", CHARGE)
    cluster.intent("payments", FROM_SHOP)
    cluster.cluster_policy("cut", {"tier": "Admin", "priority": 1, **denial})
    cluster.enforce("shop")
    cluster.enforce("payments")
    for namespace in ("shop", "payments", "shop"):
        found = cluster.look(namespace)
        assert codes(found) == [("NarrowedByForeign", "ClusterNetworkPolicy cut")]
        assert found.findings[0].mender == "the platform team"
        assert not found.incoming
        assert {row.state for row in found.rows} == {"closed"}


def test_whom_only_a_policy_of_the_whole_cluster_names_by_labels_is_not_told_by_name(
    cluster: Cluster,
) -> None:
    accept = {"name": "in", "action": "Accept", "from": [IN_SHOP]}
    cluster.cluster_policy(
        "open", {"subject": IN_PAYMENTS, "tier": "Admin", "priority": 1, "ingress": [accept]}
    )
    found = cluster.look("payments")
    assert {(row.source, row.target, row.state) for row in found.rows} == {
        ("every workload in namespaces with team=shop", "api", "widened"),
        ("every workload in namespaces with team=shop", "ledger", "widened"),
    }
    assert "web" not in found.findings[0].message
    cluster.namespace("shop", team="other")
    assert cluster.settle() == {"payments"}
    assert cluster.look("payments").rows == ()


def test_what_the_platform_denies_too_is_half_open_while_the_other_side_is_missing(
    cluster: Cluster,
) -> None:
    cluster.intent("shop", CHARGE)
    denial = {"subject": IN_PAYMENTS, "ingress": [{**DENY, "from": [IN_SHOP]}]}
    cluster.cluster_policy("cut", {"tier": "Admin", "priority": 1, **denial})
    cluster.enforce("payments")
    assert codes(cluster.look("shop")) == [("HalfOpen", "r0")]
    assert [each.rule for each in cluster.look("payments").incoming] == ["r0"]
