"""The controls of the intent itself."""

from __future__ import annotations

from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.controls.result import Result, count, failed, listing, passed, sentence


def within_profile(evidence: Evidence) -> Result:
    """The intent asks for nothing that its profile does not let it have."""
    loosened = evidence.effective.loosened
    profile = evidence.effective.profile
    if not loosened:
        return passed(f"The intent keeps within profile {profile}.")
    first = loosened[0]
    others = listing(each.field for each in loosened[1:])
    return failed(
        f"{count(len(loosened), 'field')} of the intent loosened profile {profile} and had no "
        f"effect: {first.field}: {sentence(first.message)}"
        + (f" Also: {others}." if others else "")
    )
