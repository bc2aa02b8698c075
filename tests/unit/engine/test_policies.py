from __future__ import annotations

from bailiwick.engine.policies import PolicyStore
from bailiwick.policy.facts import NetworkPolicy


def policy(version: int, uid: str = "first", name: str = "isolation") -> NetworkPolicy:
    return NetworkPolicy("shop", name, uid, resource_version=str(version))


def test_the_newer_version_stays_whoever_tells_it_last() -> None:
    known = PolicyStore()
    assert known.observe(policy(7))
    assert not known.observe(policy(5))
    assert not known.observe(policy(7))
    assert known.get("shop", "isolation") == policy(7)


def test_what_we_deleted_does_not_come_back_by_a_late_event() -> None:
    known = PolicyStore()
    known.observe(policy(7))
    known.bury(policy(7))
    assert not known.observe(policy(6))
    assert known.get("shop", "isolation") is None
    assert not known.forget(policy(9))


def test_what_others_make_in_its_place_is_another_one() -> None:
    known = PolicyStore()
    known.observe(policy(7))
    known.bury(policy(7))
    assert known.observe(policy(9, uid="second"))
    assert not known.forget(policy(8))  # the end of the first, told late
    assert known.get("shop", "isolation") == policy(9, uid="second")


def test_what_a_list_does_not_have_is_gone_unless_it_is_newer_than_the_list() -> None:
    known = PolicyStore()
    known.observe(policy(5, "a", "old"))
    known.observe(policy(9, "b", "new"))
    known.take("shop", [policy(6, "c", "listed")], at=8)
    assert {each.name for each in known.within("shop")} == {"new", "listed"}
    assert not known.observe(policy(4, "a", "old"))


def test_what_changed_after_we_took_it_for_gone_is_there() -> None:
    known = PolicyStore()
    known.observe(policy(7))
    known.bury(policy(7))
    assert known.observe(policy(8))  # a finalizer keeps it
