"""Reading: what people ask of a run: its nodes by name, what failed, what is stale."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.engine.driver import gates
from tests.engine.driver.repeating import allow, held, load, pipeline
from wfkit.authoring.waiting import wait as wait_for
from wfkit.core.states import TaskState
from wfkit.engine.driver.reading import described
from wfkit.engine.driver.run import Run
from wfkit.errors import BadArguments, FlowFailed, NoSuchNode

Start = Callable[..., Run]


def test_nodes_are_found_by_name_and_handles_by_the_name_that_the_body_bound(run_of: Start) -> None:
    run = run_of(pipeline)
    assert run.node("load[2]").result() == 2
    assert run.node("load").result() == [0, 1, 2, 3]
    assert run["raw"].result() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["nothing", "load[9]", "total[0]", "load[x]"])
def test_a_name_that_nothing_has_is_refused_with_those_that_there_are(run_of: Start, name: str) -> None:
    run = run_of(pipeline)
    with pytest.raises(NoSuchNode, match="has no node") as refused:
        run.node(name)
    assert "It has load, picky, total." in str(refused.value)


def test_what_is_no_name_is_refused(run_of: Start) -> None:
    with pytest.raises(BadArguments, match=r"`run\.node` takes the name of a node, not int 5\. Write such as"):
        run_of(pipeline).node(5)  # type: ignore[arg-type]


def test_what_is_no_time_to_wait_is_refused_by_whatever_waits(run_of: Start) -> None:
    run: Any = run_of(pipeline)
    handle: Any = run["summary"]
    wait_for_it: Any = partial(wait_for, [handle])
    for wait in (run.wait, run.result, handle.wait, handle.result, handle.exception, wait_for_it):
        with pytest.raises(BadArguments, match=r"timeout='a' is not allowed\. It takes seconds"):
            wait(timeout="a")


def test_a_name_that_the_body_did_not_bind_is_refused_with_those_it_did(run_of: Start) -> None:
    with pytest.raises(NoSuchNode, match="bound no handle named 'x'") as refused:
        run_of(pipeline)["x"]
    assert "It bound raw, tidy, summary." in str(refused.value)


def test_what_failed_is_listed_without_what_only_had_no_inputs(run_of: Start) -> None:
    run = run_of(pipeline)
    assert [handle.name for handle in run.failed] == ["picky[1]", "picky[3]"]


def test_a_failed_run_raises_and_says_how_to_go_on(run_of: Start) -> None:
    with pytest.raises(FlowFailed, match="ended FAILED") as failed:
        run_of(pipeline).raise_if_failed()
    assert "run.rerun()" in str(failed.value)
    allow()
    run_of(pipeline).raise_if_failed()


def test_the_table_has_a_row_for_each_node_and_nothing_is_stale_in_a_new_run(run_of: Start) -> None:
    rows = list(run_of(pipeline).nodes)
    assert [row.name for row in rows[:2]] == ["load[0]", "load[1]"]
    assert len(rows) == 9
    assert {row.stale for row in rows} == {""}


def test_a_map_is_described_by_its_worst_element_once_all_have_ended(start: Start) -> None:
    run = start(lambda: {"x": held.map([1, 2]), "none": load.map([])})
    group = run.view_model.groups[run["x"]._ref.group]
    gates.until_came("held 1")
    assert described(group, None, 2) in {TaskState.RUNNING, TaskState.PENDING}
    gates.open_gates("held 1", "held 2")
    run.wait(gates.PATIENCE_S)
    assert described(group, None, 2) is TaskState.COMPLETED
    assert described(group, 7, 2) is TaskState.PENDING
    empty = run.view_model.groups[run["none"]._ref.group]
    assert (described(empty, None, 0), described(empty, None, None)) == (TaskState.COMPLETED, TaskState.PENDING)


def test_a_run_shows_its_flow_and_state(run_of: Start) -> None:
    run = run_of(dict)
    assert repr(run) == f"<Run {run.id} of flow: COMPLETED>"
