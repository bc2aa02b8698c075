"""What a control is: its words, its references, and the function that evaluates it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bailiwick.policy.assessment.evidence import Evidence
from bailiwick.policy.controls.result import Result
from bailiwick.policy.effective import Severity


class Stage(StrEnum):
    """The stages in which Kubernetes security is usually told."""

    BUILD = "build"
    DEPLOY = "deploy"
    RUNTIME = "runtime"


class Subject(StrEnum):
    """What a control is about, which decides what is told as its evidence."""

    INTENT = "intent"
    NETWORK = "network"
    IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Control:
    """One entry of the catalogue.

    `needs` are the kinds, by their plural, without which it cannot be evaluated. `refs` name
    the requirements of standards that it is evidence for, `STANDARD:requirement`.
    """

    id: str
    stage: Stage
    subject: Subject
    title: str
    checks: str
    remediation: str
    check: Callable[[Evidence], Result]
    refs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    default: Severity = "Fail"
