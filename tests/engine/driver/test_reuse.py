"""Reuse: what a run keeps of the one that it goes on from, how it tells so, and where kept values are."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

from tests.engine.driver import gates
from tests.engine.driver.repeating import (
    Repeater,
    allow,
    executed,
    held,
    large,
    load,
    picky,
    pipeline,
    size,
    states,
    total,
)
from wfkit.authoring.handle import Ref
from wfkit.authoring.task import task
from wfkit.core import signatures
from wfkit.core.ids import GroupId
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run

Start = Callable[..., Run]


@task
def parent(n: Any) -> Any:
    gates.come("parent")
    return picky.map(range(n))


@task
def maker() -> Any:
    return large.submit(300_000)


def test_what_failed_is_executed_with_what_lies_downstream_and_all_else_is_kept(run_of: Start, again: Repeater) -> None:
    run = run_of(pipeline)
    allow()
    new = again(run, pipeline)
    assert executed() == ["picky 1", "picky 3", "total"]
    assert new["summary"].result() == 60
    assert (run.state, new.state) == (RunState.FAILED, RunState.COMPLETED)


def test_kept_nodes_were_never_attempted_and_say_what_made_them(run_of: Start, again: Repeater) -> None:
    run = run_of(pipeline)
    new = again(run, pipeline)
    view = new.view_model.groups[new["raw"]._ref.group]
    assert set(view.attempts) == {0}
    assert set(view.made_by.values()) == {run.view_model.groups[run["raw"]._ref.group].spec.code}
    assert set(view.made_by.values()) <= set(new.view_model.codes)
    verdict = view.verdict(2)
    assert verdict is not None
    assert (verdict.reused, verdict.reason) == (True, "reused")


def test_a_rerun_that_has_ended_keeps_nothing_that_only_served_to_find_nodes_again(
    run_of: Start, again: Repeater
) -> None:
    run = run_of(pipeline)
    tracemalloc.start()
    try:
        new = again(run, pipeline)
        gc.collect()
        made = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, signatures.__file__)])
    finally:
        tracemalloc.stop()
    assert new.state is RunState.FAILED
    assert sum(trace.size for trace in made.traces) == 0


def test_a_large_value_is_used_from_the_cluster_and_outlives_the_release_of_its_run(
    run_of: Start, again: Repeater
) -> None:
    def body() -> Any:
        big = large(300_000)
        return {"big": big, "size": size(big)}

    run = run_of(body)
    allow()
    new = again(run, body)
    run.release()
    assert new["big"].result() == "x" * 300_000
    third = again(new, body, forced=[("g2", 0)])
    assert third["size"].result() == 300_000
    assert executed() == ["size"]


def test_a_released_value_that_nobody_stored_is_made_again(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"big": large(300_000)})
    run.release()
    allow()
    new = again(run, lambda: {"big": large(300_000)})
    assert executed() == ["large 300000"]
    reason = new.view_model.groups[GroupId("g1")].reason(0)
    assert reason == "its result is lost: it was in cluster memory only"


def test_values_by_hand_small_and_large(run_of: Start, again: Repeater) -> None:
    def body() -> Any:
        first, second = large(5), large(6)
        return {"first": first, "second": second, "sizes": [size(first), size(second)]}

    run = run_of(body)
    allow()
    new = again(run, body, by_hand={("g1", 0): "abc", ("g2", 0): "y" * 200_000})
    assert executed() == ["size", "size"]
    assert [handle.result() for handle in new.names["sizes"]] == [3, 200_000]  # type: ignore[attr-defined]
    assert new["second"].result() == "y" * 200_000
    third = again(new, body, forced=[("g4", 0)])
    assert third["second"].result() == "y" * 200_000
    assert [handle.result() for handle in third.names["sizes"]] == [3, 200_000]  # type: ignore[attr-defined]
    assert executed() == ["size"] * 3


def test_what_the_other_run_works_on_is_awaited(start: Start, again: Repeater) -> None:
    def body() -> Any:
        return {"x": load(held(1))}

    run = start(body)
    gates.until_came("held 1")
    new = again.start(run, body)
    assert states(new) == {"held": "PENDING", "load": "PENDING"}
    gates.open_gates("held 1")
    assert new.wait(gates.PATIENCE_S)["x"].result() == 1
    assert sorted(gates.came()) == ["held 1", "load 1"]
    assert set(states(new).values()) == {"REUSED"}


def test_the_end_of_an_awaited_node_takes_no_lock_of_the_rerun(start: Start, again: Repeater) -> None:
    def body() -> Any:
        return {"x": held(1)}

    run = start(body)
    gates.until_came("held 1")
    new = again.start(run, body)
    gates.until_quiet(new)
    with new.lock:
        gates.open_gates("held 1")
        gates.until(lambda: run.node("held").state is TaskState.COMPLETED)
        assert run.lock.acquire(timeout=gates.PATIENCE_S), "who holds it waits for the rerun"
        run.lock.release()
    assert new.wait(gates.PATIENCE_S)["x"].result() == 1


def test_an_awaited_node_keeps_nobody_from_being_sent(start: Start, again: Repeater) -> None:
    def body() -> Any:
        return {"slow": held(1), "other": load(2)}

    run = start(body)
    gates.until_came("held 1", "load 2")
    new = again.start(run, lambda: {**body(), "fresh": load(3)})
    assert new["fresh"].result(gates.PATIENCE_S) == 3
    assert states(new)["held"] == "PENDING"
    gates.open_gates("held 1")
    new.wait(gates.PATIENCE_S)


def test_children_of_a_kept_parent_are_there_and_have_their_values(run_of: Start, again: Repeater) -> None:
    gates.come("allowed")
    run = run_of(lambda: {"x": parent(3), "big": maker()})
    allow()
    new = again(run, lambda: {"x": parent(3), "big": maker()})
    assert executed() == []
    assert new["x"].result() == [0, 10, 20]
    assert new.node("parent/picky[2]").result() == 20
    run.release()
    assert new.node("maker/large").result() == "x" * 300_000
    reasons = {row.name: row.reason for row in new.nodes}
    assert reasons["parent/picky[1]"] == "reused with `parent`"


def test_finished_children_of_a_parent_that_runs_again_are_kept(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"x": parent(4)})
    allow()
    new = again(run, lambda: {"x": parent(4)})
    assert executed() == ["parent", "picky 1", "picky 3"]
    assert new["x"].result() == [0, 10, 20, 30]


def test_a_node_of_the_other_run_is_found_in_this_one(run_of: Start, again: Repeater) -> None:
    run = run_of(lambda: {"b": load.map([1, 2]), "c": load(3)})
    new = again(run, lambda: {"c": load(3), "b": load.map([0, 2, 1])})
    assert new.reuse is not None
    assert new.reuse.forward(run.id, run["c"]._ref) == new["c"]._ref
    assert new.reuse.forward(run.id, Ref(run["b"]._ref.group, 1)) == Ref(new["b"]._ref.group, 1)
    assert new.reuse.forward(run.id, Ref(run["b"]._ref.group, 0)) == Ref(new["b"]._ref.group, 2)
    assert new.reuse.forward(run.id, run["b"]._ref) == new["b"]._ref
    gone = again(run, lambda: {"c": load(3)})
    assert gone.reuse is not None
    assert gone.reuse.forward(run.id, run["b"]._ref) is None


def test_a_rerun_of_nothing_is_a_run_from_zero(run_of: Start, again: Repeater) -> None:
    run = run_of(dict)
    new = again(run, lambda: {"x": total(load.map([1, 2]))})
    assert new["x"].result() == 3
    assert {row.reason for row in new.nodes} == {"new"}
