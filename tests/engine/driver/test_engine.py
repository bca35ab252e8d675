"""The engine's thread: many runs, faults, a cluster that goes away."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from distributed import Client, LocalCluster

from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.task import task
from wfkit.core.ids import run_id
from wfkit.core.states import RunState
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run


@task
def inc(x: Any) -> Any:
    return x + 1


@task
def forever() -> Any:
    import time

    while True:
        time.sleep(0.01)


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
