"""A plan as data: every edge by itself, every policy whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bailiwick.offline.differences import Change
from bailiwick.offline.findings import Finding
from bailiwick.offline.planning import NamespacePlan, Plan
from bailiwick.offline.world import ENTRANCE, INGRESS_CONTROLLER
from bailiwick.policy.findings import words
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.namespace_edges import End, NamespaceEdge
from bailiwick.policy.reach.pods import Workload
from bailiwick.reports.network import incoming_data

JSON = dict[str, Any]


def as_data(plan: Plan) -> JSON:
    """Return the plan as JSON; equal plans give equal data."""
    return {
        "namespaces": [_namespace(each) for each in plan.namespaces],
        "findings": [finding_data(each) for each in plan.findings],
        "assumed": list(plan.assumed),
        "ungoverned": list(plan.ungoverned),
        **({"changes": changes_data(plan.changes.edges)} if plan.changes else {}),
        **({"unreadable": dict(plan.unreadable)} if plan.unreadable else {}),
        "otherKinds": dict(sorted(plan.passed_over.items())),
    }


def finding_data(finding: Finding) -> JSON:
    """Return a finding as JSON."""
    found: JSON = {
        "id": finding.id,
        "namespace": finding.namespace,
        "severity": str(finding.severity),
        "code": finding.code,
        "about": finding.about,
        "message": finding.message,
        "mender": finding.mender,
    }
    if finding.policy:
        found["policy"] = finding.policy
    if finding.rule:
        found["rule"] = finding.rule
    if finding.place.source:
        found["file"] = finding.place.source
        found["line"] = finding.place.line
    if finding.suggestion:
        found["suggestion"] = finding.suggestion
    return found


def end_data(end: End) -> JSON:
    """Return one end of an edge as JSON."""
    if end == ENTRANCE:
        return {"ingress": INGRESS_CONTROLLER}
    if isinstance(end, Workload):
        return {"namespace": end.namespace, "name": end.name, "kind": end.kind}
    return {"outside": [addresses.text_of(each) for each in end]}


def changes_data(changes: Sequence[Change]) -> list[JSON]:
    """Return every change by itself as JSON, sorted."""
    found = [
        {
            "change": change.kind.value,
            "from": end_data(change.source),
            "to": end_data(change.target),
            "before": words.connection(change.before) if change.before else "",
            "after": words.connection(change.after) if change.after else "",
        }
        for change in changes
    ]
    return sorted(found, key=str)


def _edge(of: NamespacePlan, edge: NamespaceEdge) -> JSON:
    found: JSON = {
        "from": end_data(edge.source),
        "to": end_data(edge.target),
        "ports": words.ports(edge.ports),
        "state": edge.state.value,
    }
    if edge.by:
        found["openedBy"] = [
            {
                "rule": by.rule,
                "origin": "profile" if by.from_profile else "intent",
                **({"http": list(of.requests[by])} if by in of.requests else {}),
            }
            for by in edge.by
        ]
    return found


def _namespace(each: NamespacePlan) -> JSON:
    effective = each.held.effective
    found: JSON = {"name": each.name}
    if effective is not None:
        found |= {
            "profile": effective.profile,
            "enforcement": effective.enforcement.value,
            "policies": [policy.manifest(each.name) for policy in each.held.compiled.policies],
            "edges": sorted((_edge(each, edge) for edge in each.edges), key=str),
            "cut": sorted((_edge(each, edge) for edge in each.cut), key=str),
            "incomingHalfOpen": [incoming_data(each.name, asked) for asked in each.incoming],
        }
    return {**found, "findings": [finding_data(finding) for finding in each.findings]}
