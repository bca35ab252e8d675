"""Stops: requests at every moment of a call, which end it or nothing, and never what comes after it."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import io
import logging
import math
import queue
import random
import sys
import threading
import time
import timeit
from collections.abc import Iterator

import pytest

from wfkit.engine.worker.attempt import call
from wfkit.engine.worker.logs import LogSink
from wfkit.engine.worker.stop import Shield, Stop, Stopped


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def spin_for(turns: int) -> int:
    for _ in range(turns):
        pass
    return turns


def after() -> None:
    """Python code in which what was left would be raised."""
    for _ in range(20):
        math.sqrt(spin_for(3))


def test_before_the_attempt_a_request_is_seen_where_it_is_looked_for_and_hits_nothing() -> None:
    stop = Stop()
    with stop.heeded():
        stop.request("asked")
        after()
        with Shield() as shield, pytest.raises(Stopped, match="asked"):
            shield.raise_if_wanted()
        after()
    with Shield() as shield:
        assert not shield.wanted
    with pytest.raises(Stopped, match="asked"):
        call(after, (), {}, None, stop)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("limit", "rounds"),
    [
        (None, 1_000),
        (9.0, 50),
        *(pytest.param(*case, marks=pytest.mark.soak) for case in [(None, 20_000), (9.0, 1_000)]),
    ],
)
def test_nothing_is_raised_after_the_end(quick_switches: None, limit: float | None, rounds: int) -> None:
    """Requests come at every moment of short calls, and after them."""
    stops: queue.SimpleQueue[Stop | None] = queue.SimpleQueue()
    taken = threading.Semaphore(0)

    def ask() -> None:
        numbers = random.Random(1)
        while (stop := stops.get()) is not None:
            taken.release()
            spin_for(numbers.randrange(20_000))
            stop.request("now")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    ends = collections.Counter[str]()
    numbers = random.Random(2)
    for _ in range(rounds):
        stop = Stop()
        stops.put(stop)
        taken.acquire()
        try:
            call(spin_for, (numbers.randrange(2_000),), {}, limit, stop)
        except Stopped:
            ends["stopped"] += 1
        else:
            ends["returned"] += 1
        after()
    stops.put(None)
    asking.join()
    after()
    assert ends["stopped"], ends
    assert ends["returned"], ends


@pytest.mark.timeout(60)
@pytest.mark.parametrize("rounds", [50, pytest.param(500, marks=pytest.mark.soak)])
def test_nothing_is_raised_after_the_end_of_a_coroutine(quick_switches: None, rounds: int) -> None:
    numbers = random.Random(3)

    async def wait() -> int:
        await asyncio.sleep(0)
        return spin_for(10)

    for _ in range(rounds):
        stop = Stop()
        timer = threading.Thread(target=lambda stop=stop: (spin_for(numbers.randrange(5_000)), stop.request("now")))
        timer.start()
        with contextlib.suppress(Stopped):
            assert call(wait, (), {}, None, stop) == 10
        after()
        timer.join()
        after()


def test_the_first_request_counts() -> None:
    stop = Stop()
    assert stop.requested == ""
    stop.request("first")
    stop.request("second")
    assert stop.requested == "first"


def test_a_request_without_a_reason_is_one() -> None:
    stop = Stop()
    stop.request("")
    assert stop.requested


def test_within_a_block_of_its_own_way_a_request_is_handled_there_and_asked_again() -> None:
    stop = Stop()
    asked: queue.SimpleQueue[int] = queue.SimpleQueue()
    with stop.by(lambda: asked.put(threading.get_ident())):
        asking = threading.Thread(target=stop.request, args=("now",))
        asking.start()
        assert asked.get(timeout=5) != threading.get_ident()
        asked.get(timeout=5)
        asking.join()
    after()
    with pytest.raises(Stopped, match="now"), stop.by(lambda: None):
        pytest.fail("it was asked before")


def test_the_reminder_ends_when_nobody_is_left() -> None:
    stop = Stop()
    with stop.by(lambda: None):
        stop.request("now")
    deadline = threading.Event()
    while any(thread.name == "wfkit-reminder" for thread in threading.enumerate()):
        assert not deadline.wait(0.05)


def test_a_stop_costs_a_call_next_to_nothing() -> None:
    """Some 0.5 µs; 2 µs is the promise, and the limit leaves room for a busy machine."""
    rounds = 20_000
    clock = time.thread_time
    bare = min(timeit.repeat(lambda: spin_for(1), number=rounds, repeat=5, timer=clock))
    whole = min(timeit.repeat(lambda: call(spin_for, (1,), {}, None, Stop()), number=rounds, repeat=5, timer=clock))
    assert (whole - bare) / rounds < 4e-6


def test_a_shield_keeps_a_request_for_its_end() -> None:
    """A lock of the queue's would be left taken otherwise."""
    stop = Stop()
    reached: list[str] = []

    def work() -> None:
        with Shield() as shield:
            assert not shield.wanted
            asking = threading.Thread(target=stop.request, args=("now",))
            asking.start()
            asking.join()
            with Shield():
                after()
            after()
            reached.append("the end")
            assert shield.wanted
        after()
        reached.append("too far")

    with pytest.raises(Stopped):
        call(work, (), {}, None, stop)
    assert reached == ["the end"]
    with Shield() as shield:
        assert not shield.wanted


@pytest.mark.timeout(60)
@pytest.mark.parametrize("rounds", [30, pytest.param(300, marks=pytest.mark.soak)])
def test_shielded_queues_survive_every_request(quick_switches: None, rounds: int) -> None:
    shared: queue.Queue[int] = queue.Queue()

    def work() -> None:
        while True:
            with Shield():
                shared.put(1)
                shared.get()

    for round_ in range(rounds):
        stop = Stop()
        asking = threading.Timer(1e-5 * (round_ % 50), stop.request, args=("now",))
        asking.start()
        with pytest.raises(Stopped):
            call(work, (), {}, None, stop)
        asking.join()
        assert not shared.mutex.locked()


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_shared_locks_of_logging_and_of_the_engine_survive_every_request() -> None:
    """Several threads wait for the handler's lock at any time; one that was hit as it got it would keep it."""
    logger, handler = logging.getLogger("busy"), logging.StreamHandler(io.StringIO())
    logger.propagate = False
    logger.addHandler(handler)
    sent: list[int] = []
    sink = LogSink(lambda part, lines: sent.append(part), lambda _, flush: flush())
    over = threading.Event()

    def log_on() -> None:
        while not over.is_set():
            logger.error("others")

    def work() -> None:
        while True:
            logger.error("mine")
            sink.write(20, "line\n")

    others = [threading.Thread(target=log_on, daemon=True) for _ in range(2)]
    for thread in others:
        thread.start()
    for round_ in range(6):
        stop = Stop()
        asking = threading.Timer(1e-4 * round_, stop.request, args=("now",))
        asking.start()
        with pytest.raises(Stopped):
            call(work, (), {}, None, stop)
        asking.join()
    over.set()
    for thread in others:
        thread.join(10)
        assert not thread.is_alive()
    logger.removeHandler(handler)
    assert sink._lock.acquire(timeout=5)
    sink._lock.release()
