"""The order of the scans that wait, and how many run at a time."""

from __future__ import annotations

from bailiwick.engine.images.lanes import Lanes, Rank
from bailiwick.engine.queueing.keys import Keys
from bailiwick.policy.images.priority import Lane

OURS, THEIRS = "ours.example.com", "theirs.example.com"


class Line:
    """Scans that wait, whose ranks a test gives."""

    def __init__(self, parallel: int = 4, per_registry: int = 4, per_source: int = 8) -> None:
        self.ranks: dict[str, Rank] = {}
        self.lanes = Lanes(
            self.ranks.__getitem__,
            parallel=parallel,
            per_registry=per_registry,
            per_source=per_source,
        )
        self.keys: Keys[str] = Keys(self.lanes)

    def add(
        self,
        key: str,
        lane: Lane,
        order: tuple[float, ...] = (),
        registry: str = OURS,
        source: str = "",
    ) -> None:
        self.ranks[key] = Rank(lane, order, registry, source)
        self.keys.add(key, 0.0)

    def take(self) -> str | None:
        taken = self.keys.take(0.0)
        return taken[0] if taken else None

    def order(self) -> list[str]:
        """Scan one at a time until none waits."""
        found = []
        while (key := self.take()) is not None:
            found.append(key)
            self.keys.done(key)
        return found


def test_the_worst_of_the_mass_is_renewed_first() -> None:
    line = Line()
    for key, order in {"harmless": (0, 0), "exploited": (-2, 0), "critical": (0, -7)}.items():
        line.add(key, Lane.RENEWAL, order)
    assert line.order() == ["exploited", "critical", "harmless"]


def test_who_asks_and_what_is_new_wait_for_none_of_ten_thousand_renewals() -> None:
    line = Line()
    for number in range(10_000):
        line.add(f"old-{number}", Lane.RENEWAL)
    line.add("asked", Lane.REQUESTED)
    line.add("new", Lane.NEW)
    assert set(line.order()[:2]) == {"asked", "new"}


def test_renewals_leave_one_scan_free_for_who_asks() -> None:
    line = Line(parallel=3)
    for number in range(5):
        line.add(f"old-{number}", Lane.RENEWAL)
    assert [line.take(), line.take(), line.take()] == ["old-0", "old-1", None]
    line.add("asked", Lane.REQUESTED)
    assert line.take() == "asked"


def test_renewals_get_their_turn_where_requests_and_new_images_never_end() -> None:
    line = Line()
    for number in range(20):
        line.add(f"asked-{number}", Lane.REQUESTED, (number,))
        line.add(f"new-{number}", Lane.NEW, (number,))
        line.add(f"old-{number}", Lane.RENEWAL)
    first = line.order()[:15]
    assert sum(key.startswith("asked") for key in first) == 6
    assert sum(key.startswith("new") for key in first) == 6
    assert sum(key.startswith("old") for key in first) == 3


def test_a_registry_is_read_from_by_no_more_scans_than_it_may_be() -> None:
    line = Line(parallel=8, per_registry=2)
    for number in range(4):
        line.add(f"ours-{number}", Lane.NEW, (number,))
    line.add("theirs", Lane.NEW, (9,), THEIRS)
    taken = [line.take() for _ in range(4)]
    assert taken == ["ours-0", "ours-1", "theirs", None]
    line.keys.done("ours-0")
    assert line.take() == "ours-2"


def test_a_renewal_that_somebody_asks_for_moves_ahead_and_is_there_once() -> None:
    line = Line()
    for key in ("a", "b", "c"):
        line.add(key, Lane.RENEWAL)
    line.add("c", Lane.REQUESTED)
    assert line.lanes.waiting() == {Lane.REQUESTED: 1, Lane.NEW: 0, Lane.RENEWAL: 2}
    assert line.order() == ["c", "a", "b"]
    assert line.lanes.waiting() == dict.fromkeys(Lane, 0)


def test_a_digest_is_never_in_two_hands() -> None:
    line = Line()
    line.add("a", Lane.NEW)
    assert line.take() == "a"
    line.add("a", Lane.REQUESTED)
    assert line.take() is None
    line.keys.done("a")
    assert line.take() == "a"


def test_a_source_that_ends_no_scan_leaves_room_for_another_s() -> None:
    line = Line(parallel=4, per_source=3)
    for number in range(5):
        line.add(f"stuck-{number}", Lane.NEW, registry=f"r{number}", source="harbor")
    line.add("other", Lane.NEW, registry=OURS, source="trivy")
    taken = [line.take() for _ in range(5)]
    assert taken == ["stuck-0", "stuck-1", "stuck-2", "other", None]
    line.keys.done("stuck-1")
    assert line.take() == "stuck-3"
