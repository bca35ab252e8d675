"""Signals: a task raises them to say how it ends."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import wfkit
from wfkit import Fail, Retry, Skip, flow, task
from wfkit.core.states import TaskState
from wfkit.errors import TaskSkipped


@pytest.mark.parametrize("signal", [Skip("why"), Fail("why"), Retry("why", delay_seconds=2.0), Retry(), Skip()])
def test_a_signal_survives_a_pickle(signal: Any) -> None:
    copy = pickle.loads(pickle.dumps(signal))
    assert (type(copy), vars(copy), str(copy)) == (type(signal), vars(signal), str(signal))


def test_a_delay_is_given_by_name() -> None:
    assert Retry(delay_seconds=2).delay_seconds == 2
    with pytest.raises(TypeError):
        Retry("why", 2)  # type: ignore[call-arg]


@pytest.mark.usefixtures("cluster")
def test_signals_end_or_repeat_a_task() -> None:
    @task(retries=5)
    def end(how: str) -> int:
        if how == "skip":
            raise Skip("nothing to do")
        if how == "fail":
            raise Fail("never mind")
        if wfkit.current.attempt < 3:
            raise Retry("later", delay_seconds=0.01)
        return wfkit.current.attempt

    @flow
    def etl() -> Any:
        ends = end.map(["skip", "fail", "retry"])
        ends.exception()
        return [ends[0], ends[1], ends[2]]

    run: Any = etl.run()
    rows = {row.name: row for row in run.nodes}
    assert [rows[f"end[{index}]"].state for index in range(3)] == [
        TaskState.SKIPPED,
        TaskState.FAILED,
        TaskState.COMPLETED,
    ]
    assert [rows[f"end[{index}]"].attempts for index in range(3)] == [1, 1, 3]
    assert [rows[f"end[{index}]"].reason for index in range(2)] == ["nothing to do", "never mind"]
    with pytest.raises(TaskSkipped, match="nothing to do"):
        run.node("end[0]").result()
    with pytest.raises(Fail, match="never mind"):
        run.node("end[1]").result()
