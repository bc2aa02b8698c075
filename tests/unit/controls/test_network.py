from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bailiwick.policy.assessment.evidence import Evidence, LivePolicies
from bailiwick.policy.controls import network
from bailiwick.policy.controls.result import Outcome
from bailiwick.policy.effective import Enforcement, ReviewNotice
from bailiwick.policy.findings.effective import NamespaceReach
from bailiwick.policy.findings.finding import Finding, Severity
from bailiwick.policy.network.model import CompiledNetwork, NetworkFinding
from bailiwick.policy.rules import Direction
from bailiwick.policy.settings import Settings
from tests.unit.controls.make import (
    LIVE,
    PLAN,
    RULE,
    closed,
    effective,
    evidence,
)

AUDIT = effective(enforcement=Enforcement.AUDIT)
HOST = NetworkFinding(
    "", "HostNetwork", "warning", "network policies do not hold for: node-agent", ""
)


@pytest.mark.parametrize(
    "given,outcome,words",
    [
        (evidence(), "pass", "enforced by Cilium"),
        (evidence(effective=AUDIT, live=LivePolicies()), "fail", "enforcement is Audit"),
        (evidence(live=LivePolicies()), "fail", "not isolated yet"),
        (evidence(settings=Settings()), "error", "setting `enforcer`"),
        (evidence(plan=None), "error", "could not be worked out"),
        (evidence(effective=effective(isolate=frozenset())), "skip", "does not ask"),
        (evidence(plan=replace(PLAN, findings=(HOST,))), "warn", "node-agent"),
    ],
)
def test_isolation_holds_only_when_live_asked_for_and_enforced_by_somebody_known(
    given: Evidence, outcome: str, words: str
) -> None:
    for control in (network.isolated_ingress, network.isolated_egress):
        result = control(given)
        assert result.outcome == outcome
        assert words in result.message


def test_each_direction_is_judged_by_itself() -> None:
    one_way = evidence(live=replace(LIVE, isolated=frozenset({Direction.INGRESS})))
    assert network.isolated_ingress(one_way).outcome is Outcome.PASS
    assert network.isolated_egress(one_way).outcome is Outcome.FAIL


def test_audit_names_what_would_be_applied() -> None:
    message = network.isolated_egress(evidence(effective=AUDIT)).message
    assert "bailiwick-isolation, frontend-to-cart-in-1" in message


@pytest.mark.parametrize(
    "findings,rules,allowances",
    [
        ((), "pass", "pass"),
        ((closed("partner"),), "fail", "pass"),
        ((closed("dns", of_profile=True),), "pass", "fail"),
        ((NetworkFinding("partner", "UnmatchedSelector", "warning", "no pod"),), "pass", "pass"),
    ],
)
def test_a_closed_rule_is_the_intents_and_a_closed_allowance_the_profiles(
    findings: tuple[NetworkFinding, ...], rules: str, allowances: str
) -> None:
    given = evidence(plan=replace(PLAN, findings=findings))
    assert network.rules_enforceable(given).outcome == rules
    assert network.allowances_resolved(given).outcome == allowances


def test_a_closed_rule_is_named_with_the_reason_and_the_others_are_counted() -> None:
    findings = tuple(closed(f"rule-{n}") for n in range(6))
    message = network.rules_enforceable(evidence(plan=replace(PLAN, findings=findings))).message
    assert message.startswith("6 rules of the intent cannot be enforced as written and are closed")
    assert "rule-0: the Service is not there." in message
    assert message.endswith("Also closed: rule-1, rule-2, rule-3 and 2 more.")


def test_rules_that_cannot_be_read_are_an_error_that_names_the_kind() -> None:
    plan = CompiledNetwork(frozen_by={"services": "forbidden"})
    for control in (network.rules_enforceable, network.allowances_resolved):
        result = control(evidence(plan=plan))
        assert result.outcome is Outcome.ERROR
        assert "services (forbidden)" in result.message


NEAR = ReviewNotice("partner", "spec.network.allow[partner]", "2026-12-01", lapsed=False)
LAPSED = ReviewNotice("old", "spec.network.allow[old]", "2026-11-01", lapsed=True)
DATED = replace(RULE, review_by=date(2027, 3, 1))


@pytest.mark.parametrize(
    "changes,outcome,words",
    [
        ({}, "skip", "No rule has a reviewBy"),
        ({"rules": (DATED,)}, "pass", "1 rule with a reviewBy"),
        ({"reviews": (NEAR,)}, "warn", "partner (reviewBy 2026-12-01)"),
        ({"reviews": (NEAR, LAPSED)}, "fail", "old (reviewBy 2026-11-01)"),
    ],
)
def test_rules_are_reviewed_before_they_lapse(
    changes: dict[str, Any], outcome: str, words: str
) -> None:
    result = network.rules_reviewed(evidence(effective=effective(**changes)))
    assert result.outcome == outcome
    assert words in result.message


def found(code: str, about: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding("shop", severity, code, about, f"{about} is the cause")


@pytest.mark.parametrize(
    "findings, outcome, words",
    [
        ((), "pass", "4 edges possible"),
        ((found("WidenedByForeign", "by-hand"),), "fail", "More is possible here than is declared"),
        (
            (found("WidenedByForeign", "a"), found("WidenedByForeign", "b")),
            "fail",
            "a is the cause. Also: b.",
        ),
        ((found("HalfOpen", "r", Severity.WARNING),), "warn", "Not all that is declared"),
        ((found("NarrowedByForeign", "p", Severity.WARNING),), "warn", "Not all that is declared"),
        ((found("Unknown", "p", Severity.WARNING),), "error", "What is possible here is not known"),
        (
            (found("Unknown", "p", Severity.WARNING), found("WidenedByForeign", "a")),
            "error",
            "p is the cause",
        ),
        ((found("Unknown", "", Severity.NOTE), found("Shadowed", "r", Severity.NOTE)), "pass", ""),
    ],
)
def test_what_is_possible_is_held_against_what_is_declared(
    findings: tuple[Finding, ...], outcome: str, words: str
) -> None:
    result = network.effective(evidence(reach=NamespaceReach(4, 4, findings)))
    assert result.outcome == outcome
    assert words in result.message


def test_what_is_not_isolated_cannot_be_widened() -> None:
    widened = NamespaceReach(4, 9, (found("WidenedByForeign", "by-hand"),))
    assert network.effective(evidence(effective=AUDIT, reach=widened)).outcome is Outcome.SKIP
