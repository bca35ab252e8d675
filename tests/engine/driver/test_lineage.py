"""Lineage: handles that a cell has bound answer from the newest run that goes on from theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.driver import gates
from tests.engine.driver.repeating import Repeater, allow, executed, held, load, pipeline, total
from wfkit.authoring.context import FlowBody, inside
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.lineage import Following, follow, newest
from wfkit.engine.driver.run import Run
from wfkit.errors import MapFailed, NodeGone, UpstreamFailed, WaitTimeout

Start = Callable[..., Run]


def bound(run: Run) -> dict[str, Any]:
    """The handles of a run, which follow it."""
    names = dict(run.names)
    follow(names, run)
    return names


def test_after_a_rerun_handles_give_the_repaired_values(run_of: Start, again: Repeater) -> None:
    run = run_of(pipeline)
    names = bound(run)
    with pytest.raises(UpstreamFailed):
        names["summary"].result()
    allow()
    new = again(run, pipeline)
    assert names["summary"].result() == 60
    assert names["tidy"].result() == [0, 10, 20, 30]
    assert (names["tidy"][3].result(), names["tidy"][3].name) == (30, "picky[3]")
    assert (names["summary"].state, names["raw"].state) == (TaskState.COMPLETED, TaskState.REUSED)
    assert names["tidy"].exception() == [None] * 4
    assert names["summary"]._source.run is new
    assert isinstance(run.node("picky[1]").exception(), ValueError)


def test_handles_in_lists_and_dicts_follow_too_and_those_of_other_runs_do_not(run_of: Start) -> None:
    first, second = run_of(lambda: {"x": load(1)}), run_of(lambda: {"y": load(2)})
    value = {"many": [first["x"], (second["y"],)], "plain": 3}
    follow(value, first)
    assert isinstance(first["x"]._source, Following)
    assert second["y"]._source is second.answers


def test_a_handle_blocks_while_the_node_runs_in_the_newest_run(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"x": load(1)})
    names = bound(run)
    new = again.open(run, forced=[("g1", 0)])
    before: TaskState = names["x"].state
    assert before is TaskState.PENDING
    with pytest.raises(WaitTimeout):
        names["x"].wait(0.01)
    with pytest.raises(WaitTimeout):
        names["x"].result(0.01)
    with inside(FlowBody(new, "flow")):
        load(1)
    new.close_body(None, {})
    assert names["x"].result(gates.PATIENCE_S) == 1
    assert names["x"].state is TaskState.COMPLETED


def test_a_handle_raises_if_the_node_failed_in_the_newest_run(run_of: Start, again: Repeater) -> None:
    gates.come("allowed")
    run = run_of(pipeline)
    names = bound(run)
    assert names["summary"].result() == 60
    gates.reset()
    again(run, pipeline, forced=[(run["tidy"]._ref.group, None)])
    with pytest.raises(MapFailed):
        names["tidy"].result()
    with pytest.raises(UpstreamFailed):
        names["summary"].result()


def test_a_node_that_the_newest_run_does_not_have_is_gone(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"x": load(1), "y": load(2)})
    names = bound(run)
    again(run, lambda: {"y": load(2)})
    assert names["y"].result() == 2
    with pytest.raises(NodeGone, match="does not make the call any more") as gone:
        names["x"].result()
    assert "handle.pin()" in str(gone.value)


def test_a_pinned_handle_stays_with_its_run(run_of: Start, again: Repeater) -> None:
    run = run_of(pipeline)
    names = bound(run)
    pinned = run.node("total").pin()
    allow()
    again(run, pipeline)
    assert names["summary"].result() == 60
    with pytest.raises(UpstreamFailed):
        pinned.result()


def test_a_lineage_goes_on_through_all_generations(run_of: Start, again: Repeater) -> None:
    run = run_of(pipeline)
    names = bound(run)
    second = again(run, pipeline)
    allow()
    third = again(second, pipeline)
    assert newest(run) == [run, second, third]
    assert names["summary"].result() == 60
    assert names["summary"]._source.run is third


def test_the_newest_of_several_reruns_answers(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"x": load(1)})
    names = bound(run)
    first = again(run, lambda: {"x": load(1)})
    second = again(run, lambda: {"x": load(1)})
    assert newest(run) == [run, second]
    assert names["x"]._source.run is second
    assert newest(first) == [first]


def test_elements_follow_to_where_they_are_now(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"xs": load.map([1, 2, 3])})
    names = bound(run)
    third = names["xs"][2]
    again(run, lambda: {"xs": load.map([3, 1])})
    assert (third.result(), third.name) == (3, "load[0]")
    assert names["xs"].result() == [3, 1]
    assert len(names["xs"]) == 2


def test_handles_are_inputs_of_a_later_flow_as_what_they_are_now(run_of: Start, again: Repeater) -> None:
    run = run_of(pipeline)
    names = bound(run)
    allow()
    again(run, pipeline)
    gates.reset()
    later = run_of(lambda: {"x": total(names["tidy"]), "y": load(names["summary"])})
    assert (later["x"].result(), later["y"].result()) == (60, 60)
    assert executed() == ["load 60", "total"]


def test_a_body_that_failed_before_the_call_leaves_the_value_of_before(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"x": load(1)})
    names = bound(run)
    new = again.open(run)
    new.fail_body(RunState.FAILED, "ValueError: no (body, line 1)", {})
    new.wait(gates.PATIENCE_S)
    assert names["x"].result() == 1


def test_what_is_asked_without_waiting_answers_at_once(run_of: Start, again: Repeater) -> None:
    gates.open_gates("held 1")
    run = run_of(lambda: {"x": held(1)})
    names = bound(run)
    new = again.open(run)
    assert names["x"].logs() == []
    assert names["x"].name == "held"
    assert "PENDING in a rerun" in repr(names["x"])
    new.close_body(None, {})
    new.wait(gates.PATIENCE_S)


# --- runs the body of which was cut short ---


def test_a_node_that_a_cut_short_body_did_not_come_to_is_found_in_the_newest_run_that_has_it(
    run_of: Start, again: Repeater
) -> None:
    run = run_of(pipeline)
    names = bound(run)
    cut = again.cut_short(run, lambda: load.map(range(4)))
    assert names["raw"]._source.run is cut
    assert names["tidy"][0].result() == 0
    assert names["summary"].state is TaskState.UPSTREAM_FAILED
    allow()
    again(cut, pipeline)
    assert names["summary"].result() == 60
    assert executed() == ["picky 1", "picky 3", "total"]


def test_a_handle_waits_for_a_run_behind_one_that_was_cut_short(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"x": load(1)})
    names = bound(run)
    cut = again.cut_short(again.cut_short(run, lambda: None), lambda: None)
    assert names["x"].result() == 1
    new = again.open(cut)
    assert names["x"].state is TaskState.PENDING
    with pytest.raises(WaitTimeout):
        names["x"].wait(0.01)
    new.close_body(None, {})
    with pytest.raises(NodeGone):
        names["x"].result()


def test_elements_and_what_lies_behind_them_are_found_past_a_cut_short_run(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"xs": load.map([1, 2, 3])})
    third = bound(run)["xs"][2]
    again(again.cut_short(run, lambda: None), lambda: {"xs": load.map([3, 1])})
    assert (third.result(), third.name) == (3, "load[0]")
