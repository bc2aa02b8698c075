from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from bailiwick.kube import projections
from bailiwick.kube.client import Client
from bailiwick.kube.reflector import Reflector, Timing
from bailiwick.kube.sync import State
from bailiwick.policy import facts
from tests.unit.kube.fakeapi import FakeApi, event, until

FAST = Timing(
    first_delay=0.01,
    longest_delay=0.05,
    silence=5,
    longest_watch=60,
    grace=0.05,
    patience=0,
    absent=0.05,
)
Change = tuple[str, str, str | None, str | None]


class Notes:
    """What a reflector told, and its reflector."""

    def __init__(self) -> None:
        self.changes: list[tuple[facts.Pod | None, facts.Pod | None]] = []
        self.states: list[tuple[State, str]] = []
        self.reflector: Reflector[facts.Pod]

    def changed(self, old: facts.Pod | None, new: facts.Pod | None) -> None:
        self.changes.append((old, new))

    def told(self) -> None:
        self.states.append((self.reflector.sync.state, self.reflector.sync.reason))

    @property
    def names(self) -> list[str]:
        return sorted(pod.name for pod in self.reflector.store.all())

    @property
    def gone(self) -> list[str]:
        return sorted(old.name for old, new in self.changes if old and not new)


@asynccontextmanager
async def reflecting(client: Client, **options: Any) -> AsyncIterator[Notes]:
    notes = Notes()
    settings: dict[str, Any] = {"timing": FAST, "page_limit": 3, **options}
    notes.reflector = Reflector(
        client, projections.PODS, notes.changed, on_state=notes.told, **settings
    )
    notes.reflector.start()
    try:
        yield notes
    finally:
        assert notes.reflector.alive
        await notes.reflector.stop()


async def connected(notes: Notes) -> None:
    await until(lambda: notes.reflector.connected)


async def test_every_page_is_taken_and_then_the_watch_is_followed(
    api: FakeApi, client: Client
) -> None:
    for number in range(8):
        api.put("pods", f"p{number}")
    async with reflecting(client) as notes:
        await connected(notes)
        assert notes.names == [f"p{n}" for n in range(8)]
        assert notes.states == [(State.SYNCED, "")]
        api.put("pods", "p8")
        api.put("pods", "p0", metadata={"labels": {"app": "api"}})
        api.remove("pods", "p1")
        await until(lambda: "p1" in notes.gone)
        assert notes.names == ["p0", *(f"p{n}" for n in range(2, 9))]
        changed = notes.reflector.store.get("shop", "p0")
        assert changed is not None
        assert changed.labels == {"app": "api"}
    assert [q["limit"] for _, _, q in api.requests if "limit" in q] == ["3", "3", "3"]
    assert {p for _, p, _ in api.requests} == {"/api/v1/pods"}


async def test_a_change_of_what_is_not_read_is_not_told(api: FakeApi, client: Client) -> None:
    api.put("pods", "p0")
    async with reflecting(client) as notes:
        await connected(notes)
        api.put("pods", "p0", status={"conditions": [{"type": "Ready", "status": "True"}]})
        api.put("pods", "p1")
        await until(lambda: len(notes.changes) == 2)
        assert notes.reflector.stats.events == 2


async def test_a_deletion_during_a_gap_is_told(api: FakeApi, client: Client) -> None:
    for name in ("stays", "goes"):
        api.put("pods", name)
    async with reflecting(client) as notes:
        await connected(notes)
        api.faults.clear()
        api.fail("watch=true", 503, times=2)
        api.cut()
        await until(lambda: not notes.reflector.connected)
        api.remove("pods", "goes")
        api.put("pods", "new")
        api.compact()
        await until(lambda: notes.names == ["new", "stays"])
        assert notes.gone == ["goes"]
        assert notes.reflector.sync.state is State.SYNCED


async def test_a_watch_that_is_cut_goes_on_where_it_was(api: FakeApi, client: Client) -> None:
    api.put("pods", "p0")
    async with reflecting(client) as notes:
        await connected(notes)
        api.cut()
        api.put("pods", "p1")
        await until(lambda: notes.names == ["p0", "p1"])
        assert notes.reflector.stats.lists == 1


async def test_a_410_in_the_stream_leads_to_a_new_list(api: FakeApi, client: Client) -> None:
    api.put("pods", "p0")
    async with reflecting(client) as notes:
        await connected(notes)
        api.remove("pods", "p0", silent=True)
        api.put("pods", "p1", silent=True)
        error = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410}
        api.send(event("ERROR", error))
        await until(lambda: notes.names == ["p1"])
        assert notes.gone == ["p0"]


async def test_a_bookmark_moves_the_version_that_the_next_watch_begins_at(
    api: FakeApi, client: Client
) -> None:
    async with reflecting(client) as notes:
        await connected(notes)
        api.send(event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "7777"}}))
        await asyncio.sleep(0.02)
        api.cut()
        await until(lambda: notes.reflector.stats.watches == 2)
    watches = [q["resourceVersion"] for _, _, q in api.requests if "watch" in q]
    assert watches == ["100", "7777"]


async def test_lines_may_end_anywhere_and_a_half_line_at_the_end_is_dropped(
    api: FakeApi, client: Client
) -> None:
    async with reflecting(client) as notes:
        await connected(notes)
        meta = {"namespace": "shop", "resourceVersion": "100"}
        lines = b"".join(event("ADDED", {"metadata": {**meta, "name": f"ü{n}"}}) for n in range(3))
        for index in range(0, len(lines), 7):
            api.send(lines[index : index + 7])
        await until(lambda: len(notes.names) == 3)
        api.send(b'{"type":"DELETED","object":{"metadata":{"na')
        api.cut()
        api.put("pods", "p1")
        await until(lambda: "p1" in notes.names)
        assert notes.gone == []


async def test_an_expired_continue_token_begins_the_list_anew(api: FakeApi, client: Client) -> None:
    for number in range(7):
        api.put("pods", f"p{number}")
    api.fail("continue=s", 410, "Expired")
    async with reflecting(client) as notes:
        await connected(notes)
        assert len(notes.names) == 7


async def test_a_token_that_always_expires_ends_in_one_unpaged_list(
    api: FakeApi, client: Client
) -> None:
    for number in range(7):
        api.put("pods", f"p{number}")
    api.fail("continue=s", 410, "Expired", times=100)
    async with reflecting(client) as notes:
        await connected(notes)
        assert len(notes.names) == 7


@pytest.mark.parametrize("when", ["before the first list", "after it"])
async def test_a_forbidden_kind_is_unreadable_until_the_right_is_given(
    api: FakeApi, client: Client, when: str
) -> None:
    api.put("pods", "p0")
    words = 'pods is forbidden: User "x" cannot list resource "pods"'
    if when == "before the first list":
        api.fail("GET /api/v1/pods", 403, "Forbidden", times=3, message=words)
    async with reflecting(client) as notes:
        if when == "after it":
            await connected(notes)
            api.remove("pods", "p0", silent=True)
            api.fail("GET /api/v1/pods", 403, "Forbidden", times=3, message=words)
            api.compact()
            api.put("pods", "p1", silent=True)
            api.cut()
        await until(lambda: notes.reflector.sync.state is State.UNREADABLE)
        assert notes.reflector.sync.tried.is_set()
        assert notes.reflector.sync.reason == "Forbidden"
        assert words in notes.reflector.sync.message
        assert notes.names == (["p0"] if when == "after it" else [])  # what was known is kept
        await until(lambda: notes.reflector.sync.state is State.SYNCED)
        assert notes.names == (["p1"] if when == "after it" else ["p0"])
        assert notes.reflector.sync.message == ""


async def test_a_kind_that_may_be_listed_but_not_watched_does_not_flap(
    api: FakeApi, client: Client
) -> None:
    api.fail("watch=true", 403, "Forbidden", times=4)
    async with reflecting(client) as notes:
        await until(lambda: notes.reflector.connected)
    assert notes.states == [(State.SYNCED, ""), (State.UNREADABLE, "Forbidden"), (State.SYNCED, "")]
    assert notes.reflector.stats.lists == 1


async def test_a_right_that_is_missing_for_a_moment_is_no_news(
    api: FakeApi, client: Client
) -> None:
    async with reflecting(client, timing=replace(FAST, patience=60.0)) as notes:
        await connected(notes)
        api.fail("GET /api/v1/pods", 403, "Forbidden", times=3)
        api.put("pods", "p1", silent=True)
        api.compact()
        api.cut()
        await until(lambda: notes.names == ["p1"])
    assert notes.states == [(State.SYNCED, "")]


async def test_a_kind_that_is_not_served_is_unreadable(api: FakeApi, client: Client) -> None:
    api.fail("GET /api/v1/pods", 404, "NotFound", times=10**6)
    async with reflecting(client) as notes:
        await notes.reflector.sync.tried.wait()
        assert notes.reflector.sync.state is State.UNREADABLE
        assert notes.reflector.sync.reason == "NotFound"


async def test_an_optional_kind_that_is_not_served_has_no_objects(
    api: FakeApi, client: Client
) -> None:
    api.put("pods", "p0")
    async with reflecting(client, optional=True) as notes:
        await connected(notes)
        assert notes.names == ["p0"]
        api.fail("GET /api/v1/pods", 404, "NotFound", times=3)
        api.cut()
        await until(lambda: notes.reflector.sync.state is State.ABSENT)
        assert notes.names == []
        await until(lambda: notes.reflector.sync.state is State.SYNCED)
        await until(lambda: notes.names == ["p0"])
    assert notes.states == [(State.SYNCED, ""), (State.ABSENT, ""), (State.SYNCED, "")]


@pytest.mark.parametrize("status", [429, 500, 503, 504])
async def test_a_server_in_trouble_is_waited_for_and_nothing_is_concluded(
    api: FakeApi, client: Client, status: int
) -> None:
    api.put("pods", "p0")
    api.fail("GET /api/v1/pods", status, times=5, message="busy")
    async with reflecting(client) as notes:
        await until(lambda: notes.reflector.sync.message == "busy")
        assert notes.reflector.sync.state is State.UNTRIED
        assert not notes.reflector.sync.tried.is_set()
        await connected(notes)
        assert notes.names == ["p0"]


async def test_the_server_says_when_to_come_back(api: FakeApi, client: Client) -> None:
    api.fail("GET /api/v1/pods", 429, headers={"Retry-After": "1"})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with reflecting(client) as notes:
        await connected(notes)
    assert loop.time() - begun >= 1


async def test_an_object_that_is_not_as_documented_makes_its_kind_unreadable(
    api: FakeApi, client: Client
) -> None:
    api.put("pods", "good")
    async with reflecting(client) as notes:
        await connected(notes)
        api.put("pods", "bad", spec={"containers": "none"})
        await until(lambda: notes.reflector.sync.reason == "Malformed")
        assert "containers" in notes.reflector.sync.message
        api.remove("pods", "bad")
        await until(lambda: notes.reflector.sync.state is State.SYNCED)
        assert notes.names == ["good"]


async def test_an_answer_that_is_not_json_makes_its_kind_unreadable(
    api: FakeApi, client: Client
) -> None:
    api.answer("GET /api/v1/pods", lambda _: web.Response(text="<html>welcome</html>"), times=2)
    async with reflecting(client) as notes:
        await until(lambda: notes.reflector.sync.reason == "Malformed")
        await until(lambda: notes.reflector.sync.state is State.SYNCED)


async def test_a_silent_watch_is_given_up(client: Client) -> None:
    timing = Timing(first_delay=0.01, longest_delay=0.05, silence=0.1, longest_watch=60, grace=0)
    async with reflecting(client, timing=timing) as notes:
        await until(lambda: notes.reflector.stats.watches >= 3)
        assert notes.reflector.sync.state is State.SYNCED
        assert "nothing came on the watch of pods" in notes.reflector.sync.message or (
            notes.reflector.connected
        )


async def test_a_resync_finds_what_no_watch_told_and_opens_a_new_watch(
    api: FakeApi, client: Client
) -> None:
    for number in range(5):
        api.put("pods", f"p{number}")
    async with reflecting(client) as notes:
        await connected(notes)
        assert await notes.reflector.resync() == 0
        api.remove("pods", "p1", silent=True)
        api.put("pods", "p2", silent=True, metadata={"labels": {"a": "b"}})
        api.put("pods", "p9", silent=True)
        assert await notes.reflector.resync() == 3
        assert notes.names == ["p0", "p2", "p3", "p4", "p9"]
        assert notes.gone == ["p1"]
        await until(lambda: notes.reflector.stats.watches == 2)
        assert notes.reflector.stats.missed == 3


async def test_what_a_watch_told_during_a_resync_is_not_undone_by_it(
    api: FakeApi, client: Client
) -> None:
    for number in range(4):
        api.put("pods", f"p{number}")

    async def old_page(_: web.Request) -> web.Response:
        items = list(api.objects["pods"].values())
        page = {"metadata": {"resourceVersion": str(api.version)}, "items": items}
        api.remove("pods", "p0")
        api.put("pods", "p1", metadata={"labels": {"newer": "yes"}})
        api.put("pods", "p7")
        await asyncio.sleep(0.05)
        return web.json_response(page)

    async with reflecting(client) as notes:
        await connected(notes)
        api.answer("limit=", old_page)
        assert await notes.reflector.resync() == 0
        assert notes.names == ["p1", "p2", "p3", "p7"]
        changed = notes.reflector.store.get("shop", "p1")
        assert changed is not None
        assert changed.labels == {"newer": "yes"}
        assert notes.reflector.stats.watches == 1


async def test_a_watch_that_lags_behind_a_resync_missed_nothing(
    api: FakeApi, client: Client
) -> None:
    async with reflecting(client) as notes:
        await connected(notes)
        body = api.put("pods", "late", silent=True)
        resync = asyncio.create_task(notes.reflector.resync())
        await until(lambda: notes.names == ["late"])
        api.send(event("ADDED", body))
        assert await resync == 0
        assert notes.reflector.stats.watches == 1


async def test_a_resync_that_is_forbidden_makes_the_kind_unreadable_until_it_is_not(
    api: FakeApi, client: Client
) -> None:
    api.put("pods", "p0")
    async with reflecting(client) as notes:
        await connected(notes)
        api.fail("limit=", 403, "Forbidden", times=2)
        assert await notes.reflector.resync() is None
        assert notes.reflector.sync.state is State.UNREADABLE
        await until(lambda: notes.reflector.sync.state is State.SYNCED)
        assert notes.reflector.stats.lists == 2


async def test_a_consumer_that_fails_does_not_end_the_watch(api: FakeApi, client: Client) -> None:
    def fail(_: facts.Pod | None, __: facts.Pod | None) -> None:
        raise RuntimeError("a bug elsewhere")

    reflector = Reflector(client, projections.PODS, fail, timing=FAST)
    reflector.start()
    await until(lambda: reflector.connected)
    api.put("pods", "p0")
    api.put("pods", "p1")
    await until(lambda: len(reflector.store) == 2)
    await reflector.stop()
    assert not reflector.alive
