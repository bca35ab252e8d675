"""Spawning: what a task's body makes gets its place in the graph, its numbers and its bounds."""

from __future__ import annotations

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster, Worker

from tests.engine.worker.conftest import RunOf
from tests.engine.worker.driving import WAIT_S, Driver, frozen, poll
from wfkit.authoring.context import current
from wfkit.authoring.flow import flow
from wfkit.authoring.task import task
from wfkit.core.events import NodeResumed, NodeWaiting
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.engine.scheduler.plugin import NAME
from wfkit.engine.worker.outcome import Err, Ok
from wfkit.engine.worker.spec import Bounds
from wfkit.engine.worker.stop import Stopped
from wfkit.errors import TooDeep, TooManyTasks

pytestmark = pytest.mark.timeout(60)


@task
def inc(x: Any) -> Any:
    return x + 1


def groups(run: Run) -> dict[str, tuple[str, str | None]]:
    """By group: the task's name and the parent."""
    return {str(group.spec.id): (group.spec.name, group.spec.parent) for group in run.view_model.ordered()}


def test_children_are_numbered_in_the_order_of_the_calls(run_of: RunOf) -> None:
    @task
    def parent(x: int) -> Any:
        first = inc.submit(x)
        return [first, inc.map([x, first]), inc.submit(0)]

    run = run_of(lambda: parent.map([10, 20]))
    assert run.result() == [[11, [11, 12], 1], [21, [21, 22], 1]]
    found = groups(run)
    (top,) = [name for name, (task_name, _) in found.items() if task_name == "parent"]
    for index in range(2):
        for number in (1, 2, 3):
            assert "inc" in found[f"{top}.{index}/{number}"][0]
            assert found[f"{top}.{index}/{number}"][1] == top


def test_a_body_that_is_executed_again_finds_the_children_it_has(run_of: RunOf, tmp_path: Path) -> None:
    @task
    def child(x: int) -> int:
        with (tmp_path / f"child-{x}").open("a") as file:
            file.write("executed\n")
        return x

    @task(retries=2)
    def parent() -> int:
        first, second = child.submit(1), child.submit(2)
        total: int = first.result() + second.result()  # type: ignore[operator]
        if current.attempt < 3:
            raise ValueError("again")
        return total

    run = run_of(parent)
    assert run.result() == 3
    assert [path.read_text() for path in sorted(tmp_path.glob("child-*"))] == ["executed\n"] * 2


def test_threads_of_a_task_spawn_its_children(run_of: RunOf) -> None:
    @task
    def parent() -> int:
        with ThreadPoolExecutor(4) as pool:
            return sum(pool.map(lambda x: inc.submit(x).result(), range(8)))  # type: ignore[arg-type, return-value]

    run = run_of(parent)
    assert run.result() == 36
    spawned = [name for name in groups(run) if "/" in name]
    assert sorted(int(name.partition("/")[2]) for name in spawned) == list(range(1, 9))


def test_a_flow_in_a_task_is_a_group_of_its_own(run_of: RunOf) -> None:
    @flow
    def inner(x: int) -> Any:
        return inc(inc(x))

    @task
    def parent() -> Any:
        return [inner(1), inc.submit(10)]

    run = run_of(parent)
    assert run.result() == [3, 11]
    found = groups(run)
    (sub,) = [name for name, (of, _) in found.items() if "inner" in of and "inc" not in of]
    inside = [name for name, (_, within) in found.items() if within == sub]
    assert len(inside) == 2
    outside = [name for name, (of, within) in found.items() if "inc" in of and within != sub]
    assert len(outside) == 1


def test_a_recursion_without_end_is_stopped_where_it_is_spawned(run_of: RunOf) -> None:
    @task
    def deeper(level: int) -> Any:
        try:
            return deeper.submit(level + 1)
        except TooDeep as error:
            return f"{level}: {error}"

    run = run_of(lambda: deeper(0), Bounds(max_depth=3))
    text = str(run.result())
    assert text.startswith("3: `deeper` would be spawned 4 levels deep, and 3 is the limit")


def test_a_spawn_bomb_gets_an_error_and_the_rest_goes_on(run_of: RunOf) -> None:
    @task
    def bomb() -> Any:
        made: list[Any] = []
        try:
            while True:
                made.append(inc.submit(len(made)))
        except TooManyTasks as error:
            return [str(error)[:60], *made]

    run = run_of(bomb, Bounds(max_tasks=20))
    found: Any = run.result()
    assert found[0].startswith("`bomb` spawned a task beyond the 20 that a run may have.")
    assert found[1:] == list(range(1, 20))


def test_far_from_the_limit_the_driver_is_asked_only_now_and_then(driver: Driver) -> None:
    driver.answers["spawn"] = 500_000

    def parent() -> int:
        for x in range(1_500):
            inc.submit(x)
        return 1

    assert driver.execute(parent).value() == 1
    driver.until(lambda: len(driver.told("spawn")) + len(driver.asked("spawn")) == 1_500, "all calls")
    assert len(driver.asked("spawn")) == 2
    numbers = [int(news[1].partition("/")[2]) for news in driver.told("spawn")]
    assert numbers == sorted(numbers)
    with_code = [news for news in driver.told("spawn") if len(news[5]) > 1_000]
    assert len(with_code) == 0  # it went with the first call, which asked


def test_near_the_limit_each_call_asks(driver: Driver) -> None:
    driver.answers["spawn"] = 100

    def parent() -> None:
        for x in range(5):
            inc.submit(x)

    driver.execute(parent)
    assert len(driver.asked("spawn")) == 5
    assert driver.told("spawn") == []


def test_what_the_driver_refuses_is_raised_in_the_spawner(driver: Driver) -> None:
    driver.answers["spawn"] = -1
    outcome = driver.execute(lambda: inc.submit(1))
    assert isinstance(outcome, Err)
    assert outcome.reason.startswith("TooManyTasks: `load` spawned a task beyond the 1000000")


def test_while_it_waits_a_task_holds_no_slot_and_says_so(driver: Driver) -> None:
    driver.answers["spawn"] = 500_000

    def parent() -> object:
        return inc.submit(1).result()

    waiting = driver.submit(driver.spec(parent))
    driver.until(lambda: driver.asked("ended"), "that it asks for its child")
    assert isinstance(driver.outcome(driver.spec(lambda: 1), 8), Ok)  # on the one thread there is
    (number,) = [one[1] for one in driver.told("ask") if one[3] == "ended"]
    driver.answer(driver.worker, [number, [["inc", "COMPLETED", "", None, pickle.dumps(2), "", -1, []]]])
    assert waiting.result(WAIT_S).value() == 2
    kinds = [type(event) for event in driver.events(6) if getattr(event, "index", None) == 7]
    assert NodeWaiting in kinds
    assert kinds.index(NodeResumed) > kinds.index(NodeWaiting)


def test_a_task_that_is_cancelled_while_it_waits_stops_and_gives_its_slot_back(driver: Driver) -> None:
    driver.answers["spawn"] = 500_000

    def parent() -> object:
        return inc.submit(1).result()

    waiting = driver.submit(driver.spec(parent))
    driver.until(lambda: driver.asked("ended"), "that it asks for its child")
    driver.cluster.tell("cancel", run=driver.run, request="q1", nodes=[["g4", 7]])
    outcome = waiting.result(WAIT_S)
    assert outcome.state is TaskState.CANCELLED
    for index in range(20, 24):
        assert isinstance(driver.outcome(driver.spec(lambda: 1), index), Ok)


@pytest.mark.parametrize("question", ["spawn", "state"])
def test_a_task_that_is_cancelled_while_it_asks_stops(driver: Driver, question: str) -> None:
    if question == "state":
        driver.answers["spawn"] = 500_000
    waiting = driver.submit(driver.spec(lambda: inc.submit(1).state))
    driver.until(lambda: driver.asked(question), "that it asks")
    driver.cluster.tell("cancel", run=driver.run, request="q1", nodes=None)
    assert waiting.result(WAIT_S).state is TaskState.CANCELLED


def test_an_async_task_that_gave_up_waiting_runs_on(run_of: RunOf) -> None:
    import asyncio

    @task
    def slow() -> str:
        time.sleep(0.4)
        return "slow"

    @task
    async def parent() -> Any:
        child = slow.submit()
        try:
            await asyncio.wait_for(child._result_soon(), 0.05)
        except TimeoutError:
            return child
        return "in time"

    run = run_of(parent)
    assert run.result() == "slow"
    node = run.node("parent")
    assert node.state is TaskState.COMPLETED


def test_named_slots_are_given_back_while_a_task_waits(run_of: RunOf) -> None:
    @task(limits={"spawn-test": 1})
    def child() -> int:
        return 1

    @task(limits={"spawn-test": 1})
    def parent() -> Any:
        return child.submit().result()

    run = run_of(parent)
    assert (run.state, run.result()) == (RunState.COMPLETED, 1)


def test_a_task_that_holds_resources_may_not_wait(driver: Driver) -> None:
    driver.answers["spawn"] = 500_000
    outcome = driver.execute(lambda: inc.submit(1).result(), resources={"GPU": 1})
    assert outcome.reason.startswith("WaitingHoldsResources: `load` waits for other tasks while it holds resources")


def test_two_threads_of_a_task_wait_and_the_slot_comes_back_once(run_of: RunOf) -> None:
    @task
    def parent() -> int:
        found: list[Any] = []
        threads = [threading.Thread(target=lambda: found.append(inc.submit(1).result())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(found)

    run = run_of(lambda: [parent() for _ in range(6)])
    assert run.result() == [8] * 6


class Limited:
    """A named slot, the other node that has it, and what the scheduler's plugin keeps of it."""

    def __init__(self, dask: tuple[Client, LocalCluster], driver: Driver) -> None:
        self.driver, self.name = driver, f"spawn-{driver.run}"
        cluster: Any = dask[1]
        self.side: Any = cluster.scheduler.plugins[NAME]

    def take(self) -> None:
        """Another node has the slot from now on."""
        self.driver.cluster.tell("slots", run=self.driver.run, node=["g9", 0], names={self.name: 1})
        self.driver.until(lambda: self.driver.told("granted"), "that the other one has it")

    def give_back(self) -> None:
        """… and now no more."""
        self.driver.cluster.tell("give-back", run=self.driver.run, node=["g9", 0])

    def is_asked_for(self) -> bool:
        """Whether somebody waits for it."""
        return any(self.name in request.names for request in list(self.side.slots._waiting.values()))

    def end_child(self, count: int) -> None:
        """The child that was asked for at this place, counted from 0, has ended."""
        self.driver.until(lambda: len(self.driver.asked("ended")) > count, "that a thread waits for it")
        number = [one[1] for one in self.driver.told("ask") if one[3] == "ended"][count]
        self.driver.answer(self.driver.worker, [number, [["inc", "COMPLETED", "", None, pickle.dumps(2), "", -1, []]]])


@pytest.fixture
def limited(dask: tuple[Client, LocalCluster], driver: Driver) -> Limited:
    driver.answers["spawn"] = 500_000
    return Limited(dask, driver)


def test_a_thread_that_asks_for_named_slots_gets_them_before_another_one_gives_them_back(
    driver: Driver, limited: Limited, tmp_path: Path
) -> None:
    second = str(tmp_path / "second")

    def parent(second: str) -> list[bool]:
        def wait_when(path: str) -> None:
            while path and not Path(path).exists():
                time.sleep(0.005)
            inc.submit(1).wait()

        threads = [threading.Thread(target=copy_context().run, args=(wait_when, path)) for path in ("", second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        return [thread.is_alive() for thread in threads]

    waiting = driver.submit(driver.spec(parent, limits={limited.name: 1}), frozen=frozen((second,)))
    driver.until(lambda: driver.asked("ended"), "that a thread waits")
    limited.take()
    limited.end_child(0)
    poll(limited.is_asked_for, "that it wants its slot back")
    Path(second).touch()
    limited.end_child(1)
    limited.give_back()
    assert waiting.result(WAIT_S).value() == [False, False]


def test_who_takes_over_and_waits_for_its_named_slots_again_can_be_cancelled(
    driver: Driver, limited: Limited, workers: list[Worker], tmp_path: Path
) -> None:
    """It does not wait for its thread either, where another task has begun meanwhile."""
    gate, key = tmp_path / "gate", f"taken-over-{driver.run}"

    def hold(gate: str) -> None:
        while not Path(gate).exists():
            time.sleep(0.005)

    for worker in workers:
        worker.stream_handlers["wfkit-notes"](notes={key: {}})
    limited.take()
    waiting = driver.submit(driver.spec(lambda: 1, limits={limited.name: 1}), key=key)
    poll(limited.is_asked_for, "that it wants its slot again")
    holding = driver.submit(driver.spec(hold), 8, frozen=frozen((str(gate),)))
    driver.until(lambda: len(driver.told("event")) == 2, "that both have begun")
    driver.cluster.tell("cancel", run=driver.run, request="q1", nodes=[["g4", 7]])
    outcome = waiting.result(WAIT_S)
    assert (outcome.state, outcome.reason) == (TaskState.CANCELLED, "cancelled while it ran")
    assert driver.end().state is TaskState.CANCELLED
    gate.touch()
    assert isinstance(holding.result(WAIT_S), Ok)


def test_a_thread_that_outlives_its_task_does_not_wait_for_named_slots(driver: Driver, limited: Limited) -> None:
    def parent(name: str) -> None:
        handle = inc.submit(1)

        def outlive() -> None:
            with suppress(Stopped):
                handle.wait()

        threading.Thread(target=copy_context().run, args=(outlive,), name=name, daemon=True).start()
        inc.submit(2).wait()

    waiting = driver.submit(driver.spec(parent, limits={limited.name: 1}), frozen=frozen((limited.name,)))
    driver.until(lambda: len(driver.asked("ended")) == 2, "that both wait")
    limited.take()
    driver.cluster.tell("cancel", run=driver.run, request="q1", nodes=None)
    assert waiting.result(WAIT_S).state is TaskState.CANCELLED
    for count in range(2):
        limited.end_child(count)
    poll(lambda: limited.name not in [thread.name for thread in threading.enumerate()], "that it ends")
