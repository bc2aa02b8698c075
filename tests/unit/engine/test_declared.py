"""Objects of our kinds, told by a watch, by lists, and by the answers to our own writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bailiwick.engine.declared import DeclaredStore
from bailiwick.engine.objects import DeclaredObject

Told = list[tuple[DeclaredObject | None, DeclaredObject | None]]

FIRST = DeclaredObject(
    kind="SecurityIntent",
    namespace="shop",
    name="default",
    uid="uid-1",
    generation=1,
    resource_version=100,
    created=datetime(2026, 11, 23, tzinfo=UTC),
)
WITH_STATUS = replace(FIRST, resource_version=102, status={"observedGeneration": 1})
EDITED = replace(FIRST, resource_version=101, generation=2, spec={"profile": "restricted"})
EDITED_WITH_STATUS = replace(EDITED, resource_version=102, status={"observedGeneration": 1})


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def store(told: Told) -> DeclaredStore:
    store = DeclaredStore("SecurityIntent", lambda old, new: told.append((old, new)))
    store.observe(FIRST)
    told.clear()
    return store


def test_a_change_is_told_with_what_was_there_before(store: DeclaredStore, told: Told) -> None:
    store.observe(EDITED)
    assert told == [(FIRST, EDITED)]


def test_what_we_wrote_ourselves_is_no_news(store: DeclaredStore, told: Told) -> None:
    store.learn(WITH_STATUS)
    store.observe(WITH_STATUS)
    assert told == []
    assert store.objects.get("shop", "default") == WITH_STATUS


def test_an_edit_that_our_own_write_shows_first_is_told(store: DeclaredStore, told: Told) -> None:
    store.learn(EDITED_WITH_STATUS)
    # The watch tells the edit alone, and it is older than what is known by now.
    store.observe(EDITED)
    assert told == [(FIRST, EDITED_WITH_STATUS)]
    assert store.objects.get("shop", "default") == EDITED_WITH_STATUS


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"team": "a"}},
        {"managers": frozenset({"bailiwick", "kubectl"})},
        {"deleting": True},
    ],
)
def test_that_holds_for_more_than_the_spec(
    store: DeclaredStore, told: Told, change: dict[str, object]
) -> None:
    store.learn(replace(WITH_STATUS, **change))  # type: ignore[arg-type]  # fields of one table
    assert len(told) == 1


def test_what_is_older_than_what_is_known_changes_nothing(store: DeclaredStore, told: Told) -> None:
    store.observe(replace(EDITED, resource_version=99))
    assert told == []
    assert store.objects.get("shop", "default") == FIRST


def test_a_deletion_is_told_once_and_not_undone_by_a_late_answer(
    store: DeclaredStore, told: Told
) -> None:
    store.forget(replace(FIRST, resource_version=103))
    store.forget(replace(FIRST, resource_version=103))
    store.learn(WITH_STATUS)
    store.observe(WITH_STATUS)
    assert told == [(FIRST, None)]
    assert store.objects.get("shop", "default") is None


def test_an_object_made_again_under_its_name_outlives_the_end_of_the_first(
    store: DeclaredStore, told: Told
) -> None:
    again = replace(FIRST, uid="uid-2", resource_version=105)
    store.observe(again)
    store.forget(replace(FIRST, resource_version=104))
    assert told == [(FIRST, again)]
    assert store.objects.get("shop", "default") == again


BODY = {
    "metadata": {
        "namespace": "shop",
        "name": "default",
        "uid": "uid-1",
        "generation": 2,
        "resourceVersion": "101",
        "creationTimestamp": "2026-11-23T00:00:00Z",
    },
    "spec": {"profile": "restricted"},
}


def test_what_the_server_sent_is_taken_in_where_it_is_newer(
    store: DeclaredStore, told: Told
) -> None:
    assert store.observe_body(BODY) == "uid-1"
    assert told == [(FIRST, EDITED)]
    assert store.observe_body(BODY) == "uid-1"
    assert told == [(FIRST, EDITED)]


def test_a_list_shows_what_is_gone_without_a_word(store: DeclaredStore, told: Told) -> None:
    other = replace(FIRST, namespace="payments", uid="uid-2", resource_version=90)
    store.observe(other)
    told.clear()
    assert store.keep_only({EDITED.uid}, resource_version=110) == 1
    assert told == [(other, None)]


def test_what_is_newer_than_a_list_survives_it(store: DeclaredStore, told: Told) -> None:
    newer = replace(FIRST, namespace="payments", uid="uid-2", resource_version=120)
    store.observe(newer)
    told.clear()
    assert store.keep_only({FIRST.uid}, resource_version=110) == 0
    assert told == []
