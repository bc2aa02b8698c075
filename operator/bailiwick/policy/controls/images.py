"""The controls of running images: that they are known, scanned, fresh, and fixed in time."""

from __future__ import annotations

from collections.abc import Callable

from bailiwick.policy.assessment.evidence import Evidence, ImageFact
from bailiwick.policy.controls.result import (
    Result,
    count,
    error,
    failed,
    listing,
    passed,
    sentence,
    skipped,
)
from bailiwick.policy.images.findings import Severity
from bailiwick.policy.images.state import Verdict

NO_INVENTORY = (
    "Which images run here is not known, because the pods could not be read: see the condition "
    "EvidenceFresh."
)
NO_IMAGES = "No pod runs in this namespace."

Check = Callable[[Evidence], Result]


def of_images(judge: Callable[[Evidence, tuple[ImageFact, ...]], Result]) -> Check:
    """Make a control of a function that needs the images that run, at least one."""

    def check(evidence: Evidence) -> Result:
        if evidence.images is None:
            return error(NO_INVENTORY)
        if not evidence.images:
            return skipped(NO_IMAGES)
        return judge(evidence, evidence.images)

    return check


@of_images
def known(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """The digest of every running image is known."""
    unknown = [i for i in images if i.running.digest is None]
    if unknown:
        problem = unknown[0].running.problem
        first = sentence(problem.message) if problem else f"{unknown[0].name} has no digest."
        return error(
            f"{count(len(unknown), 'image')} cannot be identified by digest: {first}"
            + _others(unknown)
        )
    return passed(f"{count(len(images), 'image')}, identified by digest.")


@of_images
def scanned(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """A scan of every running image is at hand, with all its findings."""
    lost = [i for i in images if i.evidence_error]
    if lost:
        return error(
            f"The findings of {count(len(lost), 'image')} cannot be read: {lost[0].name}: "
            f"{sentence(lost[0].evidence_error)}{_others(lost)}"
        )
    without = [i for i in images if i.state is None or i.state.counts is None]
    if not without:
        return passed(f"{count(len(images), 'image')}, all scanned.")
    broken = [i for i in without if i.state is not None and i.state.verdict is Verdict.FAILED]
    if broken:
        state = broken[0].state
        words = state.message if state else ""
        return failed(
            f"{count(len(broken), 'image')} could not be scanned: {broken[0].name}: "
            f"{sentence(words)}{_others(broken)}"
        )
    running = sum(i.state is not None and i.state.verdict is Verdict.SCANNING for i in without)
    now = f", {running} of them being scanned now" if running else ""
    return error(
        f"{count(len(without), 'image')} not scanned yet{now}: {listing(i.name for i in without)}."
    )


@of_images
def fresh(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:  # noqa: ARG001  # one shape for all controls
    """No scan is older than the profile allows, or than the last rescan asked for."""
    missing = [i for i in images if i.state is None or i.state.scanned_at is None]
    stale = [i for i in images if i.state is not None and i.state.scanned_at and not i.state.fresh]
    if stale:
        return error(
            f"The scans of {count(len(stale), 'image')} no longer count, being older than "
            "images.scan.maxAge or a rescan that was asked for: "
            f"{listing(i.name for i in stale)}."
        )
    if missing:
        return error(f"{count(len(missing), 'image')} without a scan, so without a fresh one.")
    return passed(f"The scans of {count(len(images), 'image')} are fresh.")


@of_images
def vulnerabilities(evidence: Evidence, images: tuple[ImageFact, ...]) -> Result:
    """No vulnerability is past its deadline; where only excepted ones are, that is no pass."""
    overdue = [i for i in images if i.state is not None and i.state.overdue]
    if overdue:
        return failed(_overdue(overdue))
    if not evidence.effective.images.remediate_within:
        return skipped("Neither profile nor intent sets images.remediateWithin.")
    unjudged = [i for i in images if i.evidence_error or i.state is None or i.state.counts is None]
    if unjudged:
        return error(
            f"{count(len(unjudged), 'image')} without findings to judge: "
            f"{listing(i.name for i in unjudged)}."
        )
    excepted = [i.state for i in images if i.state and i.state.excepted_overdue]
    if excepted:
        total = sum(state.excepted_overdue for state in excepted)
        names = sorted({name for state in excepted for name in state.excused})
        return skipped(
            f"{count(total, 'vulnerability', 'vulnerabilities')} past the deadline in "
            f"{count(len(excepted), 'image')}, all of them excepted by {listing(names)}."
        )
    critical, high = (_total(images, s) for s in (Severity.CRITICAL, Severity.HIGH))
    due = [i.state.next_due for i in images if i.state and i.state.next_due]
    until = f" The next is due by {min(due):%Y-%m-%d %H:%M} UTC." if due else ""
    return passed(f"{critical} critical and {high} high found, none past its deadline.{until}")


def _overdue(images: list[ImageFact]) -> str:
    total = sum(i.state.overdue for i in images if i.state)
    worst = min(images, key=lambda i: (-(i.state.overdue if i.state else 0), i.name))
    words = worst.state.message if worst.state else ""
    return (
        f"{count(total, 'vulnerability', 'vulnerabilities')} past the deadline in "
        f"{count(len(images), 'image')}. {worst.name}: {sentence(words)}"
        f"{_others([worst, *(i for i in images if i is not worst)])}"
    )


def _total(images: tuple[ImageFact, ...], severity: Severity) -> int:
    return sum(i.state.counts[severity].total for i in images if i.state and i.state.counts)


def _others(images: list[ImageFact]) -> str:
    names = listing(i.name for i in images[1:])
    return f" Also: {names}." if names else ""
