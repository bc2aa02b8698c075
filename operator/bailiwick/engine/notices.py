"""Events for people: transitions of ours, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from bailiwick.api.meta import Reason
from bailiwick.engine.opting import is_opted_in
from bailiwick.kube.events import Regarding
from bailiwick.kube.resources import (
    CLUSTER_VULNERABILITY_EXCEPTIONS,
    IMAGE_SCANS,
    NAMESPACES,
    SECURITY_INTENTS,
    VULNERABILITY_EXCEPTIONS,
    Resource,
)
from bailiwick.policy.controls.result import count, listing
from bailiwick.policy.exceptions.ruling import State

if TYPE_CHECKING:
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.kube.events import Recorder
    from bailiwick.policy.assessment.input import Condition
    from bailiwick.policy.exceptions.standing import Standing
    from bailiwick.policy.facts import Namespace
    from bailiwick.policy.images.state import Failure


class _Words(NamedTuple):
    text: str
    flag: str


_NEW_FINDINGS = (
    ("overdue", "FindingsOverdue", _Words("past the deadline", "overdue")),
    ("knownExploited", "KnownExploited", _Words("known to be exploited", "knownExploited")),
)
# Seconds. Who deletes all policies of a namespace deletes one after the other.
_GATHER = 1.0


@dataclass(slots=True)
class Notices:
    """What is told by Events, and counted."""

    recorder: Recorder
    metrics: Metrics
    _exempt_told: set[str] = field(default_factory=set)
    _failing: dict[str, str] = field(default_factory=dict)
    _repaired: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def transition(self, intent: DeclaredObject, condition: Condition, before: str | None) -> None:
        """Tell that a condition changed; of a first status only that something hinders us.

        A first verdict is no change, and is mostly that nothing was scanned yet: a thousand new
        namespaces would be a thousand Events.
        """
        if before is None and (condition.status == "True" or condition.type != "Ready"):
            return
        self.recorder.tell(
            _regarding(SECURITY_INTENTS, intent),
            "Warning" if _needs_attention(condition) else "Normal",
            condition.reason,
            "Assess",
            f"{condition.type} is {condition.status}: {condition.message}",
        )

    def repaired(self, intent: DeclaredObject, names: tuple[str, ...]) -> None:
        """Tell soon, all together, that policies which somebody else changed are put right."""
        self.metrics.drift_repaired.inc(len(names))
        if intent.key not in self._repaired:
            self._repaired[intent.key] = set()
            asyncio.get_running_loop().call_later(_GATHER, self._tell_repaired, intent)
        self._repaired[intent.key].update(names)

    def _tell_repaired(self, intent: DeclaredObject) -> None:
        names = sorted(self._repaired.pop(intent.key))
        self.recorder.tell(
            _regarding(SECURITY_INTENTS, intent),
            "Warning",
            "DriftRepaired",
            "Repair",
            f"{count(len(names), 'NetworkPolicy', 'NetworkPolicies')} changed or deleted by "
            f"somebody else, and put right: {listing(names)}.",
        )

    def exception(self, exception: DeclaredObject, before: str, standing: Standing) -> None:
        """Tell that an exception came into force, is about to end, ended, or is not valid."""
        told = _of_exception(exception, before, standing)
        if told is None:
            return
        reason, kind = told
        resource = (
            VULNERABILITY_EXCEPTIONS if exception.namespace else CLUSTER_VULNERABILITY_EXCEPTIONS
        )
        approval = exception.status.get("approval") or {}
        by = f"Approved by {approval.get('by')}. " if reason == "Approved" else ""
        self.recorder.tell(
            _regarding(resource, exception), kind, reason, "Judge", by + standing.message
        )

    def findings(self, intent: DeclaredObject, images: Mapping[str, Any]) -> None:
        """Tell that more findings are overdue or known to be exploited than the last status said.

        Of a first status nothing is told: that is what the status is for.
        """
        before = intent.status.get("images")
        if not before:
            return
        for field_, reason, words in _NEW_FINDINGS:
            more = images.get(field_, 0) - before.get(field_, 0)
            if more <= 0:
                continue
            first = next((each for each in images["worst"] if each.get(words.flag)), None)
            named = f": {first['vulnerability']} in {first['package']}" if first else ""
            what = "vulnerability" if more == 1 else "vulnerabilities"
            self.recorder.tell(
                _regarding(SECURITY_INTENTS, intent),
                "Warning",
                reason,
                "Assess",
                f"{more} more {what} {words.text}, {images[field_]} in all{named}. "
                "See status.images.",
            )

    def scan(self, scan: DeclaredObject, failure: Failure | None, *, succeeded: bool) -> None:
        """Tell that an image's scan failed for another reason than before, or that it recovered.

        What is the scanner's fault is not told of ten thousand images.
        """
        told = self._failing.get(scan.name)
        if failure is not None and not failure.scanner_fault and failure.reason != told:
            self._failing[scan.name] = failure.reason
            self.recorder.tell(
                _regarding(IMAGE_SCANS, scan), "Warning", "ScanFailed", "Scan", failure.message
            )
        elif succeeded and told is not None:
            del self._failing[scan.name]
            self.recorder.tell(
                _regarding(IMAGE_SCANS, scan),
                "Normal",
                "ScanRecovered",
                "Scan",
                f"The image was scanned, which had failed before: {told}.",
            )

    def exempt(self, namespace: Namespace) -> None:
        """Tell, once while it does, that an exempt namespace asks to be isolated."""
        if namespace.uid in self._exempt_told:
            return
        self._exempt_told.add(namespace.uid)
        self.metrics.exempt_refused.inc()
        asked = "label" if is_opted_in(namespace) else "intent"
        self.recorder.tell(
            Regarding(NAMESPACES.api_version, NAMESPACES.kind, "", namespace.name, namespace.uid),
            "Warning",
            Reason.NAMESPACE_EXEMPT,
            "Refuse",
            f"The namespace's {asked} asks for isolation, but the namespace is exempt by the "
            "operator's settings. Nothing is isolated here.",
        )

    def exempt_no_longer(self, namespace: Namespace) -> None:
        """Take note that an exempt namespace asks for nothing: if it asks again, that is news."""
        self._exempt_told.discard(namespace.uid)


def _of_exception(
    exception: DeclaredObject, before: str, standing: Standing
) -> tuple[str, Literal["Normal", "Warning"]] | None:
    match standing.state:
        case State.EXPIRES_SOON | State.EXPIRED | State.INVALID:
            return standing.state.value, "Warning"
        case State.AWAITING_APPROVAL:
            return standing.state.value, "Normal"
    if standing.in_force and before in (State.AWAITING_APPROVAL, State.INVALID):
        return ("Approved" if exception.status.get("approval") else "InForce"), "Normal"
    return ("Superseded", "Normal") if standing.state is State.SUPERSEDED else None


def _needs_attention(condition: Condition) -> bool:
    return condition.status == "False" and condition.reason != Reason.PROGRESSING


def _regarding(resource: Resource, told: DeclaredObject) -> Regarding:
    return Regarding(resource.api_version, resource.kind, told.namespace, told.name, told.uid)
