"""What Prometheus is told of an operator when it asks, beside what is counted as it happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bailiwick.engine.assembly import Operator
    from bailiwick.engine.metrics import Metrics

Samples = Iterable[tuple[str, float]]


def expose(operator: Operator, metrics: Metrics) -> None:
    """Add the gauges that are read from an operator on each scrape."""

    def depths() -> Samples:
        return [(name, float(len(queue))) for name, queue in operator.queues().items()]

    def sizes() -> Samples:
        ours = ((r.plural, float(len(store.objects))) for r, store in operator.stores.items())
        return [*operator.watches.sizes(), *ours]

    def ages() -> Samples:
        age = operator.resync.age()
        ours = [(each.plural, age) for each in operator.stores] if age is not None else []
        return [*operator.watches.ages(), *ours]

    def unreadable() -> Samples:
        return [(kind, 1.0) for kind in operator.world.unreadable]

    for name, text, label, samples in (
        ("bailiwick_queue_depth", "Keys that wait for a worker.", "queue", depths),
        ("bailiwick_store_objects", "Objects held.", "kind", sizes),
        ("bailiwick_list_age_seconds", "Seconds since the last full list.", "kind", ages),
        ("bailiwick_unreadable", "1 for a kind that the API server refuses.", "kind", unreadable),
        (
            "bailiwick_intents",
            "Intents, by the status of Compliant.",
            "compliant",
            operator.statuses.counts,
        ),
        (
            "bailiwick_vulnerabilities",
            "Vulnerabilities that are overdue, due_soon, known_exploited, without a fix (no_fix), "
            "excepted, and attested (which only attestations excuse), each in every namespace that "
            "runs it.",
            "standing",
            operator.statuses.standings,
        ),
        (
            "bailiwick_vulnerabilities_overdue",
            "Vulnerabilities that are past their deadline, by severity.",
            "severity",
            operator.statuses.overdue,
        ),
        (
            "bailiwick_vulnerability_deadline_timestamp_seconds",
            "The next deadline of a vulnerability in the cluster.",
            "deadline",
            operator.statuses.next_due,
        ),
        (
            "bailiwick_list_of_vulnerabilities_age_seconds",
            "Age of the lists that the platform mirrors, by their own date.",
            "list",
            operator.imaging.feeds.ages,
        ),
        (
            "bailiwick_exceptions",
            "Exceptions for vulnerabilities, of namespaces and of the platform, by state.",
            "state",
            operator.excepting.states,
        ),
        (
            "bailiwick_image_scans_waiting",
            "Image scans that wait, by lane: requested, new, renewal.",
            "lane",
            operator.imaging.progress.waiting,
        ),
        (
            "bailiwick_image_scans_round",
            "Since scans began to wait: done, failed, left, and seconds_left at the present pace.",
            "figure",
            operator.imaging.progress.figures,
        ),
    ):
        metrics.sample(name, text, label, samples)
