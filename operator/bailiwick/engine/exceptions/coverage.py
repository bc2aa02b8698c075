"""The exceptions of every namespace: judged at each look, with what they are for there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bailiwick.policy.assessment.evidence import ExceptionFact
from bailiwick.policy.assessment.previous import instant
from bailiwick.policy.exceptions.matching import NOTHING, Coverage, Match, RunElsewhere, together
from bailiwick.policy.exceptions.reading import read_exception
from bailiwick.policy.exceptions.ruling import State, rule
from bailiwick.policy.exceptions.standing import stand

if TYPE_CHECKING:
    from bailiwick.engine.declared import DeclaredStore
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.policy.effective import ExceptionTerms
    from bailiwick.policy.exceptions.model import DeclaredException, ExceptionKey


@dataclass(frozen=True, slots=True)
class Look:
    """What came of the last look at a namespace: its profile's terms, and what matched there.

    `unjudged` says why nothing was judged; then there is nothing else.
    """

    terms: ExceptionTerms | None = None
    matches: Mapping[ExceptionKey, Match] = field(default_factory=dict)
    unjudged: str = ""


@dataclass(slots=True)
class Exceptions:
    """The exceptions that are declared, and what they are for where.

    `tell` is told each exception of which there is something new to say.
    """

    namespaced: DeclaredStore
    cluster: DeclaredStore
    warning: timedelta
    tell: Callable[[ExceptionKey], None]
    _looks: dict[str, Look] = field(default_factory=dict)
    _read: dict[str, tuple[tuple[int, object], DeclaredException]] = field(default_factory=dict)

    def coverage(
        self, namespace: str, terms: ExceptionTerms, run_elsewhere: RunElsewhere, now: datetime
    ) -> Coverage:
        """Judge what is excepted in a namespace, as of now."""
        own = self.namespaced.objects.within(namespace)
        ruled = [(e, rule(e, terms, now, self.warning)) for e in map(self.read, own)]
        platform = map(self.read, self.cluster.objects.all())
        ruled += [(e, rule(e, None, now, self.warning)) for e in platform]
        return Coverage(sorted(ruled, key=lambda each: each[0].key), run_elsewhere)

    def facts(self, coverage: Coverage) -> tuple[ExceptionFact, ...]:
        """Return what the intent says of exceptions; the platform's count where they match."""
        found = coverage.matches()
        facts = []
        for exception, ruling in coverage.ruled:
            match = found[exception.key]
            if exception.namespace or match.findings:
                last = instant(self._status(exception.key).get("lastMatched"))
                standing = stand(ruling, match, last)
                facts.append(ExceptionFact(exception.label, standing, match.findings))
        return tuple(sorted(facts, key=lambda fact: fact.label))

    def record(self, namespace: str, terms: ExceptionTerms, coverage: Coverage) -> None:
        """Remember what came of a look at a namespace."""
        self._remember(namespace, Look(terms, coverage.matches()))

    def leave(self, namespace: str, why: str) -> None:
        """Remember why nothing is judged in a namespace."""
        self._remember(namespace, Look(unjudged=why))

    def forget(self, namespace: str) -> None:
        """Drop a namespace."""
        before = self._looks.pop(namespace, None)
        for key in before.matches if before else ():
            self.tell(key)

    def look(self, namespace: str) -> Look | None:
        """Return what came of the last look at a namespace; None before the first."""
        return self._looks.get(namespace)

    def everywhere(self, key: ExceptionKey) -> Match:
        """Return what an exception of the platform is for, over all namespaces."""
        return together(look.matches.get(key, NOTHING) for look in self._looks.values())

    def read(self, declared: DeclaredObject) -> DeclaredException:
        """Read an exception, once for each change of it."""
        version = (declared.generation, declared.status.get("approval"))
        known = self._read.get(declared.uid)
        if known is not None and known[0] == version:
            return known[1]
        made = read_exception(
            namespace=declared.namespace,
            name=declared.name,
            generation=declared.generation,
            created=declared.created,
            spec=declared.spec,
            status=declared.status,
        )
        self._read[declared.uid] = (version, made)
        return made

    def states(self) -> Iterable[tuple[str, float]]:
        """Return how many exceptions are in each state, those of both kinds together."""
        counts = dict.fromkeys(State, 0)
        for store in (self.namespaced, self.cluster):
            for each in store.objects.all():
                state = each.status.get("state")
                if state in counts:
                    counts[State(state)] += 1
        return [(state.value, float(number)) for state, number in counts.items()]

    def gone(self, uid: str) -> None:
        """Drop an exception that was deleted."""
        self._read.pop(uid, None)

    def _remember(self, namespace: str, look: Look) -> None:
        before = self._looks.get(namespace)
        self._looks[namespace] = look
        for key in _changed(before, look):
            self.tell(key)
        if before is None:
            # It may be the last namespace that the platform's were waiting for.
            for each in self.cluster.objects.all():
                self.tell(each.key)
        if before is None or before.terms != look.terms or before.unjudged != look.unjudged:
            for each in self.namespaced.objects.within(namespace):
                self.tell(each.key)

    def _status(self, key: ExceptionKey) -> Mapping[str, object]:
        store = self.namespaced if key[0] else self.cluster
        found = store.objects.get(*key)
        return found.status if found else {}


def _changed(before: Look | None, after: Look) -> Iterable[ExceptionKey]:
    was = before.matches if before else {}
    keys = was.keys() | after.matches.keys()
    return [key for key in keys if was.get(key) != after.matches.get(key)]
