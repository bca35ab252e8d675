"""Cancelling runs, groups, branches and nodes: what starts, what never does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.flattening import flatten
from wfkit.authoring.flow import flow
from wfkit.authoring.task import task
from wfkit.core.states import CODES, RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.engine.worker import stop
from wfkit.errors import TaskCancelled

Start = Callable[..., Run]


@task
def held(x: Any) -> Any:
    gates.wait_at(f"held {x}")
    return x


@task
def after(x: Any, y: Any = None) -> Any:
    gates.come(f"after {x}")
    return x


@task
def listed(n: Any) -> Any:
    gates.wait_at(f"list {n}")
    return list(range(n))


@task
def late(x: Any) -> Any:
    gates.come(f"late {x}")
    raise ValueError("always")


@task
def stubborn() -> Any:
    try:
        gates.wait_at("stubborn 1")
    except BaseException:
        gates.wait_at("stubborn 2")
        raise


@task
def parent(x: Any) -> Any:
    child.submit(x)
    gates.wait_at(f"parent {x}")
    raise RuntimeError("parent")


@task
def child(x: Any) -> Any:
    return [held.submit(f"{x}{letter}") for letter in "ab"]


@task
def waiting(x: Any) -> Any:
    return held.submit(x).result()


def asked(error: BaseException) -> bool:
    gates.wait_at("left")
    return True


@task(retries=1, retry_delay_seconds=60, retry_condition_fn=asked)
def parks() -> Any:
    raise ValueError("once")


class Slow:
    """Takes its time to be pickled."""

    def __reduce__(self) -> Any:
        gates.wait_at("left")
        return int, (1,)


@task
def returns() -> Any:
    return [after.submit(1), Slow()]


@flow
def branch(x: Any) -> Any:
    return after(held(x))


def _states(run: Run, name: str) -> list[str]:
    return [row.state.value for row in run.nodes if row.group == name]


def _count(run: Run, state: TaskState) -> int:
    return run.view_model.counts()[CODES[state]]


def test_pending_work_never_starts_and_running_work_is_stopped(start: Start) -> None:
    run = start(lambda: [after(one) for one in [held(i) for i in range(6)]])
    gates.until(lambda: len(gates.came()) == 2)
    run.cancel("enough")
    assert run.state in {RunState.CANCELLING, RunState.CANCELLED}
    run.wait(8)
    assert (run.state, run.view_model.reason) == (RunState.CANCELLED, "enough")
    assert _count(run, TaskState.CANCELLED) == 12
    assert len(gates.came()) == 2, "nothing else ever started"
    with pytest.raises(TaskCancelled, match="enough"):
        run.node("after").result()


def test_a_node_that_does_not_stop_says_so_until_it_does(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "AGAIN_S", 60.0)
    run = start(stubborn)
    gates.until_came("stubborn 1")
    run.cancel()
    gates.until_came("stubborn 2")
    gates.until(lambda: run.nodes[0].reason.startswith("cancelling, still running on "))
    assert (run.nodes[0].state, run.state) == (TaskState.RUNNING, RunState.CANCELLING)
    gates.open_gates("stubborn 2")
    assert run.wait(8).state is RunState.CANCELLED
    assert run.nodes[0].state is TaskState.CANCELLED


def test_cancelling_twice_or_after_the_end_does_nothing(new_run: Callable[[], Run]) -> None:
    run = new_run()
    run.cancel("one")
    run.cancel("two")
    run.close_body(None, {})
    run.wait(8)
    run.cancel("three")
    assert (run.state, run.view_model.reason) == (RunState.CANCELLED, "one")


def test_calls_made_after_a_cancel_are_cancelled(new_run: Callable[[], Run]) -> None:
    run = new_run()
    run.cancel("early")
    with inside(FlowBody(run, "flow")):
        after.map([1, 2])
        after.map(listed(1))
    run.close_body(None, {})
    run.wait(8)
    assert {row.state for row in run.nodes} == {TaskState.CANCELLED}
    assert gates.came() == []


def test_one_element_is_cancelled_and_the_others_go_on(start: Start) -> None:
    run = start(lambda: {"ys": after.map(held.map(range(4)))})
    gates.until(lambda: len(gates.came()) == 2)
    running, pending = gates.came()[0][-1], next(i for i in "3210" if f"held {i}" not in gates.came())
    for index in (running, pending):
        run.node(f"held[{index}]").cancel()
        gates.until(lambda index=index: run.node(f"held[{index}]").state is TaskState.CANCELLED)  # type: ignore[misc]
    gates.open_gates(*(f"held {i}" for i in range(4)))
    run.wait(8)
    assert run.state is RunState.FAILED, "a cancelled node that nobody handled fails the run"
    assert sorted(_states(run, "held")) == ["CANCELLED"] * 2 + ["COMPLETED"] * 2
    assert f"held {pending}" not in gates.came()
    assert sorted(gates.came())[:2] == [f"after {i}" for i in range(4) if str(i) not in (running, pending)]


def test_a_group_is_cancelled_and_what_others_do_goes_on(start: Start) -> None:
    run = start(lambda: {"xs": held.map(range(5)), "ys": after.map(range(3))})
    gates.until(lambda: len(gates.came()) >= 2)
    run["xs"].cancel()
    run.wait(8)
    assert _states(run, "held") == ["CANCELLED"] * 5
    assert run["ys"].result() == [0, 1, 2]


def test_a_node_that_waits_for_its_next_attempt_is_cancelled_at_once(start: Start) -> None:
    run = start(lambda: after(late.with_options(retries=1, retry_delay_seconds=60)(1)))
    gates.until(lambda: run.node("late").state is TaskState.RETRYING)
    run.node("late").cancel()
    run.wait(8)
    assert [row.state.value for row in run.nodes] == ["CANCELLED", "UPSTREAM_FAILED"]
    assert gates.came() == ["late 1"]


def test_a_cancelled_node_takes_all_that_descends_from_it_along(start: Start) -> None:
    run = start(lambda: {"xs": waiting.map(["x", "y"])})
    gates.until_came("held x", "held y")
    run["xs"][0].cancel()
    gates.until(lambda: run.node("waiting[0]/held").state is TaskState.CANCELLED)
    gates.open_gates("held y")
    run.wait(8)
    assert _states(run, "waiting") == ["CANCELLED", "COMPLETED"]
    assert run.node("waiting[1]/held").state is TaskState.COMPLETED


def test_children_of_a_failed_parent_are_cancelled_with_theirs(start: Start) -> None:
    run = start(lambda: parent("x"))
    gates.until(lambda: "parent x" in gates.came() and len(gates.came()) == 2)
    gates.open_gates("parent x")
    run.wait(8)
    assert {row.name: row.state.value for row in run.nodes} == {
        "parent": "FAILED",
        "parent/child": "CANCELLED",
        "parent/child/held": "CANCELLED",
        "parent/child/held#2": "CANCELLED",
    }
    assert run.nodes[1].reason == "its parent has failed or was cancelled"


def test_children_of_a_parent_that_says_so_are_kept(start: Start) -> None:
    run = start(lambda: parent.with_options(on_parent_failure="keep")("x"))
    gates.until(lambda: "parent x" in gates.came() and len(gates.came()) == 2)
    gates.open_gates("parent x", "held xa", "held xb")
    run.wait(8)
    assert [row.state.value for row in run.nodes] == ["FAILED"] + ["COMPLETED"] * 3


def test_a_node_that_returned_handles_is_cancelled_with_them(start: Start) -> None:
    run = start(lambda: {"x": child("x")})
    gates.until(lambda: run["x"].state is TaskState.WAITING and len(gates.came()) == 2)
    run["x"].cancel()
    run.wait(8)
    assert {row.state for row in run.nodes} == {TaskState.CANCELLED}


def test_a_branch_is_cancelled_and_the_others_go_on(start: Start) -> None:
    run = start(lambda: {"ends": branch.map(["x", "y"])})
    gates.until_came("held x", "held y")
    flows = [group.spec.name for group in run.view_model.ordered() if group.spec.kind == "flow"]
    run.node(flows[1]).cancel()
    gates.until(lambda: _count(run, TaskState.CANCELLED) >= 1)
    gates.open_gates("held x", "held y")
    run.wait(8)
    by_parent = {row.name: row.state.value for row in run.nodes}
    assert sorted(by_parent.values()).count("COMPLETED") == 2
    assert "after y" in gates.came()
    assert "after x" not in gates.came()


def test_maps_of_unknown_length_end_with_the_run(start: Start) -> None:
    run = start(lambda: {"xs": after.map(listed(2), [1, 2]), "ys": after.map(listed(2)), "zs": after.map([1])})
    gates.until_came("list 2")
    run.cancel()
    run.wait(8)
    assert run.state is RunState.CANCELLED
    assert (_states(run, "after"), _states(run, "after#2")) == (["CANCELLED"] * 2, ["CANCELLED"])
    with pytest.raises(Exception, match="2 of 2"):
        run["xs"].result(5)


def test_a_map_is_cancelled_before_its_length_is_known(start: Start) -> None:
    run = start(lambda: {"ys": after.map(after.map(listed(2))), "zs": after.map(listed(2))})
    gates.until_came("list 2")
    run.node("after").cancel()
    gates.open_gates("list 2")
    run.wait(8)
    assert (_states(run, "after"), _states(run, "after#2")) == (["CANCELLED"], ["UPSTREAM_FAILED"])
    assert run["zs"].result() == [0, 1]


def test_an_element_is_cancelled_before_it_is_there(start: Start) -> None:
    run = start(lambda: {"ys": after.map(listed(2), [1, 2])})
    gates.until_came("list 2")
    run["ys"][1].cancel()
    gates.open_gates("list 2")
    run.wait(8)
    assert _states(run, "after") == ["COMPLETED", "CANCELLED"]


def test_a_map_that_grows_is_cancelled_with_what_it_would_have_grown_by(start: Start) -> None:
    def body() -> dict[str, object]:
        flat = flatten(listed.map([1, 2]))
        xs = after.map(flat)
        return {"xs": xs, "ys": after.map(xs), "zs": after.map(flat)}

    run = start(body)
    gates.open_gates("list 1")
    gates.until_came("list 2")
    gates.until(lambda: _states(run, "after#2") == ["COMPLETED"])
    run["xs"].cancel()
    gates.open_gates("list 2")
    run.wait(8)
    assert _states(run, "after") == ["COMPLETED", "CANCELLED", "CANCELLED"]
    assert _states(run, "after#2") == ["COMPLETED", "UPSTREAM_FAILED", "UPSTREAM_FAILED"]
    assert run["zs"].result() == [0, 0, 1]


@pytest.mark.parametrize("body", [parks, returns])
@pytest.mark.parametrize("how", ["the run", "the node"])
def test_a_node_whose_body_has_ended_when_all_workers_have_confirmed_ends(start: Start, body: Any, how: str) -> None:
    """It is about to go back to the driver, which will not send it again."""
    run = start(body)
    gates.until_came("left")
    if how == "the run":
        run.cancel("enough")
    else:
        run.node(body.name).cancel()
    gates.until(lambda: not run.cancel_requests)
    gates.open_gates("left")
    run.wait(8)
    assert _states(run, body.name) == ["CANCELLED"]
