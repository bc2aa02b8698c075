"""Events for people: transitions of ours, each once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bailiwick.api.meta import Reason
from bailiwick.engine.opting import is_opted_in
from bailiwick.kube.events import Regarding
from bailiwick.kube.resources import NAMESPACES, SECURITY_INTENTS, Resource
from bailiwick.policy.controls.result import count, listing

if TYPE_CHECKING:
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.kube.events import Recorder
    from bailiwick.policy.assessment.input import Condition
    from bailiwick.policy.facts import Namespace


@dataclass(slots=True)
class Notices:
    """What is told by Events, and counted."""

    recorder: Recorder
    metrics: Metrics
    _exempt_told: set[str] = field(default_factory=set)

    def transition(self, intent: DeclaredObject, condition: Condition, before: str | None) -> None:
        """Tell that a condition changed; of a first status only that something hinders us.

        A first verdict is no change, and is mostly that nothing was scanned yet: a thousand new
        namespaces would be a thousand Events.
        """
        if before is None and (condition.status == "True" or condition.type == "Compliant"):
            return
        self.recorder.tell(
            _regarding(SECURITY_INTENTS, intent),
            "Warning" if _needs_attention(condition) else "Normal",
            condition.reason,
            "Assess",
            f"{condition.type} is {condition.status}: {condition.message}",
        )

    def repaired(self, intent: DeclaredObject, names: tuple[str, ...]) -> None:
        """Tell that policies which somebody else changed are as they should be again."""
        self.metrics.drift_repaired.inc(len(names))
        self.recorder.tell(
            _regarding(SECURITY_INTENTS, intent),
            "Warning",
            "DriftRepaired",
            "Repair",
            f"{count(len(names), 'NetworkPolicy', 'NetworkPolicies')} changed or deleted by "
            f"somebody else, and put right: {listing(names)}.",
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


def _needs_attention(condition: Condition) -> bool:
    return condition.status == "False" and condition.reason != Reason.PROGRESSING


def _regarding(resource: Resource, told: DeclaredObject) -> Regarding:
    return Regarding(resource.api_version, resource.kind, told.namespace, told.name, told.uid)
