"""Events come in and calls go out, from any thread."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from distributed import Client, LocalCluster

from wfkit.authoring.context import FlowBody, current, inside
from wfkit.authoring.task import task
from wfkit.core.events import NodeFinished
from wfkit.core.ids import run_id
from wfkit.core.states import TaskState
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run
from wfkit.engine.worker.outcome import Ok
from wfkit.errors import HandleMisuse


@task
def inc(x: Any) -> Any:
    return x + 1


def test_calls_are_submitted_without_anybody_waiting(new_run: Callable[[], Run]) -> None:
    run, done = new_run(), threading.Event()
    with inside(FlowBody(run, "flow")):
        handle = inc(1)
        run.subscribe(lambda: done.set() if handle.state is TaskState.COMPLETED else None)
        assert done.wait(10)
    run.close_body(None, {})
    run.wait(10)


def test_a_thread_that_attached_adds_calls(new_run: Callable[[], Run]) -> None:
    run, results = new_run(), list[object]()

    def work() -> None:
        current.attach()
        results.append(inc(10).result(10))

    with inside(FlowBody(run, "flow")):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
    run.close_body(None, {})
    run.wait(10)
    assert results == [11]


def test_a_repeated_or_late_end_changes_nothing(run_of: Callable[[Callable[[], object]], Run]) -> None:
    run = run_of(lambda: inc(1))
    (group,) = run.groups
    run.record_events([NodeFinished(group=group, index=0, attempt=1, state=TaskState.FAILED)])
    assert run.node("inc").state is TaskState.COMPLETED
    assert run.node("inc").result() == 2


def test_when_done_calls_back_at_once_if_it_holds(new_run: Callable[[], Run]) -> None:
    run, called = new_run(), list[int]()
    run.when_done(lambda: True, lambda: called.append(1))
    run.close_body(None, {})
    run.when_ended(lambda: called.append(2))
    assert called == [1, 2]


@pytest.mark.usefixtures("unhurried")
def test_a_key_stands_for_the_nodes_that_travel_under_it_now(run_of: Callable[[Callable[[], object]], Run]) -> None:
    run = run_of(lambda: [inc.map(range(4), chunk=3), inc(5)])
    xs, x = run.groups.values()
    assert run.nodes_of_key(xs.carrier_key(0)) == [(xs.spec.id, index) for index in range(3)]
    assert run.nodes_of_key(xs.key_of(3)) == [(xs.spec.id, 3)]
    assert run.nodes_of_key(x.key_of(0)) == [(x.spec.id, 0)]
    assert run.nodes_of_key("inc-0f00-0") == []


def test_handles_of_a_run_on_another_cluster_are_refused(run_of: Callable[[Callable[[], object]], Run]) -> None:
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
    ) as cluster:
        client = Client(cluster, set_as_default=False)
        engine = Engine(client)
        other = Run(engine, run_id(1, b"9876543210"), "flow")
        with inside(FlowBody(other, "flow")):
            elsewhere = inc(1)
        other.close_body(None, {})
        other.wait(8)
        with pytest.raises(HandleMisuse, match="another cluster"):
            run_of(lambda: inc(elsewhere))
        client.close()
        engine.close()
    gc.collect()


def test_small_values_that_are_there_travel_themselves_and_larger_ones_by_their_key(
    run_of: Callable[[Callable[[], object]], Run],
) -> None:
    @task
    def sized(length: int) -> bytes:
        return bytes(length)

    run = run_of(lambda: {"small": sized(10), "large": sized(100_000)})
    small, large = run.locate(run["small"], 0), run.locate(run["large"], 0)
    assert isinstance(small, Ok)
    assert small.value() == bytes(10)
    assert isinstance(large, tuple)


def test_what_was_released_or_never_sent_is_an_outcome_of_its_own(
    run_of: Callable[[Callable[[], object]], Run], start: Callable[..., Run]
) -> None:
    run = run_of(lambda: {"x": inc(1)})
    run.release()
    outcome = run.locate(run["x"], 0)
    assert isinstance(outcome, Ok)
    assert outcome.held is not None, "it is unpickled by who needs it, not under the lock"
    assert outcome.value() == 2
    assert start(lambda: {"y": inc(run["x"])}).wait(8)["y"].result() == 3
