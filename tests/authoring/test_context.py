"""Context: the place of a call, threads and coroutines that belong to a flow or not, and `wfkit.current`."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

import wfkit
from tests.authoring.conftest import Recording, task_body
from wfkit import flow, task
from wfkit.authoring import context
from wfkit.authoring.context import FlowBody, enter, inside, leave, place, recorder_here, within
from wfkit.errors import ForeignThread, NotInFlow


def in_thread(work: Callable[[], object]) -> Any:
    """What work gives or raises in a new thread."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, name="other")
    thread.start()
    thread.join()
    return found[0]


def test_places_nest() -> None:
    outer, inner = FlowBody(Recording(), "outer"), FlowBody(Recording(), "inner")
    assert place() is None
    with inside(outer):
        with inside(inner):
            assert place() is inner
        assert place() is outer
    assert place() is None


def test_a_place_can_be_left_in_another_context_than_it_was_entered() -> None:
    body = FlowBody(Recording(), "cell")
    contextvars.copy_context().run(enter, body)
    leave(body)
    assert place() is None
    assert in_thread(place) is None


def test_a_thread_is_foreign_while_a_flow_is_open(body: Recording) -> None:
    error = in_thread(place)
    assert isinstance(error, ForeignThread)
    assert "called in the thread 'other', but the open flow `etl` runs in another one" in error.what
    assert "wfkit.current.attach()" in error.fix
    assert in_thread(lambda: recorder_here("x")).what == error.what


def test_the_main_thread_is_never_foreign() -> None:
    opened, done = threading.Event(), threading.Event()

    def started() -> None:
        with inside(FlowBody(Recording(), "started")):
            opened.set()
            done.wait()

    thread = threading.Thread(target=started)
    thread.start()
    opened.wait()
    assert place() is None
    done.set()
    thread.join()


def test_an_attached_thread_belongs_to_the_flow_until_its_body_ends(recording: Recording) -> None:
    attached, ended = threading.Event(), threading.Event()
    places: list[object] = []

    def work() -> None:
        wfkit.current.attach()
        places.append(place())
        attached.set()
        ended.wait()
        places.append(place())

    body = FlowBody(recording, "etl")
    with inside(body):
        thread = threading.Thread(target=work)
        thread.start()
        attached.wait()
    ended.set()
    thread.join()
    assert places == [body, None]


def test_attaching_where_it_makes_no_sense_is_refused_or_nothing() -> None:
    with pytest.raises(NotInFlow, match="found no open flow"):
        wfkit.current.attach()
    body = FlowBody(Recording(), "etl")
    with inside(body):
        wfkit.current.attach()
        assert place() is body
        with inside(FlowBody(Recording(), "other")):
            error = in_thread(wfkit.current.attach)
    assert isinstance(error, NotInFlow)
    assert "several open flows: `etl`, `other`" in error.what


def test_a_copied_context_takes_the_place_into_a_thread(body: Recording) -> None:
    copied = contextvars.copy_context()
    assert isinstance(in_thread(lambda: copied.run(place)), FlowBody)


def test_a_coroutine_that_outlives_its_flow_is_outside_of_it(recording: Recording) -> None:
    async def late() -> object:
        await asyncio.sleep(0.01)
        return place()

    async def main() -> object:
        with inside(FlowBody(recording, "etl")):
            lasting = asyncio.ensure_future(late())
        return await lasting

    assert asyncio.run(main()) is None


def test_flows_and_tasks_take_calls_and_nothing_else_does(recording: Recording) -> None:
    with pytest.raises(NotInFlow, match=r"^x was used outside any flow\. Put it .* @flow, or call the task plainly"):
        recorder_here("x")
    for body in (FlowBody(recording, "etl"), task_body(recording)):
        with inside(body):
            assert recorder_here("x") is recording


def test_a_task_in_a_process_of_its_own_cannot_spawn_and_says_why() -> None:
    told = r'^x was used inside `load\[3\]`, which runs with isolate="process"\. Take isolate off, or do y\.'
    with inside(task_body(name="load[3]")), pytest.raises(NotInFlow, match=told):
        recorder_here("x", "do y")


# --- wfkit.current ---


@pytest.mark.parametrize("in_a_flow", [False, True])
def test_current_tells_a_task_where_it_runs(in_a_flow: bool) -> None:
    now = wfkit.current
    body = task_body(Recording(), "load[3]")
    with inside(body), within(FlowBody(Recording(), "etl", task=body)) if in_a_flow else nullcontext():
        tells_of_a_task()
        assert now.run_id == ("r-test" if in_a_flow else "r-1")


def tells_of_a_task() -> None:
    now = wfkit.current
    assert (now.flow_name, now.task_name, now.map_index) == ("etl", "load[3]", 3)
    assert (now.attempt, now.idempotency_key, now.is_replay, now.worker) == (2, "k", False, "w")
    assert repr(now) == "<current: task load[3], attempt 2>"


def test_current_tells_a_body_its_run_and_flow(body: Recording) -> None:
    assert (wfkit.current.run_id, wfkit.current.flow_name) == ("r-test", "etl")
    assert repr(wfkit.current) == "<current: body of etl>"
    with pytest.raises(NotInFlow, match=r"wfkit\.current\.attempt was read outside a task"):
        _ = wfkit.current.attempt


def test_current_knows_nothing_outside() -> None:
    with pytest.raises(NotInFlow, match=r"wfkit\.current\.run_id was read outside a task"):
        _ = wfkit.current.run_id
    assert repr(wfkit.current) == "<current: outside of flows and tasks>"
    with pytest.raises(AttributeError):
        _ = wfkit.current.colour  # type: ignore[attr-defined]
    assert set(dir(wfkit.current)) >= {"run_id", "attempt", "attach", "worker"}


@pytest.mark.usefixtures("cluster")
def test_current_on_a_worker() -> None:
    @task(retries=1)
    def told(_: int) -> tuple[object, ...]:
        now = wfkit.current
        if now.attempt == 1:
            raise ValueError
        return now.flow_name, now.run_id, now.task_name, now.map_index, now.attempt, now.idempotency_key

    @flow
    def etl() -> Any:
        assert wfkit.current.flow_name == "etl"
        return [told(0), told.map([0])]

    run: Any = etl.run()
    single, (element,) = run.result()
    assert single == ("etl", run.id, "told", None, 2, f"{run.id}/told")
    assert element == ("etl", run.id, "told#2", 0, 2, f"{run.id}/told#2[0]")


def test_threads_of_a_body_add_to_the_flow_once_attached(cluster: object) -> None:
    @task
    def add(x: int) -> int:
        return x + 1

    def attached() -> object:
        wfkit.current.attach()
        return add(1)

    @flow
    def etl() -> Any:
        return [in_thread(lambda: add(1)), in_thread(attached)]

    error, value = etl()
    assert isinstance(error, ForeignThread)
    assert value == 2


def test_the_launcher_is_the_one_that_the_package_provided() -> None:
    assert context.launcher()
