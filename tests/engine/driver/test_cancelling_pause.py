"""Pausing: nothing starts meanwhile, and all goes on after it; a flow's time limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.engine.driver import gates
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.task import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run

Start = Callable[..., Run]


@task
def held(x: Any) -> Any:
    gates.wait_at(f"held {x}")
    return x


@task
def after(x: Any) -> Any:
    gates.come(f"after {x}")
    return x


@task
def lists(n: Any) -> Any:
    return [after.submit(x) for x in range(n)]


@task(retries=1, retry_delay_seconds=0.3)
def late() -> Any:
    gates.come("late")
    if gates.came().count("late") == 1:
        raise ValueError("once")
    return 1


def test_a_paused_run_starts_nothing_and_goes_on_when_resumed(start: Start) -> None:
    run = start(lambda: {"ys": after.map(held.map(range(6), chunk=1), chunk=1)})
    gates.until_came("held 0", "held 1")
    run.pause()
    assert (run.state, run.view_model.reason) == (RunState.PAUSED, "paused")
    gates.open_gates(*(f"held {i}" for i in range(6)))
    gates.until(lambda: [row.state for row in run.nodes].count(TaskState.COMPLETED) == 2)
    assert start(lambda: {"x": after("other")}).wait(8).state is RunState.COMPLETED, "other runs go on"
    assert sorted(gates.came()) == ["after other", "held 0", "held 1"]
    run.resume()
    assert run.state is RunState.RUNNING
    assert run.wait(8)["ys"].result() == list(range(6))
    assert all(gates.came().count(f"held {i}") == 1 for i in range(6))


def test_elements_that_travel_together_are_paused_too(start: Start) -> None:
    run = start(lambda: {"ys": after.map(held.map(range(4), chunk=4), chunk=4)})
    gates.until_came("held 0")
    run.pause()
    gates.open_gates(*(f"held {i}" for i in range(4)))
    gates.until(lambda: run.nodes[0].state is TaskState.COMPLETED)
    run.resume()
    assert run.wait(8)["ys"].result() == list(range(4))
    assert sorted(gates.came()) == sorted(f"{name} {i}" for i in range(4) for name in ("held", "after"))


def test_a_run_that_has_all_its_ends_while_paused_ends_when_resumed(start: Start) -> None:
    run = start(lambda: {"x": held(1)})
    gates.until_came("held 1")
    run.pause()
    gates.open_gates("held 1")
    assert run["x"].result(8) == 1
    assert run.state is RunState.PAUSED
    run.resume()
    assert run.wait(8).state is RunState.COMPLETED


def test_calls_children_and_attempts_wait_for_the_end_of_a_pause(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")):
        first = late()
        gates.until(lambda: first.state is TaskState.RETRYING)
        run.pause()
        second, third = after(5), lists(2)
    run.close_body(None, {})
    run.resume()
    run.wait(8)
    assert [handle.result() for handle in (first, second, third)] == [1, 5, [0, 1]]


def test_pausing_and_resuming_at_the_wrong_time_does_nothing(start: Start) -> None:
    run = start(lambda: after(1))
    run.resume()
    run.wait(8)
    run.pause()
    run.resume()
    assert run.state is RunState.COMPLETED


def test_a_paused_run_is_cancelled(start: Start) -> None:
    run = start(lambda: after.map(held.map(range(3), chunk=1), chunk=1))
    gates.until_came("held 0", "held 1")
    run.pause()
    run.cancel("enough")
    run.wait(8)
    assert (run.state, run.view_model.reason) == (RunState.CANCELLED, "enough")
    assert {row.state for row in run.nodes} == {TaskState.CANCELLED}


def test_a_flow_that_takes_too_long_fails_and_says_so(start: Start) -> None:
    run = start(lambda: after(held(1)), timeout_s=0.3)
    run.wait(8)
    assert run.state is RunState.FAILED
    assert run.view_model.reason == "the flow ran longer than its timeout_seconds=0.3"
    assert {row.state for row in run.nodes} == {TaskState.CANCELLED}


def test_a_flow_that_is_in_time_hears_nothing_of_its_limit(start: Start) -> None:
    run = start(lambda: after(1), timeout_s=60.0)
    assert run.wait(8).state is RunState.COMPLETED
    run._time_out(60.0)
    assert run.state is RunState.COMPLETED
