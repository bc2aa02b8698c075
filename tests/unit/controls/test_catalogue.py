from __future__ import annotations

import re

import pytest

from bailiwick.policy.controls.catalogue import CATALOGUE
from bailiwick.policy.controls.control import Control, Stage
from bailiwick.policy.controls.evaluate import evaluate, evaluate_one
from bailiwick.policy.controls.result import Outcome, listing
from bailiwick.policy.effective import Refusal
from tests.unit.controls.make import effective, evidence

REFERENCE = re.compile(r"(NIST-800-53|NIST-800-190|CIS-K8S|CIS-EKS|NSA-CISA|PCI-DSS-4):\S+")


def test_ids_are_unique_and_stages_come_in_order() -> None:
    ids = [control.id for control in CATALOGUE]
    assert len(set(ids)) == len(ids)
    stages = [list(Stage).index(control.stage) for control in CATALOGUE]
    assert stages == sorted(stages)


@pytest.mark.parametrize("control", CATALOGUE, ids=lambda c: c.id)
def test_every_control_says_what_it_checks_and_what_to_do(control: Control) -> None:
    assert control.checks.endswith(".")
    assert control.remediation
    assert "!" not in control.checks + control.remediation + control.title
    assert all(REFERENCE.fullmatch(ref) for ref in control.refs)
    assert len(control.refs) == len(set(control.refs)) <= 16


def test_a_namespace_as_it_should_be_fails_and_misses_nothing() -> None:
    outcomes = {each.control.id: each.result.outcome for each in evaluate(evidence())}
    assert set(outcomes.values()) <= {Outcome.PASS, Outcome.SKIP}
    skipped = [name for name, outcome in outcomes.items() if outcome is Outcome.SKIP]
    only_where_asked = [each.id for each in CATALOGUE if each.default == "Off"]
    assert set(skipped) == {"network-rules-reviewed", *only_where_asked}


@pytest.mark.parametrize("control", [c for c in CATALOGUE if c.needs], ids=lambda c: c.id)
def test_a_kind_that_cannot_be_read_is_an_error_that_names_it(control: Control) -> None:
    for kind in control.needs:
        asked = effective(controls={control.id: "Fail"})
        given = evidence(effective=asked, unreadable={kind: "forbidden by RBAC"})
        result = evaluate_one(control, given)
        assert result.outcome is Outcome.ERROR
        assert f"{kind} (forbidden by RBAC)" in result.message


LOOSENED = (Refusal("spec.enforcement", "write Enforce"),)


@pytest.mark.parametrize(
    "severity,outcome", [("Off", "skip"), ("Warn", "warn"), ("Fail", "fail"), (None, "fail")]
)
def test_the_profile_says_how_much_a_control_matters(severity: str | None, outcome: str) -> None:
    severities = {"intent-within-profile": severity} if severity else {}
    given = evidence(effective=effective(loosened=LOOSENED, controls=severities))
    found = {e.control.id: e.result for e in evaluate(given)}["intent-within-profile"]
    assert found.outcome == outcome


def test_a_warning_control_that_cannot_be_evaluated_stays_an_error() -> None:
    given = evidence(images=None, effective=effective(controls={"images-scanned": "Warn"}))
    found = {e.control.id: e.result for e in evaluate(given)}["images-scanned"]
    assert found.outcome is Outcome.ERROR


def test_what_results_were_drawn_from_is_said() -> None:
    sources = {e.control.id: e.evidence for e in evaluate(evidence())}
    assert sources["intent-within-profile"] == "Profile restricted, generation 3."
    assert "2 policies read back" in sources["network-isolated-egress"]
    assert sources["images-scanned"] == (
        "1 scan of 1 image by Grype 0.104, the oldest of 2026-11-24 11:00 UTC; "
        "oldest database of 2026-11-23 12:00 UTC."
    )


def test_a_listing_counts_what_it_leaves_out() -> None:
    assert listing(["a", "b"]) == "a, b"
    assert listing(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
