"""A plan in the forms that other programs show: Markdown, JUnit and SARIF."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

from bailiwick import __version__
from bailiwick.offline import diff_report, plan_text
from bailiwick.offline.findings import Finding
from bailiwick.offline.planning import NamespacePlan, Plan
from bailiwick.offline.table import escaped, markdown
from bailiwick.policy.findings.finding import Severity
from bailiwick.policy.findings.words import Names

_SIGNS: Final = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.NOTE: "💬"}
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
# What no XML 1.0 document can hold.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_markdown(plan: Plan) -> list[str]:
    """Return lines fit for a comment on a pull request."""
    findings = plan.all_findings()
    lines = [f"### Bailiwick plan: {plan_text.counted(findings)}", ""]
    for finding in findings:
        lines += [*finding_lines(finding)]
    for each in plan.namespaces:
        lines += ["", *_details(each, plan)]
    if plan.changes is not None:
        edges, before = plan.changes.edges, plan.changes.before
        lines += ["", *diff_report.as_markdown(edges, before, plan.world)]
    if plan.assumed:
        lines += ["", "Assumed, since the manifests do not say:", ""]
        lines += [f"- {escaped(each)}" for each in plan.assumed]
    return lines


def as_junit(plan: Plan) -> str:
    """Return JUnit XML: a test case for each namespace, which fails by errors and warnings.

    https://github.com/testmoapp/junitxml
    """
    suites = ElementTree.Element("testsuites", name="bailiwick plan")
    suite = ElementTree.SubElement(suites, "testsuite", name="bailiwick plan")
    groups = [(each.name, list(each.findings)) for each in plan.namespaces]
    if plan.findings or not groups:
        groups.append(("", list(plan.findings)))
    failures = 0
    for namespace, findings in groups:
        name = namespace or "the manifests"
        case = ElementTree.SubElement(suite, "testcase", classname="bailiwick", name=name)
        bad = [each for each in findings if each.severity > Severity.NOTE]
        if bad:
            failures += 1
            worst = max(each.severity for each in bad)
            failure = ElementTree.SubElement(
                case, "failure", type=str(worst), message=plan_text.counted(bad)
            )
            failure.text = _xml("\n".join(map(_line, bad)))
        notes = [each for each in findings if each.severity is Severity.NOTE]
        if notes:
            out = ElementTree.SubElement(case, "system-out")
            out.text = _xml("\n".join(map(_line, notes)))
    for element in (suites, suite):
        element.set("tests", str(len(groups)))
        element.set("failures", str(failures))
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


def as_sarif(plan: Plan) -> str:
    """Return SARIF 2.1.0. https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    findings = plan.all_findings()
    codes = sorted({finding.code for finding in findings})
    driver = {
        "name": "bailiwick",
        "version": __version__,
        "rules": [{"id": code} for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes) for finding in findings],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def finding_lines(finding: Finding) -> Iterator[str]:
    """Write a finding as an entry of a list in Markdown."""
    where = f" (`{finding.place}`)" if finding.place.source else ""
    namespace = f"**{escaped(finding.namespace)}** " if finding.namespace else ""
    sign = _SIGNS[finding.severity]
    whose = f" (for {escaped(finding.mender)})" if finding.is_for_others else ""
    yield f"- {sign} {namespace}{finding.code}{whose}: {escaped(finding.message)}{where}"
    if finding.suggestion:
        yield ""
        yield "  ```yaml"
        yield from (f"  {line}" for line in finding.suggestion.splitlines())
        yield "  ```"


def _details(each: NamespacePlan, plan: Plan) -> Iterator[str]:
    names = Names(plan.after.workloads.classes, each.name)
    yield f"<details><summary>{plan_text.heading(each)}</summary>"
    yield ""
    yield from markdown(plan_text.HEADER, plan_text.rows(each, each.edges, names))
    if each.cut:
        yield ""
        yield "Possible today, and cut once it is enforced:"
        yield ""
        yield from markdown(
            plan_text.HEADER[:3], [r[:3] for r in plan_text.rows(each, each.cut, names)]
        )
    if each.incoming:
        yield ""
        yield "Declared by other namespaces, and not let through here:"
        yield ""
        yield from markdown(plan_text.ASKED_HEADER, plan_text.asked_rows(each, names))
        yield ""
        yield "```yaml"
        yield from plan_text.to_add(each).splitlines()
        yield "```"
    yield ""
    yield "</details>"


def _line(finding: Finding) -> str:
    where = f"{finding.place}: " if finding.place.source else ""
    whose = f" (for {finding.mender})" if finding.is_for_others else ""
    return f"{where}{finding.severity} {finding.code}{whose}: {finding.message}"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _result(finding: Finding, codes: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "partialFingerprints": {"bailiwick/v1": finding.id},
        "properties": {"namespace": finding.namespace, "mender": finding.mender},
    }
    if finding.place.source:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.place.source)}}
        if finding.place.line:
            place["region"] = {"startLine": finding.place.line}
        result["locations"] = [{"physicalLocation": place}]
    return result
