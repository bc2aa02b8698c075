"""The conditions between Ready and Compliant: the network, the images, exceptions, evidence."""

from __future__ import annotations

from collections.abc import Sequence

from bailiwick.api.meta import Reason
from bailiwick.policy.assessment.evidence import Evidence, ImageFact
from bailiwick.policy.assessment.readiness import Statement, not_written, unreadable
from bailiwick.policy.controls.control import Subject
from bailiwick.policy.controls.evaluate import Evaluated
from bailiwick.policy.controls.images import NO_INVENTORY
from bailiwick.policy.controls.network import ENFORCER_UNKNOWN, closed_by_rule, first_of
from bailiwick.policy.controls.result import Outcome, count, listing
from bailiwick.policy.effective import Enforcement
from bailiwick.policy.exceptions.ruling import State
from bailiwick.policy.images.state import Verdict
from bailiwick.policy.network.model import CompiledNetwork

_EXCEPTION_KINDS = frozenset({"clustervulnerabilityexceptions", "vulnerabilityexceptions"})
_NOT_FOR_THE_NETWORK = _EXCEPTION_KINDS | {
    "customresourcedefinitions",
    "imagescans",
    "rescanrequests",
}

NOT_EVALUATED = Statement("Unknown", Reason.NOT_EVALUATED, "Not evaluated: see condition Ready.")
"""What an aspect says that was not looked at, because there is no effective intent."""


def network_enforced(evidence: Evidence, controls: Sequence[Evaluated]) -> Statement:
    """Say whether traffic is restricted to what was declared, and something restricts it."""
    effective, plan = evidence.effective, evidence.plan
    if effective.enforcement is Enforcement.AUDIT:
        return Statement(
            "False",
            Reason.AUDIT_ONLY,
            "Nothing is isolated, because enforcement is Audit. Set spec.enforcement to Enforce.",
        )
    if not effective.isolate:
        return Statement(
            "False",
            Reason.NOT_ISOLATED,
            f"Profile {effective.profile} isolates neither ingress nor egress.",
        )
    found = unreadable(evidence, but=_NOT_FOR_THE_NETWORK)
    if found or plan is None:
        return Statement(
            "Unknown",
            Reason.UNREADABLE if found else Reason.NOT_EVALUATED,
            found.message if found else "The rules could not be worked out: see condition Ready.",
        )
    missing = effective.isolate - evidence.live.isolated
    written = not_written(evidence)
    if missing or written:
        words = " and ".join(sorted(missing)) or "every direction"
        message = written.message if written else "Its policy is not in the cluster yet."
        lead = "Not isolated" if missing else "Isolated, but not all policies are in place"
        return Statement(
            "False",
            written.reason if written else Reason.PROGRESSING,
            f"{lead} ({words}). {message}",
        )
    if not evidence.settings.enforcer:
        return Statement("Unknown", Reason.ENFORCEMENT_UNPROVEN, ENFORCER_UNKNOWN)
    real = _by_id(controls, "network-effective")
    if real and real.result.outcome is Outcome.ERROR:
        return Statement("Unknown", Reason.NOT_EVALUATED, real.result.message)
    widened = evidence.reach is not None and evidence.reach.of_code("WidenedByForeign")
    if real and widened and real.result.outcome in (Outcome.FAIL, Outcome.WARN):
        return Statement("False", Reason.WIDENED_BY_FOREIGN, real.result.message)
    closed = [*closed_by_rule(plan, allowances=True), *closed_by_rule(plan, allowances=False)]
    if closed:
        return Statement(
            "False",
            Reason.RULES_NOT_ENFORCEABLE,
            f"Isolated, but {count(len(closed), 'rule')} cannot be enforced as written and "
            f"{'is' if len(closed) == 1 else 'are'} closed: {first_of(closed)}",
        )
    return Statement(
        "True",
        Reason.ENFORCED,
        f"{' and '.join(sorted(effective.isolate))} denied but for "
        f"{count(_declared_edges(evidence, plan), 'declared edge')}, by "
        f"{count(len(plan.policies), 'policy', 'policies')}, enforced by "
        f"{evidence.settings.enforcer}.",
    )


def _declared_edges(evidence: Evidence, plan: CompiledNetwork) -> int:
    return evidence.reach.declared_edges if evidence.reach is not None else plan.declared_edges


def images_within_policy(evidence: Evidence, controls: Sequence[Evaluated]) -> Statement:
    """Say whether running images keep what profile and intent ask of them."""
    mine = [each for each in controls if each.control.subject is Subject.IMAGES]
    failing = [each for each in mine if each.result.outcome is Outcome.FAIL]
    if failing:
        overdue = any(each.control.id == "images-vulnerabilities" for each in failing)
        return Statement(
            "False",
            Reason.FINDINGS_OVERDUE if overdue else Reason.CONTROLS_FAILED,
            named(failing, "fails", "fail"),
        )
    unclear = [each for each in mine if each.result.outcome is Outcome.ERROR]
    if unclear:
        fresh = evidence_fresh(evidence)
        reason = Reason.NOT_EVALUATED if fresh.status == "True" else fresh.reason
        return Statement(
            "Unknown", reason, named(unclear, "could not be evaluated", "could not be evaluated")
        )
    if not evidence.images:
        return Statement("True", Reason.NO_IMAGES, "No pod runs in this namespace.")
    excepted = sum(i.state.excepted_overdue for i in evidence.images if i.state)
    but = f", but for {count(excepted, 'finding')} that exceptions are in force for"
    return Statement(
        "True",
        Reason.WITHIN_POLICY,
        f"{count(len(evidence.images), 'image')} within policy{but if excepted else ''}.",
    )


_NOT_VALID = (
    (State.INVALID, Reason.INVALID, "excepts nothing because of what it says"),
    (State.EXPIRED, Reason.EXPIRED, "has expired"),
    (State.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL, "waits for an approval"),
)


def exceptions_valid(evidence: Evidence) -> Statement:
    """Say whether every exception is in force, and none ends soon."""
    refused = _EXCEPTION_KINDS & evidence.unreadable.keys()
    if refused:
        kind = min(refused)
        return Statement(
            "Unknown", Reason.UNREADABLE, f"{kind} cannot be read ({evidence.unreadable[kind]})."
        )
    facts = evidence.exceptions
    if not facts:
        return Statement("True", Reason.NO_EXCEPTIONS, "No exception is made in this namespace.")
    for state, reason, words in _NOT_VALID:
        found = [each for each in facts if each.standing.state is state]
        if found:
            more = f", as do {len(found) - 1} more" if len(found) > 1 else ""
            first = found[0]
            return Statement(
                "False", reason, f"{first.label} {words}{more}. {first.standing.message}"
            )
    soon = [each for each in facts if each.standing.state is State.EXPIRES_SOON]
    if soon:
        return Statement(
            "True",
            Reason.EXPIRES_SOON,
            f"{count(len(facts), 'exception')} in force, of which {len(soon)} soon "
            f"{'expires' if len(soon) == 1 else 'expire'}: {soon[0].label}. "
            f"{soon[0].standing.message}",
        )
    return Statement("True", Reason.ALL_VALID, f"{count(len(facts), 'exception')} in force.")


def evidence_fresh(evidence: Evidence) -> Statement:
    """Say whether everything that verdicts are drawn from was read, and is new enough."""
    found = unreadable(evidence)
    if found:
        return Statement("Unknown", found.reason, found.message)
    images = evidence.images
    if images is None:
        return Statement("Unknown", Reason.NOT_EVALUATED, NO_INVENTORY)
    lost = [i for i in images if i.evidence_error]
    if lost:
        return Statement(
            "Unknown",
            Reason.EVIDENCE_MISSING,
            f"The findings of {count(len(lost), 'image')} cannot be read: "
            f"{lost[0].name}: {lost[0].evidence_error}",
        )
    if not images:
        return Statement("True", Reason.NO_IMAGES, "No pod runs, so there is nothing to scan.")
    found = _scans(images)
    if found.status == "True" and evidence.stale_lists:
        return Statement("False", Reason.LISTS_STALE, " ".join(evidence.stale_lists))
    return found


def _scans(images: Sequence[ImageFact]) -> Statement:
    without = [i for i in images if i.state is None or i.state.scanned_at is None]
    failed = [i for i in without if i.state is not None and i.state.verdict is Verdict.FAILED]
    waiting = [i for i in without if i.state is not None and i.state.verdict is Verdict.SCANNING]
    unscanned = [i for i in without if i not in failed and i not in waiting]
    stale = [i for i in images if i.state is not None and i.state.scanned_at and not i.state.fresh]
    for group, reason, words in (
        (failed, Reason.SCAN_FAILED, "could not be scanned"),
        (unscanned, Reason.UNSCANNED, "not scanned yet"),
        (waiting, Reason.SCANNING, "being scanned for the first time"),
        (stale, Reason.SCANS_STALE, "with a scan that is too old to count"),
    ):
        if group:
            names = listing(i.name for i in group)
            return Statement("False", reason, f"{count(len(group), 'image')} {words}: {names}.")
    return Statement("True", Reason.FRESH, f"The scans of {count(len(images), 'image')} are fresh.")


def named(controls: Sequence[Evaluated], one: str, many: str) -> str:
    """Name controls, and give the first one's message whole."""
    ids = listing(each.control.id for each in controls)
    verb = one if len(controls) == 1 else many
    return f"{count(len(controls), 'control')} {verb}: {ids}. {controls[0].result.message}"


def _by_id(controls: Sequence[Evaluated], name: str) -> Evaluated | None:
    return next((each for each in controls if each.control.id == name), None)
