"""Tasks that make tasks, on real workers: parents that die or fail, threads, and what waiting costs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.system.running import TIMEOUT_S, Workers, note, notes, ran, started, states, until, value
from wfkit import current, task
from wfkit.session.session import session


@task
def slow(x: int, seconds: float = 0.02) -> int:
    time.sleep(seconds)
    return x


@task
def gated(x: int, folder: Path) -> int:
    """Say so, and wait until a gate is opened."""
    note(folder / "begun", x)
    while not (folder / "gate").exists():
        time.sleep(0.005)
    return x


@task
def broken() -> None:
    raise LookupError("mine")


@pytest.fixture
def waiting_threads(request: pytest.FixtureRequest, cluster: Workers) -> Iterator[None]:
    """How many tasks of a worker may wait, for one test."""
    settings: Any = session().settings
    before = settings.engine_waiting_threads
    settings.engine_waiting_threads = request.param or before
    yield
    settings.engine_waiting_threads = before


# --- parents that are executed again (F33) ---


@pytest.mark.timeout(60)
def test_a_parent_whose_worker_is_killed_finds_the_children_it_has(cluster: Workers, tmp_path: Path) -> None:
    first, second = cluster.when_whole()
    elsewhere = tmp_path / "elsewhere"

    @task
    def parent() -> int:
        note(tmp_path / "parents", current.worker)
        if not elsewhere.exists():
            elsewhere.write_text(second if current.worker == first else first)
        child = gated.with_options(workers=elsewhere.read_text())
        return sum(value(handle) for handle in [child.submit(number, tmp_path) for number in range(4)])

    run = started(lambda: parent())  # noqa: PLW0108 - a task is no flow body
    until(lambda: len(notes(tmp_path / "begun")) == 2)  # two threads
    (lost,) = notes(tmp_path / "parents")
    os.kill(cluster.pids()[lost], signal.SIGKILL)
    until(lambda: len(notes(tmp_path / "parents")) == 2)
    (tmp_path / "gate").touch()
    run.wait(TIMEOUT_S)
    assert set(states(run).values()) == {"COMPLETED"}
    assert run.node("parent").result() == 6
    assert sorted(notes(tmp_path / "begun")) == ["0", "1", "2", "3"]
    assert len(notes(tmp_path / "parents")) == 2
    until(lambda: cluster.are_replaced(lost))


# --- parents and children that fail (F34) ---


@pytest.mark.usefixtures("unharmed")
def test_a_parent_may_get_over_the_failure_of_its_child() -> None:
    @task
    def parent() -> str:
        try:
            broken.submit().result()
        except LookupError as error:
            return f"never mind: {error}"
        return "?"

    run = ran(lambda: parent())  # noqa: PLW0108
    assert run.state == "COMPLETED"
    assert run.node("parent").result() == "never mind: mine"
    assert Counter(states(run).values()) == {"COMPLETED": 1, "FAILED": 1}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("what", ["cancel", "keep"])
def test_the_children_of_a_failed_parent_are_cancelled_unless_they_are_kept(tmp_path: Path, what: Any) -> None:
    @task(on_parent_failure=what)
    def parent() -> None:
        gated.map(range(10), [tmp_path] * 10, chunk=1)
        until(lambda: notes(tmp_path / "begun"))
        raise ValueError("enough")

    run = started(lambda: parent())  # noqa: PLW0108
    until(lambda: states(run).get("parent") == "FAILED")
    if what == "keep":
        assert run.state == "RUNNING"
        (tmp_path / "gate").touch()
    run.wait(TIMEOUT_S)
    assert run.state == "FAILED"
    known = states(run)
    assert known.pop("parent") == "FAILED"
    assert Counter(known.values()) == {"COMPLETED" if what == "keep" else "CANCELLED": 10}
    assert len(notes(tmp_path / "begun")) == 10 if what == "keep" else len(notes(tmp_path / "begun")) < 10


@pytest.mark.usefixtures("unharmed")
def test_a_run_does_not_end_while_a_child_runs(tmp_path: Path) -> None:
    @task
    def parent() -> str:
        gated.submit(1, tmp_path)
        return "gone"

    run = started(lambda: parent())  # noqa: PLW0108
    until(lambda: notes(tmp_path / "begun") and states(run).get("parent") == "COMPLETED")
    assert run.state == "RUNNING"
    assert run.node("parent").result() == "gone"
    (tmp_path / "gate").touch()
    run.wait(TIMEOUT_S)
    assert run.state == "COMPLETED"
    assert set(states(run).values()) == {"COMPLETED"}


# --- where children may be made ---


@pytest.mark.usefixtures("unharmed")
def test_threads_of_a_task_make_children_and_wait_for_them() -> None:
    @task
    def parent() -> list[int]:
        found: list[int] = []

        def wait_for_one(x: int) -> None:
            found.append(value(slow.submit(x)))

        threads = [threading.Thread(target=wait_for_one, args=(x,)) for x in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with ThreadPoolExecutor(3) as pool:
            return sorted([*found, *pool.map(lambda x: value(slow.submit(x)), range(6, 10))])

    run = ran(lambda: parent())  # noqa: PLW0108
    assert run.node("parent").result() == list(range(10))
    assert Counter(states(run).values()) == {"COMPLETED": 11}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("waiting_threads", [1, 2, None], indirect=True, ids=["1", "2", "default"])
def test_no_number_of_waiting_threads_leads_to_a_deadlock(waiting_threads: None) -> None:
    @task
    def parent(x: int) -> int:
        return sum(value(handle) for handle in [slow.submit(x), slow.submit(x)])

    run = ran(lambda: parent.map(range(60)))
    assert run.state == "COMPLETED"
    assert run.node("parent").result() == [2 * x for x in range(60)]


# --- what waiting costs ---


def threads_of(cluster: Workers) -> int:
    return sum(psutil.Process(pid).num_threads() for pid in cluster.pids().values())


def test_tasks_that_wait_for_their_next_attempt_need_no_threads(unharmed: Workers) -> None:
    @task(retries=1, retry_delay_seconds=60)
    def patient(x: int) -> int:
        raise LookupError(x)

    before = threads_of(unharmed)
    run = started(lambda: patient.map(range(500)))
    until(lambda: Counter(states(run).values()) == {"RETRYING": 500})
    assert threads_of(unharmed) < before + 20
    assert ran(lambda: slow(1)).state == "COMPLETED"
    run.cancel()
    run.wait(TIMEOUT_S)
    assert Counter(states(run).values()) == {"CANCELLED": 500}


@pytest.mark.usefixtures("unharmed")
def test_many_tasks_wait_for_their_next_attempt_at_the_same_time() -> None:
    """With a thread held by each, 40 waits of 2 s on 4 threads would take 20 s."""

    @task(retries=1, retry_delay_seconds=2)
    def once_more(x: int) -> int:
        if current.attempt == 1:
            raise LookupError
        return x

    start_s = time.monotonic()
    run = ran(lambda: once_more.map(range(40)))
    assert time.monotonic() - start_s < 10
    assert run.node("once_more").result() == list(range(40))
    assert {row.attempts for row in run.nodes} == {2}


def test_a_child_that_would_be_too_deep_fails_the_task_that_makes_it(unharmed: Workers) -> None:
    @task
    def add_up(depth: int) -> int:
        return 1 + value(add_up.submit(depth - 1)) if depth else 0

    settings: Any = session().settings
    settings.engine_max_depth, before = 10, settings.engine_max_depth
    try:
        run = ran(lambda: [add_up(10), add_up(11)])
    finally:
        settings.engine_max_depth = before
    assert run.node("add_up").result() == 10
    failed = [row for row in run.nodes if row.state == "FAILED"]
    assert len(failed) == 11
    deepest = max(failed, key=lambda row: len(row.name))
    assert deepest.reason.startswith("TooDeep: `add_up` would be spawned 11 levels deep, and 10 is the limit (by ")
