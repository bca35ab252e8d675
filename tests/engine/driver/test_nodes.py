"""The table of a run's nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wfkit.authoring.task import task
from wfkit.core.states import TaskState
from wfkit.engine.driver.run import Run


@task
def half(x: Any) -> Any:
    if x == 1:
        raise ValueError("odd")
    return x / 2


def test_rows_say_state_times_worker_and_reason(run_of: Callable[[Callable[[], object]], Run]) -> None:
    rows = list(run_of(lambda: half.map(range(3))).nodes)
    assert [row.name for row in rows] == ["half[0]", "half[1]", "half[2]"]
    assert [row.state for row in rows] == [TaskState.COMPLETED, TaskState.FAILED, TaskState.COMPLETED]
    assert rows[1].reason == "ValueError: odd"
    assert all(row.start is not None and row.end is not None and row.start <= row.end for row in rows)
    assert all(row.worker and row.attempts == 1 and row.group == "half" for row in rows)


def test_the_table_becomes_a_data_frame(run_of: Callable[[Callable[[], object]], Run]) -> None:
    frame = run_of(lambda: half.map([0, 2])).nodes.to_pandas()
    assert list(frame["name"]) == ["half[0]", "half[1]"]
    assert set(frame.columns) >= {"name", "state", "group", "attempts", "start", "end", "worker", "reason"}


def test_the_text_of_a_long_table_is_short(run_of: Callable[[Callable[[], object]], Run]) -> None:
    nodes = run_of(lambda: half.map([2] * 100)).nodes
    assert len(nodes) == 100
    assert "… and 60 more" in repr(nodes)
