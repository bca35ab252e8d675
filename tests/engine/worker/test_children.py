"""Children: what the handles answer that a task's body made."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.engine.worker.conftest import RunOf
from wfkit.authoring.flattening import flatten
from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.authoring.waiting import as_completed, wait
from wfkit.core.states import TaskState
from wfkit.errors import HandleMisuse, MapFailed, TaskSkipped, UnknownLength, WaitTimeout

pytestmark = pytest.mark.timeout(60)


@task
def inc(x: Any) -> Any:
    return x + 1


@task
def picky(x: Any) -> Any:
    if x == 3:
        raise KeyError("three")
    if x == 5:
        raise Skip("five")
    return x


@task
def slow(seconds: float) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    return "slept"


@task
def large(x: int) -> bytes:
    return bytes([x]) * 100_000


@task
def listed(x: int) -> list[int]:
    return [x, x + 1]


@task
def pair() -> tuple[int, int]:
    return 1, 2


def body_of(run_of: RunOf, function: Any) -> Any:
    """The value of a task with this body."""
    run = run_of(task(function))
    assert [handle.exception() for handle in run.failed if handle.name == "body"] == []
    return run.result()


def test_small_values_and_lists_of_mapped_ones(run_of: RunOf) -> None:
    def body() -> Any:
        return inc.submit(1).result(), inc.map([1, 2, 3]).result(), inc.map([7, 8])[1].result(), inc.map([]).result()

    assert body_of(run_of, body) == (2, [2, 3, 4], 9, [])


def test_large_values_are_fetched_from_the_worker_that_has_them(run_of: RunOf) -> None:
    def body() -> Any:
        values: Any = large.map(range(8)).result()
        return [(len(value), value[0]) for value in values]

    assert body_of(run_of, body) == [(100_000, x) for x in range(8)]


def test_a_failure_is_the_child_s_own_exception(run_of: RunOf) -> None:
    def body() -> Any:
        try:
            picky.submit(3).result()
        except KeyError as error:
            return error.args, type(picky.submit(3).exception()).__name__, picky.submit(1).exception()

    assert body_of(run_of, body) == (("three",), "KeyError", None)


def test_a_map_with_failures_raises_and_skipped_elements_are_left_out(run_of: RunOf) -> None:
    def body() -> Any:
        skipping = picky.map([4, 5, 6])
        failing = picky.map([2, 3, 5])
        text = ""
        try:
            failing.result()
        except MapFailed as error:
            text = str(error)
        try:
            skipping[1].result()
        except TaskSkipped as error:
            text += f" {error}"
        return skipping.result(), text, [type(one).__name__ for one in failing.exception()]  # type: ignore[attr-defined]

    values, text, errors = body_of(run_of, body)
    assert values == [4, 6]
    assert text.startswith("1 of 3 elements of `picky` have no result: ")
    assert "ended SKIPPED: five" in text
    assert errors == ["NoneType", "KeyError", "TaskSkipped"]


def test_a_wait_that_is_too_short_says_so_and_the_task_goes_on(run_of: RunOf) -> None:
    def body() -> Any:
        child = slow.submit(0.5)
        try:
            child.result(timeout=0.01)
        except WaitTimeout as error:
            return str(error), inc.submit(1).result(), child.result()

    text, value, slept = body_of(run_of, body)
    assert "`slow` has not ended after 0.01 s." in text
    assert (value, slept) == (2, "slept")


def test_states_are_asked_of_the_driver(run_of: RunOf) -> None:
    def body() -> Any:
        child, mapped = slow.submit(1.5), inc.map([1, 2])
        before = child.state
        mapped.wait()
        return before, child.wait().state, mapped.state, mapped[0].state

    before, after, mapped, element = body_of(run_of, body)
    assert before in {TaskState.PENDING, TaskState.RUNNING}
    assert (after, mapped, element) == (TaskState.COMPLETED,) * 3


def test_children_are_taken_as_they_end(run_of: RunOf) -> None:
    def body() -> Any:
        children = [slow.submit(0.3), inc.submit(1), inc.submit(2)]
        assert [child.state for child in wait(children[1:])] == [TaskState.COMPLETED] * 2
        return sorted(str(child.result()) for child in as_completed(children))

    assert body_of(run_of, body) == ["2", "3", "slept"]


def test_a_handle_is_awaited_in_an_async_task(run_of: RunOf) -> None:
    async def body() -> Any:
        first, second = inc.submit(1), inc.submit(5)
        return await first, await second

    assert body_of(run_of, body) == (2, 6)


def test_a_child_that_is_cancelled_ends(run_of: RunOf) -> None:
    def body() -> Any:
        child = slow.submit(30)
        child.cancel()
        return type(child.exception()).__name__, child.state

    assert body_of(run_of, body) == ("TaskCancelled", TaskState.CANCELLED)


def test_lengths_are_known_once_a_map_has_ended(run_of: RunOf) -> None:
    def body() -> Any:
        mapped = inc.map(inc.map([1, 2]))
        unknown = inc.map(pair.submit())
        try:
            len(unknown)
        except UnknownLength:
            return len(mapped), len(unknown.wait()), unknown.result(), repr(unknown)

    assert body_of(run_of, body) == (2, 2, [2, 3], "<Handle inc: COMPLETED>")


def test_items_of_a_task_with_several_outputs(run_of: RunOf) -> None:
    def body() -> Any:
        first, second = pair.with_options(n_outputs=2).submit()
        try:
            inc.with_options(n_outputs=2).submit(1)[1].result()
        except HandleMisuse as error:
            return first.result(), inc.submit(second).result(), str(error)

    first, second, text = body_of(run_of, body)
    assert (first, second) == (1, 3)
    assert "has no item 1" in text


def test_a_flatten_is_asked_like_a_map(run_of: RunOf) -> None:
    def body() -> Any:
        flat = flatten(listed.map([1, 10]))
        return inc.map(flat).result(), flat.result(), flatten(listed.map([5])).exception(), len(flat)

    assert body_of(run_of, body) == ([2, 3, 11, 12], [1, 2, 10, 11], [None, None], 4)


@pytest.mark.parametrize("what", ["logs", "future"])
def test_what_only_the_notebook_knows_is_refused(run_of: RunOf, what: str) -> None:
    def body() -> Any:
        child = inc.submit(1)
        try:
            return child.logs() if what == "logs" else child.future
        except HandleMisuse as error:
            return str(error)

    text = body_of(run_of, body)
    assert text.startswith("`inc.logs()` was asked" if what == "logs" else "`inc.future` was asked")
    assert text.endswith("Ask for it in the notebook.")
