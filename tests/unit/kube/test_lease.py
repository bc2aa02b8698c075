from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bailiwick.kube import errors, resources
from bailiwick.kube.client import Client
from bailiwick.kube.instants import micro_time
from bailiwick.kube.lease import Lease, Terms
from tests.unit.kube.fakeapi import FakeApi, client_of, until

TERMS = Terms(duration=1, margin=0.4, renew=0.1, ask=0.05)


def lease(client: Client, identity: str, **options: Any) -> Lease:
    return Lease(client, "ops", "bailiwick", identity, **{"terms": TERMS, **options})


def held_by(api: FakeApi) -> str:
    spec = api.objects.get("leases", {}).get(("ops", "bailiwick"), {}).get("spec", {})
    return str(spec.get("holderIdentity", ""))


async def test_the_first_replica_gets_it_and_keeps_it(api: FakeApi, client: Client) -> None:
    first, second = lease(client, "first"), lease(client, "second")
    first.start()
    await asyncio.wait_for(first.acquired.wait(), 2)
    second.start()
    await asyncio.sleep(1.5)
    assert first.valid()
    assert not second.valid()
    assert second.holder == "first"
    assert held_by(api) == "first"
    await first.release()
    await second.release()


async def test_a_released_lease_is_another_replicas_at_once(api: FakeApi, client: Client) -> None:
    first, second = lease(client, "first"), lease(client, "second")
    first.start()
    await asyncio.wait_for(first.acquired.wait(), 2)
    second.start()
    await first.release()
    assert not first.valid()
    assert not first.acquired.is_set()
    await asyncio.wait_for(second.acquired.wait(), 0.5)
    transitions = api.objects["leases"][("ops", "bailiwick")]["spec"]["leaseTransitions"]
    assert transitions == 1
    await second.release()


async def test_a_holder_that_cannot_renew_stops_before_another_may_begin(api: FakeApi) -> None:
    async with client_of(api) as reachable, client_of(api) as cut_off:
        first, second = lease(cut_off, "first"), lease(reachable, "second")
        first.start()
        await asyncio.wait_for(first.acquired.wait(), 2)
        second.start()
        await asyncio.sleep(0.2)
        loop = asyncio.get_running_loop()
        await cut_off.session.close()
        stopped = asyncio.create_task(_moment(first.lapsed, loop))
        began = asyncio.create_task(_moment(second.acquired, loop))
        assert await asyncio.wait_for(stopped, 3) + 0.2 < await asyncio.wait_for(began, 3)
        await first.release()
        await second.release()


async def test_renewals_that_fail_are_tried_again_while_there_is_time(
    api: FakeApi, client: Client
) -> None:
    terms = Terms(duration=3, margin=1, renew=1, ask=0.05)
    first = lease(client, "first", terms=terms)
    first.start()
    await asyncio.wait_for(first.acquired.wait(), 2)
    api.fail("PUT", 500, times=10)
    await until(lambda: not any(fault.times for fault in api.faults), 3)
    await until(lambda: not first.message)
    assert not first.lapsed.is_set()
    await first.release()


async def test_a_request_that_hangs_does_not_hide_that_time_is_up(
    api: FakeApi, client: Client
) -> None:
    first = lease(client, "first")
    first.start()
    await asyncio.wait_for(first.acquired.wait(), 2)

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.json_response({})

    api.answer("/leases", hang, times=100)
    await asyncio.wait_for(first.lapsed.wait(), 1.5)
    assert not first.valid()
    api.faults.clear()
    await asyncio.wait_for(first.acquired.wait(), 2)
    await first.release()


async def test_a_lease_that_lapsed_is_taken_up_again_by_its_holder(
    api: FakeApi, client: Client
) -> None:
    first = lease(client, "first")
    first.start()
    await asyncio.wait_for(first.acquired.wait(), 2)
    api.fail("leases", 500, times=10**6)
    await asyncio.wait_for(first.lapsed.wait(), 2)
    api.faults.clear()
    await asyncio.wait_for(first.acquired.wait(), 2)
    assert not first.lapsed.is_set()
    assert not first.lost.is_set()
    await first.release()


@pytest.mark.parametrize("holder", ["second", "first"])
async def test_a_lease_that_somebody_else_had_meanwhile_is_lost(
    api: FakeApi, client: Client, holder: str
) -> None:
    first = lease(client, "first")
    first.start()
    await asyncio.wait_for(first.acquired.wait(), 2)
    spec = api.objects["leases"][("ops", "bailiwick")]["spec"]
    other = {"holderIdentity": holder, "leaseTransitions": spec["leaseTransitions"] + 1}
    api.put("leases", "bailiwick", "ops", spec={**spec, **other})
    await asyncio.wait_for(first.lost.wait(), 2)
    assert not first.valid()
    assert held_by(api) == holder
    await first.release()


@pytest.mark.parametrize("skew", [timedelta(hours=-3), timedelta(hours=3)])
async def test_the_clock_of_the_holder_does_not_matter(
    api: FakeApi, client: Client, skew: timedelta
) -> None:
    renewed = micro_time(datetime.now(UTC) + skew)
    spec = {"holderIdentity": "other", "leaseDurationSeconds": 1, "renewTime": renewed}
    api.put("leases", "bailiwick", "ops", spec=spec)
    mine = lease(client, "mine")
    begun = asyncio.get_running_loop().time()
    mine.start()
    await asyncio.wait_for(mine.acquired.wait(), 3)
    assert 1 <= asyncio.get_running_loop().time() - begun < 2
    await mine.release()


async def test_a_replica_that_comes_back_under_its_name_goes_on(
    api: FakeApi, client: Client
) -> None:
    spec = {"holderIdentity": "mine", "leaseDurationSeconds": 3600, "leaseTransitions": 4}
    api.put("leases", "bailiwick", "ops", spec=spec)
    mine = lease(client, "mine")
    mine.start()
    await asyncio.wait_for(mine.acquired.wait(), 0.5)
    assert api.objects["leases"][("ops", "bailiwick")]["spec"]["leaseTransitions"] == 4
    await mine.release()


async def test_of_two_who_see_it_free_one_gets_it(api: FakeApi, client: Client) -> None:
    api.put("leases", "bailiwick", "ops", spec={"holderIdentity": ""})
    rivals = [lease(client, f"r{n}") for n in range(5)]
    for rival in rivals:
        rival.start()
    await until(lambda: any(rival.valid() for rival in rivals))
    await asyncio.sleep(0.3)
    assert [rival.valid() for rival in rivals].count(True) == 1
    for rival in rivals:
        await rival.release()


async def test_validity_follows_the_clock_and_not_the_event_loop(client: Client) -> None:
    now = [100.0]
    mine = lease(client, "mine", clock=lambda: now[0])
    mine.start()
    await asyncio.wait_for(mine.acquired.wait(), 1)
    now[0] += 0.61  # the process was suspended
    assert mine.acquired.is_set()
    assert not mine.valid()
    await mine.release()


async def test_a_write_without_the_lease_is_not_sent(api: FakeApi) -> None:
    async with client_of(api, fence=lambda: False) as client:
        body = {"metadata": {"name": "x", "namespace": "shop"}}
        with pytest.raises(errors.NotLeader):
            await client.apply(resources.NETWORK_POLICIES, body)
        assert (await client.list(resources.NETWORK_POLICIES)).items == []
    assert [method for method, _, _ in api.requests] == ["GET"]


async def _moment(event: asyncio.Event, loop: asyncio.AbstractEventLoop) -> float:
    await event.wait()
    return loop.time()
