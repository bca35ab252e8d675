"""Runs: how they end, what they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.inputs import Missing, allow_failure, present
from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.errors import FlowFailed, NoSuchNode, UpstreamFailed, WaitTimeout

RunOf = Callable[[Callable[[], object]], Run]


@task
def inc(x: Any) -> Any:
    return x + 1


@task
def picky(x: Any) -> Any:
    if x == 3:
        raise ValueError("three")
    if x == 5:
        raise Skip("five")
    return x


@task
def total(values: Any) -> Any:
    return sum(values)


@task(trigger="all_done")
def count_present(values: Any) -> Any:
    return len(values), len(present(values))


def test_a_run_completes_with_the_value_of_its_body(run_of: RunOf) -> None:
    run = run_of(lambda: {"sum": total(inc.map(inc.map(range(10))))})
    assert run.state is RunState.COMPLETED
    assert run.result() == {"sum": sum(range(10)) + 20}
    assert run["sum"].result() == 65


def test_a_body_without_calls_completes(run_of: RunOf) -> None:
    assert run_of(lambda: 7).result() == 7


def test_an_empty_map_completes_with_no_items_and_a_reduce_gets_an_empty_list(run_of: RunOf) -> None:
    run = run_of(lambda: {"none": inc.map([]), "sum": total(inc.map([]))})
    assert run.state is RunState.COMPLETED
    assert run["none"].result() == []
    assert run["none"].state is TaskState.COMPLETED
    assert run["sum"].result() == 0


def test_an_unhandled_failure_fails_the_run_and_names_the_root(run_of: RunOf) -> None:
    run = run_of(lambda: total(inc.map(picky.map(range(5)))))
    assert run.state is RunState.FAILED
    assert run.view_model.reason == "`picky[3]` FAILED"
    assert [handle.name for handle in run.failed] == ["picky[3]"]
    with pytest.raises(FlowFailed, match=r"picky\[3\]"):
        run.result()
    with pytest.raises(UpstreamFailed, match="total"):
        run.node("total").result()


def test_a_failure_that_a_task_ran_with_is_handled(run_of: RunOf) -> None:
    run = run_of(lambda: {"seen": count_present(inc.map(picky.map(range(7))))})
    assert run.state is RunState.COMPLETED
    # Seven elements, one failed, one skipped: skipped ones are left out, failed ones keep their place.
    assert run["seen"].result() == (6, 5)


def test_a_failure_that_the_body_looked_at_is_handled(run_of: RunOf) -> None:
    def body() -> object:
        error = picky(3).exception()
        return type(error).__name__

    run = run_of(body)
    assert (run.state, run.result()) == (RunState.COMPLETED, "ValueError")


def test_a_look_from_outside_the_body_handles_nothing(run_of: RunOf) -> None:
    run = run_of(lambda: picky(3))
    assert isinstance(run.node("picky").exception(), ValueError)
    assert run.state is RunState.FAILED


def test_allow_failure_gives_a_missing_and_handles_the_failure(run_of: RunOf) -> None:
    @task
    def look(value: Any) -> Any:
        assert isinstance(value, Missing)
        return f"{value.state} {type(value.exception).__name__} {bool(value)}"

    run = run_of(lambda: {"look": look(allow_failure(picky(3)))})
    assert run.state is RunState.COMPLETED
    assert run["look"].result() == "FAILED ValueError False"


def test_a_skip_cascades_and_the_run_is_fine(run_of: RunOf) -> None:
    run = run_of(lambda: inc(picky(5)))
    assert run.state is RunState.COMPLETED
    assert run.node("inc").state is TaskState.SKIPPED
    assert "picky" in run.nodes[1].reason


def test_an_exception_in_the_body_lets_submitted_tasks_finish(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")):
        handle = inc.map(range(5))
    run.fail_body(RunState.FAILED, "KeyError: 'x' (body, line 3)", {})
    run.wait(20)
    assert handle.result() == [1, 2, 3, 4, 5]
    assert (run.state, run.view_model.reason) == (RunState.FAILED, "KeyError: 'x' (body, line 3)")


def test_nodes_are_found_by_name_and_unknown_ones_are_named(run_of: RunOf) -> None:
    run = run_of(lambda: [inc(1), inc(5), inc.map([7])])
    assert run.node("inc").result() == 2
    assert run.node("inc#2").result() == 6
    assert run.node("inc#3").result() == [8]
    assert run.node("inc#3[0]").result() == 8
    with pytest.raises(NoSuchNode, match=r"no node 'dec'.*inc"):
        run.node("dec")
    with pytest.raises(NoSuchNode, match="no handle named 'x'"):
        run["x"]


def test_wait_with_a_timeout_says_what_still_runs(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with pytest.raises(WaitTimeout, match="still RUNNING"):
        run.wait(0.05)
    run.close_body(None, {})
    assert run.wait(5).state is RunState.COMPLETED


def test_subscribers_hear_of_changes_until_they_leave(new_run: Callable[[], Run]) -> None:
    run, heard = new_run(), list[int]()
    leave = run.subscribe(lambda: heard.append(run.view_model.version))
    with inside(FlowBody(run, "flow")):
        inc(1)
    leave()
    seen = len(heard)
    run.close_body(None, {})
    run.wait(10)
    assert seen >= 1
    assert len(heard) == seen


def test_calls_of_a_flow_in_the_flow_form_a_group(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")):
        close = run.subflow("inner", {})
        inc(1)
        close()
        inc(2)
    run.close_body(None, {})
    run.wait(10)
    inner, first, second = run.view_model.ordered()
    assert inner.spec.kind == "flow"
    assert (first.spec.parent, second.spec.parent) == (inner.spec.id, None)


def test_results_of_another_run_are_inputs(run_of: RunOf) -> None:
    first = run_of(lambda: {"xs": inc.map(range(3)), "big": blob(20_000)})
    second = run_of(lambda: {"ys": inc.map(first["xs"]), "size": size(first["big"])})
    assert second["ys"].result() == [2, 3, 4]
    assert second["size"].result() == 20_000
    first.release()
    third = run_of(lambda: total(first["xs"]))
    assert third.result() == 6, "small results outlive the release"


@task
def blob(length: Any) -> Any:
    return b"x" * length


@task
def size(value: Any) -> Any:
    return len(value)
