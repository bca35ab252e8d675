"""The engine's thread: many runs, faults, a cluster that goes away."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from distributed import Client, LocalCluster

from tests.engine.driver import gates
from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.task import task
from wfkit.core.ids import run_id
from wfkit.core.states import RunState
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run


@task
def inc(x: Any) -> Any:
    return x + 1


def test_runs_side_by_side_keep_their_events_apart(new_run: Callable[[], Run]) -> None:
    runs = [new_run() for _ in range(5)]
    for number, run in enumerate(runs):
        with inside(FlowBody(run, "flow")):
            inc.map(range(number))
        run.close_body(None, {})
    for number, run in enumerate(runs):
        assert run.wait(10).node("inc").result() == list(range(1, number + 1))


def test_a_fault_in_one_run_ends_that_run_and_not_the_others(new_run: Callable[[], Run]) -> None:
    broken, good = new_run(), new_run()
    broken.engine._inbox.append((broken.id, [["event", ["no-such-event"]]]))
    broken.engine._wake.set()
    broken.wait(10)
    assert broken.state is RunState.INTERRUPTED
    assert "no-such-event" in broken.view_model.reason
    with inside(FlowBody(good, "flow")):
        handle = inc(1)
    good.close_body(None, {})
    assert handle.result(10) == 2


def test_a_run_that_cannot_even_end_its_nodes_ends_and_the_others_go_on(
    new_run: Callable[[], Run], start: Callable[..., Run]
) -> None:
    broken = new_run()
    with inside(FlowBody(broken, "flow")):
        inc(1)
    broken.groups.clear()
    broken.engine.call_later(broken, 0, lambda: broken.take([["bounced", "g1", [0]]]))
    broken.wait(8)
    assert broken.state is RunState.INTERRUPTED
    assert broken.view_model.reason.startswith("a fault in wfkit: KeyError")
    assert start(lambda: {"x": inc(1)}).wait(8)["x"].result() == 2


def test_what_is_to_be_done_later_is_done_in_its_order(new_run: Callable[[], Run]) -> None:
    run, done = new_run(), list[int]()
    for number, seconds in enumerate([1.0, 0.0, 0.5]):
        run.engine.call_later(run, seconds, lambda number=number: done.append(number))  # type: ignore[misc]
    gates.until(lambda: len(done) == 3)
    assert done == [1, 2, 0]


def test_durations_are_kept_by_the_code_of_a_function(engine: Engine, run_of: Callable[..., Run]) -> None:
    run = run_of(lambda: inc.map(range(6)))
    (group,) = run.groups.values()
    assert engine.durations(group.work.code_id) is engine.durations(group.work.code_id)
    assert engine.durations(group.work.code_id).heard >= 6
    assert engine.durations("never run").heard == 0


def test_a_run_on_a_cluster_that_goes_away_is_interrupted() -> None:
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
    ) as cluster:
        client = Client(cluster, set_as_default=False)
        engine = Engine(client)
        run = Run(engine, run_id(1, b"0123456789"), "flow")
        with inside(FlowBody(run, "flow")):
            inc.map(range(3)).result(10)
        client.close()
        run.wait(10)
        assert (run.state, run.view_model.reason) == (RunState.INTERRUPTED, "the Dask scheduler is gone")
        engine.close()
    gc.collect()
