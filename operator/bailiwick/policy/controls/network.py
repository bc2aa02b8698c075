"""The controls of the network: what is isolated, and whether the rules are what was declared."""

from __future__ import annotations

from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.controls.result import (
    Result,
    count,
    error,
    failed,
    listing,
    passed,
    sentence,
    skipped,
    warned,
)
from bailiwick.policy.effective import Enforcement
from bailiwick.policy.findings.finding import Finding, Severity
from bailiwick.policy.network.model import CompiledNetwork, NetworkFinding
from bailiwick.policy.rules import Direction

NOT_COMPILED = "The rules could not be worked out: see the condition Ready."
ENFORCER_UNKNOWN = (
    "Nothing is known to enforce NetworkPolicy in this cluster, so the policies may have no "
    "effect. Install a network plugin that enforces them, or name it in the operator's setting "
    "`enforcer`."
)


def isolated_ingress(evidence: Evidence) -> Result:
    """Nothing reaches the namespace's pods but what is declared or allowed."""
    return _isolated(evidence, Direction.INGRESS, "Traffic to")


def isolated_egress(evidence: Evidence) -> Result:
    """The namespace's pods reach nothing but what is declared or allowed."""
    return _isolated(evidence, Direction.EGRESS, "Traffic from")


def rules_enforceable(evidence: Evidence) -> Result:
    """Every declared rule is in force as it was written."""
    plan = evidence.plan
    if plan is None:
        return error(NOT_COMPILED)
    closed = closed_by_rule(plan, allowances=False)
    if closed:
        return failed(
            f"{count(len(closed), 'rule')} of the intent cannot be enforced as written and "
            f"{'is' if len(closed) == 1 else 'are'} closed: {first_of(closed)}"
        )
    if plan.frozen_by:
        kinds = listing(f"{kind} ({why})" for kind, why in sorted(plan.frozen_by.items()))
        return error(f"Rules stay as they were, because these kinds cannot be read: {kinds}.")
    rules = len(evidence.effective.rules)
    if not rules:
        return passed("The intent declares no rule that is in force; only allowances are open.")
    if rules == 1:
        return passed("The declared rule can be enforced as it is written.")
    return passed(f"All {rules} declared rules can be enforced as they are written.")


def allowances_resolved(evidence: Evidence) -> Result:
    """Every allowance of the profile could be turned into rules for this namespace."""
    plan = evidence.plan
    profile = evidence.effective.profile
    if plan is None:
        return error(NOT_COMPILED)
    closed = closed_by_rule(plan, allowances=True)
    if closed:
        return failed(
            f"{count(len(closed), 'allowance')} of profile {profile} "
            f"{'is' if len(closed) == 1 else 'are'} not open here: {first_of(closed)}"
        )
    if plan.frozen_by:
        kinds = listing(f"{kind} ({why})" for kind, why in sorted(plan.frozen_by.items()))
        return error(f"Allowances stay as they were, because these kinds cannot be read: {kinds}.")
    number = len(evidence.effective.allowances) + len(evidence.effective.templates)
    if not number:
        return skipped(f"Profile {profile} has no allowances.")
    return passed(f"{count(number, 'allowance')} of profile {profile} resolved.")


def rules_reviewed(evidence: Evidence) -> Result:
    """No rule is past the date by which somebody was to look at it again."""
    reviews = evidence.effective.reviews
    lapsed = [f"{r.rule} (reviewBy {r.review_by})" for r in reviews if r.lapsed]
    if lapsed:
        return failed(
            f"{count(len(lapsed), 'rule')} passed reviewBy and "
            f"{'is' if len(lapsed) == 1 else 'are'} closed: {listing(lapsed)}. "
            "Set a later reviewBy if the rule is still needed, or remove it."
        )
    near = [f"{r.rule} (reviewBy {r.review_by})" for r in reviews]
    if near:
        return warned(
            f"{count(len(near), 'rule')} will be closed unless reviewed: {listing(near)}."
        )
    dated = sum(rule.review_by is not None for rule in evidence.effective.rules)
    if not dated:
        return skipped("No rule has a reviewBy.")
    return passed(f"{count(dated, 'rule')} with a reviewBy, none near or past it.")


def effective(evidence: Evidence) -> Result:
    """What is possible, given every policy in the cluster, is what was declared."""
    intent, reach = evidence.effective, evidence.reach
    if intent.enforcement is Enforcement.AUDIT or not intent.isolate:
        return skipped("Nothing is isolated here, so nothing can differ from what is declared.")
    if reach is None:
        return error(NOT_COMPILED)
    unknown = [each for each in reach.of_code("Unknown") if each.severity > Severity.NOTE]
    if unknown:
        return error(_first(unknown, "What is possible here is not known"))
    widened = reach.of_code("WidenedByForeign")
    if widened:
        return failed(_first(widened, "More is possible here than is declared"))
    less = reach.of_code("NarrowedByForeign", "HalfOpen")
    if less:
        return warned(_first(less, "Not all that is declared is possible"))
    return passed(
        f"{count(reach.effective_edges, 'edge')} possible, given every policy in the cluster, and "
        f"{reach.declared_edges} declared: no policy of others opens or closes anything."
    )


def _first(findings: list[Finding], what: str) -> str:
    """Tell the first finding whole, and name the others by what causes them."""
    first, others = findings[0], [each.about for each in findings[1:]]
    also = f" Also: {listing(others)}." if others else ""
    return f"{what}: {sentence(first.message)}{also}"


def _isolated(evidence: Evidence, direction: Direction, traffic: str) -> Result:
    effective = evidence.effective
    if direction not in effective.isolate:
        return skipped(f"Profile {effective.profile} does not ask for isolation of {direction}.")
    if effective.enforcement is Enforcement.AUDIT:
        planned = [p.name for p in evidence.plan.policies] if evidence.plan else []
        would = f" With Enforce these policies would be applied: {listing(planned)}."
        return failed(
            f"{traffic} pods here is not isolated: enforcement is Audit."
            + (would if planned else "")
        )
    if evidence.plan is None:
        return error(NOT_COMPILED)
    if direction not in evidence.live.isolated:
        return failed(
            f"{traffic} pods here is not isolated yet: the isolation policy is not in the cluster "
            "as it should be. The condition Ready says why."
        )
    if not evidence.settings.enforcer:
        return error(ENFORCER_UNKNOWN)
    outside = _on_host_network(evidence.plan)
    if outside:
        return warned(f"{traffic} some pods here is not isolated: {outside}")
    return passed(
        f"{traffic} every pod here is denied but for what is declared or allowed, enforced by "
        f"{evidence.settings.enforcer}."
    )


def closed_by_rule(plan: CompiledNetwork, *, allowances: bool) -> list[NetworkFinding]:
    """Return the first finding of each rule that one closes, by name: allowances or rules."""
    closed: dict[str, NetworkFinding] = {}
    for each in plan.findings:
        if each.severity == "closed" and _of_profile(each) is allowances:
            closed.setdefault(each.rule, each)
    return [closed[name] for name in sorted(closed)]


def first_of(closed: list[NetworkFinding]) -> str:
    """Tell the first finding whole, and name the rules of the others."""
    first = closed[0]
    others = listing(each.rule or each.field for each in closed[1:])
    said = f"{first.rule}: {first.message}" if first.rule else first.message
    return sentence(said) + (f" Also closed: {others}." if others else "")


def _of_profile(finding: NetworkFinding) -> bool:
    return finding.field.startswith("SecurityProfile")


def _on_host_network(plan: CompiledNetwork) -> str:
    """Say which pods are outside of all policies; empty where none are."""
    messages = [f.message for f in plan.findings if f.code == "HostNetwork" and not f.rule]
    return sentence(messages[0]) if messages else ""
