"""Threads of task bodies: they belong to the task that started them, until it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import wfkit
from tests.authoring.conftest import Recording, task_body
from wfkit import Handle, task
from wfkit.authoring.context import FlowBody, inherit_in_threads, inside, outside, place
from wfkit.errors import ForeignThread, NotInFlow


@task
def add(x: int) -> int:
    return x + 1


@pytest.fixture(autouse=True)
def _inheriting() -> None:
    inherit_in_threads()


class Worker(threading.Thread):
    """A thread that lives until it is told to end, and does what it is given."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.go, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.work: Callable[[], object] = int
        self.found: object = None

    def run(self) -> None:
        while self.go.acquire():
            try:
                self.found = self.work()
            except Exception as error:
                self.found = error
            self.done.release()

    def does(self, work: Callable[[], object]) -> Any:
        self.work = work
        self.go.release()
        assert self.done.acquire(timeout=10)
        return self.found


def started() -> Worker:
    worker = Worker()
    worker.start()
    return worker


def test_threads_of_a_task_spawn_below_it_and_so_do_their_threads(in_task: Recording) -> None:
    worker = started()
    assert isinstance(worker.does(lambda: add.submit(1)), Handle)
    assert isinstance(worker.does(started).does(lambda: add.map([1])), Handle)
    assert worker.does(lambda: add(1)) == 2
    assert worker.does(lambda: wfkit.current.task_name) == "outer"
    assert len(in_task.calls) == 2


def test_pools_of_a_task_spawn_below_it(in_task: Recording) -> None:
    with ThreadPoolExecutor(3) as pool:
        assert all(isinstance(handle, Handle) for handle in pool.map(add.submit, range(9)))
    timer = threading.Timer(0, add.submit, [1])
    timer.start()
    timer.join()
    assert len(in_task.calls) == 10


def test_a_thread_that_outlives_its_task_spawns_no_more_but_still_calls(recording: Recording) -> None:
    with inside(task_body(recording)):
        worker = started()
    for spawn in (lambda: add.submit(1), lambda: add.map([1])):
        error = worker.does(spawn)
        assert isinstance(error, NotInFlow)
        assert "used in a thread of a task, but the task `outer` has ended" in error.what
    assert worker.does(lambda: add(1)) == 2
    assert worker.does(lambda: wfkit.current.attempt) == 2
    with inside(FlowBody(recording, "etl")):
        assert worker.does(lambda: add(1)) == 2


def test_a_thread_that_is_started_for_others_belongs_to_nobody(in_task: Recording) -> None:
    with outside():
        worker = started()
        assert place() is None
    assert isinstance(place(), type(task_body()))
    assert isinstance(worker.does(lambda: add.submit(1)), NotInFlow)


def test_threads_of_flow_bodies_do_not_inherit(body: Recording) -> None:
    assert isinstance(started().does(lambda: add(1)), ForeignThread)


def test_a_thread_from_before_attaches_to_the_one_task_that_runs(recording: Recording) -> None:
    worker = started()
    assert isinstance(worker.does(wfkit.current.attach), NotInFlow)
    with inside(task_body(recording)):
        assert worker.does(wfkit.current.attach) is None
        assert isinstance(worker.does(lambda: add.submit(1)), Handle)
    assert "has ended" in str(worker.does(lambda: add.submit(1)))


def test_where_several_tasks_run_it_is_not_clear_to_which(recording: Recording) -> None:
    worker = started()
    with inside(task_body(recording, "one")), inside(task_body(recording, "two")):
        error = worker.does(wfkit.current.attach)
    assert isinstance(error, NotInFlow)
    assert "several open tasks: `one`, `two`" in error.what


def test_asking_for_it_again_changes_nothing() -> None:
    code = (
        "import threading; from wfkit.authoring.context import inherit_in_threads as inherit; inherit(); "
        "once = threading.Thread.start; inherit(); assert threading.Thread.start is once; "
        "thread = threading.Thread(target=print, args=('ran',)); thread.start(); thread.join()"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"ran\n"
