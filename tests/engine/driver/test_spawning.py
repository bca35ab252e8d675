"""Tasks that make tasks: what their workers tell becomes nodes, values and answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.engine.driver import gates
from wfkit.authoring.task import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver import spawning
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.spec import Bounds
from wfkit.errors import TooDeep, TooManyTasks

Start = Callable[..., Run]


@task
def leaf(x: Any) -> Any:
    gates.come(f"leaf {x}")
    return x


@task
def double(x: Any) -> Any:
    return 2 * x


@task
def total(xs: Any) -> Any:
    return sum(xs)


@task
def fails(x: Any) -> Any:
    raise ValueError(x)


@task
def returns(what: Any) -> Any:  # noqa: PLR0911 - one line per way
    match what:
        case "alone":
            return leaf.submit(1)
        case "list":
            return [leaf.submit(1), leaf.submit(2)]
        case "dict":
            return {"a": leaf.submit(1), "b": 2}
        case "nested":
            return [{"a": [leaf.submit(1)]}, (leaf.submit(2), 3)]
        case "mapped":
            return leaf.map([1, 2, 3])
        case "of children":
            return [returns.submit("list"), returns.submit("mapped"), returns.submit("alone")]
        case "wired":
            return total.submit(double.map(leaf.map([1, 2, 3])))
        case "element":
            return leaf.map([4, 5])[1]
        case _:
            return []


@task
def held(x: Any) -> Any:
    gates.wait_at("held")
    return x


@task(retries=1, retry_delay_seconds=3.0)
def late(x: Any) -> Any:
    gates.come(f"late {x}")
    if gates.came().count(f"late {x}") == 1:
        raise ValueError("once")
    return x


@task
def returns_late(x: Any) -> Any:
    return late.submit(x)


@task
def sums(n: Any) -> Any:
    return sum(handle.result() for handle in [leaf.submit(x) for x in range(n)])


@task
def countdown(n: Any) -> Any:
    return 0 if n == 0 else 1 + cast("int", countdown.submit(n - 1).result())


@task
def fails_below(n: Any) -> Any:
    if n == 0:
        raise ValueError("deep cause")
    return fails_below.submit(n - 1).result()


@task
def recursion(n: Any) -> Any:
    return 0 if n == 0 else recursion.submit(n - 1)


@task
def catches(x: Any) -> Any:
    return type(fails.submit(x).exception()).__name__


@task
def spawns_and_leaves(x: Any) -> Any:
    held.submit(x)
    return x


@task
def bomb(n: Any) -> Any:
    for x in range(n):
        leaf.submit(x)
    return n


@task
def endless_map() -> Any:
    return leaf.map(itertools.count())


@task
def map_bomb(n: Any) -> Any:
    return leaf.map(range(n))


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("alone", 1),
        ("list", [1, 2]),
        ("dict", {"a": 1, "b": 2}),
        ("nested", [{"a": [1]}, (2, 3)]),
        ("mapped", [1, 2, 3]),
        ("of children", [[1, 2], [1, 2, 3], 1]),
        ("wired", 12),
        ("element", 5),
        ("nothing", []),
    ],
)
def test_a_returned_handle_is_the_value_wherever_it_stands(run_of: Start, what: str, value: object) -> None:
    run = run_of(lambda: {"x": returns(what)})
    assert run.state is RunState.COMPLETED, run.nodes
    assert run["x"].result() == value


def test_elements_of_a_map_that_return_handles_are_values_for_what_stands_behind_them(run_of: Start) -> None:
    run = run_of(lambda: {"sums": total.map(returns.map(["list", "mapped", "nothing"], chunk=3), chunk=3)})
    assert run["sums"].result() == [3, 6, 0]


def test_tasks_that_returned_handles_wait_without_a_thread(start: Start) -> None:
    run = start(lambda: {"xs": returns_late.map(range(6)), "ys": leaf.map(range(3))})
    gates.until(lambda: sum(row.state is TaskState.WAITING for row in run.nodes) == 6)
    assert run.view_model.groups[run["xs"]._ref.group].children[0] == ("g1.0/1",)
    assert run["ys"].result(8) == [0, 1, 2]
    assert run["xs"].state is TaskState.RUNNING
    assert run.wait(8)["xs"].result() == list(range(6))


def test_a_failed_child_fails_the_parent_that_returned_it_and_is_named(run_of: Start) -> None:
    @task
    def parent() -> Any:
        return [leaf.submit(1), fails.submit("boom")]

    run = run_of(parent)
    assert run.node("parent").state is TaskState.FAILED
    reason = next(row.reason for row in run.nodes if row.name == "parent")
    assert reason == "its child `parent/fails` FAILED: ValueError: boom"


def test_a_task_blocks_on_its_children(run_of: Start) -> None:
    run = run_of(lambda: {"xs": sums.map([3, 4, 5])})
    assert run["xs"].result() == [3, 6, 10]


@pytest.mark.parametrize("recursive", [countdown, recursion], ids=lambda one: one.name)
def test_tasks_spawn_tasks_that_spawn_tasks(run_of: Start, recursive: Any) -> None:
    run = run_of(lambda: {"x": recursive(12)})
    assert run["x"].result() == (12 if recursive is countdown else 0)
    assert len(run.nodes) == 13


def test_children_are_named_and_grouped_under_their_parent(run_of: Start) -> None:
    run = run_of(lambda: returns.map(["list", "alone"]))
    specs = {spec.name: spec for spec in (group.spec for group in run.view_model.ordered())}
    assert set(specs) == {"returns", "returns[0]/leaf", "returns[0]/leaf#2", "returns[1]/leaf"}
    assert specs["returns[1]/leaf"].id == "g1.1/1"
    assert specs["returns[1]/leaf"].parent == "g1"


def test_a_run_that_has_ended_grows_no_more_when_a_body_is_executed_again(run_of: Start) -> None:
    run = run_of(lambda: {"x": catches(1)})
    (told,) = [["spawn", "g1.0/1", "g1", 1, "subflow", "anew", None]]
    with run.lock:
        assert spawning.take(run, told)
        assert spawning.take(run, [*told[:1], "g1.0/7", *told[2:]])
    assert [spec.id for spec in (group.spec for group in run.view_model.ordered())] == ["g1", "g1.0/1"]


def test_a_failure_that_a_body_asked_for_is_handled(run_of: Start) -> None:
    run = run_of(lambda: {"x": catches(1)})
    assert (run["x"].result(), run.state) == ("ValueError", RunState.COMPLETED)


def test_a_run_does_not_end_while_a_child_runs(start: Start) -> None:
    run = start(lambda: {"x": spawns_and_leaves(3)})
    assert run["x"].result(8) == 3
    gates.until_came("held")
    assert run.state is RunState.RUNNING
    gates.open_gates("held")
    assert run.wait(8).state is RunState.COMPLETED


def test_a_run_has_no_more_nodes_than_it_may(run_of: Start) -> None:
    run = run_of(lambda: {"few": bomb(5), "many": bomb(500)}, bounds=Bounds(max_tasks=40))
    assert run["few"].result() == 5
    error = run["many"].exception()
    assert type(error).__name__ == "TooManyTasks"
    assert "beyond the 40 that a run may have" in str(error)
    assert len(run.nodes) <= 40


def test_a_spawned_map_is_refused_as_a_whole(run_of: Start) -> None:
    run = run_of(lambda: {"x": map_bomb(500)}, bounds=Bounds(max_tasks=40))
    assert type(run["x"].exception()).__name__ == "TooManyTasks"
    assert len(run.nodes) == 1


@pytest.mark.timeout(30)
@pytest.mark.parametrize("items", [itertools.count(), zip(itertools.count(), itertools.count(), strict=True)])
def test_a_body_that_maps_over_something_endless_is_refused_at_once(run_of: Start, items: Any) -> None:
    caught: list[BaseException] = []

    def body() -> Any:
        try:
            leaf.map(items)
        except TooManyTasks as error:
            caught.append(error)

    run = run_of(body, bounds=Bounds(max_tasks=40))
    assert "the run may still have tasks: 40" in str(caught[0])
    assert len(run.nodes) == 0


@pytest.mark.timeout(30)
def test_a_task_that_maps_over_something_endless_fails_at_once(run_of: Start) -> None:
    run = run_of(lambda: {"x": endless_map()}, bounds=Bounds(max_tasks=40))
    assert type(run["x"].exception()) is TooManyTasks
    assert len(run.nodes) == 1


def test_a_recursion_without_an_end_stops_with_an_error_in_the_spawner(run_of: Start) -> None:
    run = run_of(lambda: {"x": recursion(50)}, bounds=Bounds(max_depth=4))
    assert run["x"].state is TaskState.FAILED
    assert "would be spawned 5 levels deep, and 4 is the limit" in run["x"].exception().args[0]  # type: ignore[attr-defined]
    assert len(run.nodes) == 5


def test_through_nested_results_the_original_exception_comes_up_with_where_it_was_raised(run_of: Start) -> None:
    error: Any = run_of(lambda: {"x": fails_below(25)})["x"].exception()
    assert (type(error), error.args) == (ValueError, ("deep cause",))
    (note,) = error.__notes__
    assert 'raise ValueError("deep cause")' in note
    assert len(note) < 5_000


def test_a_recursion_of_results_says_that_it_is_too_deep(run_of: Start) -> None:
    run = run_of(lambda: {"x": fails_below(50)}, bounds=Bounds(max_depth=25))
    assert type(run["x"].exception()) is TooDeep
    (reason,) = {row.reason for row in run.nodes}
    assert reason.startswith("TooDeep: `fails_below` would be spawned 26 levels deep, and 25 is the limit")
    assert "first and the last calls" not in reason


def test_other_news_are_left_to_others(new_run: Start) -> None:
    run = new_run()
    with run.lock:
        assert not spawning.take(run, ["gone", "worker"])
        assert not spawning.take(run, ["something", 1])
    run.close_body(None, {})


def test_spawned_calls_may_fail_before_they_are_nodes(run_of: Start) -> None:
    @task
    def maps_a_number() -> Any:
        return leaf.map(double.submit(2))

    run = run_of(lambda: {"x": maps_a_number()})
    assert run["x"].state is TaskState.FAILED
    assert "cannot be mapped over" in run["x"].exception().args[0]  # type: ignore[attr-defined]


def test_a_task_that_waits_for_a_map_that_turns_out_empty_goes_on(
    run_of: Callable[[Callable[[], object]], Run],
) -> None:
    @task
    def none_at_all() -> list[int]:
        return []

    @task
    def plus_one(x: int) -> int:
        return x + 1

    @task
    def waits() -> object:
        return plus_one.map(none_at_all.submit()).result()

    assert run_of(lambda: {"value": waits()})["value"].result() == []


@task
def waits_for_both() -> Any:
    first, second = held.submit(1), leaf.submit(2)
    return first.result(), second.result()


def test_a_child_that_ended_while_its_parent_waited_for_another_is_not_waited_for(start: Start) -> None:
    run = start(waits_for_both)
    gates.until(lambda: "leaf" in str(run.view_model.names), "the child")
    gates.until(lambda: run.node("waits_for_both/leaf").state is TaskState.COMPLETED, "its end")
    gates.until(lambda: run.node("waits_for_both").state is TaskState.WAITING, "the wait")
    gates.open_gates("held")
    assert run.wait(30).result() == (1, 2)
    group, _ = run.view_model.by_name("waits_for_both")
    assert [begins for _, begins in group.waits[0].values()].count(True) == 1
