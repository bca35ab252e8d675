"""Maps whose length is known only when a task has returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.authoring.task import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run

RunOf = Callable[[Callable[[], object]], Run]


@task
def items(n: Any) -> Any:
    return list(range(n))


@task
def fails() -> Any:
    raise RuntimeError("no list")


@task
def number() -> Any:
    return 5


@task
def add(x: Any, y: Any = 1) -> Any:
    return x + y


@task
def total(values: Any) -> Any:
    return sum(values)


@task(n_outputs=2)
def two() -> Any:
    return [1, 2, 3], 9


def test_a_map_over_a_handle_of_a_list_and_all_behind_it_is_laid_out_when_the_list_is_there(run_of: RunOf) -> None:
    def body() -> object:
        xs = items(6)
        ys = add.map(xs)
        return {"ys": ys, "zs": add.map(ys), "sum": total(add.map(ys))}

    run = run_of(body)
    assert run["ys"].result() == [1, 2, 3, 4, 5, 6]
    assert run["zs"].result() == [2, 3, 4, 5, 6, 7]
    assert run["sum"].result() == 27


def test_an_empty_list_makes_an_empty_map(run_of: RunOf) -> None:
    run = run_of(lambda: {"ys": add.map(items(0)), "sum": total(add.map(items(0)))})
    assert (run["ys"].result(), run["sum"].result()) == ([], 0)


def test_a_map_goes_over_one_output_of_several(run_of: RunOf) -> None:
    def body() -> object:
        xs, _ = two()
        return {"ys": add.map(xs)}

    assert run_of(body)["ys"].result() == [2, 3, 4]


def test_a_map_over_a_failed_list_is_upstream_failed(run_of: RunOf) -> None:
    run = run_of(lambda: total(add.map(fails())))
    assert run.state is RunState.FAILED
    assert run.node("add").state is TaskState.UPSTREAM_FAILED
    assert run.node("total").state is TaskState.UPSTREAM_FAILED


def test_a_map_over_what_has_no_items_fails_and_says_so(run_of: RunOf) -> None:
    run = run_of(lambda: total(add.map(number())))
    assert run.node("add").state is TaskState.FAILED
    assert "`number` cannot be mapped over: its value is 5" in run.nodes[1].reason
    assert run.node("total").state is TaskState.UPSTREAM_FAILED


def test_lengths_that_turn_out_different_fail_and_are_named(run_of: RunOf) -> None:
    run = run_of(lambda: add.map(items(2), items(3)))
    assert run.node("add").state is TaskState.FAILED
    assert "`items` has 2, `items#2` has 3" in run.nodes[2].reason


def test_a_known_length_that_differs_from_one_that_turns_out_fails_and_is_named(run_of: RunOf) -> None:
    run = run_of(lambda: add.map(items(2), [1, 2, 3]))
    assert run.state is RunState.FAILED
    assert "2" in run.nodes[1].reason
    assert "3" in run.nodes[1].reason


def test_what_stands_behind_an_unknown_length_waits_for_it_too(run_of: RunOf) -> None:
    def body() -> object:
        behind = add(total(add.map(items(3))))
        both = add.map(items(3), [1, 2, 3])
        return {"behind": behind, "again": add.map(both, y=range(3))}

    run = run_of(body)
    assert run["behind"].result() == 7
    assert run["again"].result() == [1, 4, 7]


def test_a_map_over_an_empty_list_alone_ends_its_run(run_of: RunOf) -> None:
    assert run_of(lambda: add.map(items(0))).state is RunState.COMPLETED
