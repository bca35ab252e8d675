"""Inputs: wrappers around arguments, and what stands for an input without a result."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from wfkit import Missing, allow_failure, flow, present, task, unmapped
from wfkit.core.states import TaskState


def test_missing_is_false_and_survives_a_pickle() -> None:
    missing = Missing(TaskState.FAILED, "why", ValueError("no"))
    copy = pickle.loads(pickle.dumps(missing))
    assert not missing
    assert (copy.state, copy.reason, str(copy.exception)) == (TaskState.FAILED, "why", "no")


def test_present_keeps_what_is_there_in_order() -> None:
    assert present([1, Missing(TaskState.SKIPPED), None, 0, Missing(TaskState.FAILED), 2]) == [1, None, 0, 2]
    assert present(iter([])) == []


def test_wrappers_compare_by_value() -> None:
    assert unmapped([1]) == unmapped([1])
    assert allow_failure("a") != allow_failure("b")


@pytest.mark.usefixtures("cluster")
def test_a_trigger_that_lets_a_task_run_keeps_the_places_of_what_is_missing() -> None:
    @task
    def odd(x: int) -> int:
        if x == 2:
            raise ValueError("two")
        return x

    @task(trigger="all_done")
    def states(xs: list[Any], single: Any) -> list[Any]:
        return [x.state if isinstance(x, Missing) else x for x in [*xs, single]]

    @flow
    def etl() -> Any:
        odds = odd.map([1, 2, 3])
        return states.submit(odds, odds[1])

    assert etl() == [1, TaskState.FAILED, 3, TaskState.FAILED]
