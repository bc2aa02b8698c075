"""A clock that is set has everything looked at again; one that only runs does not."""

from __future__ import annotations

from bailiwick.engine.clock_watch import ClockWatch
from tests.unit.engine.doubles import Clock


class Watched:
    def __init__(self) -> None:
        self.clock, self.steady, self.jumps = Clock(), 0.0, 0
        self.watch = ClockWatch(self.jumped, self.clock, lambda: self.steady)

    def jumped(self) -> None:
        self.jumps += 1

    def passes(self, seconds: float, clock: float | None = None) -> None:
        """Let time pass; the clock may tell another time than passed."""
        self.steady += seconds
        self.clock.advance(seconds=seconds if clock is None else clock)
        self.watch.check()


def test_a_clock_that_runs_is_left_alone_also_where_it_is_slewed() -> None:
    watched = Watched()
    for _ in range(100):
        watched.passes(15, clock=15.2)
    watched.passes(86_400)
    assert watched.jumps == 0


def test_a_clock_that_is_set_forth_or_back_is_noticed_once() -> None:
    watched = Watched()
    watched.passes(15, clock=86_400)
    watched.passes(15)
    assert watched.jumps == 1
    watched.passes(15, clock=-86_400)
    watched.passes(15)
    assert watched.jumps == 2
