"""What the operator tells Prometheus of itself, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from bailiwick.kube.client import Sent

Samples = Callable[[], Iterable[tuple[str, float]]]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_READS = frozenset({"get", "list", "watch"})


class _Sampled(Collector):
    """Gauges that are read when somebody asks, instead of being kept up to date."""

    def __init__(self) -> None:
        self.sources: list[tuple[str, str, str, Samples]] = []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, text, label, samples in self.sources:
            family = GaugeMetricFamily(name, text, labels=[label])
            for value, number in samples():
                family.add_metric([value], number)
            yield family


class _QueueTimes:
    """The times of one queue, as `engine.queue.Observer`."""

    def __init__(self, latency: Histogram, work: Histogram, errors: Counter, name: str) -> None:
        self._latency = latency.labels(name)
        self._work = work.labels(name)
        self._errors = errors
        self._name = name

    def waited(self, seconds: float) -> None:
        """Take note of how long a key was due before a worker took it."""
        self._latency.observe(seconds)

    def worked(self, seconds: float, error: BaseException | None) -> None:
        """Take note of how long a worker had a key, and of how it ended."""
        self._work.observe(seconds)
        if error is not None:
            self._errors.labels(self._name, type(error).__name__).inc()


class Metrics:
    """The counters and histograms that the engine moves, and gauges it is asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sampled = _Sampled()
        self.registry.register(self._sampled)
        self.queue_latency = Histogram(
            "bailiwick_queue_seconds",
            "From the moment that a key was due until a worker took it.",
            ["queue"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.reconcile_time = Histogram(
            "bailiwick_reconcile_seconds",
            "The time of one reconcile.",
            ["queue"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.reconcile_errors = Counter(
            "bailiwick_reconcile_errors_total",
            "Reconciles that will be tried again, by reason.",
            ["queue", "reason"],
            registry=self.registry,
        )
        self.writes = Counter(
            "bailiwick_api_writes_total",
            "Writes sent to the API server; code 0 where there was no answer.",
            ["resource", "verb", "code"],
            registry=self.registry,
        )
        self.drift_repaired = Counter(
            "bailiwick_drift_repaired_total",
            "Network policies of ours that somebody else changed or deleted, and that were mended.",
            registry=self.registry,
        )
        self.exempt_refused = Counter(
            "bailiwick_exempt_namespace_refusals_total",
            "Times that an exempt namespace asked to be isolated, by label or by intent.",
            registry=self.registry,
        )
        self.scans = Counter(
            "bailiwick_image_scans_total",
            "Image scans that ended, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self.notifications = Counter(
            "bailiwick_registry_notifications_total",
            "Notifications that registries sent to the webhook, by what became of them.",
            ["outcome"],
            registry=self.registry,
        )
        self.scanner_answers = Gauge(
            "bailiwick_scanner_answers",
            "1 while a source of scans answers, 0 while it does not.",
            ["source"],
            registry=self.registry,
        )
        self.leader = Gauge(
            "bailiwick_leader",
            "1 on the replica that holds the Lease and does the work.",
            registry=self.registry,
        )

    def queue(self, name: str) -> _QueueTimes:
        """Return the observer of a queue."""
        return _QueueTimes(self.queue_latency, self.reconcile_time, self.reconcile_errors, name)

    def sent(self, request: Sent) -> None:
        """Count one request to the API server, where it was a write."""
        if request.verb not in _READS:
            self.writes.labels(request.resource.plural, request.verb, request.status).inc()

    def sample(self, name: str, text: str, label: str, samples: Samples) -> None:
        """Add a gauge with one label that is read on each scrape."""
        self._sampled.sources.append((name, text, label, samples))
