"""Tasks: where you call decides what happens; methods, async functions and partials; misuse at the call."""

from __future__ import annotations

import asyncio
import pickle
import threading
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pytest

import wfkit
from tests.authoring.conftest import Recording
from wfkit import Handle, allow_failure, flow, present, task, unmapped
from wfkit.authoring.inputs import Missing
from wfkit.authoring.task import Task
from wfkit.core.states import TaskState
from wfkit.errors import (
    BadArguments,
    ForeignThread,
    HandleMisuse,
    NotInFlow,
)


@task
def add(x: int, y: int = 1) -> int:
    """Add two numbers.

    More about it.
    """
    return x + y


@task
def broken() -> int:
    raise ValueError("no")


# --- what a task is ---


def test_a_task_keeps_the_name_doc_and_function() -> None:
    assert (add.name, getattr(add, "__name__", ""), add.description) == ("add", "add", "Add two numbers.")
    assert add.fn(1, 2) == 3
    assert repr(add) == "<Task add(x: 'int', y: 'int' = 1) -> 'int'>"


def test_options_name_and_describe_it() -> None:
    named = task(name="plus", description="sum")(add.fn)
    assert (named.name, named.description) == ("plus", "sum")


def test_with_options_is_a_changed_copy() -> None:
    changed = add.with_options(retries=3, tags="db")
    assert (changed.options.retries, changed.options.tags, changed.name) == (3, frozenset({"db"}), "add")
    assert (add.options.retries, add.options.tags) == (0, frozenset())
    assert changed.with_options(log_prints=True).options.retries == 3


def test_attributes_of_the_function_do_not_hide_those_of_the_task() -> None:
    def fn() -> int:
        return 3

    fn.options = fn.submit = fn.name = "mine"  # type: ignore[attr-defined]
    made = task(fn)
    assert made.name == "fn"
    assert callable(made.submit)
    assert made.options.retries == 0


def test_a_task_survives_a_pickle() -> None:
    copy = pickle.loads(cloudpickle.dumps(add.with_options(retries=2)))
    assert isinstance(copy, Task)
    assert (copy.fn(1), copy.options.retries) == (2, 2)


# --- where you call: outside ---


def test_outside_a_flow_a_call_runs_the_function() -> None:
    assert add(1) == 2
    assert add(1, y=5) == 6


def test_outside_a_flow_the_arguments_are_the_very_same_objects() -> None:
    @task
    def append(xs: list[int]) -> None:
        xs.append(1)

    xs: list[int] = []
    append(xs)
    assert xs == [1]


def test_outside_a_flow_exceptions_are_the_functions_own() -> None:
    with pytest.raises(ValueError, match="no"):
        broken()


def test_outside_a_flow_an_async_task_is_a_coroutine() -> None:
    @task
    async def soon(x: int) -> int:
        return x + 1

    assert asyncio.run(soon(1)) == 2


def test_outside_a_flow_unmapped_and_allow_failure_are_taken_off() -> None:
    assert add(unmapped(1), y=allow_failure(2)) == 3  # type: ignore[arg-type]


@pytest.mark.usefixtures("cluster")
def test_outside_a_flow_handles_are_resolved_first_wherever_they_are() -> None:
    @dataclass(frozen=True)
    class Box:
        content: object

    @task
    def look(*args: object, **kwargs: object) -> object:
        return args, kwargs

    @flow
    def etl() -> dict[str, object]:
        return {"one": add(1), "many": add.map([1, 2]), "bad": broken()}

    handles = etl.run().names  # type: ignore[attr-defined]
    one, many, bad = handles["one"], handles["many"], handles["bad"]
    look_here: Any = look
    args, kwargs = look_here([one], (many,), Box({"k": one}), k=allow_failure(bad), wait_for=[one])
    assert args == ([2], ([2, 3],), Box({"k": 2}))
    assert (type(kwargs["k"]), kwargs["k"].state) == (Missing, TaskState.FAILED)
    with pytest.raises(ValueError, match="no"):
        look_here(bad)


@pytest.mark.parametrize("call", [lambda: add.submit(1), lambda: add.map([1])], ids=["submit", "map"])
def test_outside_a_flow_submit_and_map_are_refused(call: object) -> None:
    with pytest.raises(NotInFlow, match=r"`add\.(submit|map)\(\)` was used outside any flow\. Put it into a `%%flow`"):
        call()  # type: ignore[operator]


# --- where you call: in a task ---


@pytest.mark.usefixtures("cluster")
def test_a_task_that_calls_itself_recurses_inline() -> None:
    @task
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    @flow
    def etl() -> object:
        return factorial(5)

    assert etl() == 120


# --- where you call: in a flow ---


def test_in_a_flow_a_call_is_a_submit(body: Recording) -> None:
    handle, other = add(1, y=2), add.submit(3)
    assert isinstance(handle, Handle)
    assert isinstance(other, Handle)
    assert [(call.args, call.kwargs, call.mapped) for call in body.calls] == [((1,), {"y": 2}, None), ((3,), {}, None)]


def test_in_a_flow_a_call_waits_for_what_it_is_told_to(body: Recording) -> None:
    first, mapped = body.handle("a"), body.mapped_handle("b")
    add(1, wait_for=[first, mapped])  # type: ignore[call-arg]
    add.submit(1, wait_for=first)  # one alone
    add.map([1], wait_for=(each for each in [first]))
    add.submit(1, wait_for=None)
    assert [call.wait_for for call in body.calls] == [(first, mapped), (first,), (first,), ()]
    assert all("wait_for" not in call.kwargs for call in body.calls)


@pytest.mark.parametrize(
    ("wait_for", "named"), [([3], "int 3"), ("load", "str 'load'"), (7, "int 7"), ([[]], r"list \[\]")]
)
def test_waiting_for_something_that_is_no_handle_is_refused(body: Recording, wait_for: object, named: str) -> None:
    calls: list[Any] = [add, add.submit, add.map]
    for call in calls:
        with pytest.raises(HandleMisuse, match=f"wait_for of `add` got {named}.*It takes handles"):
            call([1], wait_for=wait_for)


@pytest.mark.parametrize(
    ("args", "kwargs", "problem"),
    [
        ((), {}, "missing a required argument: 'x'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"z": 3}, "unexpected keyword argument 'z'"),
        ((1,), {"x": 3}, "multiple values for argument 'x'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_at_the_call(
    body: Recording, args: tuple[object, ...], kwargs: dict[str, object], problem: str
) -> None:
    calls: list[Any] = [add, add.submit, add.map]
    for call in calls:
        with pytest.raises(BadArguments, match=rf"add\(\): .*{problem}.*It takes add\(x: 'int', y"):
            call(*args, **kwargs)
    assert body.calls == []


def test_a_function_that_does_not_tell_its_parameters_takes_any(body: Recording) -> None:
    task(max)(1, 2, key=None)
    assert body.calls[0].args == (1, 2)


def test_a_foreign_thread_is_refused_until_it_attaches(body: Recording) -> None:
    found: list[object] = []

    def call() -> None:
        for attach in (False, True):
            try:
                if attach:
                    wfkit.current.attach()
                found.append(add(1))
            except ForeignThread as error:
                found.append(error)

    thread = threading.Thread(target=call, name="mine")
    thread.start()
    thread.join()
    error, handle = found
    assert "thread 'mine'" in str(error)
    assert "`etl`" in str(error)
    assert "wfkit.current.attach()" in str(error)
    assert isinstance(handle, Handle)


@pytest.mark.usefixtures("cluster")
def test_allow_failure_lets_a_task_see_what_is_missing() -> None:
    @task
    def odd(x: int) -> int:
        if x == 2:
            raise ValueError("two")
        return x

    @task
    def told(x: object) -> str:
        return f"{x.state}: {x.exception}" if isinstance(x, Missing) else str(x)

    @task
    def total(xs: list[int | Missing]) -> list[int]:
        return present(xs)

    @flow
    def etl() -> object:
        odds = odd.map([1, 2, 3])
        return [
            told.map(allow_failure(odds)),
            told(allow_failure(odds[1])),
            total.submit(allow_failure(odds)),
            total.submit(allow_failure([odds[0], odds[1]])),
            told.map(allow_failure([odds[0], odds[1]])),
            total.map([[1], [2]]),
        ]

    assert etl() == [
        ["1", "FAILED: two", "3"],
        "FAILED: two",
        [1, 3],
        [1],
        ["1", "FAILED: two"],
        [[1], [2]],
    ]


@pytest.mark.usefixtures("cluster")
def test_a_task_with_n_outputs_is_unpacked() -> None:
    @task(n_outputs=2)
    def split(x: int) -> tuple[int, int]:
        return x // 10, x % 10

    @flow
    def etl() -> object:
        tens, ones = split(42)
        return [add(tens), ones, split(17)[-1], [each[0] for each in split.map([55, 66])]]

    assert etl() == [5, 2, 7, [5, 6]]
