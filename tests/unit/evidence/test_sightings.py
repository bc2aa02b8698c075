"""Since when a vulnerability is known in a repository: what outlives what, and what is a return."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.evidence import sightings
from bailiwick.evidence.codec import pack, unpack_sightings
from bailiwick.evidence.sightings import Elsewhere, Sightings
from bailiwick.policy.images.findings import Finding, FindingKey, Severity
from bailiwick.policy.images.seen import Seen
from tests.unit.evidence.make import DAY, NOW, REPOSITORY

KEEP = 180 * DAY
NOTHING = Sightings(REPOSITORY)


def nowhere(_key: FindingKey) -> bool:
    return False


def flaw(
    name: str = "CVE-1", *aliases: str, package: str = "openssl", version: str = "1"
) -> Finding:
    return Finding(name, package, version, Severity.HIGH, aliases=aliases)


def scan(
    before: Sightings,
    days: float,
    *found: Finding,
    elsewhere: Elsewhere | None = nowhere,
    keep: timedelta = KEEP,
) -> Sightings:
    """Note a scan so many days from now."""
    return before.seen(found, NOW + days * DAY, keep=keep, elsewhere=elsewhere)


def since(of: Sightings, name: str = "CVE-1", package: str = "openssl") -> Seen | None:
    return of.first_seen().get((name, package))


def test_a_rebuild_with_another_version_keeps_the_first_instant() -> None:
    rebuilt = scan(scan(NOTHING, 0, flaw(version="1")), 9, flaw(version="2"))
    assert since(rebuilt) == Seen(NOW)


def test_the_same_vulnerability_of_another_package_has_its_own() -> None:
    both = scan(scan(NOTHING, 0, flaw()), 9, flaw(), flaw(package="libssl"))
    assert since(both) == Seen(NOW)
    assert since(both, package="libssl") == Seen(NOW + 9 * DAY)


@pytest.mark.parametrize(
    "first, then",
    [
        (flaw("CVE-1"), flaw("GHSA-1", "CVE-1")),
        (flaw("GHSA-1", "CVE-1"), flaw("CVE-1")),
        (flaw("GHSA-1", "CVE-1"), flaw("CVE-1", "GHSA-1")),
        (flaw("GHSA-1", "CVE-1"), flaw("PYSEC-1", "CVE-1")),
    ],
    ids=["named otherwise", "named by the alias", "exchanged", "by a third name"],
)
def test_another_scanner_that_calls_it_otherwise_keeps_the_first_instant(
    first: Finding, then: Finding
) -> None:
    known = scan(scan(NOTHING, 0, first), 9, then)
    assert since(known, then.id) == since(known, first.id) == Seen(NOW)
    assert len(known.entries) == 1


def test_an_alias_of_another_package_is_another_finding() -> None:
    known = scan(
        scan(NOTHING, 0, flaw("CVE-1")), 9, flaw("CVE-1"), flaw("G-1", "CVE-1", package="x")
    )
    assert since(known) == Seen(NOW)
    assert since(known, "G-1", "x") == Seen(NOW + 9 * DAY)


def test_two_that_turn_out_to_be_one_count_from_the_earlier() -> None:
    apart = scan(scan(NOTHING, 0, flaw("GHSA-1")), 5, flaw("GHSA-1"), flaw("CVE-1"))
    assert since(apart, "CVE-1") == Seen(NOW + 5 * DAY)
    one = scan(apart, 9, flaw("CVE-1", "GHSA-1"))
    assert since(one, "CVE-1") == since(one, "GHSA-1") == Seen(NOW)
    assert len(one.entries) == 1


def test_what_went_away_and_came_back_counts_from_its_return_and_shows_when_it_was_first_seen() -> (
    None
):
    gone = scan(scan(scan(NOTHING, 0, flaw()), 10), 15)
    back = scan(gone, 20, flaw())
    expected = Seen(NOW, returned=NOW + 20 * DAY, absent=NOW + 10 * DAY)
    assert since(back) == expected
    assert expected.since == NOW + 20 * DAY
    assert since(scan(back, 30, flaw())) == expected, "it has not left again"


def test_what_goes_away_twice_counts_from_the_last_return() -> None:
    twice = scan(scan(scan(scan(scan(NOTHING, 0, flaw()), 10), 20, flaw()), 30), 40, flaw())
    assert since(twice) == Seen(NOW, returned=NOW + 40 * DAY, absent=NOW + 30 * DAY)


def test_one_scan_that_missed_it_is_no_absence() -> None:
    back = scan(scan(scan(NOTHING, 0, flaw()), 10), 10.5, flaw())
    assert since(back) == Seen(NOW)
    later = scan(scan(back, 20), 30, flaw())
    assert since(later) == Seen(NOW, returned=NOW + 30 * DAY, absent=NOW + 20 * DAY)


def test_that_nobody_scanned_for_long_is_no_absence() -> None:
    assert since(scan(scan(NOTHING, 0, flaw()), 400, flaw())) == Seen(NOW)


def test_what_another_image_of_the_repository_still_has_is_not_gone() -> None:
    old_one_runs = scan(scan(NOTHING, 0, flaw()), 10, elsewhere=lambda key: key[0] == "CVE-1")
    assert since(scan(old_one_runs, 20, flaw())) == Seen(NOW)


def test_nothing_is_gone_while_it_is_not_known_what_else_runs() -> None:
    unknown = scan(scan(NOTHING, 0, flaw()), 10, elsewhere=None)
    assert since(scan(unknown, 20, flaw())) == Seen(NOW)


def test_what_else_runs_is_asked_of_what_a_scan_missed_only() -> None:
    asked: list[FindingKey] = []

    def elsewhere(key: FindingKey) -> bool:
        asked.append(key)
        return False

    known = scan(NOTHING, 0, flaw("CVE-1"), flaw("CVE-2"), elsewhere=elsewhere)
    known = scan(known, 1, flaw("CVE-1"), flaw("CVE-2"), elsewhere=elsewhere)
    assert asked == []
    known = scan(known, 2, flaw("CVE-1"), elsewhere=elsewhere)
    scan(known, 3, flaw("CVE-1"), elsewhere=elsewhere)
    assert asked == [("CVE-2", "openssl")], "of what is gone nobody is asked again"


def test_what_is_gone_is_dropped_in_time_and_is_new_when_it_comes_back() -> None:
    gone = scan(scan(NOTHING, 0, flaw()), 10)
    assert since(scan(gone, 179)) is not None
    dropped = scan(gone, 180)
    assert dropped.entries == ()
    assert since(scan(dropped, 181, flaw())) == Seen(NOW + 181 * DAY)


def test_what_another_image_still_has_is_not_dropped_however_long_it_was_not_scanned() -> None:
    kept = scan(scan(NOTHING, 0, flaw()), 400, elsewhere=lambda _key: True)
    assert since(kept) == Seen(NOW)


def test_a_scan_that_is_told_late_moves_the_first_instant_back_and_shows_nothing_gone() -> None:
    known = scan(NOTHING, 0, flaw())
    assert since(scan(known, -5, flaw())) == Seen(NOW - 5 * DAY)
    assert scan(known, -5) == known


def test_equal_scans_of_a_day_change_nothing() -> None:
    once = scan(NOTHING, 0, flaw("CVE-1", "GHSA-1"), flaw("CVE-2"))
    assert scan(once, 0.9, flaw("CVE-1", "GHSA-1"), flaw("CVE-2")) == once
    gone = scan(once, 1, flaw("CVE-2"))
    assert scan(gone, 1.5, flaw("CVE-2")) == gone


def test_the_number_is_bounded_and_what_is_there_never_makes_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sightings, "MOST", 3)
    known = scan(NOTHING, 0, flaw("CVE-1"), flaw("CVE-2"))
    known = scan(known, 2, flaw("CVE-2"), flaw("CVE-3"))
    known = scan(known, 4, flaw("CVE-3"), flaw("CVE-4"))
    assert [each.id for each in known.entries] == ["CVE-2", "CVE-3", "CVE-4"]
    many = scan(known, 5, *(flaw(f"CVE-{n}") for n in range(4, 9)))
    assert len(many.entries) == 5, "what is there is more than that by itself"


def test_what_is_written_with_fewer_fields_is_read() -> None:
    entry = ["CVE-1", "openssl", NOW, NOW]
    written = msgspec.json.encode({"repository": REPOSITORY, "entries": [entry]})
    content = zstandard.ZstdCompressor().compress(written)
    assert unpack_sightings(content, REPOSITORY) == scan(NOTHING, 0, flaw())
    returned = scan(scan(scan(NOTHING, 0, flaw("CVE-1", "G-1")), 5), 9, flaw("G-1"))
    assert unpack_sightings(pack(returned), REPOSITORY) == returned


# Properties

NAMES = [f"CVE-{n}" for n in range(4)]
flaws = st.builds(
    lambda name, aliases, package: flaw(name, *sorted(aliases - {name}), package=package),
    st.sampled_from(NAMES),
    st.frozensets(st.sampled_from(NAMES), max_size=2),
    st.sampled_from(["a", "b"]),
)
scans = st.lists(st.tuples(st.floats(0, 3), st.lists(flaws, max_size=4)), max_size=8)


def history(steps: list[tuple[float, list[Finding]]]) -> list[tuple[float, Sightings]]:
    day, known, all_of_them = 0.0, NOTHING, []
    for pause, found in steps:
        day += pause
        known = scan(known, day, *found)
        all_of_them.append((day, known))
    return all_of_them


@given(scans)
def test_a_finding_that_was_just_seen_is_known_by_all_its_ids_and_never_since_later(
    steps: list[tuple[float, list[Finding]]],
) -> None:
    for (day, known), (_, found) in zip(history(steps), steps, strict=True):
        seen = known.first_seen()
        for each in found:
            for name in (each.id, *each.aliases):
                assert seen[name, each.package].first <= NOW + day * DAY
                assert seen[name, each.package].since <= NOW + day * DAY


@given(scans)
def test_a_first_instant_never_moves_to_later(steps: list[tuple[float, list[Finding]]]) -> None:
    before: dict[FindingKey, Seen] = {}
    for _, known in history(steps):
        now = known.first_seen()
        assert all(now[key].first <= before[key].first for key in now.keys() & before.keys())
        before = now


@given(scans)
def test_the_same_scan_again_changes_nothing(steps: list[tuple[float, list[Finding]]]) -> None:
    for (day, known), (_, found) in zip(history(steps), steps, strict=True):
        assert scan(known, day, *found) == known


@given(scans)
def test_no_vulnerability_is_kept_twice(steps: list[tuple[float, list[Finding]]]) -> None:
    for _, known in history(steps):
        keys = [key for each in known.entries for key in each.keys]
        assert len(keys) == len(set(keys))


@given(scans, scans)
def test_what_two_stores_know_is_joined_whichever_is_the_first(
    ours: list[tuple[float, list[Finding]]], theirs: list[tuple[float, list[Finding]]]
) -> None:
    one = history(ours)[-1][1] if ours else NOTHING
    other = history(theirs)[-1][1] if theirs else NOTHING
    both = one.joined(other)
    assert both.first_seen() == other.joined(one).first_seen()
    for known in (one, other):
        for key, seen in known.first_seen().items():
            assert both.first_seen()[key].first <= seen.first


@given(scans)
def test_while_it_is_not_known_what_runs_nothing_ever_returns(
    steps: list[tuple[float, list[Finding]]],
) -> None:
    day, known = 0.0, NOTHING
    for pause, found in steps:
        day += pause
        known = scan(known, day, *found, elsewhere=None)
    assert all(seen.returned is None for seen in known.first_seen().values())
