"""Flattening: the children of a part start when that part is there, and the list has the order of its parts."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.driver import gates
from tests.engine.driver.groups import group_of, one
from wfkit.authoring.flattening import flatten
from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.core.ids import GroupId
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.flattening import Flattened
from wfkit.engine.driver.run import Run
from wfkit.errors import MapFailed, NotMappable

Start = Callable[..., Run]


@task
def part(n: Any) -> Any:
    """A list of |n| items; a negative n waits at its gate."""
    if n < 0:
        gates.wait_at(f"part {n}")
    return [abs(n) * 10 + item for item in range(abs(n))]


@task
def few(n: Any) -> Any:
    if n < 0:
        gates.wait_at(f"few {n}")
    return [abs(n)] * abs(n)


@task
def lists(n: Any) -> Any:
    return [[n], [n]]


@task
def step(x: Any) -> Any:
    gates.come(f"step {x}")
    return x + 1


@task
def further(x: Any) -> Any:
    gates.come(f"further {x}")
    return x + 1


@task
def add(x: Any, y: Any) -> Any:
    return x + y


@task
def total(xs: Any) -> Any:
    return list(xs)


@task
def nested() -> Any:
    return [[1, 2], [], [3]]


@task
def leaf(x: Any) -> Any:
    if x == 7:
        gates.wait_at("leaf 7")
    return x


@task
def leaves(xs: Any) -> Any:
    return [leaf.submit(x) for x in xs]


@task
def mapped_leaves(xs: Any) -> Any:
    return leaf.map(xs)


@task
def list_of_flattens(n: Any) -> Any:
    flat = flatten(part.map([1, n]))
    return [flat, flat]


@task
def list_of_maps(n: Any) -> Any:
    return [step.map(part.submit(n)), step.map([1])]


@task
def bad(x: Any) -> Any:
    if x == 2:
        raise RuntimeError("no part")
    return [x] * x


@task
def skips_two(x: Any) -> Any:
    if x == 2:
        raise Skip("two")
    return [x]


@task
def no_list(x: Any) -> Any:
    return x if x == 2 else [x]


@task
def lists_of_lists(x: Any) -> Any:
    return x if x == 2 else [[x]]


@task
def asks_for_a_flatten() -> Any:
    return flatten(no_list.map([1, 2, 3])).result()


@task
def returns_a_flatten() -> Any:
    return flatten(no_list.map([1, 2, 3]))


def _parts(length: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 4), min_size=length, max_size=length)


@given(st.integers(0, 8).flatmap(lambda n: st.tuples(_parts(n), st.permutations(range(n)))))
def test_the_order_is_that_of_the_parts_however_they_arrive(case: tuple[list[int], list[int]]) -> None:
    counts, arrival = case
    run = SimpleNamespace(flattened={}, groups={GroupId("a"): group_of("a", len(counts), mapped=True)})
    source: Any = SimpleNamespace(run=run)
    flattened = Flattened(Handle(source, Ref(GroupId("a"), None), mapped=True))
    for number in arrival:
        flattened.parts.append((number, counts[number]))
        flattened.elements += [(one("a", number), (item,)) for item in range(counts[number])]
    found = [(part._ref.index, item) for part, (item,) in flattened.in_order()]
    assert found == [(number, item) for number, count in enumerate(counts) for item in range(count)]


def test_what_stands_behind_a_part_starts_while_another_parts_length_is_unknown(start: Start) -> None:
    def body() -> dict[str, object]:
        ys = step.map(flatten(part.map([2, -3, 1])))
        return {"ys": ys, "zs": further.map(ys)}

    run = start(body)
    gates.until_came("part -3", "further 21", "further 22", "further 11")
    assert run.view_model.groups[run["ys"]._ref.group].spec.parts == ((0, 2), (2, 1))
    assert run["ys"].state is TaskState.RUNNING
    gates.open_gates("part -3")
    assert run.wait(8).state is RunState.COMPLETED
    assert run["ys"].result() == [21, 22, 31, 32, 33, 11]
    assert run["zs"].result() == [22, 23, 32, 33, 34, 12]
    assert [run["zs"][k].result() for k in (0, 5)] == [22, 12], "handles follow the list, not the arrival"
    assert run.node(f"{run['ys'].name}[1.2]").result() == 33, "names tell the part and the item"


def test_second_and_third_maps_and_reduces_follow_the_list(start: Start) -> None:
    def body() -> dict[str, object]:
        flat = flatten(part.map([2, -1, 0, 1]))
        first = step.map(flat)
        second = add.map(first, flat)
        third = add.map(second, first)
        return {"flat": flat, "third": third, "all": total(third), "list": total(flat), "n": total(first)}

    run = start(body)
    gates.until_came("part -1", "step 20")
    gates.open_gates("part -1")
    run.wait(8)
    flat = [20, 21, 10, 10]
    assert run["flat"].result() == flat
    assert run["list"].result() == flat
    assert run["n"].result() == [x + 1 for x in flat]
    assert run["third"].result() == run["all"].result() == [3 * x + 2 for x in flat]


def test_a_map_that_is_added_when_parts_are_there_catches_up(start: Start, new_run: Any) -> None:
    from wfkit.authoring.context import FlowBody, inside

    run = new_run()
    with inside(FlowBody(run, "flow")):
        ys = step.map(flatten(part.map([1, -2])))
        gates.until_came("step 10", "part -2")
        zs = further.map(ys)
        gates.until_came("further 11")
        gates.open_gates("part -2")
        assert zs.result(8) == [12, 22, 23]
        assert further.map(zs).result(8) == [13, 23, 24]
    run.close_body(None, {})
    assert run.wait(8).state is RunState.COMPLETED


def test_items_of_a_value_that_a_task_returned_as_handles_are_what_the_list_has(run_of: Start) -> None:
    @task(n_outputs=2)
    def both(n: int) -> tuple[int, int]:
        return n, -n

    @task
    def returns(n: int) -> list[Handle]:
        made = both.submit(n)
        return [made[1], made[0]]

    @task
    def same(value: Any) -> Any:
        return value

    @task
    def inside() -> Handle:
        return flatten(returns.map([1, 2]))

    def body() -> Any:
        flat = flatten(returns.map([1, 2]))
        return {"a": flat, "b": same(flat), "c": same.map(flat), "d": inside()}

    run = run_of(body)
    assert [run[name].result() for name in "abcd"] == [[-1, 1, -2, 2]] * 4


def test_a_list_of_lists_is_flattened(run_of: Start) -> None:
    run = run_of(lambda: {"xs": step.map(flatten(nested())), "list": total(flatten(nested()))})
    assert run["xs"].result() == [2, 3, 4]
    assert run["list"].result() == [1, 2, 3]


@pytest.mark.parametrize("counts", [[], [0], [0, 0, 0]])
def test_lists_without_items_make_an_empty_list(run_of: Start, counts: list[int]) -> None:
    run = run_of(lambda: {"xs": step.map(flatten(part.map(counts))), "all": total(step.map(flatten(part.map(counts))))})
    assert run.state is RunState.COMPLETED
    assert run["xs"].result() == run["all"].result() == []
    assert run["xs"].state is TaskState.COMPLETED


def test_a_part_that_failed_counts_as_one_element_and_the_others_go_on(run_of: Start) -> None:
    run = run_of(lambda: {"ys": further.map(step.map(flatten(bad.map([1, 2, 3]))))})
    assert run.state is RunState.FAILED
    states = [row.state.value for row in run.nodes if row.group == run["ys"].name]
    assert sorted(states) == ["COMPLETED"] * 4 + ["UPSTREAM_FAILED"]
    assert run["ys"][1].state is TaskState.UPSTREAM_FAILED
    assert [run["ys"][k].result() for k in (0, 2, 3, 4)] == [3, 5, 5, 5]
    assert "`bad[1]` FAILED" in run.view_model.reason


def test_a_part_that_was_skipped_is_left_out(run_of: Start) -> None:
    def body() -> dict[str, object]:
        flat = flatten(skips_two.map([1, 2, 3]))
        return {"flat": flat, "ys": step.map(flat), "all": total(flat)}

    run = run_of(body)
    assert run.state is RunState.COMPLETED
    assert run["flat"].result() == run["all"].result() == [1, 3]
    assert run["ys"].result() == [2, 4]


def test_a_part_that_is_no_list_fails_what_goes_over_it_and_says_so(run_of: Start) -> None:
    run = run_of(lambda: {"ys": step.map(flatten(no_list.map([1, 2]))), "all": total(flatten(no_list.map([2])))})
    assert run.state is RunState.FAILED
    with pytest.raises(MapFailed, match="cannot be mapped over: its value is 2"):
        run["ys"].result()
    assert run["all"].state is TaskState.FAILED


def test_what_is_asked_of_a_flatten_after_a_part_was_no_list_is_no_shorter_list(run_of: Start) -> None:
    def body() -> Any:
        flat = flatten(no_list.map([1, 2, 3]))
        with pytest.raises(NotMappable, match="its value is 2"):
            flat.result()
        assert [type(error) for error in cast("list[object]", flat.exception())] == [NotMappable]
        assert flat.state is TaskState.FAILED
        return {"later": step.map(flat), "reduce": total(flat), "behind": total.submit(1, wait_for=[flat])}

    run = run_of(body)
    assert {str(run[name].state) for name in ("later", "reduce", "behind")} == {"FAILED"}


def test_a_flatten_of_a_flatten_one_part_of_which_is_no_list_fails_what_goes_over_it(run_of: Start) -> None:
    run = run_of(lambda: {"ys": step.map(flatten(flatten(lists_of_lists.map([1, 2, 3]))))})
    assert run["ys"].state is TaskState.FAILED
    assert gates.came() == []


@pytest.mark.parametrize("asks", [asks_for_a_flatten, returns_a_flatten])
def test_a_body_that_asks_for_a_flatten_of_no_list_is_told(run_of: Start, asks: Any) -> None:
    run = run_of(lambda: {"x": asks()})
    assert run["x"].state is TaskState.FAILED
    assert "its value is 2" in str(run["x"].exception())


@pytest.mark.parametrize("make", [leaves, mapped_leaves], ids=["list of handles", "mapped handle"])
def test_parts_that_are_handles_are_followed_before_these_have_ended(start: Start, make: Any) -> None:
    run = start(lambda: {"ys": step.map(flatten(make.map([[1, 7], [3]])))})
    gates.until_came("leaf 7", "step 1", "step 3")
    assert "step 7" not in gates.came()
    gates.open_gates("leaf 7")
    assert run.wait(8)["ys"].result() == [2, 8, 4]


def test_a_flatten_of_a_map_over_a_flatten_grows_with_it_and_keeps_the_order_of_the_list(start: Start) -> None:
    def body() -> dict[str, object]:
        inner = part.map(flatten(few.map([-2, 1])))
        return {"n": total(flatten(inner)), "ys": step.map(flatten(inner)), "flat": flatten(flatten(lists.map([1, 2])))}

    run = start(body)
    gates.until_came("few -2", "step 10")
    gates.open_gates("few -2")
    run.wait(8)
    assert run["n"].result() == [20, 21, 20, 21, 10]
    assert run["ys"].result() == [21, 22, 21, 22, 11]
    assert run["flat"].result() == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("lists_of", "expected"),
    [(list_of_flattens, [[10, 20, 21], [10, 20, 21]]), (list_of_maps, [[21, 22], [2]])],
    ids=["flattens", "maps"],
)
def test_a_returned_list_of_lists_of_nodes_is_mapped_over_when_their_lengths_are_known(
    run_of: Callable[..., Run], lists_of: Any, expected: list[list[int]]
) -> None:
    run = run_of(lambda: {"each": total.map(lists_of(2))})
    assert run["each"].result() == expected


def test_a_failed_part_is_a_failed_input_of_each_element_that_holds_it(run_of: Callable[..., Run]) -> None:
    @task
    def both() -> Any:
        flat = flatten(bad.map([1, 2]))
        return [flat, flat]

    run = run_of(lambda: {"each": total.map(both())})
    assert [run["each"][at].state for at in range(2)] == [TaskState.UPSTREAM_FAILED] * 2


def test_a_cancelled_run_ends_its_flattens_and_their_handles_answer(start: Start) -> None:
    run = start(lambda: {"ys": step.map(flatten(part.map([1, -3])))})
    gates.until_came("part -3", "step 10")
    run.cancel()
    assert run.wait(8).state is RunState.CANCELLED
    with pytest.raises(MapFailed):
        run["ys"].result(5)


def test_elements_have_the_same_names_whenever_the_map_is_called(run_of: Callable[..., Run]) -> None:
    def body() -> Any:
        flat = flatten(part.map([2, 1]))
        early = step.map(flat)
        early.result()
        late, later = step.map(flat), step.map(early)
        return {"early": early, "late": late, "later": later}

    run = run_of(body)
    for name in ("early", "late", "later"):
        view = run.view_model.groups[run[name]._ref.group]
        assert sorted(view.name(index).partition("[")[2] for index in range(3)) == ["0.0]", "0.1]", "1.0]"]
