"""Writing the status of intents, where it says something new."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
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
from bailiwick.policy.images.findings import Severity
from bailiwick.policy.verdict import assess
from bailiwick.reports.status import update

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.notices import Notices
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client
    from bailiwick.policy.facts import Namespace
    from bailiwick.policy.images.state import ImageState
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


@dataclass(slots=True)
class Statuses:
    """Tells intents what was found; `verdicts` holds the last Compliant of each namespace.

    `images` are the verdicts on the images of each namespace, for metrics.
    """

    client: Client
    intents: DeclaredStore
    served: Served
    notices: Notices
    settings: Settings
    verdicts: dict[str, str] = field(default_factory=dict)
    images: dict[str, Sequence[ImageState]] = field(default_factory=dict)

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
            if change.status.get("images"):
                self.notices.findings(latest, change.status["images"])
        compliant = assessment.condition("Compliant")
        self.verdicts[namespace.name] = compliant.status if compliant else "Unknown"
        self.images[namespace.name] = [i.state for i in _images(subject) if i.state]
        return max(change.next_wake - now, timedelta()) + _SOON

    def counts(self) -> Iterable[tuple[str, float]]:
        """Return the number of intents for each status of Compliant, for metrics."""
        verdicts = list(self.verdicts.values())
        return [(each, float(verdicts.count(each))) for each in ("True", "False", "Unknown")]

    def standings(self) -> Iterable[tuple[str, float]]:
        """Return how many vulnerabilities are overdue, due soon and so on, for metrics."""
        states = list(self._states())
        return [
            ("overdue", float(sum(each.overdue for each in states))),
            ("due_soon", float(sum(each.due_soon for each in states))),
            ("known_exploited", float(sum(each.known_exploited for each in states))),
            ("no_fix", float(sum(each.no_fix for each in states))),
            ("excepted", float(sum(each.excepted for each in states))),
            ("attested", float(sum(each.attested for each in states))),
        ]

    def overdue(self) -> Iterable[tuple[str, float]]:
        """Return how many vulnerabilities are overdue, by severity, for metrics."""
        counts: Counter[Severity] = Counter()
        for state in self._states():
            counts.update(state.overdue_by)
        return [(each.name.lower(), float(counts[each])) for each in Severity]

    def next_due(self) -> Iterable[tuple[str, float]]:
        """Return the next deadline in the cluster in seconds since 1970; nothing if none."""
        dues = [state.next_due for state in self._states() if state.next_due]
        return [("next", min(dues).timestamp())] if dues else []

    def _states(self) -> Iterable[ImageState]:
        # A scrape must not meet a namespace that comes or goes.
        return [state for states in list(self.images.values()) for state in states]

    def forget(self, namespace: str) -> None:
        """Drop a namespace."""
        self.verdicts.pop(namespace, None)
        self.images.pop(namespace, None)

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
