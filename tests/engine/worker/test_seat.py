"""Seats: at most one suspect executes at a time, and only so many tasks wait on a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
from distributed import Client, LocalCluster, Worker

from tests.engine.worker.driving import WAIT_S, Driver, poll
from wfkit.authoring.options import task_options
from wfkit.authoring.task import task
from wfkit.core.states import TaskState
from wfkit.engine.driver.cluster import Cluster
from wfkit.engine.worker import spec as specs
from wfkit.engine.worker.envelope import More
from wfkit.engine.worker.node import PUT_OFF_S
from wfkit.engine.worker.outcome import Bounced, Ok
from wfkit.engine.worker.past import Past
from wfkit.engine.worker.slot import waiting_count
from wfkit.engine.worker.spec import Bounds, Spec

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def four() -> Iterator[tuple[Client, Worker]]:
    """One worker of four threads in this process."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=4,
            processes=False,
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client, next(iter(cluster.workers.values()))


@pytest.fixture
def driver(four: tuple[Client, Worker]) -> Iterator[Driver]:
    client, worker = four
    driver = Driver(Cluster(client), f"seat-{time.monotonic_ns()}", worker.address)
    driver.answers["spawn"] = 500_000
    yield driver
    driver.close()


def suspect(worker: Worker, key: str) -> str:
    worker.stream_handlers["wfkit-notes"](notes={key: {"crashes": 1, "alone": True}})
    return key


def shared(driver: Driver, function: Any, **options: Any) -> Spec:
    """A task whose function is not copied, so that it may share things with the test."""
    spec = driver.spec(lambda: None, **options)
    specs._LOADED[spec.code_id] = (function, task_options({}))
    return spec


class Counted:
    """How many execute at the same time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()

    def __call__(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self.lock:
            self.now -= 1


def test_suspects_execute_one_at_a_time_and_others_beside_them(driver: Driver, four: tuple[Client, Worker]) -> None:
    suspects, others = Counted(), Counted()
    one, other = shared(driver, suspects), shared(driver, others)
    found = [driver.submit(one, n, key=suspect(four[1], f"s-{driver.run}-{n}")) for n in range(8)]
    found += [driver.submit(other, 100 + n) for n in range(40)]
    assert all(isinstance(each.result(WAIT_S), Ok) for each in found)
    assert suspects.most == 1
    assert others.most > 1


@task
def child() -> int:
    return 1


def wait_for_a_child() -> None:
    child.submit().wait()


def test_a_suspect_that_waits_lets_another_one_run(driver: Driver, four: tuple[Client, Worker]) -> None:
    """Its child may be one: both died with the same worker."""
    waiting = driver.submit(driver.spec(wait_for_a_child), 1, key=suspect(four[1], f"w-{driver.run}"))
    driver.until(lambda: driver.asked("ended"), "that it waits")
    assert isinstance(driver.outcome(driver.spec(lambda: 1), 2, key=suspect(four[1], f"c-{driver.run}")), Ok)
    (number,) = [one[1] for one in driver.told("ask") if one[3] == "ended"]
    driver.answer(driver.worker, [number, [["child", "COMPLETED", "", None, None, "", -1, []]]])
    assert isinstance(waiting.result(WAIT_S), Ok)


def test_at_the_cap_others_are_put_off_and_descendants_run(driver: Driver) -> None:
    bounds = Bounds(waiting_threads=1)
    waiting = driver.submit(driver.spec(wait_for_a_child, bounds=bounds), 1)
    driver.until(lambda: driver.asked("ended"), "that it waits")
    poll(lambda: waiting_count() == 1, "that it is counted")
    began: list[str] = []
    other = driver.submit(shared(driver, lambda: began.append("other"), bounds=bounds), 2)
    descendant = shared(driver, lambda: began.append("descendant"), bounds=bounds, group="g4.1/1")
    assert isinstance(driver.outcome(descendant, 0), Ok)
    assert began == ["descendant"]
    (number,) = [one[1] for one in driver.told("ask") if one[3] == "ended"]
    driver.answer(driver.worker, [number, [["child", "COMPLETED", "", None, None, "", -1, []]]])
    assert isinstance(waiting.result(WAIT_S), Ok)
    assert isinstance(other.result(WAIT_S), Ok)


def test_at_the_cap_what_holds_named_slots_goes_back_to_the_driver(driver: Driver, four: tuple[Client, Worker]) -> None:
    bounds = Bounds(waiting_threads=1)
    waiting = driver.submit(driver.spec(wait_for_a_child, bounds=bounds), 1)
    driver.until(lambda: driver.asked("ended"), "that it waits")
    poll(lambda: waiting_count() == 1, "that it is counted")
    limited = driver.spec(lambda: 1, bounds=bounds, limits={"db": 1})
    assert isinstance(driver.outcome(limited, 2, more=More(past=Past(3, 1, 1))), Bounced)
    assert isinstance(driver.outcome(limited, 3, key=suspect(four[1], f"b-{driver.run}")), Bounced)
    driver.until(lambda: len(driver.told("parked")) == 2, "that they are parked")
    assert [told[2:] for told in driver.told("parked")] == [[2, [3, 1, 1], PUT_OFF_S], [3, [1, 0, 1], PUT_OFF_S]]
    driver.answers["kept"] = [["", "", None, None]]  # another Dask task executes it by now
    assert isinstance(driver.outcome(limited, 5, key=suspect(four[1], f"d-{driver.run}")), Bounced)
    assert len(driver.told("parked")) == 2
    four[1].stream_handlers["wfkit-notes"](notes={f"c-{driver.run}": {"condemned": "worker lost"}})
    lost = driver.submit(limited, 4, key=f"c-{driver.run}")
    driver.cluster.tell("cancel", run=driver.run, request="q1", nodes=[["g4", 2]])
    driver.until(lambda: driver.told("cancelled"), "that it is cancelled")
    assert driver.outcome(limited, 2).state is TaskState.CANCELLED
    (number,) = [one[1] for one in driver.told("ask") if one[3] == "ended"]
    driver.answer(driver.worker, [number, [["child", "COMPLETED", "", None, None, "", -1, []]]])
    assert isinstance(waiting.result(WAIT_S), Ok)
    assert lost.result(WAIT_S).state is TaskState.CRASHED


def test_what_is_put_off_goes_behind_a_descendant_of_lower_priority(driver: Driver) -> None:
    """Else they come back sooner than the descendant has its turn, for ever."""
    bounds = Bounds(waiting_threads=1)
    waiting = driver.submit(driver.spec(wait_for_a_child, bounds=bounds), 1)
    driver.until(lambda: driver.asked("ended"), "that it waits")
    poll(lambda: waiting_count() == 1, "that it is counted")
    began: list[str] = []
    others = shared(driver, lambda: began.append("other"), bounds=bounds)
    found = [driver.submit(others, 2 + n, priority=5) for n in range(40)]
    descendant = shared(driver, lambda: began.append("descendant"), bounds=bounds, group="g4.1/1")
    assert isinstance(driver.outcome(descendant, 0), Ok)
    (number,) = [one[1] for one in driver.told("ask") if one[3] == "ended"]
    driver.answer(driver.worker, [number, [["child", "COMPLETED", "", None, None, "", -1, []]]])
    assert all(isinstance(each.result(WAIT_S), Ok) for each in [waiting, *found])
    assert began == ["descendant", *["other"] * 40]


def test_the_scheduler_knows_what_executes_and_what_rests(driver: Driver, four: tuple[Client, Worker]) -> None:
    side: Any = four[1].plugins["wfkit-worker"]
    sent: list[dict[str, Any]] = []
    send = four[1].batched_send
    four[1].batched_send = lambda message: (sent.append(message), send(message))  # type: ignore[method-assign, assignment, func-returns-value]
    try:
        waiting = driver.submit(driver.spec(wait_for_a_child), 1, key=f"k-{driver.run}")
        driver.until(lambda: driver.asked("ended"), "that it waits")
        poll(lambda: any(f"k-{driver.run}" in one.get("rested", ()) for one in sent), "that it rests")
        (number,) = [one[1] for one in driver.told("ask") if one[3] == "ended"]
        driver.answer(driver.worker, [number, [["child", "COMPLETED", "", None, None, "", -1, []]]])
        assert isinstance(waiting.result(WAIT_S), Ok)
        moves = [kind for one in sent for kind in ("began", "rested") if f"k-{driver.run}" in one.get(kind, ())]
        assert moves[-1] == "began"
        assert "rested" in moves
    finally:
        four[1].batched_send = send  # type: ignore[method-assign]
    assert side.worker is four[1]


def test_a_thread_that_outlives_its_task_keeps_no_other_suspect_waiting(
    driver: Driver, four: tuple[Client, Worker]
) -> None:
    side: Any = four[1].plugins["wfkit-worker"]
    left: list[threading.Thread] = []

    def leaves_a_thread() -> None:
        handle = child.submit()
        thread = threading.Thread(target=copy_context().run, args=(handle.wait,), daemon=True)
        thread.start()
        driver.until(lambda: driver.asked("ended"), "that it waits")
        left.append(thread)

    key = suspect(four[1], f"l-{driver.run}")
    spec = shared(driver, leaves_a_thread)
    assert isinstance(driver.outcome(spec, 1, key=key), Ok)
    (number,) = [one[1] for one in driver.told("ask") if one[3] == "ended"]
    driver.answer(driver.worker, [number, [["child", "COMPLETED", "", None, None, "", -1, []]]])
    left[0].join(WAIT_S)
    assert not left[0].is_alive()
    assert not side.suspect.locked()
    assert key not in side._box._at
    assert isinstance(driver.outcome(driver.spec(lambda: 1), 2, key=suspect(four[1], f"m-{driver.run}")), Ok)
