"""Bodies that are executed again: what they made is found, and what failed of it is made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.engine.driver import gates
from wfkit.authoring.flattening import flatten
from wfkit.authoring.task import task
from wfkit.core.ids import GroupId
from wfkit.core.states import RunState
from wfkit.engine.driver.run import Run

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
def leaves(_: Any) -> Any:
    return [leaf.submit(1), leaf.submit(2)]


@task(retries=1)
def tries_again() -> Any:
    found = [leaf.submit(1).result(), leaf.submit(2).result()]
    gates.come("tried")
    if gates.came().count("tried") == 1:
        raise RuntimeError("once")
    return found


@task(retries=1)
def tries_differently() -> Any:
    again = "tried" in gates.came()
    gates.come("tried")
    found = double.submit(4).result() if again else leaf.submit(4).result()
    if not again:
        raise RuntimeError("once")
    return found


@task(retries=1)
def flaky_child() -> Any:
    gates.come("child")
    if gates.came().count("child") == 1:
        raise ValueError("once")
    return 5


@task(retries=1)
def parent_of_flaky() -> Any:
    return flaky_child.with_options(retries=0).submit().result()


@task(retries=1)
def flattens_what_failed() -> Any:
    again = "tried" in gates.came()
    gates.come("tried")
    parts = leaves.map([0]) if again else fails.map([1])
    return total.submit(flatten(parts)).result()


@task(trigger="any_failed")
def repairs(_: Any) -> Any:
    return "repaired"


@task(retries=1)
def handles_what_failed() -> Any:
    again = "tried" in gates.came()
    gates.come("tried")
    chained = flatten(fails.map([6]))
    found = repairs.map([1], wait_for=[chained]).result()
    if not again:
        raise RuntimeError("once")
    return found


@task(retries=1)
def flattens_in_place_of_a_call() -> Any:
    again = "tried" in gates.came()
    gates.come("tried")
    found = flatten(leaf.map([[1, 2]])) if again else double.submit(4)
    if not again:
        raise RuntimeError("once")
    return found


@task(retries=1)
def asks_for_one_of_two() -> Any:
    again = "tried" in gates.came()
    first, second = [(leaf if again else fails).submit(x) for x in (1, 2)]
    second.wait()
    gates.come("tried")
    return first.result()


@task(retries=1)
def map_of_one_that_fails() -> Any:
    again = "tried" in gates.came()
    found = picky.map(range(4), chunk=1)
    if not again:
        gates.until_came("picky 0", "picky 1", "picky 2")
        found[1].exception()
        gates.come("tried")
        raise RuntimeError("once")
    return found


@task
def picky(x: Any) -> Any:
    gates.come(f"picky {x}")
    if x == 1 and "tried" not in gates.came():
        raise ValueError("once")
    if x == 3:
        gates.wait_at("slow")
    return 10 * x


def test_a_body_that_is_executed_again_finds_the_children_that_it_has(run_of: Start) -> None:
    run = run_of(lambda: {"x": tries_again()})
    assert run["x"].result() == [1, 2]
    assert sorted(gates.came()) == ["leaf 1", "leaf 2", "tried", "tried"], "no child was executed twice"
    assert len(run.nodes) == 3


def test_a_body_that_spawns_something_else_the_second_time_gets_that(run_of: Start) -> None:
    run = run_of(lambda: {"x": tries_differently()})
    assert run["x"].result() == 8
    assert [row.name for row in run.nodes] == [
        "tries_differently",
        "tries_differently/leaf",
        "tries_differently/double",
    ]


def test_children_that_failed_are_made_anew_when_their_parent_tries_again(run_of: Start) -> None:
    run = run_of(lambda: {"x": parent_of_flaky()})
    assert run["x"].result() == 5
    assert [row.state.value for row in run.nodes] == ["COMPLETED", "FAILED", "COMPLETED"]


def test_a_flatten_is_made_anew_with_what_it_chains(run_of: Start) -> None:
    run = run_of(lambda: {"x": flattens_what_failed()})
    assert run["x"].result() == 3


def test_failures_below_a_flatten_that_are_handled_stay_so_when_their_parent_tries_again(run_of: Start) -> None:
    run = run_of(lambda: {"x": handles_what_failed()})
    assert run["x"].result() == ["repaired"]
    assert run.state is RunState.COMPLETED, run.view_model.reason


def test_a_flatten_may_stand_where_the_first_attempt_had_a_call(run_of: Start) -> None:
    assert run_of(lambda: {"x": flattens_in_place_of_a_call()})["x"].result() == [1, 2]


def test_of_a_map_only_what_failed_is_executed_again_when_its_parent_tries_again(start: Start) -> None:
    run = start(lambda: {"x": map_of_one_that_fails()})
    gates.until(lambda: gates.came().count("picky 1") == 2, "the second attempt")
    gates.open_gates("slow")
    assert run.wait(gates.PATIENCE_S)["x"].result() == [0, 10, 20, 30]
    assert sorted(name for name in gates.came() if name.startswith("picky")) == [
        "picky 0",
        "picky 1",
        "picky 1",
        "picky 2",
        "picky 3",
    ]
    assert run.state is RunState.COMPLETED


@task
def numbers(n: Any) -> Any:
    if n == 0:
        gates.wait_at("first part")
    return [10 * n, 10 * n + 1]


@task(retries=1)
def chains_of_one_that_fails() -> Any:
    again = "tried" in gates.came()
    found = once_too_few.map(flatten(numbers.map([0, 1], chunk=1)), chunk=1)
    found.exception()
    gates.come("tried")
    if not again:
        raise RuntimeError("once")
    return found


@task
def once_too_few(x: Any) -> Any:
    if x == 1 and "tried" not in gates.came():
        raise ValueError("once")
    return f"child {x}"


def test_a_map_over_a_flatten_that_is_made_anew_stands_as_the_list_does(start: Start) -> None:
    run = start(lambda: {"x": chains_of_one_that_fails()})
    gates.until(lambda: len(run.view_model.groups.get(GroupId("g1.0/3"), ())) == 2, "what stands over the second part")
    gates.open_gates("first part")
    assert run.wait(gates.PATIENCE_S)["x"].result() == ["child 0", "child 1", "child 10", "child 11"]


@task(retries=1)
def map_of_parents() -> Any:
    again = "tried" in gates.came()
    found = makes_a_child.map([0, 1], chunk=1)
    found.exception()
    gates.come("tried")
    if not again:
        raise RuntimeError("once")
    return found


@task
def makes_a_child(x: Any) -> Any:
    fails.submit(x)
    if x == 1 and "tried" not in gates.came():
        raise ValueError("once")
    return x


def test_what_has_children_is_executed_again_with_them_so_that_their_failures_count(run_of: Start) -> None:
    run = run_of(lambda: {"x": map_of_parents()})
    assert run["x"].result() == [0, 1]
    assert run.state is RunState.FAILED
    assert "makes_a_child#2[0]/fails" in run.view_model.reason


def test_failures_of_an_earlier_attempt_are_forgotten_when_what_failed_is_made_anew(run_of: Start) -> None:
    run = run_of(lambda: {"x": asks_for_one_of_two()})
    assert run["x"].result() == 1
    assert run.state is RunState.COMPLETED, run.view_model.reason
