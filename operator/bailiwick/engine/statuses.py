"""Writing the status of intents, where it says something new."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from bailiwick.api.meta import BUILT_IN, PROFILE_LABEL, Reason
from bailiwick.engine.objects import DeclaredObject
from bailiwick.kube.errors import NotFound
from bailiwick.kube.resources import SECURITY_INTENTS
from bailiwick.policy.assessment.evidence import Evidence, ImageFact
from bailiwick.policy.assessment.input import Assessment, AssessmentInput, Rescan
from bailiwick.policy.binding import Problem
from bailiwick.policy.verdict import assess
from bailiwick.reports.status import update

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.notices import Notices
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client
    from bailiwick.policy.facts import Namespace
    from bailiwick.policy.settings import Settings

logger = logging.getLogger(__name__)

EXEMPT = Problem(
    Reason.NAMESPACE_EXEMPT,
    "This namespace is exempt by the operator's settings: nothing is isolated here, whatever its "
    "intent or label says. Remove the intent, or have the exemption removed.",
)
_LATER = "NetworkEnforced"  # of a first status, Ready says the same
_TOLD = ("Ready", _LATER, "Compliant")
_SOON = timedelta(milliseconds=50)
_STANDINGS = ("overdue", "excepted", "attested")


@dataclass(slots=True)
class Statuses:
    """Tells intents what was found; `verdicts` holds the last Compliant of each namespace.

    `vulnerabilities` are those past their deadline, the excepted and the attested ones, of each
    namespace.
    """

    client: Client
    intents: DeclaredStore
    served: Served
    notices: Notices
    settings: Settings
    verdicts: dict[str, str] = field(default_factory=dict)
    vulnerabilities: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    async def tell(
        self,
        namespace: Namespace,
        intent: DeclaredObject,
        subject: Evidence | Problem,
        now: datetime,
        rescan: Rescan | None = None,
    ) -> timedelta:
        """Write an intent's status if it changed; returns how long until it is to be redone."""
        latest = self.intents.objects.get(*intent.key) or intent
        given = AssessmentInput(
            namespace=namespace.name,
            generation=intent.generation,
            subject=subject,
            now=now,
            chosen_by=_chosen_by(namespace, intent, subject),
            outdated_fields=self.served.missing(SECURITY_INTENTS),
            rescan=rescan,
            previous=latest.status,
        )
        assessment = assess(given)
        change = update(given, assessment, self.settings.heartbeat)
        if change.write:
            await self._write(intent, change.status)
            self._say_transitions(intent, latest, assessment)
        compliant = assessment.condition("Compliant")
        self.verdicts[namespace.name] = compliant.status if compliant else "Unknown"
        states = [i.state for i in _images(subject) if i.state]
        self.vulnerabilities[namespace.name] = (
            sum(state.overdue for state in states),
            sum(state.excepted for state in states),
            sum(state.attested for state in states),
        )
        return max(change.next_wake - now, timedelta()) + _SOON

    def counts(self) -> Iterable[tuple[str, float]]:
        """Return the number of intents for each status of Compliant, for metrics."""
        verdicts = list(self.verdicts.values())
        return [(each, float(verdicts.count(each))) for each in ("True", "False", "Unknown")]

    def standings(self) -> Iterable[tuple[str, float]]:
        """Return how many vulnerabilities are overdue, excepted and attested, for metrics."""
        counts = list(self.vulnerabilities.values())
        return [(name, float(sum(each[i] for each in counts))) for i, name in enumerate(_STANDINGS)]

    def forget(self, namespace: str) -> None:
        """Drop a namespace."""
        self.verdicts.pop(namespace, None)
        self.vulnerabilities.pop(namespace, None)

    async def _write(self, intent: DeclaredObject, status: dict[str, object]) -> None:
        body = {
            "metadata": {"name": intent.name, "namespace": intent.namespace, "uid": intent.uid},
            "status": self.served.known(SECURITY_INTENTS, status),
        }
        try:
            answer = await self.client.apply_status(SECURITY_INTENTS, body)
        except NotFound:
            return
        self.intents.learn(DeclaredObject.from_json(SECURITY_INTENTS.kind, answer))

    def _say_transitions(
        self, intent: DeclaredObject, before: DeclaredObject, assessment: Assessment
    ) -> None:
        """Post an Event and a log line for each condition whose status changed, each thing once."""
        was = {c["type"]: c["status"] for c in before.status.get("conditions") or ()}
        said = set()
        for condition in assessment.conditions:
            is_first = condition.type not in was
            if condition.type not in _TOLD or (is_first and condition.type == _LATER):
                continue
            # The others say the same as Ready where that is what hinders them.
            if was.get(condition.type) == condition.status or condition.message in said:
                continue
            said.add(condition.message)
            logger.info(
                "%s: %s is %s, %s: %s",
                intent.namespace,
                condition.type,
                condition.status,
                condition.reason,
                condition.message,
            )
            self.notices.transition(intent, condition, was.get(condition.type))


def _images(subject: Evidence | Problem) -> tuple[ImageFact, ...]:
    return () if isinstance(subject, Problem) else subject.images or ()


def _chosen_by(
    namespace: Namespace, intent: DeclaredObject, subject: Evidence | Problem
) -> Literal["Label", "Intent", "Default", "BuiltIn"] | None:
    if isinstance(subject, Problem):
        return None
    if PROFILE_LABEL in namespace.labels:
        return "Label"
    if intent.spec.get("profile"):
        return "Intent"
    return "BuiltIn" if subject.effective.profile == BUILT_IN else "Default"
