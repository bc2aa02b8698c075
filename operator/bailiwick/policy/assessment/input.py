"""What a namespace's assessment is made of, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.binding import Problem
from bailiwick.policy.controls.evaluate import Evaluated

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Rescan:
    """The last rescan asked for; `completed` once every image it covers was scanned since.

    `done` of `total` images were scanned or failed for good; `failed` are those, by name and in
    words, `failed_count` how many there are. None where an older process did not tell.
    """

    requested: datetime
    completed: datetime | None = None
    reason: str = ""
    total: int | None = None
    done: int | None = None
    failed: tuple[tuple[str, str], ...] = ()
    failed_count: int = 0


@dataclass(frozen=True, slots=True)
class AssessmentInput:
    """Everything that a namespace's status is drawn from, as of `now` (with a time zone).

    `subject` is the evidence, or why there is no effective intent to hold the namespace to.
    `outdated_fields` are paths of status fields that the served CRD does not know.
    `previous` is the status as it is on the intent, empty before the first.
    """

    namespace: str
    generation: int
    subject: Evidence | Problem
    now: datetime
    chosen_by: Literal["Label", "Intent", "Default", "BuiltIn"] | None = None
    outdated_fields: tuple[str, ...] = ()
    rescan: Rescan | None = None
    previous: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition by the Kubernetes API conventions."""

    type: str
    status: Truth
    reason: str
    message: str
    observed_generation: int
    last_transition_time: datetime


@dataclass(frozen=True, slots=True)
class ControlReport:
    """A control's result, and since when it is this one."""

    evaluated: Evaluated
    since: datetime


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of the condition Compliant, chained to the one before by `digest`."""

    at: datetime
    was: Truth
    now: Truth
    reason: str
    message: str
    digest: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict on a namespace.

    `history` is oldest first. `next_change` is the next instant at which time alone changes
    any of this, None if never; the heartbeat is not in it.
    """

    conditions: tuple[Condition, ...]
    controls: tuple[ControlReport, ...]
    history: tuple[Transition, ...] = ()
    history_omitted: int = 0
    next_change: datetime | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of a type; Reconciling and Stalled are there only while True."""
        return next((c for c in self.conditions if c.type == kind), None)

    @property
    def ready(self) -> bool:
        """Whether the operator did all that was asked of it."""
        found = self.condition("Ready")
        return found is not None and found.status == "True"
