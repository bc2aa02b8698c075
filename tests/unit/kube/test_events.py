from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bailiwick.kube.client import Client
from bailiwick.kube.events import Limits, Recorder, Regarding
from tests.unit.kube.fakeapi import FakeApi, until

INTENT = Regarding("bailiwick.dev/v1alpha1", "SecurityIntent", "shop", "default", "u1")
PROFILE = Regarding("bailiwick.dev/v1alpha1", "SecurityProfile", "", "restricted")


@pytest.fixture
async def recorder(client: Client) -> AsyncIterator[Recorder]:
    limits = Limits(burst=5, per_second=0.01, series_write=0.05)
    made = Recorder(client, instance="pod-1", limits=limits)
    made.start()
    yield made
    await made.stop()


def events(api: FakeApi) -> list[dict[str, Any]]:
    return list(api.objects.get("events", {}).values())


async def test_a_transition_becomes_one_event_of_the_objects_namespace(
    api: FakeApi, recorder: Recorder
) -> None:
    recorder.tell(INTENT, "Warning", "DriftRepaired", "Repair", "a was edited and is as it was")
    await until(lambda: events(api))
    (event,) = events(api)
    assert event["metadata"]["namespace"] == "shop"
    assert event["regarding"] == {
        "apiVersion": "bailiwick.dev/v1alpha1",
        "kind": "SecurityIntent",
        "namespace": "shop",
        "name": "default",
        "uid": "u1",
    }
    told = [event[key] for key in ("type", "reason", "action", "note", "reportingInstance")]
    assert told == [
        "Warning",
        "DriftRepaired",
        "Repair",
        "a was edited and is as it was",
        "pod-1",
    ]


async def test_that_of_a_cluster_scoped_object_is_in_default(
    api: FakeApi, recorder: Recorder
) -> None:
    recorder.tell(PROFILE, "Normal", "RolloutDone", "Rollout", "all namespaces have it")
    await until(lambda: events(api))
    assert events(api)[0]["metadata"]["namespace"] == "default"


async def test_repetitions_become_a_series_with_an_exact_count(
    api: FakeApi, recorder: Recorder
) -> None:
    for _ in range(50):
        recorder.tell(INTENT, "Warning", "DriftRepaired", "Repair", "again")
        await asyncio.sleep(0.002)
    await until(lambda: events(api) and events(api)[0].get("series", {}).get("count") == 50)
    assert len(events(api)) == 1
    assert len(api.requests) < 10


async def test_an_event_that_expired_meanwhile_is_made_anew(
    api: FakeApi, recorder: Recorder
) -> None:
    recorder.tell(INTENT, "Warning", "DriftRepaired", "Repair", "again")
    await until(lambda: events(api))
    api.fail("PATCH", 404, "NotFound")
    recorder.tell(INTENT, "Warning", "DriftRepaired", "Repair", "again")
    await until(lambda: len(events(api)) == 2)


async def test_one_object_cannot_flood(api: FakeApi, recorder: Recorder) -> None:
    for number in range(100):
        recorder.tell(INTENT, "Normal", "Changed", "Apply", f"change {number}")
    recorder.tell(PROFILE, "Normal", "RolloutDone", "Rollout", "others are still heard")
    await until(lambda: len(events(api)) == 6)
    await asyncio.sleep(0.05)
    assert len(events(api)) == 6
    assert recorder.dropped == 95


async def test_a_note_is_cut_at_a_kilobyte_without_breaking_a_letter(
    api: FakeApi, recorder: Recorder
) -> None:
    recorder.tell(INTENT, "Normal", "Long", "Apply", "ü" * 2000)
    await until(lambda: events(api))
    note = events(api)[0]["note"]
    assert len(note.encode()) <= 1024
    assert note.endswith("ü…")


@pytest.mark.parametrize("status", [403, 409, 422, 500])
async def test_an_event_that_is_refused_hurts_nobody(
    api: FakeApi, recorder: Recorder, status: int
) -> None:
    api.fail("POST", status)
    recorder.tell(INTENT, "Normal", "First", "Apply", "is lost")
    recorder.tell(INTENT, "Normal", "Second", "Apply", "is told")
    await until(lambda: events(api))
    assert [event["reason"] for event in events(api)] == ["Second"]
    assert recorder.failed == 1


async def test_stopping_writes_what_was_told(api: FakeApi, client: Client) -> None:
    recorder = Recorder(client, instance="pod-1")
    recorder.start()
    recorder.tell(INTENT, "Normal", "Bye", "Stop", "the operator stops")
    await recorder.stop()
    assert len(events(api)) == 1
