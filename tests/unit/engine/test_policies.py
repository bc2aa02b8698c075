from __future__ import annotations

from bailiwick.engine.network.policies import PolicyStore
from bailiwick.kube.store import Key
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


PLACE = Key("shop", "isolation")


def test_the_watch_telling_of_our_own_write_first_is_no_news() -> None:
    known = PolicyStore()
    with known.writing(PLACE) as meanwhile:
        assert not known.told(policy(7))
        known.observe(policy(7))  # the answer
    assert meanwhile.latest == 7
    assert not known.told(policy(7))


def test_what_others_write_right_after_us_is_seen_once_the_answer_is_there() -> None:
    known = PolicyStore()
    with known.writing(PLACE) as meanwhile:
        assert not known.told(policy(7))
        assert not known.told(policy(8))
        known.observe(policy(7))
    assert meanwhile.latest == 8
    assert known.get("shop", "isolation") == policy(8)


def test_other_policies_are_told_of_as_ever() -> None:
    known = PolicyStore()
    with known.writing(PLACE):
        assert known.told(policy(7, "a", "other"))
    assert known.told(policy(8))


def test_what_is_deleted_before_our_write_is_answered_does_not_come_back() -> None:
    known = PolicyStore()
    with known.writing(PLACE):
        known.told(policy(7))
        assert known.forget(policy(7))
        assert not known.observe(policy(7))
    assert known.get("shop", "isolation") is None
    assert known.told(policy(9, uid="second"))
