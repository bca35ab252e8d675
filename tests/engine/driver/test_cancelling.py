"""Cancelling runs and nodes; what starts, what never does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.task import task
from wfkit.core.states import CODES, RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.errors import TaskCancelled


class _Gate:
    """Holds tasks of this process back, and counts those that started."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.started = threading.Semaphore(0)
        self.count = 0

    def __reduce__(self) -> tuple[object, ...]:
        return (_the_gate, ())


_GATE: list[_Gate] = []


def _the_gate() -> _Gate:
    return _GATE[0]


@pytest.fixture(autouse=True)
def gate() -> _Gate:
    _GATE[:] = [_Gate()]
    return _GATE[0]


@task
def held(x: Any, gate: Any) -> Any:
    gate.count += 1
    gate.started.release()
    assert gate.open.wait(20)
    return x


@task
def after(x: Any, gate: Any) -> Any:
    gate.count += 1
    return x


def _start(run: Run, body: Callable[[], object]) -> None:
    with inside(FlowBody(run, "flow")):
        body()


def test_pending_work_never_starts_and_running_work_is_waited_for(new_run: Callable[[], Run], gate: _Gate) -> None:
    run = new_run()
    _start(run, lambda: [after(one, gate) for one in [held(i, gate) for i in range(6)]])
    run.close_body(None, {})
    assert gate.started.acquire(timeout=10)
    assert gate.started.acquire(timeout=10)
    run.cancel("enough")
    assert run.state is RunState.CANCELLING
    assert run.until(lambda: run.view_model.counts()[CODES[TaskState.CANCELLED]] == 10, 10), run.nodes
    running = [row.name for row in run.nodes if row.state is TaskState.RUNNING]
    assert len(running) == 2
    gate.open.set()
    run.wait(10)
    assert (run.state, run.view_model.reason) == (RunState.CANCELLED, "enough")
    assert gate.count == 2, "nothing else ever started"
    with pytest.raises(TaskCancelled, match="enough"):
        run.node("after").result()


def test_cancelling_twice_or_after_the_end_does_nothing(new_run: Callable[[], Run]) -> None:
    run = new_run()
    run.cancel("one")
    run.cancel("two")
    run.close_body(None, {})
    run.wait(10)
    run.cancel("three")
    assert (run.state, run.view_model.reason) == (RunState.CANCELLED, "one")


def test_calls_made_after_a_cancel_are_cancelled(new_run: Callable[[], Run], gate: _Gate) -> None:
    run = new_run()
    run.cancel("early")
    _start(run, lambda: after.map([1, 2], [gate, gate]))
    run.close_body(None, {})
    run.wait(10)
    assert [row.state for row in run.nodes] == [TaskState.CANCELLED] * 2
    assert gate.count == 0


def test_one_element_is_cancelled_and_the_others_go_on(new_run: Callable[[], Run], gate: _Gate) -> None:
    run = new_run()
    _start(run, lambda: held.map(range(4), [gate] * 4))
    run.close_body(None, {})
    assert run.until(lambda: run.view_model.counts()[CODES[TaskState.RUNNING]] == 2, 10)
    pending = next(row.name for row in run.nodes if row.state is TaskState.PENDING)
    run.node(pending).cancel()
    assert run.until(lambda: run.node(pending).state is TaskState.CANCELLED, 10)
    gate.open.set()
    run.wait(10)
    assert run.state is RunState.FAILED, "a cancelled node that nobody handled fails the run"
    assert sorted(row.state for row in run.nodes) == ["CANCELLED", "COMPLETED", "COMPLETED", "COMPLETED"]
    assert gate.count == 3


def test_maps_of_unknown_length_end_with_the_run(new_run: Callable[[], Run], gate: _Gate) -> None:
    @task
    def listed(gate: Any) -> Any:
        gate.started.release()
        assert gate.open.wait(20)
        return [1, 2]

    run = new_run()
    _start(run, lambda: after.map(listed(gate), [gate, gate]))
    run.close_body(None, {})
    assert gate.started.acquire(timeout=10)
    run.cancel()
    gate.open.set()
    run.wait(10)
    assert run.state is RunState.CANCELLED
    assert gate.count == 0
