"""Inputs of an assessment, and the statuses that come of one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.assessment.input import AssessmentInput
from bailiwick.policy.binding import Problem
from bailiwick.policy.verdict import assess
from bailiwick.reports.status import StatusUpdate, update
from tests.unit.controls.make import NOW, evidence

HEARTBEAT = timedelta(hours=6)
NO_PROFILE = Problem(
    "ProfileNotFound", 'spec.profile names "x", which is not there. There are: restricted'
)


def given(subject: Evidence | Problem | None = None, **changes: Any) -> AssessmentInput:
    return AssessmentInput(
        **{
            "namespace": "shop",
            "generation": 4,
            "subject": subject if subject is not None else evidence(),
            "now": NOW,
            "chosen_by": "Label",
            **changes,
        }
    )


def report(subject: Evidence | Problem | None = None, **changes: Any) -> StatusUpdate:
    made = given(subject, **changes)
    return update(made, assess(made), HEARTBEAT)


def status(subject: Evidence | Problem | None = None, **changes: Any) -> dict[str, Any]:
    return report(subject, **changes).status


def conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["type"]: each for each in status["conditions"]}


def said(subject: Evidence | Problem | None = None, **changes: Any) -> dict[str, tuple[str, str]]:
    """Return status and reason by type of condition."""
    found = conditions(status(subject, **changes))
    return {kind: (each["status"], each["reason"]) for kind, each in found.items()}


def later(**delta: float) -> datetime:
    return NOW + timedelta(**delta)
