"""The network's part of an intent's status."""

from __future__ import annotations

from bailiwick.api.intent_status import FINDING_LIMIT
from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.controls.foreign import widening
from bailiwick.policy.effective import Enforcement
from bailiwick.reports.fields import JSON, bounded, line, message, present


def network_status(evidence: Evidence) -> JSON:
    """Write what is planned or in place, and every finding, those that close a rule first."""
    plan, effective = evidence.plan, evidence.effective
    findings = [
        present(id=line(f.code), rule=line(f.rule) or None, message=message(f.message))
        for f in sorted(plan.findings if plan else (), key=lambda f: f.severity != "closed")
    ]
    findings += [
        {"id": "Lapsed" if r.lapsed else "LapsesSoon", "rule": line(r.rule), "message": words}
        for r in effective.reviews
        if (
            words := f"reviewBy {r.review_by} has passed and the rule is closed: set a later date, "
            "or remove the rule"
            if r.lapsed
            else f"the rule is closed at the end of {r.review_by} (UTC) unless reviewBy is moved"
        )
    ]
    if effective.enforcement is Enforcement.ENFORCE:
        findings += [
            {
                "id": "WidenedByForeign",
                "message": message(
                    f"NetworkPolicy {each.name}, which Bailiwick did not make, opens "
                    f"{' and '.join(sorted(each.directions))} for pods here"
                ),
            }
            for each in widening(evidence.foreign, effective.isolate, evidence.pod_labels)
        ]
    shown, omitted = bounded(findings, FINDING_LIMIT)
    result: JSON = {"findings": list(shown), "findingsOmitted": omitted}
    if plan is None:
        return result
    names = [policy.name for policy in plan.policies]
    result |= {"policies": len(names), "declaredEdges": plan.declared_edges}
    if effective.enforcement is Enforcement.AUDIT:
        would, beyond = bounded(names, FINDING_LIMIT)
        result |= {"wouldApply": list(would), "wouldApplyOmitted": beyond}
    return result
