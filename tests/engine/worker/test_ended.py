"""Ends: what stands in the place of a value that a node does not have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.system import hostile
from wfkit.core.states import TASK_ENDS, WITH_VALUE, TaskState
from wfkit.engine.worker.ended import Ended, map_failed
from wfkit.engine.worker.failure import describe
from wfkit.errors import TaskCancelled, TaskCrashed, TaskFailed, TaskSkipped, UpstreamFailed


@given(state=st.sampled_from(sorted(TASK_ENDS)), reason=st.text())
def test_an_end_has_a_value_or_an_error(state: TaskState, reason: str) -> None:
    ended = Ended("load[3]", state, reason)
    assert ended.has_value is (state in WITH_VALUE)
    assert (ended.exception() is None) is ended.has_value


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (TaskState.UPSTREAM_FAILED, UpstreamFailed),
        (TaskState.SKIPPED, TaskSkipped),
        (TaskState.CANCELLED, TaskCancelled),
        (TaskState.CRASHED, TaskCrashed),
        (TaskState.FAILED, TaskFailed),
    ],
)
def test_each_end_without_a_value_has_its_error(state: TaskState, kind: type[Exception]) -> None:
    error = Ended("load[3]", state, "`make` FAILED").exception()
    assert type(error) is kind
    assert "`load[3]`" in str(error)
    assert "`make` FAILED" in str(error)


def test_a_failure_is_the_task_s_own_exception() -> None:
    error = Ended("load", TaskState.FAILED, "no", describe(KeyError("x"))).exception()
    assert type(error) is KeyError
    assert error.args == ("x",)


def test_an_exception_that_could_not_travel_is_told() -> None:
    error = Ended("load", TaskState.FAILED, "no", describe(hostile.WithLock("locked"))).exception()
    assert type(error) is TaskFailed
    assert "`load` failed: WithLock: locked" in str(error)
    assert "On the worker:" in error.__notes__[0]


def test_a_map_names_its_first_failures() -> None:
    failed = [Ended(f"load[{index}]", TaskState.FAILED, f"ValueError: {index}.") for index in range(5)]
    error = map_failed("load", 9, failed)
    assert str(error).startswith("5 of 9 elements of `load` have no result: load[0]: ValueError: 0; load[1]: ValueErro")
    assert "load[3]" not in str(error)
