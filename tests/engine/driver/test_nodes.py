"""The table of a run's nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from wfkit.authoring.task import task
from wfkit.core.states import TaskState
from wfkit.engine.driver import nodes
from wfkit.engine.driver.run import Run


@task
def half(x: Any) -> Any:
    if x == 1:
        raise ValueError("odd")
    return x / 2


@task
def waiting() -> None:
    gates.wait_at("go")


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
    table = run_of(lambda: half.map([2] * 100)).nodes
    assert len(table) == 100
    assert "… and 60 more" in repr(table)


def test_a_table_stays_as_it_was_when_it_was_made_and_its_rows_are_made_when_they_are_asked_for(
    start: Callable[[Callable[[], object]], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(lambda: [waiting(), half.map([0, 2])])
    with run.lock:
        monkeypatch.setattr(nodes, "_row", lambda *_: pytest.fail("a row was made"))
        table = run.nodes
        monkeypatch.undo()
    gates.open_gates("go")
    run.wait(gates.PATIENCE_S)
    assert table[0].state is not TaskState.COMPLETED
    assert [row.name for row in table] == [row.name for row in table[:]] == ["waiting", "half[0]", "half[1]"]
    assert (table[-1], table[1:]) == (table[2], [table[1], table[2]])
    assert run.nodes[0].state is TaskState.COMPLETED
    with pytest.raises(IndexError):
        _ = table[3]
