"""Every control of the catalogue, evaluated with the severity that the profile gives it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.controls.catalogue import CATALOGUE
from bailiwick.policy.controls.control import Control, Subject
from bailiwick.policy.controls.result import (
    Outcome,
    Result,
    count,
    error,
    listing,
    sentence,
    skipped,
)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A control with its result, and in words what that was drawn from."""

    control: Control
    result: Result
    evidence: str = ""


def evaluate(evidence: Evidence) -> tuple[Evaluated, ...]:
    """Evaluate every control, in the order of the catalogue."""
    sources = {subject: _source(subject, evidence) for subject in Subject}
    return tuple(
        Evaluated(control, evaluate_one(control, evidence), sources[control.subject])
        for control in CATALOGUE
    )


def not_evaluated(why: str) -> tuple[Evaluated, ...]:
    """Return every control as not evaluated."""
    return tuple(Evaluated(each, error(f"Not evaluated: {sentence(why)}")) for each in CATALOGUE)


def evaluate_one(control: Control, evidence: Evidence) -> Result:
    """Evaluate one control. Off skips it, Warn makes a failure a warning; an error stays one."""
    severity = evidence.effective.controls.get(control.id, control.default)
    if severity == "Off":
        asked = control.id in evidence.effective.controls
        how = "switches this control off" if asked else "does not ask for this"
        return skipped(f"Profile {evidence.effective.profile} {how}.")
    missing = [f"{k} ({evidence.unreadable[k]})" for k in control.needs if k in evidence.unreadable]
    if missing:
        return error(
            f"The operator cannot read {listing(missing)}. Give it the right to list and watch "
            "them; it goes on by itself then."
        )
    result = control.check(evidence)
    if severity == "Warn" and result.outcome is Outcome.FAIL:
        return replace(result, outcome=Outcome.WARN)
    return result


def _source(subject: Subject, evidence: Evidence) -> str:
    match subject:
        case Subject.INTENT:
            effective = evidence.effective
            return f"Profile {effective.profile}, generation {effective.profile_generation}."
        case Subject.NETWORK:
            live = len(evidence.live.applied)
            enforcer = evidence.settings.enforcer or "not known"
            return (
                f"{count(live, 'policy', 'policies')} read back from the API server as planned; "
                f"enforcer: {enforcer}."
            )
        case Subject.IMAGES:
            return _scans(evidence)


def _scans(evidence: Evidence) -> str:
    images = evidence.images or ()
    instants = [i.state.scanned_at for i in images if i.state and i.state.scanned_at]
    if not instants:
        return "No scan at hand."
    scanners = sorted({i.scanner for i in images if i.scanner})
    databases = [i.database_built for i in images if i.database_built]
    by = f" by {listing(scanners)}" if scanners else ""
    database = f"; oldest database of {min(databases):%Y-%m-%d %H:%M} UTC" if databases else ""
    return (
        f"{count(len(instants), 'scan')} of {count(len(images), 'image')}{by}, the oldest of "
        f"{min(instants):%Y-%m-%d %H:%M} UTC{database}."
    )
