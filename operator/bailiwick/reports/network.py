"""The network's part of an intent's status."""

from __future__ import annotations

from collections.abc import Iterable

from bailiwick.api.intent_status import CUT_LIMIT, FINDING_LIMIT, INCOMING_LIMIT
from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.effective import Enforcement
from bailiwick.policy.findings import words
from bailiwick.policy.findings.effective import Audit, NamespaceReach
from bailiwick.policy.findings.finding import Finding, Missing, in_order
from bailiwick.policy.findings.incoming import Incoming
from bailiwick.policy.findings.intent import of_intent
from bailiwick.policy.findings.words import Names
from bailiwick.policy.reach.pods import Workload
from bailiwick.reports.fields import JSON, bounded, line, message, present
from bailiwick.reports.snippets import snippet

_NAMED = 12


def network_status(evidence: Evidence) -> JSON:
    """Write what is planned or in place, what is possible, and every finding."""
    plan, effective, reach = evidence.plan, evidence.effective, evidence.reach
    found = [*of_intent(effective, plan), *(reach.findings if reach else ())]
    findings, omitted = bounded([_finding(each) for each in in_order(found)], FINDING_LIMIT)
    result: JSON = {"findings": list(findings), "findingsOmitted": omitted}
    if plan is not None:
        names = [policy.name for policy in plan.policies]
        result["policies"] = len(names)
        if effective.enforcement is Enforcement.AUDIT:
            would, beyond = bounded(names, FINDING_LIMIT)
            result |= {"wouldApply": list(would), "wouldApplyOmitted": beyond}
    if reach is not None:
        result |= _edges(effective.namespace, reach)
    return result


def _edges(here: str, reach: NamespaceReach) -> JSON:
    asked, omitted = bounded([incoming_data(here, each) for each in reach.incoming], INCOMING_LIMIT)
    result: JSON = {
        "declaredEdges": reach.declared_edges,
        "effectiveEdges": reach.effective_edges,
    }
    if asked:
        result |= {"incomingHalfOpen": list(asked), "incomingHalfOpenOmitted": omitted}
    if reach.audit is not None:
        result["audit"] = _audit(reach.audit)
    return result


def _finding(each: Finding) -> JSON:
    return present(
        id=each.id,
        code=line(each.code),
        severity=str(each.severity),
        rule=line(each.about) if each.of_rule else None,
        policy=str(each.policy) if each.policy else None,
        mender=line(each.mender) or None,
        message=message(each.message),
        suggestion=_suggestion(each.missing) if each.missing else None,
    )


def incoming_data(here: str, each: Incoming) -> JSON:
    """Write what another namespace asks of the namespace `here`."""
    return {
        "namespace": line(each.namespace),
        "rule": line(each.rule),
        "direction": each.direction.value,
        "from": _several(here, each.sources),
        "to": _several(here, each.targets),
        "ports": message(words.ports(each.ports)),
        "suggestion": _suggestion(each.missing),
    }


def _audit(audit: Audit) -> JSON:
    rows, omitted = bounded(audit.rows, CUT_LIMIT)
    cut = [
        {"from": message(row.sources), "to": message(row.targets), "ports": message(row.ports)}
        for row in rows
    ]
    return {
        "wouldCut": audit.cut,
        "wouldStay": audit.stay,
        "cut": cut,
        "cutOmitted": omitted,
    }


def _several(here: str, workloads: Iterable[Workload]) -> str:
    found = list(workloads)
    names = Names(found, here)
    return message(words.some([names.one(each) for each in found], _NAMED))


def _suggestion(missing: Missing) -> str:
    return message(snippet(missing.namespace, [missing.rule]))
