"""Evidence that is carried from one form of the store to the other, both ways."""

from __future__ import annotations

import pytest

from bailiwick.evidence.moving import move
from bailiwick.evidence.shelf import Item, Key, Kind, Shelf
from bailiwick.policy.images.findings import Finding, Severity
from bailiwick.policy.images.seen import Seen
from tests.evidence.conftest import InConfigMaps, InPostgresql, Place
from tests.unit.evidence.make import DAY, NOW, OPENSSL, REPOSITORY, A, B, report

REPORT_OF_A, REPORT_OF_B, SEEN = (
    Key(Kind.REPORT, A),
    Key(Kind.REPORT, B),
    Key(Kind.SEEN, REPOSITORY),
)
OTHER = Finding("CVE-2", "zlib", "1", Severity.LOW)

Ways = tuple[Place, Place]


@pytest.fixture(params=["to PostgreSQL", "to ConfigMaps"])
def ways(request: pytest.FixtureRequest, in_postgresql: InPostgresql) -> Ways:
    """Where evidence is, and where it is to be."""
    config_maps = InConfigMaps()
    if request.param == "to PostgreSQL":
        return config_maps, in_postgresql
    return in_postgresql, config_maps


async def filled(place: Place) -> None:
    store = await place.store()
    await store.save(report(A, findings=40_000))
    await store.save(report(B))
    await store.record_seen(REPOSITORY, [OPENSSL], NOW - 9 * DAY)


async def held(place: Place) -> dict[Key, bytes]:
    shelf = await place.shelf()
    found = {key: await shelf.get(key) for key in await shelf.keys()}
    return {key: item.content for key, item in found.items() if item}


async def test_everything_arrives_byte_by_byte_and_the_source_stays(ways: Ways) -> None:
    source, target = ways
    await filled(source)
    before = await held(source)
    moved = await move(await source.shelf(), await target.shelf())
    assert moved.complete
    assert moved.copied == {REPORT_OF_A, REPORT_OF_B, SEEN}
    assert (moved.count(Kind.REPORT), moved.count(Kind.SEEN)) == (2, 1)
    assert await held(source) == await held(target) == before
    store = await target.store()
    assert await store.load(A) == report(A, findings=40_000)
    assert (await store.first_seen(REPOSITORY))[OPENSSL.key] == Seen(NOW - 9 * DAY)


async def test_a_move_that_is_repeated_writes_nothing(ways: Ways) -> None:
    source, target = ways
    await filled(source)
    await move(await source.shelf(), await target.shelf())
    before = await (await target.shelf()).inventory()
    moved = await move(await source.shelf(), await target.shelf())
    assert (moved.complete, moved.copied, len(moved.unchanged)) == (True, set(), 3)
    assert await (await target.shelf()).inventory() == before


async def test_what_proved_to_be_there_is_deleted_from_the_source_where_asked(ways: Ways) -> None:
    source, target = ways
    await filled(source)
    before = await held(source)
    moved = await move(await source.shelf(), await target.shelf(), delete=True)
    assert moved.deleted == {REPORT_OF_A, REPORT_OF_B, SEEN}
    assert await held(source) == {}
    assert await held(target) == before


class Interrupted(Exception):
    pass


class Failing:
    """A shelf that takes some values, and then no more."""

    def __init__(self, shelf: Shelf, takes: int) -> None:
        self._shelf = shelf
        self._takes = takes

    def __getattr__(self, name: str) -> object:
        return getattr(self._shelf, name)

    async def put(self, *arguments: object) -> object:
        if self._takes == 0:
            raise Interrupted
        self._takes -= 1
        return await self._shelf.put(*arguments)  # type: ignore[arg-type]  # handed through


@pytest.mark.parametrize("survived", [0, 1, 2])
async def test_a_move_that_was_interrupted_goes_on_where_it_was(ways: Ways, survived: int) -> None:
    source, target = ways
    await filled(source)
    before = await held(source)
    failing = Failing(await target.shelf(), survived)
    with pytest.raises(ExceptionGroup) as caught:
        await move(await source.shelf(), failing, delete=True)  # type: ignore[arg-type]  # a stand-in
    assert caught.group_contains(Interrupted)
    assert await held(source) == before, "nothing is deleted before all of it was checked"
    moved = await move(await source.shelf(), await target.shelf())
    assert moved.copied | moved.unchanged == {REPORT_OF_A, REPORT_OF_B, SEEN}
    assert await held(target) == before


async def test_what_is_damaged_is_told_and_stays_and_the_rest_arrives(ways: Ways) -> None:
    source, target = ways
    await filled(source)
    await source.spoil(REPORT_OF_B, how="content")
    moved = await move(await source.shelf(), await target.shelf(), delete=True)
    assert not moved.complete
    assert list(moved.damaged) == [REPORT_OF_B]
    assert "checksum" in moved.damaged[REPORT_OF_B]
    assert moved.deleted == {REPORT_OF_A, SEEN}
    assert REPORT_OF_B in await (await source.shelf()).keys()
    assert (await held(target)).keys() == {REPORT_OF_A, SEEN}


async def test_what_is_damaged_in_the_target_is_written_anew(ways: Ways) -> None:
    source, target = ways
    await filled(source)
    await move(await source.shelf(), await target.shelf())
    await target.spoil(REPORT_OF_B, how="content")
    moved = await move(await source.shelf(), await target.shelf())
    assert (moved.complete, moved.copied) == (True, {REPORT_OF_B})


async def test_of_two_reports_of_a_digest_the_newer_one_stays(ways: Ways) -> None:
    source, target = ways
    await (await source.store()).save(report(A, at=NOW, seed=1))
    await (await source.store()).save(report(B, at=NOW, seed=1))
    await (await target.store()).save(report(A, at=NOW - DAY, seed=2))
    await (await target.store()).save(report(B, at=NOW + DAY, seed=2))
    assert (await move(await source.shelf(), await target.shelf())).complete
    store = await target.store()
    assert await store.load(A) == report(A, at=NOW, seed=1)
    assert await store.load(B) == report(B, at=NOW + DAY, seed=2)


async def test_of_what_both_know_of_a_repository_nothing_is_lost(ways: Ways) -> None:
    source, target = ways
    await (await source.store()).record_seen(REPOSITORY, [OPENSSL], NOW)
    await (await target.store()).record_seen(REPOSITORY, [OPENSSL, OTHER], NOW - 5 * DAY)
    assert (await move(await source.shelf(), await target.shelf())).complete
    seen = await (await target.store()).first_seen(REPOSITORY)
    assert seen[OPENSSL.key] == seen[OTHER.key] == Seen(NOW - 5 * DAY)


async def test_what_was_not_kept_as_it_was_written_is_found(ways: Ways) -> None:
    source, target = ways
    await filled(source)

    class Forgetful(Failing):
        async def get(self, key: Key) -> Item | None:
            return None if key == SEEN else await self._shelf.get(key)

    forgetful = Forgetful(await target.shelf(), takes=99)
    moved = await move(await source.shelf(), forgetful, delete=True)  # type: ignore[arg-type]  # a stand-in
    assert moved.wrong == {SEEN}
    assert not moved.complete
    assert SEEN in await (await source.shelf()).keys()


async def test_how_far_it_is_is_told(ways: Ways) -> None:
    source, target = ways
    await filled(source)
    said: list[tuple[int, int]] = []
    await move(
        await source.shelf(), await target.shelf(), say=lambda done, all_: said.append((done, all_))
    )
    assert said == [(3, 3)]
