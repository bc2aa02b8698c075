from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bailiwick.engine.queueing.keys import Keys
from bailiwick.engine.queueing.queue import Backoff, WorkQueue
from bailiwick.engine.throttle import Throttle

KEYS = st.sampled_from(["shop", "payments", "checkout", "empty"])


class KeysMachine(RuleBasedStateMachine):
    """Adds, delays, takes and dones in any order, against what a namespace is owed."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: Keys[str] = Keys()
        self.now = 0.0
        self.owed: set[str] = set()  # added since it was last taken into hand
        self.due: dict[str, float] = {}
        self.held: dict[str, float] = {}
        self.in_hand: set[str] = set()

    def owe(self, key: str) -> None:
        until = self.held.get(key, 0.0)
        if self.now < until:
            self.due[key] = min(self.due.get(key, float("inf")), until)
        else:
            self.owed.add(key)

    @rule(key=KEYS)
    def add(self, key: str) -> None:
        self.keys.add(key, self.now)
        self.owe(key)

    @rule(key=KEYS, seconds=st.floats(0.01, 5))
    def add_later(self, key: str, seconds: float) -> None:
        self.keys.add_at(key, self.now + seconds)
        self.due[key] = min(self.due.get(key, float("inf")), self.now + seconds)

    @rule(seconds=st.floats(0, 5))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.keys.ripen(self.now)
        ripe = {key for key, due in self.due.items() if due <= self.now}
        for key in ripe:
            del self.due[key]
            self.owe(key)

    @rule()
    def take(self) -> None:
        taken = self.keys.take(self.now)
        if taken is None:
            assert self.owed <= self.in_hand, "a key that is due was not given out"
            return
        key, waited = taken
        assert key not in self.in_hand, "two workers have one key"
        assert key in self.owed, "a key was given out that nobody added"
        assert 0 <= waited <= self.now
        self.owed.remove(key)
        self.in_hand.add(key)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_hand)))
        self.keys.done(key)
        self.in_hand.remove(key)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data(), seconds=st.floats(0.01, 5))
    def hold(self, data: st.DataObject, seconds: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_hand)))
        self.held[key] = self.now + seconds
        self.keys.hold(key, self.held[key])
        if key in self.owed:
            self.owed.remove(key)
            self.owe(key)

    @invariant()
    def counts_are_exact(self) -> None:
        assert len(self.keys) == len(self.owed - self.in_hand)
        assert self.keys.in_hand == len(self.in_hand)
        assert self.keys.delayed == len(self.due)
        assert self.keys.next_due() == min(self.due.values(), default=None)

    def teardown(self) -> None:
        for key in list(self.in_hand):
            self.keys.done(key)
        self.now = float("inf")
        left = set()
        while (taken := self.keys.take(self.now)) is not None:
            left.add(taken[0])
            self.keys.done(taken[0])
        assert left == self.owed | set(self.due), "something that was added is lost"


TestKeys = KeysMachine.TestCase
TestKeys.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


def test_a_backoff_doubles_up_to_its_cap() -> None:
    backoff = Backoff(first=1, cap=10, jitter=0.5)
    assert [backoff.delay(n, 0) for n in (1, 2, 3, 4, 5, 2000)] == [1, 2, 4, 8, 10, 10]
    assert backoff.delay(1, 0.999) == pytest.approx(1.5, rel=0.01)


async def test_a_key_that_is_to_wait_does_so_whoever_adds_it() -> None:
    queue: WorkQueue[str] = WorkQueue(backoff=Backoff(first=0.001))
    began: list[float] = []
    loop = asyncio.get_running_loop()

    async def work(key: str) -> None:
        began.append(loop.time())
        if len(began) == 1:
            queue.add(key)
            loop.call_later(0.05, queue.add, key)
            raise Refused

    queue.start(work, workers=2)
    queue.add("shop")
    async with asyncio.timeout(5):
        while len(began) < 2:  # noqa: ASYNC110  # a queue tells nobody that it works
            await asyncio.sleep(0.01)
    await queue.stop()
    assert began[1] - began[0] >= Refused.retry_after


class Refused(Exception):
    retry_after = 0.3


async def test_a_key_added_many_times_while_worked_on_is_worked_on_once_more() -> None:
    queue: WorkQueue[str] = WorkQueue()
    runs = 0
    gate = asyncio.Event()

    async def work(_: str) -> None:
        nonlocal runs
        runs += 1
        await gate.wait()

    queue.start(work, workers=4)
    queue.add("shop")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for _ in range(10):
        queue.add("shop")
    await asyncio.sleep(0)
    assert (runs, queue.in_hand, len(queue)) == (1, 1, 0)
    gate.set()
    await until(lambda: queue.idle)
    assert runs == 2
    await queue.stop()


async def test_no_two_workers_ever_have_one_key_and_every_add_is_followed_by_work() -> None:
    queue: WorkQueue[int] = WorkQueue()
    in_hand: set[int] = set()
    seen: dict[int, int] = dict.fromkeys(range(5), -1)
    version: dict[int, int] = dict.fromkeys(range(5), 0)

    async def work(key: int) -> None:
        assert key not in in_hand
        in_hand.add(key)
        seen[key] = version[key]
        await asyncio.sleep(0.001)
        in_hand.remove(key)

    queue.start(work, workers=8)
    for number in range(400):
        version[number % 5] += 1
        queue.add(number % 5)
        if number % 7 == 0:
            await asyncio.sleep(0.0007)
    await until(lambda: queue.idle)
    assert seen == version
    assert not queue.workers_ended
    await queue.stop()


async def test_a_failing_key_backs_off_and_begins_anew_once_it_succeeded() -> None:
    queue: WorkQueue[str] = WorkQueue(backoff=Backoff(0.01, 1, 0), chance=lambda: 0.0)
    times: list[float] = []
    loop = asyncio.get_running_loop()

    async def work(_: str) -> None:
        times.append(loop.time())
        if len(times) < 4:
            raise RuntimeError("not yet")

    queue.start(work, workers=2)
    queue.add("shop")
    await until(lambda: len(times) == 4 and queue.idle)
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps[0] >= 0.01
    assert gaps[1] >= 0.02
    assert gaps[2] >= 0.04
    assert queue.failures("shop") == 0
    await queue.stop()


async def test_a_retry_waits_as_long_as_the_server_asked() -> None:
    class Busy(Exception):
        retry_after = 0.2

    queue: WorkQueue[str] = WorkQueue(backoff=Backoff(0.001, 1, 0))
    times: list[float] = []

    async def work(_: str) -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            raise Busy

    queue.start(work)
    queue.add("shop")
    await until(lambda: len(times) == 2)
    assert times[1] - times[0] >= 0.2
    await queue.stop()


async def test_of_several_delays_the_earliest_counts_and_an_add_does_not_wait_for_it() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("shop", 30)
    queue.add_after("shop", 0.02)
    queue.add_after("shop", 10)
    assert queue.delayed == 1
    begun = asyncio.get_running_loop().time()
    assert await asyncio.wait_for(queue.get(), 1) == "shop"
    assert 0.02 <= asyncio.get_running_loop().time() - begun < 0.5
    queue.done("shop")
    queue.add_after("shop", 30)
    queue.add("shop")
    assert await asyncio.wait_for(queue.get(), 1) == "shop"
    queue.done("shop")
    await queue.stop()


async def test_stopping_finishes_the_work_in_hand_and_takes_nothing_more() -> None:
    queue: WorkQueue[int] = WorkQueue()
    finished: list[int] = []

    async def work(key: int) -> None:
        await asyncio.sleep(0.03)
        finished.append(key)

    queue.start(work, workers=2)
    for key in range(6):
        queue.add(key)
    await asyncio.sleep(0.005)
    assert await queue.stop(timeout=1)
    assert sorted(finished) == [0, 1]
    queue.add(9)
    assert await queue.get() is None


async def test_stopping_cancels_work_that_takes_too_long() -> None:
    queue: WorkQueue[int] = WorkQueue()
    cancelled = asyncio.Event()

    async def work(_: int) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    queue.start(work, workers=1)
    queue.add(1)
    await asyncio.sleep(0.005)
    assert not await queue.stop(timeout=0.02)
    assert cancelled.is_set()


async def test_a_waiter_that_is_cancelled_takes_no_key_with_it() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("shop")
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "shop"
    queue.done("shop")
    await queue.stop()


async def test_the_observer_is_told_of_waits_and_of_work() -> None:
    class Notes:
        waits: list[float] = []  # noqa: RUF012  # one instance, in this test
        errors: list[BaseException | None] = []  # noqa: RUF012  # one instance, in this test

        def waited(self, seconds: float) -> None:
            self.waits.append(seconds)

        def worked(self, seconds: float, error: BaseException | None) -> None:
            assert seconds >= 0
            self.errors.append(error)

    notes = Notes()
    failure = RuntimeError("no")

    async def work(key: str) -> None:
        if key == "bad":
            raise failure

    queue: WorkQueue[str] = WorkQueue(observer=notes, backoff=Backoff(60))
    queue.start(work, workers=1)
    queue.add("good")
    queue.add("bad")
    await until(lambda: len(notes.errors) == 2)
    assert notes.errors == [None, failure]
    assert len(notes.waits) == 2
    await queue.stop()


def test_a_throttle_gives_its_burst_at_once_and_then_its_rate_in_order() -> None:
    throttle = Throttle(rate=10, burst=3)
    assert [throttle.reserve(0.0) for _ in range(6)] == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3])
    assert throttle.reserve(100.0) == 0
    assert [throttle.reserve(100.0) for _ in range(3)] == pytest.approx([0, 0, 0.1])


async def test_a_throttle_of_rate_zero_never_waits() -> None:
    throttle = Throttle(0)
    await asyncio.wait_for(asyncio.gather(*(throttle.acquire() for _ in range(1000))), 1)


async def test_callers_of_a_throttle_are_served_first_come_first() -> None:
    throttle = Throttle(rate=500, burst=1)
    order: list[int] = []

    async def caller(number: int) -> None:
        await throttle.acquire()
        order.append(number)

    await asyncio.gather(*(caller(n) for n in range(20)))
    assert order == list(range(20))


async def until(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  # no event of ours tells of it
            await asyncio.sleep(0.002)
