"""Compliant is never True by absence, whatever the input."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given as supposing
from hypothesis import strategies as st

from bailiwick.api.intent_status import SecurityIntentStatus
from bailiwick.policy.assessment.evidence import Evidence, ImageFact, LivePolicies, WriteFailure
from bailiwick.policy.assessment.history import broken_at, read
from bailiwick.policy.controls.catalogue import CATALOGUE
from bailiwick.policy.effective import Enforcement
from bailiwick.policy.findings.effective import NamespaceReach
from bailiwick.policy.images.state import Failure
from bailiwick.policy.rules import Direction
from bailiwick.policy.settings import Settings
from tests.unit.controls.make import (
    BOTH,
    LIVE,
    NOW,
    PLAN,
    closed,
    critical,
    effective,
    evidence,
    image,
    unidentified,
    widened,
)
from tests.unit.verdict.make import NO_PROFILE, conditions, report, status

FAILURE = Failure("PullDenied", "The registry wants credentials", NOW)
GOOD, WIDE = NamespaceReach(4, 4), widened("break-glass")
GOOD_IMAGES = [image(), image(critical(), number=2), image(failure=FAILURE, number=3)]
# What may be missing: no scan, none that counts, no digest, no findings at hand.
BAD_IMAGES = [
    image(scanned=None),
    image(scanned=None, scanning=True),
    image(scanned=None, failure=FAILURE),
    image(scanned=timedelta(days=3)),
    unidentified(),
    replace(image(), evidence_error="gone"),
    replace(image(), state=None),
]
severities = st.dictionaries(
    st.sampled_from([c.id for c in CATALOGUE]), st.sampled_from(["Off", "Warn", "Fail"])
)
intents = st.builds(
    lambda enforcement, isolate, controls: effective(
        enforcement=enforcement, isolate=isolate, controls=controls
    ),
    st.sampled_from(Enforcement),
    st.sampled_from([BOTH, frozenset({Direction.INGRESS}), frozenset()]),
    severities,
)
lives = st.sampled_from(
    [
        LIVE,
        LivePolicies(),
        replace(LIVE, failed=(WriteFailure("x", "no"),)),
        replace(LIVE, pending=("x",)),
        replace(LIVE, taken=("x",)),
    ]
)
plans = st.sampled_from([PLAN, replace(PLAN, findings=(closed("a"),)), None])
whole = st.builds(
    Evidence,
    effective=intents,
    settings=st.sampled_from([Settings(), Settings(enforcer="Cilium")]),
    now=st.just(NOW),
    plan=plans,
    live=lives,
    reach=st.sampled_from([GOOD, WIDE, None]),
    images=st.none() | st.lists(st.sampled_from(GOOD_IMAGES + BAD_IMAGES), max_size=3).map(tuple),
    unreadable=st.sampled_from([{}, {"pods": "forbidden"}, {"services": "forbidden"}]),
)


def compliant(subject: Any, **changes: Any) -> str:
    return str(conditions(status(subject, **changes))["Compliant"]["status"])


@supposing(whole)
def test_compliant_is_never_true_while_anything_is_missing(subject: Evidence) -> None:
    live = subject.live
    missing = (
        bool(subject.unreadable)
        or subject.plan is None
        or subject.images is None
        or any(i in BAD_IMAGES for i in subject.images)
        or not subject.settings.enforcer
        or bool(live.failed or live.pending or live.taken)
    )
    if missing:
        assert compliant(subject) != "True"


@supposing(whole, st.sampled_from([(), ("nextDue",)]))
def test_compliant_needs_ready_fresh_evidence_and_no_failure(
    subject: Evidence, outdated: tuple[str, ...]
) -> None:
    made = status(subject, outdated_fields=outdated)
    found = conditions(made)
    if found["Compliant"]["status"] == "True":
        assert found["Ready"]["status"] == found["EvidenceFresh"]["status"] == "True"
        results = {each["result"] for each in made["controls"]}
        assert not results & {"fail", "error"}


@supposing(whole | st.just(NO_PROFILE))
def test_the_status_is_what_the_schema_takes(subject: Any) -> None:
    made = status(subject)
    read_back = SecurityIntentStatus.model_validate(made).to_json()
    assert read_back == made


@supposing(whole | st.just(NO_PROFILE))
def test_equal_input_gives_equal_output_and_nothing_to_write_after(subject: Any) -> None:
    first = report(subject)
    assert first == report(subject)
    assert first.write
    again = report(subject, previous=first.status)
    assert not again.write
    assert again.status == first.status


@supposing(whole | st.just(NO_PROFILE))
def test_reconciling_and_stalled_are_there_only_while_true_and_ready_is_not(subject: Any) -> None:
    found = conditions(status(subject))
    progress = [found[kind] for kind in ("Reconciling", "Stalled") if kind in found]
    assert len(progress) <= 1
    for each in progress:
        assert each["status"] == "True"
        assert found["Ready"]["status"] == "False"


def test_what_was_not_evaluated_has_no_number_of_failures() -> None:
    assert "failing" not in status(NO_PROFILE)


@supposing(whole)
def test_the_stages_count_every_control_once(subject: Evidence) -> None:
    made = status(subject)
    assert sum(n for stage in made["stages"].values() for n in stage.values()) == len(CATALOGUE)
    assert made["failing"] == sum(stage["fail"] for stage in made["stages"].values())
    assert [each["id"] for each in made["controls"]] == [c.id for c in CATALOGUE]


@supposing(st.lists(whole, min_size=1, max_size=30))
def test_the_history_is_a_chain_of_changes(subjects: list[Evidence]) -> None:
    before: dict[str, Any] = {}
    changes = 0
    was = "Unknown"
    for step, subject in enumerate(subjects):
        at = NOW + timedelta(minutes=step)
        before = status(subject, previous=before, now=at)
        now = conditions(before)["Compliant"]["status"]
        changes += now != was
        was = now
    history, omitted = read(before)
    assert len(history) + omitted == changes
    assert broken_at(history, omitted) is None


def test_an_entry_that_was_changed_breaks_the_chain() -> None:
    first = status(evidence())
    second = status(evidence(images=None), previous=first, now=NOW + timedelta(hours=1))
    history, omitted = read(second)
    assert [(t.was, t.now) for t in history] == [("Unknown", "True"), ("True", "Unknown")]
    forged = (replace(history[0], reason="Forged"), history[1])
    assert broken_at(forged, omitted) == 0
    assert broken_at(history[1:], 0) == 0


def _of(facts: list[ImageFact]) -> dict[str, Any]:
    made: dict[str, Any] = status(evidence(images=tuple(facts)))["images"]
    return made


@supposing(st.integers(0, 60), st.integers(0, 40))
def test_lists_are_bounded_and_counts_exact(images: int, findings: int) -> None:
    found = tuple(critical(f"CVE-2026-{n}") for n in range(findings))
    facts = [image(*found, number=n, scanned=timedelta(days=3)) for n in range(images)]
    made = _of(facts)
    assert made["digests"] == made["stale"] == images
    assert len(made["problems"]) + made["problemsOmitted"] == images
    assert len(made["problems"]) <= 20
    assert len(made["worst"]) + made["worstOmitted"] == images * findings
    assert len(made["worst"]) <= 20
