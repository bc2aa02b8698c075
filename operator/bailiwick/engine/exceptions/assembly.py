"""Everything about exceptions, joined: what is declared, what it is for, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from bailiwick.engine.declared import DeclaredStore, told
from bailiwick.engine.exceptions.coverage import Exceptions
from bailiwick.engine.exceptions.reconciler import ExceptionReconciler
from bailiwick.engine.queueing.queue import WorkQueue
from bailiwick.engine.queueing.work import in_seconds

if TYPE_CHECKING:
    from bailiwick.engine.metrics import Metrics
    from bailiwick.engine.notices import Notices
    from bailiwick.engine.objects import DeclaredObject
    from bailiwick.engine.served import Served
    from bailiwick.kube.client import Client

# Seconds. Every namespace tells an exception of the platform what it is for there.
_PAUSE_FOR_MORE = 1.0


class Excepting:
    """The parts that know of exceptions.

    `look` and `look_everywhere` have a namespace, or all of them, looked at; `complete` says
    whether all of them were since the start.
    """

    def __init__(
        self,
        *,
        client: Client,
        served: Served,
        warning: timedelta,
        notices: Notices,
        metrics: Metrics,
        look: Callable[[str], None],
        look_everywhere: Callable[[], None],
        complete: Callable[[], bool],
    ) -> None:
        self._look = look
        self._look_everywhere = look_everywhere
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(observer=metrics.queue("exceptions"))
        self.namespaced = DeclaredStore("VulnerabilityException", self._changed)
        self.cluster = DeclaredStore("ClusterVulnerabilityException", self._changed)
        self.exceptions = Exceptions(self.namespaced, self.cluster, warning, self._matches_anew)
        self.reconciler = ExceptionReconciler(client, self.exceptions, served, notices, complete)

    def start(self) -> None:
        """Begin to tell exceptions where they stand."""
        for exception in self.cluster.objects.all():
            self.queue.add(exception.key)
        for exception in self.namespaced.objects.all():
            # Also where there is no intent: it says so then.
            self._look(exception.namespace)
        self.queue.start(in_seconds(self.reconciler.reconcile), workers=1)

    def states(self) -> Iterable[tuple[str, float]]:
        """Return the number of exceptions in each state, for metrics."""
        return self.exceptions.states()

    def _changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        exception = told(old, new)
        self.queue.add(exception.key)
        if old and new and old.same_for_a_reconcile(new):
            return  # somebody else wrote a status, which is put right
        if new is None:
            self.exceptions.gone(exception.uid)
        if exception.namespace:
            self._look(exception.namespace)
        else:
            self._look_everywhere()

    def _matches_anew(self, key: tuple[str, str]) -> None:
        self.queue.add_after(key, 0 if key[0] else _PAUSE_FOR_MORE)
