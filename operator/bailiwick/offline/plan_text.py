"""A plan as text for a terminal, readable at 100 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bailiwick.offline import diff_report
from bailiwick.offline.findings import Finding
from bailiwick.offline.planning import NamespacePlan, Plan
from bailiwick.offline.table import WIDTH, table
from bailiwick.policy.findings import words
from bailiwick.policy.findings.finding import Severity
from bailiwick.policy.findings.folding import Edge, folded
from bailiwick.policy.findings.words import Names
from bailiwick.policy.network.naming import slug
from bailiwick.policy.reach.declared import DeclaredBy
from bailiwick.policy.reach.namespace_edges import NamespaceEdge, State
from bailiwick.policy.reach.ports import PortSet
from bailiwick.reports.snippets import snippet

HEADER: Final = ("FROM", "TO", "PORTS", "STATE", "OPENED BY")

ASKED_HEADER: Final = ("FROM", "TO", "PORTS", "RULE")

_CUTS_SHOWN: Final = 20
_INDENT: Final = "  "

Says = tuple[PortSet, State, tuple[DeclaredBy, ...]]
Cells = tuple[str, str, str, str, str]


def as_text(plan: Plan, *, policies: bool = False) -> list[str]:
    """Return the lines; `policies`: with the name of each policy."""
    lines: list[str] = []
    for each in plan.namespaces:
        lines += [*_namespace(each, plan, policies=policies), ""]
    for finding in plan.findings:
        lines += finding_lines(finding)
    if plan.changes is not None:
        lines.append("Against the cluster:")
        lines += [*diff_report.as_text(plan.changes.edges, plan.changes.before, plan.world), ""]
    return lines + list(_end(plan))


def rows(of: NamespacePlan, edges: Iterable[NamespaceEdge], names: Names) -> list[Cells]:
    """Return the rows of a table of edges of a namespace."""
    told: list[Edge[Says]] = [Edge(e.source, e.target, (e.ports, e.state, e.by)) for e in edges]
    found = []
    for row in folded(told, names):
        ports, state, by = row.says
        shown = "" if state is State.OPEN else state.value
        found.append((row.sources, row.targets, words.ports(ports), shown, _by(of, by, state)))
    return sorted(found, key=lambda cells: (cells[3] != "", cells))


def heading(each: NamespacePlan) -> str:
    """Say what a namespace is held to."""
    effective = each.held.effective
    if effective is None:
        return f"Namespace {each.name}"
    count = len(each.held.compiled.policies)
    policies = "1 policy" if count == 1 else f"{count} policies"
    would = policies if each.held.is_enforced else f"{policies} once it is enforced"
    return (
        f"Namespace {each.name}: profile {effective.profile}, "
        f"{effective.enforcement.value}, {would}"
    )


def counted(findings: Sequence[Finding]) -> str:
    """Count findings by severity: `1 error, 2 warnings`."""
    counts = Counter(finding.severity for finding in findings)
    parts = [
        f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}"
        for severity in sorted(Severity, reverse=True)
        if counts[severity]
    ]
    return ", ".join(parts) or "nothing to say"


def _namespace(each: NamespacePlan, plan: Plan, *, policies: bool) -> Iterator[str]:
    yield heading(each)
    names = Names(plan.after.workloads.classes, each.name)
    if policies:
        yield ""
        yield from table(("POLICY", "HALF", "RULE"), _policies(each), indent=_INDENT)
    edges = table(HEADER, rows(each, each.edges, names), indent=_INDENT)
    if edges:
        yield ""
        yield from edges
    if each.cut:
        yield ""
        yield f"{_INDENT}Possible today, and cut once it is enforced:"
        shown = rows(each, each.cut, names)
        yield from table(HEADER[:3], [row[:3] for row in shown[:_CUTS_SHOWN]], indent=_INDENT)
        if len(shown) > _CUTS_SHOWN:
            yield f"{_INDENT}and {len(shown) - _CUTS_SHOWN} more"
    for finding in each.findings:
        yield ""
        yield from finding_lines(finding, _INDENT)
    if each.incoming:
        yield ""
        yield f"{_INDENT}Declared by other namespaces, and not let through here:"
        yield from table(ASKED_HEADER, asked_rows(each, names), indent=_INDENT)
        yield f"{_INDENT}To let it through, add"
        yield from (f"{_INDENT * 2}{line}" for line in to_add(each).splitlines())


def asked_rows(each: NamespacePlan, names: Names) -> list[tuple[str, ...]]:
    """Return the rows of what other namespaces ask of one."""
    return [
        (
            ", ".join(names.several(asked.sources)),
            ", ".join(names.several(asked.targets)),
            words.ports(asked.ports),
            f"{asked.rule} of {asked.namespace}",
        )
        for asked in each.incoming
    ]


def to_add(each: NamespacePlan) -> str:
    """Return the rules that would let through what other namespaces ask of one.

    Where two of them, or one that is there, have a name in common, the namespace is added to it.
    """
    asked = {(one.namespace, one.rule): one.missing.rule for one in each.incoming}
    taken, rules = set(each.rules), []
    for (namespace, name), rule in asked.items():
        own = slug(f"{name}-of-{namespace}", 63) if name in taken else name
        taken.add(own)
        rules.append({**rule, "name": own})
    return snippet(each.name, rules)


def _policies(each: NamespacePlan) -> list[tuple[str, str, str]]:
    return [
        (policy.name, policy.half, policy.rule or "every pod is isolated")
        for policy in each.held.compiled.policies
    ]


def finding_lines(finding: Finding, indent: str = "") -> Iterator[str]:
    """Write a finding: its place and code, what it says, and what to paste."""
    place = f"{finding.place}: " if finding.place.source else ""
    whose = f" (for {finding.mender})" if finding.is_for_others else ""
    yield f"{indent}{place}{finding.severity} {finding.code}{whose}"
    room = indent + _INDENT
    yield from _wrapped(finding.message, room)
    for line in finding.suggestion.splitlines():
        yield f"{room}{_INDENT}{line}"


def _listed(text: str) -> list[str]:
    return _wrapped(f"- {text}", _INDENT, _INDENT * 2)


def _wrapped(text: str, indent: str = "", further: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _by(of: NamespacePlan, by: Sequence[DeclaredBy], state: State) -> str:
    if not by:
        return "not isolated" if state is State.OPEN else ""
    return ", ".join(map(of.by, by))


def not_known(unreadable: Mapping[str, str]) -> Iterator[str]:
    """Say what of a cluster may not be read, so that what depends on it is not known."""
    if unreadable:
        yield "Not known, since it may not be read:"
        for kind, reason in sorted(unreadable.items()):
            yield from _listed(f"{kind}: {reason}")


def _end(plan: Plan) -> Iterator[str]:
    yield from not_known(plan.unreadable)
    if plan.assumed:
        yield "Assumed, since the manifests do not say:"
        for each in plan.assumed:
            yield from _listed(each)
    if plan.ungoverned:
        names = words.some(plan.ungoverned, 10)
        what = "namespace has" if len(plan.ungoverned) == 1 else "namespaces have"
        yield from _wrapped(
            f"{len(plan.ungoverned)} {what} neither an intent nor the label bailiwick.dev/profile: "
            f"{names}"
        )
    yield f"In all: {counted(plan.all_findings())}."
