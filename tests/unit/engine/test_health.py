"""The probes and metrics of an operator, as the kubelet and Prometheus ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bailiwick.engine.health import Health, HealthServer
from bailiwick.engine.metrics import Metrics
from bailiwick.kube.client import Sent
from bailiwick.kube.resources import NETWORK_POLICIES


class Served:
    """A server of probes and metrics, and what it is asked."""

    def __init__(self) -> None:
        self.health = Health()
        self.metrics = Metrics()
        self.server = HealthServer(self.health, self.metrics.registry, "127.0.0.1", 0)
        self.port = 0

    async def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return response.status, await response.text()

    async def samples(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Every sample by its name and the values of its labels, in the order of their names."""
        status, text = await self.get("/metrics")
        assert status == 200
        return {
            (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    made.port = await made.server.start()
    yield made
    await made.server.stop()


async def test_what_is_well_is_named_too(served: Served) -> None:
    served.health.live["watches"] = lambda: None
    served.health.ready["resync"] = lambda: None
    assert await served.get("/healthz") == (200, "watches: ok\n")
    assert await served.get("/readyz") == (200, "watches: ok\nresync: ok\n")


async def test_what_a_restart_does_not_mend_fails_readiness_only(served: Served) -> None:
    served.health.live["watches"] = lambda: None
    served.health.ready["connected"] = lambda: "not watching pods"
    assert await served.get("/healthz") == (200, "watches: ok\n")
    assert await served.get("/readyz") == (503, "watches: ok\nconnected: not watching pods\n")


async def test_what_is_dead_is_not_ready_either(served: Served) -> None:
    served.health.live["watches"] = lambda: "the watches of pods ended"
    assert await served.get("/healthz") == (503, "watches: the watches of pods ended\n")
    assert (await served.get("/readyz"))[0] == 503


async def test_each_probe_asks_anew(served: Served) -> None:
    problem: list[str | None] = ["not yet"]
    served.health.ready["resync"] = lambda: problem[0]
    assert (await served.get("/readyz"))[0] == 503
    problem[0] = None
    assert (await served.get("/readyz"))[0] == 200


async def test_writes_are_counted_by_kind_verb_and_answer_and_reads_are_not(
    served: Served,
) -> None:
    for verb, status in (("apply", 200), ("apply", 409), ("list", 200), ("watch", 200)):
        served.metrics.sent(Sent(verb, NETWORK_POLICIES, status, 0.01))
    name = "bailiwick_api_writes_total"
    assert {key: value for key, value in (await served.samples()).items() if key[0] == name} == {
        (name, ("200", "networkpolicies", "apply")): 1,
        (name, ("409", "networkpolicies", "apply")): 1,
    }


async def test_a_queue_tells_latency_time_and_errors(served: Served) -> None:
    queue = served.metrics.queue("namespaces")
    queue.waited(0.02)
    queue.worked(0.03, None)
    queue.worked(0.04, RuntimeError("no"))
    found = await served.samples()
    assert found["bailiwick_queue_seconds_count", ("namespaces",)] == 1
    assert found["bailiwick_reconcile_seconds_count", ("namespaces",)] == 2
    assert found["bailiwick_reconcile_seconds_sum", ("namespaces",)] == pytest.approx(0.07)
    assert found["bailiwick_reconcile_errors_total", ("namespaces", "RuntimeError")] == 1


async def test_a_gauge_is_read_when_somebody_asks(served: Served) -> None:
    depths = {"namespaces": 3.0}
    served.metrics.sample("bailiwick_queue_depth", "Keys.", "queue", lambda: depths.items())
    assert (await served.samples())["bailiwick_queue_depth", ("namespaces",)] == 3
    depths["namespaces"] = 0.0
    assert (await served.samples())["bailiwick_queue_depth", ("namespaces",)] == 0


async def test_nothing_is_claimed_before_it_is_so(served: Served) -> None:
    found = await served.samples()
    assert found["bailiwick_leader", ()] == 0
    assert found["bailiwick_drift_repaired_total", ()] == 0
