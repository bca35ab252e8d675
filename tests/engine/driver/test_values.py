"""Fetching results, and the errors in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wfkit.authoring.signals import Skip
from wfkit.authoring.task import task
from wfkit.engine.driver.run import Run
from wfkit.errors import HandleMisuse, MapFailed, ResultLost, TaskFailed, TaskSkipped, UpstreamFailed

RunOf = Callable[[Callable[[], object]], Run]


@task
def blob(length: Any) -> Any:
    return b"x" * length


@task
def fails(x: Any) -> Any:
    raise KeyError(x)


@task
def skips() -> Any:
    raise Skip("not today")


@task(n_outputs=2)
def pair() -> Any:
    return 1, 2


def test_large_and_small_values_come_together(run_of: RunOf) -> None:
    run = run_of(lambda: {"blobs": blob.map([10, 20_000, 30, 40_000])})
    assert [len(value) for value in run["blobs"].result()] == [10, 20_000, 30, 40_000]  # type: ignore[attr-defined]
    with pytest.raises(MapFailed):
        run_of(lambda: fails.map([1])).node("fails").result()


def test_the_original_exception_is_raised_with_the_remote_traceback_as_a_note(run_of: RunOf) -> None:
    run = run_of(lambda: fails(7))
    with pytest.raises(KeyError) as caught:
        run.node("fails").result()
    assert caught.value.args == (7,)
    assert "in fails" in caught.value.__notes__[0]


def test_what_cannot_travel_is_raised_as_task_failed_with_its_name(run_of: RunOf) -> None:
    @task
    def locked() -> Any:
        import threading

        error = RuntimeError("has a lock")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error

    with pytest.raises(TaskFailed, match="RuntimeError: has a lock"):
        run_of(locked).node("locked").result()


def test_states_without_a_value_raise_classes_of_their_own(run_of: RunOf) -> None:
    run = run_of(lambda: [skips(), blob(fails(1))])
    with pytest.raises(TaskSkipped, match="not today"):
        run.node("skips").result()
    with pytest.raises(UpstreamFailed, match="fails"):
        run.node("blob").result()


def test_a_mapped_handle_tells_count_and_first_three_and_lists_its_exceptions(run_of: RunOf) -> None:
    handle = run_of(lambda: fails.map(range(5))).node("fails")
    with pytest.raises(MapFailed) as caught:
        handle.result()
    assert caught.value.count == 5
    assert caught.value.first == ("fails[0]: KeyError: 0", "fails[1]: KeyError: 1", "fails[2]: KeyError: 2")
    assert [type(error) for error in handle.exception()] == [KeyError] * 5  # type: ignore[attr-defined]


def test_items_of_an_output_and_items_that_are_not_there(run_of: RunOf) -> None:
    def body() -> dict[str, object]:
        one, two = pair()
        return {"one": one, "two": two}

    run = run_of(body)
    assert (run["one"].result(), run["two"].result()) == (1, 2)


def test_a_future_gives_the_plain_value_or_raises(run_of: RunOf) -> None:
    run = run_of(lambda: [blob(5), fails(1), blob.map([1])])
    assert run.node("blob").future.result(timeout=10) == b"xxxxx"
    with pytest.raises(KeyError):
        run.node("fails").future.result(timeout=10)
    with pytest.raises(HandleMisuse, match="each element"):
        _ = run.node("blob#2").future


def test_a_released_large_result_is_lost_and_says_so(run_of: RunOf) -> None:
    run = run_of(lambda: blob(50_000))
    run.release()
    with pytest.raises(ResultLost, match="released"):
        run.node("blob").result()
