"""What is known of images, from the statuses that the operator wrote, in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bailiwick.offline.table import table
from bailiwick.policy.controls.result import count

JSON = Mapping[str, Any]

_VERDICTS: Final = ("violating", "failed", "stale", "unscanned", "scanning", "clean")
_SHARES: Final = (
    ("overdue", "overdue"),
    ("dueSoon", "due within 7 days"),
    ("knownExploited", "known to be exploited"),
    ("noFix", "without a fix"),
    ("excepted", "excepted"),
    ("attested", "excused by attestations"),
)
_ATTESTED: Final = (
    ("notAffected", "not affected"),
    ("fixed", "fixed"),
    ("affected", "affected"),
    ("underInvestigation", "under investigation"),
)
_FINDINGS: Final = ("Vulnerability", "Package", "Fixed in", "Severity", "Due", "Why", "Image")
_HYGIENE: Final = (
    ("os", "distribution"),
    ("user", "user"),
    ("created", "built"),
    ("shells", "shells"),
    ("packageManagers", "package managers"),
    ("debugTools", "debug tools"),
    ("buildTools", "build tools"),
    ("setuid", "setuid files"),
)


def of_namespace(namespace: str, status: JSON) -> Iterator[str]:
    """Go through the lines on the images of a namespace, by the status of its intent."""
    images = status["images"]
    verdicts = ", ".join(f"{images[v]} {v}" for v in _VERDICTS if images.get(v))
    yield ": ".join([namespace, count(images["digests"], "image"), *filter(None, [verdicts])])
    shares = [f"{images[key]} {words}" for key, words in _SHARES if images.get(key)]
    if shares:
        yield f"vulnerabilities: {', '.join(shares)}"
    if images.get("nextDue"):
        yield f"next deadline: {images['nextDue']}"
    problems = images.get("problems") or ()
    if problems:
        rows = [
            (
                each["image"],
                each["verdict"],
                _names(each.get("workloads"), each.get("workloadsOmitted")),
                each.get("remediation") or each["message"],
            )
            for each in problems
        ]
        yield ""
        yield from table(("Image", "Verdict", "Run by", "What to do"), rows)
        yield from _more(images.get("problemsOmitted"), "images that are not clean")
    worst = images.get("worst") or ()
    if worst:
        yield ""
        yield from table(_FINDINGS, [_finding(each, each["image"]) for each in worst])
        yield from _more(images.get("worstOmitted"), "vulnerabilities")


def of_digest(scan: JSON) -> Iterator[str]:
    """Go through the lines on one image, by its ImageScan."""
    spec, status = scan["spec"], scan.get("status") or {}
    yield f"{spec['registry']}/{spec['repository']}@{spec['digest']}"
    rows = [
        ("platform", spec.get("platform") or "not known"),
        ("phase", status.get("phase") or "Pending"),
        ("reason", _sentence(status)),
        ("next attempt", status.get("nextScanAt") or ""),
        ("scanned", status.get("scannedAt") or "never"),
        ("by", _scanner(status.get("scanner"))),
        ("also known as", _names(status.get("aliases"), status.get("aliasesOmitted"))),
        ("vulnerabilities", _counts(status.get("counts"))),
        ("known exploited", str(status.get("knownExploited", ""))),
    ]
    facts = status.get("hygiene")
    if facts is None and status.get("scannedAt"):
        rows.append(("what is in it", "not known: the scanner did not tell"))
    if facts is not None:
        rows += [(words, _fact(facts, key)) for key, words in _HYGIENE]
    rows += _attested(status.get("attestations"))
    yield from (f"  {name + ':':<18}{text}" for name, text in rows if text)
    worst = status.get("worst") or ()
    if worst:
        yield ""
        yield from table(_FINDINGS, [_finding(each, "") for each in worst])
        yield from _more(status.get("worstOmitted"), "vulnerabilities")


def in_namespace(digest: str, namespace: str, status: JSON) -> Iterator[str]:
    """Go through the lines on what an image means for a namespace, where it runs there."""
    images = status.get("images") or {}
    problems = [each for each in images.get("problems") or () if each.get("digest") == digest]
    worst = [each for each in images.get("worst") or () if each["digest"] == digest]
    for each in problems:
        yield f"in {namespace}: {each['verdict']}. {each['message']}"
        if each.get("remediation"):
            yield f"  what to do: {each['remediation']}"
        yield f"  run by: {_names(each.get('workloads'), each.get('workloadsOmitted'))}"
    if not problems:
        yield f"in {namespace}: nothing that its status lists as a problem"
    yield from table(_FINDINGS, [_finding(each, "") for each in worst], indent="  ")


def _finding(each: JSON, image: str) -> Sequence[str]:
    due = str(each.get("dueBy", ""))[:10]
    return (
        each["vulnerability"],
        f"{each['package']} {each.get('version', '')}".strip(),
        each.get("fixedVersion") or each.get("fixState") or "no fix known",
        each["severity"],
        f"{due} overdue" if each.get("overdue") else due,
        "; ".join(_why(each)),
        image,
    )


def _why(each: JSON) -> Iterator[str]:
    """Say what moves a finding up or down in the order."""
    if each.get("exceptedBy"):
        yield f"excepted by {_names(each['exceptedBy'], each.get('exceptedByOmitted'))}"
    if each.get("attestedBy"):
        yield f"attested by {_names(each['attestedBy'], each.get('attestedByOmitted'))}"
    if each.get("knownExploited"):
        ransomware = (each.get("exploitation") or {}).get("ransomware")
        yield "exploited by ransomware" if ransomware else "known exploited"
    if each.get("epss"):
        yield f"EPSS {each['epss']['score']}"
    if each.get("ratings"):
        rated = ", ".join(f"{r['source']} {r['severity']}" for r in each["ratings"])
        yield f"rated {rated}"


def _attested(found: JSON | None) -> Iterator[tuple[str, str]]:
    """Give the rows on what is attested of an image; none where nobody looked for it."""
    if found is None:
        return
    said = [f"{found[key]} {words}" for key, words in _ATTESTED if found.get(key)]
    keys = _names([each["name"] for each in found.get("keys") or ()], found.get("keysOmitted"))
    yield "attested", f"{', '.join(said)}, signed by {keys}" if said else "nothing that is trusted"
    for each in found.get("ignored") or ():
        yield "  ignored", f"{each['count']} {each['reason']}: {each['message']}"
    if found.get("message"):
        yield "  incomplete", f"{found['message']} Nothing is excused by any."


def _sentence(status: JSON) -> str:
    if not status.get("reason"):
        return ""
    attempts = status.get("attempts")
    times = f" ({attempts} attempts)" if attempts else ""
    return f"{status['reason']}{times}: {status.get('message', '')}"


def _scanner(scanner: JSON | None) -> str:
    if not scanner:
        return ""
    built = scanner.get("databaseBuilt")
    database = f", database of {built}" if built else ""
    return f"{scanner['name']} {scanner.get('version', '')}".strip() + database


def _counts(counts: JSON | None) -> str:
    found = [
        f"{each['total']} {severity} ({each['fixable']} fixable)"
        for severity, each in (counts or {}).items()
        if each["total"]
    ]
    return ", ".join(found) or ("none" if counts else "")


def _fact(facts: JSON, key: str) -> str:
    value = facts.get(key)
    if value is None:
        return "not known"
    if key == "user":
        return f"{value or 'none is set'}{', root' if facts.get('runsAsRoot') else ''}"
    if key == "os":
        return f"{value}{', which gets no more updates' if facts.get('osEndOfLife') else ''}"
    return value if isinstance(value, str) else ", ".join(value) or "none"


def _names(names: Sequence[str] | None, omitted: int | None) -> str:
    listed = ", ".join(names or ())
    return f"{listed} and {omitted} more" if omitted else listed


def _more(omitted: int | None, what: str) -> Iterator[str]:
    if omitted:
        yield f"and {omitted} more {what}"
