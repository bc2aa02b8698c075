"""The endpoint for registries: who is heard, what is read of it, and what it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from bailiwick.engine.metrics import Metrics
from bailiwick.engine.registry_webhook import BODY_BYTES, PATH, RegistryWebhook
from bailiwick.policy.images.state import Verdict
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.notifications import Happened, Notification
from bailiwick.scanners.tokens import TokenFile
from tests.unit.engine.imaging import CART, A, B, Bench, verdicts
from tests.unit.scanners.test_notifications import distribution, harbor

IMAGE = f"{CART}@{A}"


@dataclass
class Endpoint:
    """An endpoint that listens, and what it took."""

    url: str = ""
    leading: bool = True
    metrics: Metrics = field(default_factory=Metrics)
    taken: list[Notification] = field(default_factory=list)

    async def post(self, body: bytes, authorization: str = "Bearer right") -> int:
        headers = {"Authorization": authorization} if authorization else {}
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.url, data=BytesIO(body), headers=headers) as answer,
        ):
            await answer.read()
            return answer.status


@asynccontextmanager
async def listening(tmp_path: Path) -> AsyncIterator[Endpoint]:
    token = tmp_path / "token"
    token.write_text("right\n")
    endpoint = Endpoint()

    def take(found: Iterable[Notification]) -> int:
        endpoint.taken += found
        return len(endpoint.taken)

    webhook = RegistryWebhook(
        TokenFile(token, bare=True),
        take,
        lambda: endpoint.leading,
        endpoint.metrics,
        "127.0.0.1",
        0,
    )
    endpoint.url = f"http://127.0.0.1:{await webhook.start()}{PATH}"
    try:
        yield endpoint
    finally:
        await webhook.stop()


@pytest.mark.parametrize("header", ["Bearer right", "bearer right", "right"])
async def test_who_shows_the_token_is_heard(tmp_path: Path, header: str) -> None:
    async with listening(tmp_path) as endpoint:
        assert await endpoint.post(distribution("push"), header) == 202
    assert endpoint.taken == [Notification(Happened.PUSHED, "shop/cart", A)]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic right", "wrong"])
async def test_who_does_not_is_not(tmp_path: Path, header: str) -> None:
    async with listening(tmp_path) as endpoint:
        assert await endpoint.post(distribution("push"), header) == 401
    assert endpoint.taken == []


async def test_without_a_token_nobody_is_heard(tmp_path: Path) -> None:
    async with listening(tmp_path) as endpoint:
        (tmp_path / "token").write_text("")
        assert await endpoint.post(distribution("push"), "") == 401
        assert await endpoint.post(distribution("push"), "Bearer ") == 401


async def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    async with listening(tmp_path) as endpoint:
        assert await endpoint.post(b" " * (BODY_BYTES + 1)) == 413
    assert endpoint.taken == []


async def test_what_is_not_understood_does_not_stop_the_registry_s_queue(tmp_path: Path) -> None:
    async with listening(tmp_path) as endpoint:
        assert await endpoint.post(b"<html>") == 202
        sample = {"outcome": "not_understood"}
        count = endpoint.metrics.registry.get_sample_value(
            "bailiwick_registry_notifications_total", sample
        )
    assert (count, endpoint.taken) == (1, [])


async def test_a_replica_that_does_not_lead_has_the_registry_come_again(tmp_path: Path) -> None:
    async with listening(tmp_path) as endpoint:
        endpoint.leading = False
        assert await endpoint.post(harbor("SCANNING_COMPLETED")) == 503
    assert endpoint.taken == []


async def test_a_scan_that_the_registry_made_is_fetched_and_only_once() -> None:
    bench = Bench()
    await bench.scanned(IMAGE, f"{CART}@{B}")
    bench.clock.advance(hours=1)
    scanned = Notification(Happened.SCANNED, "shop/cart", A)
    assert bench.imaging.notified.take([scanned]) == 1
    # The registry's result is as old as its scan, which was before it told of it.
    bench.adapter.cached = bench.clock() - timedelta(minutes=1)
    await bench.after(hours=1)
    await bench.after(hours=1)
    assert [digest for digest, _ in bench.adapter.asked].count(A) == 2
    assert [digest for digest, _ in bench.adapter.asked].count(B) == 1


async def test_a_push_of_what_was_missing_ends_the_wait() -> None:
    bench = Bench()
    bench.adapter.failing = ScanError("ImageNotFound", "It is not there.", permanent=True)
    await bench.scanned(IMAGE)
    bench.adapter.failing = None
    bench.imaging.notified.take([Notification(Happened.PUSHED, "shop/cart", A)])
    assert verdicts(await bench.settled()) == [Verdict.CLEAN]


async def test_what_does_not_run_here_changes_nothing() -> None:
    bench = Bench()
    await bench.scanned(IMAGE)
    other = Notification(Happened.PUSHED, "evil/image", B)
    assert bench.imaging.notified.take([other]) == 0
    await bench.after(hours=1)
    assert len(bench.adapter.asked) == 1
