"""Maps whose length is known only when a task has returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.task import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.spec import Bounds
from wfkit.errors import UnknownLength

RunOf = Callable[..., Run]


@task
def items(n: Any) -> Any:
    return list(range(n))


@task
def held_items(n: Any) -> Any:
    gates.wait_at("items")
    return list(range(n))


@task
def fails() -> Any:
    raise RuntimeError("no list")


@task
def number() -> Any:
    return 5


@task
def add(x: Any, y: Any = 1) -> Any:
    gates.come(f"add {x}")
    return x + y


@task
def total(values: Any) -> Any:
    return sum(values)


@task(trigger="all_done")
def count(values: Any) -> Any:
    return len(values)


@task(n_outputs=2)
def two() -> Any:
    return [1, 2, 3], 9


@task
def leaf(x: Any) -> Any:
    if x == 2:
        gates.wait_at("leaf 2")
    return x * 10


@task
def list_of_leaves(n: Any) -> Any:
    return [leaf.submit(x) for x in range(n)]


@task
def mapped_leaves(n: Any) -> Any:
    return leaf.map(range(n))


@task
def through(n: Any) -> Any:
    return mapped_leaves.submit(n)


def test_a_map_over_a_handle_of_a_list_and_all_behind_it_is_laid_out_when_the_list_is_there(run_of: RunOf) -> None:
    def body() -> object:
        xs = items(6)
        ys = add.map(xs)
        return {"ys": ys, "zs": add.map(ys), "sum": total(add.map(ys))}

    run = run_of(body)
    assert run["ys"].result() == [1, 2, 3, 4, 5, 6]
    assert run["zs"].result() == [2, 3, 4, 5, 6, 7]
    assert run["sum"].result() == 27


def test_a_map_over_a_handle_blocks_nothing_and_shows_no_length_meanwhile(start: RunOf) -> None:
    run = start(lambda: {"ys": add.map(held_items(2))})
    gates.until_came("items")
    assert run.view_model.groups[run["ys"]._ref.group].spec.length is None
    assert (run["ys"].state, len(run.nodes)) == (TaskState.PENDING, 1)
    gates.open_gates("items")
    assert run.wait(8)["ys"].result() == [1, 2]


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
    run = run_of(lambda: {"sum": total(add.map(number())), "n": count(add.map(number()))})
    assert run.node("add").state is TaskState.FAILED
    assert "`number` cannot be mapped over: its value is 5" in run.nodes[1].reason
    assert run["sum"].state is TaskState.UPSTREAM_FAILED
    assert run["n"].result() == 1, "a trigger decides as behind any other failure"


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


@pytest.mark.parametrize("make", [list_of_leaves, mapped_leaves, through], ids=lambda make: make.name)
def test_a_map_over_a_task_that_returned_handles_starts_per_element(start: RunOf, make: Any) -> None:
    def body() -> dict[str, object]:
        xs = make(4)
        ys = add.map(xs)
        return {"xs": xs, "ys": ys, "zs": add.map(ys), "sum": total(ys)}

    run = start(body)
    gates.until_came("leaf 2", "add 0", "add 10", "add 30", "add 1", "add 11", "add 31")
    assert run["xs"].state is TaskState.WAITING
    assert "add 20" not in gates.came()
    gates.open_gates("leaf 2")
    assert run.wait(8)["ys"].result() == [1, 11, 21, 31]
    assert run["zs"].result() == [2, 12, 22, 32]
    assert run["sum"].result() == 64
    assert run["xs"].result() == [0, 10, 20, 30]


def test_a_map_over_two_of_different_kinds_joins_them_by_element(run_of: RunOf) -> None:
    gates.open_gates("leaf 2")
    run = run_of(lambda: {"ys": add.map(list_of_leaves(3), items(3)), "zs": add.map(mapped_leaves(3), y=[1, 2, 3])})
    assert run["ys"].result() == [0, 11, 22]
    assert run["zs"].result() == [1, 12, 23]


def test_a_map_that_turns_out_too_long_for_its_run_fails_and_says_so(run_of: RunOf) -> None:
    run = run_of(lambda: {"ys": add.map(items(20))}, bounds=Bounds(max_tasks=10))
    assert run["ys"].state is TaskState.FAILED
    assert "20 elements would take the run beyond the 10 nodes" in run.failed[0].exception().args[0]  # type: ignore[attr-defined]


def test_the_length_of_a_handle_of_another_run_must_be_known(start: RunOf, new_run: RunOf) -> None:
    from wfkit.authoring.context import FlowBody, inside

    first = start(lambda: {"xs": held_items(3), "ys": add.map(held_items(2))})
    second = new_run()
    with inside(FlowBody(second, "flow")):
        for name in ("xs", "ys"):
            with pytest.raises(UnknownLength, match="of another run"):
                add.map(first[name])
        gates.open_gates("items")
        first.wait(8)
        assert add.map(first["xs"]).result(8) == [1, 2, 3]
        assert add.map(first["ys"]).result(8) == [2, 3]
    second.close_body(None, {})
    assert second.wait(8).state is RunState.COMPLETED
