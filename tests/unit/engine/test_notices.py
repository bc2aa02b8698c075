from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

import pytest

from bailiwick.engine.metrics import Metrics
from bailiwick.engine.notices import Notices
from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.events import Recorder, Regarding, Severity
from bailiwick.policy.assessment.input import Condition, Truth
from tests.unit.engine.doubles import Events

NOW = datetime(2026, 11, 23, tzinfo=UTC)
INTENT = DeclaredObject(
    "SecurityIntent", "shop", "default", "uid-1", generation=1, resource_version=1, created=NOW
)


@dataclass
class Told:
    """What a recorder was told, as severity and note."""

    events: list[tuple[Severity, str]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(
        self, regarding: Regarding, severity: Severity, reason: str, action: str, note: str
    ) -> None:
        assert regarding.namespace == "shop"
        assert (reason, action) in {("Why", "Assess"), ("DriftRepaired", "Repair")}
        self.events.append((severity, note))
        self.heard.set()


def told(kind: str, status: Truth, before: str | None) -> list[tuple[Severity, str]]:
    recorder = Told()
    condition = Condition(kind, status, "Why", "so it is", 1, NOW)
    Notices(cast(Recorder, recorder), Metrics()).transition(INTENT, condition, before)
    return recorder.events


@pytest.mark.parametrize(
    "kind, status",
    [
        ("Ready", "True"),
        ("NetworkEnforced", "False"),
        ("Compliant", "True"),
        ("Compliant", "False"),
        ("Compliant", "Unknown"),
    ],
)
def test_a_first_status_is_no_change(kind: str, status: Truth) -> None:
    assert told(kind, status, before=None) == []


def test_a_first_status_that_says_what_hinders_us_is_told() -> None:
    assert told("Ready", "False", before=None) == [("Warning", "Ready is False: so it is")]


@pytest.mark.parametrize("kind", ["Ready", "NetworkEnforced", "Compliant"])
def test_a_change_is_told_both_ways(kind: str) -> None:
    assert told(kind, "False", before="True") == [("Warning", f"{kind} is False: so it is")]
    assert told(kind, "True", before="False") == [("Normal", f"{kind} is True: so it is")]


async def test_repairs_of_the_same_moment_are_told_together() -> None:
    recorder = Told()
    notices = Notices(cast(Recorder, recorder), Metrics())
    for name in ("dns-out", "bailiwick-isolation", "dns-out"):
        notices.repaired(INTENT, (name,))
    await recorder.heard.wait()
    note = (
        "2 NetworkPolicies changed or deleted by somebody else, and put right: "
        "bailiwick-isolation, dns-out."
    )
    assert recorder.events == [("Warning", note)]


SHOWN = {"overdue": 1, "knownExploited": 0, "worst": []}


def found(before: dict[str, object] | None, **now: object) -> list[tuple[str, str]]:
    events = Events()
    intent = replace(INTENT, status={"images": before} if before else {})
    Notices(cast(Recorder, events), Metrics()).findings(intent, {**SHOWN, **now})
    return events.told


def test_more_overdue_findings_than_before_are_told_with_the_first_of_them() -> None:
    worst = [
        {"vulnerability": "CVE-1", "package": "zlib", "overdue": False},
        {"vulnerability": "CVE-2", "package": "openssl", "overdue": True},
    ]
    assert found(SHOWN, overdue=3, worst=worst) == [
        (
            "FindingsOverdue",
            "2 more vulnerabilities past the deadline, 3 in all: CVE-2 in openssl. See "
            "status.images.",
        )
    ]


def test_new_known_exploited_findings_are_told() -> None:
    assert found(SHOWN, knownExploited=1) == [
        (
            "KnownExploited",
            "1 more vulnerability known to be exploited, 1 in all. See status.images.",
        )
    ]


def test_fewer_findings_and_those_of_a_first_status_are_no_event() -> None:
    assert found(SHOWN, overdue=0) == []
    assert found(None, overdue=5) == []
