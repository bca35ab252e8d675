"""Calls in a task body: plain ones run there, others become nodes below the task; and the options of a map."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import wfkit
from tests.authoring.conftest import Recording, task_body
from wfkit import Handle, flow, task, unmapped
from wfkit.authoring.context import inside
from wfkit.errors import BadArguments, HandleMisuse, MapLengthMismatch, NotInFlow


@task
def add(x: int, y: int = 1) -> int:
    return x + y


def test_a_plain_call_runs_the_function(in_task: Recording) -> None:
    assert add(1) == 2
    in_task.source.values[("load", 0)] = 5
    assert add(in_task.handle()) == 6  # type: ignore[arg-type]
    assert in_task.calls == []


def test_submit_and_map_spawn_as_they_do_in_a_flow(in_task: Recording) -> None:
    first = in_task.handle()
    assert isinstance(add.submit(1, wait_for=first), Handle)
    assert add.map([1, 2], unmapped(first))._mapped
    submitted, mapped = in_task.calls
    assert (submitted.task, submitted.args, submitted.wait_for) == (add, (1,), (first,))
    assert mapped.mapped is not None
    assert mapped.mapped.length == 2


def test_arguments_are_checked_as_in_a_flow(in_task: Recording) -> None:
    with pytest.raises(BadArguments):
        add.submit()
    with pytest.raises(MapLengthMismatch):
        add.map([1], [1, 2])
    with pytest.raises(HandleMisuse, match="wait_for of `add`"):
        add.submit(1, wait_for=3)  # type: ignore[arg-type]
    assert in_task.calls == []


@pytest.mark.parametrize("call", [lambda: add.submit(1), lambda: add.map([1])], ids=["submit", "map"])
def test_a_task_in_a_process_of_its_own_cannot_spawn(call: Any) -> None:
    told = r'`add\.(submit|map)\(\)` was used inside `outer`, which runs with isolate="process"\. Take isolate off'
    with inside(task_body()):
        assert add(1) == 2
        with pytest.raises(NotInFlow, match=told):
            call()


# --- options of .map() ---


def test_a_map_says_how_it_is_cut_and_how_many_run_at_once(body: Recording) -> None:
    add.map([1])
    add.map([1], chunk="auto", max_concurrency=3)
    add.map([1], chunk=1)
    add.map([1], chunk=50, max_concurrency=None)
    assert [(call.chunk, call.max_concurrency) for call in body.calls] == [
        (None, None),
        (None, 3),
        (1, None),
        (50, None),
    ]
    assert all(call.kwargs == {} for call in body.calls)


@pytest.mark.parametrize("value", [0, -1, 1.5, "all", True, [1]])
@pytest.mark.parametrize("name", ["chunk", "max_concurrency"])
def test_other_values_are_refused_with_what_is_allowed(body: Recording, name: str, value: Any) -> None:
    with pytest.raises(BadArguments) as caught:
        add.map([1], **{name: value})
    assert caught.value.what == f"`add.map()`: {name}={value!r} is not allowed."
    assert "whole number of 1 or more" in caught.value.fix
    assert body.calls == []


@pytest.mark.parametrize("name", ["chunk", "max_concurrency"])
def test_a_parameter_of_the_same_name_is_told_and_can_be_passed_by_position(body: Recording, name: str) -> None:
    made: dict[str, Any] = {}
    exec(f"def load({name}): ...", made)
    load = task(made["load"])
    given: dict[str, Any] = {name: [1, 2]}
    with pytest.raises(BadArguments, match=rf"`{name}` is an option of \.map\(\) and a parameter of `load`.*position"):
        load.map(**given)
    load.map([1, 2])
    assert len(body.calls) == 1


def test_a_function_that_takes_any_name_leaves_these_to_map(body: Recording) -> None:
    @task
    def anything(x: int, **kwargs: int) -> None: ...

    anything.map([1], chunk=2)
    assert (body.calls[0].chunk, body.calls[0].kwargs) == (2, {})


# --- on a worker ---


@pytest.mark.usefixtures("cluster")
def test_on_a_worker_plain_calls_run_inline_and_others_are_nodes_below_the_task() -> None:
    @task
    def outer(x: int) -> object:
        handle = add.submit(x)
        with ThreadPoolExecutor(2) as pool:
            more = list(pool.map(add.submit, range(2)))
        return {"inline": add(x), "name": wfkit.current.task_name, "spawned": [handle, add.map([1, 2]), more]}

    @flow
    def etl() -> object:
        return outer(4)

    run: Any = etl.run()
    assert run.result() == {"inline": 5, "name": "outer", "spawned": [5, [2, 3], [1, 2]]}
    assert len(list(run.nodes)) == 1 + 1 + 2 + 2
