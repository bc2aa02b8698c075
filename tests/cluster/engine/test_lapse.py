"""A rule lapses by time itself: nothing else happens, and no event is needed.

The engine runs in this process against the real API server, by a clock that is told what day it is
and goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from bailiwick.engine.assembly import Operator
from bailiwick.engine.images.config_maps import OwnConfigMaps
from bailiwick.engine.metrics import Metrics
from bailiwick.engine.options import Options
from bailiwick.evidence.config_maps import ConfigMapShelf
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.kube.client import Client
from bailiwick.kube.credentials import Kubeconfig
from bailiwick.kube.events import Recorder
from bailiwick.kube.session import Session
from bailiwick.policy.settings import Settings
from tests.cluster.engine.conftest import ENFORCER, TenantFactory
from tests.cluster.engine.tenant import WITHIN, Tenant, enforcing, rule
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import eventually

LAST_DAY = "2027-03-01"
LAPSE = datetime(2027, 3, 2, tzinfo=UTC)
BEFORE = timedelta(seconds=2)


class Clock:
    """Stands at an instant until it is let go."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant
        self._since: float | None = None

    def __call__(self) -> datetime:
        passed = 0.0 if self._since is None else time.monotonic() - self._since
        return self._instant + timedelta(seconds=passed)

    def go(self) -> None:
        self._since = time.monotonic()


@asynccontextmanager
async def engine(cluster: ControlPlane, clock: Clock) -> AsyncIterator[None]:
    """The engine without Kopf, at work by a clock of its own."""
    settings = Settings(enforcer=ENFORCER)
    source = Kubeconfig((cluster.operator().kubeconfig,))
    async with await Session.open(source) as session:
        client = Client(session)
        recorder = Recorder(client, instance="test")
        evidence = KeptEvidence(ConfigMapShelf(OwnConfigMaps(client, settings.operator_namespace)))
        operator = Operator(client, Options(settings=settings), Metrics(), recorder, (), evidence)
        operator.namespace_reconciler.clock = clock
        operator.watches.start()
        await operator.resync.once()
        await operator.watches.tried()
        await operator.begin()
        try:
            yield
        finally:
            await operator.finish(1.0)
            await operator.watches.stop()


async def until(shop: Tenant, result: str) -> Json:
    """Wait until the control that rules are reviewed has a result, and return it."""

    def holds() -> Json:
        controls = {each["id"]: each for each in shop.status().get("controls", ())}
        assert "network-rules-reviewed" in controls
        found: Json = controls["network-rules-reviewed"]
        assert found["result"] == result
        return found

    return await asyncio.to_thread(eventually, holds, WITHIN)


async def test_a_rule_is_closed_at_the_end_of_its_last_day_in_utc(
    installed: ControlPlane, tenant: TenantFactory
) -> None:
    shop = tenant(intent=enforcing(rule(reviewBy=LAST_DAY), rule("other", 9000)))
    clock = Clock(LAPSE - BEFORE)
    async with engine(installed, clock):
        assert LAST_DAY in (await until(shop, "warn"))["message"]
        assert len(shop.policies()) == 6
        clock.go()
        lapsed = await until(shop, "fail")
        assert "web-to-store" in lapsed["message"]
        assert len(shop.policies()) == 4
        assert shop.status()["evaluatedAt"] >= "2027-03-02T00:00:00Z"
