"""Batches: what goes to Dask, in which order, once."""

from __future__ import annotations

import gc
import pickle
import threading
from collections.abc import Callable
from typing import Any

from wfkit.authoring.context import FlowBody, inside
from wfkit.authoring.inputs import unmapped
from wfkit.authoring.task import task
from wfkit.engine.driver.run import Run
from wfkit.engine.driver.submit import batch_of, dask_options

ORDER: list[tuple[str, int]] = []
LOCK = threading.Lock()


@task
def first(x: Any) -> Any:
    return x


@task
def second(x: Any) -> Any:
    return x


@task
def longest(x: Any, text: Any) -> Any:
    return len(text)


@task(resources={"slot": 1}, priority=3, workers="nowhere")
def special(x: Any) -> Any:
    return x


def test_each_element_goes_through_all_stages_before_the_next(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")), run.lock:
        second.map(first.map(range(3)))
        batch = batch_of([(group, range(3)) for group in run.groups.values()], lambda handle, index: f"k{index}")
    run.close_body(None, {})
    run.wait(10)
    assert [(spec.name, index) for spec, index in zip(batch.specs, batch.indices, strict=True)] == [
        (name, index) for index in range(3) for name in ("first", "second")
    ]


def test_what_all_nodes_share_is_pickled_once(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")), run.lock:
        second.map(first.map(range(1000)))
        batch = batch_of([(group, range(1000)) for group in run.groups.values()], lambda handle, index: f"k{index}")
    run.close_body(None, {})
    run.wait(20)
    size = len(pickle.dumps((batch.specs, batch.indices, batch.frozen)))
    assert size < 2000 * 40 + 10_000, f"{size / 2000:.0f} bytes a node"


def test_a_large_value_that_is_passed_whole_travels_once(new_run: Callable[[], Run]) -> None:
    run = new_run()
    text = "x" * 50_000
    with inside(FlowBody(run, "flow")), run.lock:
        handle = longest.map(range(100), unmapped(text))
        (group,) = run.groups.values()
        batch = batch_of([(group, range(100))], lambda handle, index: f"k{index}")
    run.close_body(None, {})
    assert len(batch.constants) == 1
    assert len(pickle.dumps(batch.frozen)) < 10_000
    assert handle.result() == [50_000] * 100


def test_options_for_dask_are_passed_on(new_run: Callable[[], Run]) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")):
        special(1)
    (group,) = run.groups.values()
    assert dask_options(group) == {"resources": {"slot": 1}, "priority": 3, "workers": ["nowhere"]}
    run.close_body(None, {})
    run.cancel()
    run.wait(10)


def test_results_are_freed_when_the_run_is_released(new_run: Callable[[], Run], run_of: object) -> None:
    run = new_run()
    with inside(FlowBody(run, "flow")):
        handle = first.map(range(50))
    run.close_body(None, {})
    run.wait(10)
    client = run.engine.cluster.client
    assert client.cluster is not None
    tasks = client.cluster.scheduler.tasks
    keys = {run.groups[handle._ref.group].key_of(index) for index in range(50)}
    assert keys <= set(tasks)
    run.release()
    gc.collect()
    assert run.until(lambda: not keys & set(tasks), 5)
