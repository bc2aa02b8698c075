from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bailiwick.policy.assessment.evidence import (
    Evidence,
    ExceptionFact,
    LivePolicies,
    WriteFailure,
)
from bailiwick.policy.binding import Problem
from bailiwick.policy.controls.catalogue import CONTROL_IDS
from bailiwick.policy.effective import Enforcement, Refusal
from bailiwick.policy.exceptions.ruling import State
from bailiwick.policy.exceptions.standing import Standing
from bailiwick.policy.images.state import Failure
from bailiwick.policy.settings import Settings
from tests.unit.controls.make import (
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
from tests.unit.verdict.make import NO_PROFILE, conditions, given, said, status

TYPES = [
    "Ready",
    "NetworkEnforced",
    "ImagesWithinPolicy",
    "ExceptionsValid",
    "EvidenceFresh",
    "Compliant",
]


def test_a_namespace_as_it_should_be_is_compliant() -> None:
    assert said() == {
        "Ready": ("True", "Succeeded"),
        "NetworkEnforced": ("True", "Enforced"),
        "ImagesWithinPolicy": ("True", "WithinPolicy"),
        "ExceptionsValid": ("True", "NoExceptions"),
        "EvidenceFresh": ("True", "Fresh"),
        "Compliant": ("True", "Compliant"),
    }


def test_a_profile_that_asks_for_no_isolation_says_so_beside_the_verdict() -> None:
    open_to_all = evidence(effective=effective(isolate=frozenset()))
    verdict = conditions(status(open_to_all))["Compliant"]
    assert verdict["status"] == "True"
    assert verdict["message"].endswith("asks for no isolation, so there is none.")


OVERDUE = image(critical(), seen=timedelta(days=16))
WIDE = widened("break-glass")
FAILURE = Failure("PullDenied", "The registry wants credentials", NOW)
LOOSENED = (Refusal("spec.enforcement", "write Enforce"),)
AUDIT = effective(enforcement=Enforcement.AUDIT)


@pytest.mark.parametrize(
    "subject,expected",
    [
        (
            evidence(effective=AUDIT, live=LivePolicies()),
            {
                "Ready": ("True", "AuditOnly"),
                "NetworkEnforced": ("False", "AuditOnly"),
                "Compliant": ("False", "AuditOnly"),
            },
        ),
        (
            evidence(effective=AUDIT, live=LivePolicies(), images=(OVERDUE,)),
            {"Compliant": ("False", "ControlsFailed")},
        ),
        (
            evidence(settings=Settings()),
            {
                "Ready": ("True", "Succeeded"),
                "NetworkEnforced": ("Unknown", "EnforcementUnproven"),
                "Compliant": ("Unknown", "EnforcementUnproven"),
            },
        ),
        (
            evidence(reach=WIDE),
            {
                "Ready": ("True", "Succeeded"),
                "NetworkEnforced": ("False", "WidenedByForeign"),
                "Compliant": ("False", "ControlsFailed"),
            },
        ),
        (
            evidence(images=(OVERDUE,)),
            {
                "Ready": ("True", "Succeeded"),
                "ImagesWithinPolicy": ("False", "FindingsOverdue"),
                "Compliant": ("False", "ControlsFailed"),
            },
        ),
        (
            evidence(images=(image(scanned=timedelta(days=2)),)),
            {
                "ImagesWithinPolicy": ("Unknown", "ScansStale"),
                "EvidenceFresh": ("False", "ScansStale"),
                "Compliant": ("Unknown", "ScansStale"),
            },
        ),
        (
            evidence(images=(image(scanned=None, scanning=True),)),
            {"EvidenceFresh": ("False", "Scanning"), "Compliant": ("Unknown", "Scanning")},
        ),
        (
            evidence(images=(image(scanned=None, failure=FAILURE),)),
            {"EvidenceFresh": ("False", "ScanFailed"), "Compliant": ("False", "ControlsFailed")},
        ),
        (
            evidence(images=(unidentified(),)),
            {"EvidenceFresh": ("False", "Unscanned"), "Compliant": ("Unknown", "Unscanned")},
        ),
        (
            evidence(images=(replace(image(), evidence_error="the object is gone"),)),
            {
                "EvidenceFresh": ("Unknown", "EvidenceMissing"),
                "Compliant": ("Unknown", "EvidenceMissing"),
            },
        ),
        (
            evidence(stale_lists=("The list of EPSS scores (/epss) cannot be used.",)),
            {"EvidenceFresh": ("False", "ListsStale"), "Compliant": ("Unknown", "ListsStale")},
        ),
        (
            evidence(images=()),
            {
                "ImagesWithinPolicy": ("True", "NoImages"),
                "EvidenceFresh": ("True", "NoImages"),
                "Compliant": ("True", "Compliant"),
            },
        ),
        (
            evidence(plan=replace(PLAN, findings=(closed("partner"),))),
            {
                "Ready": ("False", "RulesNotEnforceable"),
                "Reconciling": ("True", "RulesNotEnforceable"),
                "NetworkEnforced": ("False", "RulesNotEnforceable"),
                "Compliant": ("False", "ControlsFailed"),
            },
        ),
        (
            evidence(plan=replace(PLAN, findings=(closed("p", "TemplateFailed"),))),
            {"Ready": ("False", "TemplateFailed"), "Stalled": ("True", "TemplateFailed")},
        ),
        (
            evidence(effective=effective(loosened=LOOSENED)),
            {
                "Ready": ("False", "LooseningRefused"),
                "Stalled": ("True", "LooseningRefused"),
                "Compliant": ("False", "ControlsFailed"),
            },
        ),
        (
            evidence(live=replace(LIVE, taken=("bailiwick-isolation",))),
            {
                "Ready": ("False", "NameTaken"),
                "Stalled": ("True", "NameTaken"),
                "NetworkEnforced": ("False", "NameTaken"),
                "Compliant": ("Unknown", "NameTaken"),
            },
        ),
        (
            evidence(live=LivePolicies(failed=(WriteFailure("x", "admission webhook: no"),))),
            {
                "Ready": ("False", "ApplyFailed"),
                "Reconciling": ("True", "ApplyFailed"),
                "NetworkEnforced": ("False", "ApplyFailed"),
                "Compliant": ("False", "ControlsFailed"),
            },
        ),
        (
            evidence(live=replace(LIVE, pending=("frontend-to-cart-in-1",))),
            {
                "Ready": ("False", "Progressing"),
                "Reconciling": ("True", "Progressing"),
                "Compliant": ("Unknown", "Progressing"),
            },
        ),
        (
            evidence(unreadable={"imagescans": "forbidden"}),
            {
                "Ready": ("False", "Unreadable"),
                "Stalled": ("True", "Unreadable"),
                "NetworkEnforced": ("True", "Enforced"),
                "EvidenceFresh": ("Unknown", "Unreadable"),
                "Compliant": ("Unknown", "Unreadable"),
            },
        ),
        (
            Problem("Unreadable", "The operator cannot read securityprofiles"),
            {
                "Ready": ("False", "Unreadable"),
                "Stalled": ("True", "Unreadable"),
                "NetworkEnforced": ("Unknown", "NotEvaluated"),
                "EvidenceFresh": ("Unknown", "Unreadable"),
                "Compliant": ("Unknown", "Unreadable"),
            },
        ),
        (
            evidence(unreadable={"services": "forbidden"}, images=(OVERDUE,)),
            {
                "Ready": ("False", "Unreadable"),
                "Stalled": ("True", "Unreadable"),
                "NetworkEnforced": ("Unknown", "Unreadable"),
                "EvidenceFresh": ("Unknown", "Unreadable"),
                "Compliant": ("Unknown", "Unreadable"),
            },
        ),
        (
            evidence(effective=effective(controls=dict.fromkeys(CONTROL_IDS, "Off"))),
            {"Ready": ("True", "Succeeded"), "Compliant": ("Unknown", "NotEvaluated")},
        ),
        (
            NO_PROFILE,
            {
                "Ready": ("False", "ProfileNotFound"),
                "Stalled": ("True", "ProfileNotFound"),
                "NetworkEnforced": ("Unknown", "NotEvaluated"),
                "Compliant": ("Unknown", "ProfileNotFound"),
            },
        ),
    ],
)
def test_each_trouble_has_its_own_word(subject: Any, expected: dict[str, Any]) -> None:
    found = said(subject)
    assert found | expected == found
    progress = {"Reconciling", "Stalled"}
    assert progress & set(found) == progress & set(expected)


def test_the_servers_words_and_the_objects_name_are_told() -> None:
    failed = LivePolicies(failed=(WriteFailure("cart-in-1", "denied the request: no"),))
    message = conditions(status(evidence(live=failed)))["Ready"]["message"]
    assert "NetworkPolicy cart-in-1 could not be written" in message
    assert "denied the request: no" in message


def test_fields_that_the_server_does_not_know_are_left_out_and_told() -> None:
    outdated = ("images.worst", "controls[].evidence", "nextDue")
    made = status(outdated_fields=outdated)
    assert conditions(made)["Ready"]["reason"] == "CRDOutdated"
    assert "images.worst, controls[].evidence, nextDue" in conditions(made)["Ready"]["message"]
    assert conditions(made)["Compliant"]["status"] == "Unknown"
    assert "worst" not in made["images"]
    assert "nextDue" not in made
    assert not any("evidence" in each for each in made["controls"])


def exception(state: State, label: str = "openssl") -> ExceptionFact:
    in_force = state in (State.ACTIVE, State.EXPIRES_SOON)
    return ExceptionFact(label, Standing(state, f"It is {state}.", in_force))


@pytest.mark.parametrize(
    "states, expected",
    [
        ((), ("True", "NoExceptions")),
        ((State.ACTIVE,), ("True", "AllValid")),
        ((State.ACTIVE, State.EXPIRES_SOON), ("True", "ExpiresSoon")),
        ((State.EXPIRES_SOON, State.AWAITING_APPROVAL), ("False", "AwaitingApproval")),
        ((State.AWAITING_APPROVAL, State.EXPIRED), ("False", "Expired")),
        ((State.EXPIRED, State.INVALID, State.ACTIVE), ("False", "Invalid")),
    ],
)
def test_what_needs_somebody_first_decides_what_is_said_of_exceptions(
    states: tuple[State, ...], expected: tuple[str, str]
) -> None:
    facts = tuple(exception(state, f"e{n}") for n, state in enumerate(states))
    assert said(evidence(exceptions=facts))["ExceptionsValid"] == expected


def test_exceptions_that_cannot_be_read_are_not_said_to_be_valid() -> None:
    blind = evidence(unreadable={"vulnerabilityexceptions": "forbidden"})
    assert said(blind)["ExceptionsValid"] == ("Unknown", "Unreadable")


def test_exceptions_are_counted_by_what_they_do() -> None:
    facts = tuple(exception(state) for state in State)
    assert status(evidence(exceptions=facts))["exceptions"] == {
        "active": 2,
        "expiringSoon": 1,
        "expired": 1,
        "awaitingApproval": 1,
        "invalid": 1,
    }


@pytest.mark.parametrize(
    "subject", [evidence(), evidence(unreadable={"pods": "forbidden"}), NO_PROFILE]
)
def test_every_condition_speaks_of_the_generation_it_saw(subject: Any) -> None:
    made = status(subject, generation=7)
    assert made["observedGeneration"] == 7
    assert {each["observedGeneration"] for each in made["conditions"]} == {7}
    assert [each["type"] for each in made["conditions"]][: len(TYPES)] == TYPES


def test_in_an_exempt_namespace_no_control_applies() -> None:
    exempt = Problem("NamespaceExempt", "kube-system is exempt: remove the intent")
    made = status(exempt)
    assert "controls" not in made
    assert conditions(made)["Stalled"]["message"] == "kube-system is exempt: remove the intent."


def test_without_an_effective_intent_every_control_is_an_error() -> None:
    results = {each["result"] for each in status(NO_PROFILE)["controls"]}
    assert results == {"error"}


def test_a_control_that_only_warns_does_not_stand_in_the_way() -> None:
    subject = evidence(
        effective=effective(controls={"images-vulnerabilities": "Warn"}), images=(OVERDUE,)
    )
    made = status(subject)
    assert conditions(made)["Compliant"]["status"] == "True"
    assert "images-vulnerabilities" in conditions(made)["Compliant"]["message"]
    assert made["overdue"] == 1


def test_switching_controls_off_does_not_make_up_for_evidence() -> None:
    off = {"images-scanned": "Off", "images-vulnerabilities": "Off", "images-fresh": "Off"}
    subject = evidence(effective=effective(controls=off), images=(image(scanned=None),))
    assert said(subject)["Compliant"][0] == "Unknown"


def test_the_subject_is_what_was_gathered() -> None:
    assert isinstance(given().subject, Evidence)
