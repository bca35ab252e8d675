"""Tasks that take their worker process with them, and workers that die: what is executed again, and what is told."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.running import (
    TIMEOUT_S,
    WORKERS,
    Workers,
    is_idle,
    kind,
    note,
    notes,
    ran,
    reason,
    started,
    states,
    touch,
    until,
)
from wfkit import allow_failure, current, task, unmapped
from wfkit.core.states import FailureKind
from wfkit.engine.driver import values
from wfkit.errors import ResultLost, TaskCrashed


@task
def double(x: int) -> int:
    return 2 * x


@pytest.mark.timeout(60)
def test_a_task_that_ends_its_process_is_crashed_and_the_others_complete(cluster: Workers, tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    @task
    def exits() -> int:
        note(begun, "x")
        os._exit(7)

    @task
    def looks(value: object) -> str:
        return type(value).__name__

    def body() -> object:
        others = double.map(double.map(range(20)))
        gone = exits.submit(wait_for=[others])
        return [others, double.submit(gone), looks(allow_failure(gone))]

    run = ran(body)
    assert run.state == "FAILED"
    known = states(run)
    assert known.pop("exits") == "CRASHED"
    assert known.pop("double#3") == "UPSTREAM_FAILED"
    assert set(known.values()) == {"COMPLETED"}
    assert kind(run, "exits") is FailureKind.WORKER_LOST
    assert notes(begun) == ["x"] * 3
    assert reason(run, "exits").endswith("was lost while it ran, for the 3. time: its process exited with status 7")
    with pytest.raises(TaskCrashed, match="its process exited with status 7"):
        run.node("exits").result()
    until(cluster.are_replaced)  # two or three workers, the first ones or not
    assert ran(lambda: double(4)).node("double").result() == 8


@pytest.mark.timeout(60)
def test_a_task_that_ends_its_process_at_once_is_found_among_short_ones(cluster: Workers, tmp_path: Path) -> None:
    """The news that the one before it had ended, and that it began, die with the worker."""
    begun = tmp_path / "begun"

    @task
    def exits_at(x: int) -> int:
        if x == 60:
            note(begun, "x")
            os._exit(7)
        time.sleep(0.005)
        return x

    run = ran(lambda: exits_at.map(range(120), chunk=1))
    assert {name: state for name, state in states(run).items() if state != "COMPLETED"} == {"exits_at[60]": "CRASHED"}
    assert notes(begun) == ["x"] * 3
    run.release()
    until(cluster.are_replaced)  # two or three workers, the first ones or not


@task
def quick() -> int:
    return 1


@pytest.mark.timeout(60)
def test_a_task_that_dies_as_soon_as_it_has_waited_is_crashed(cluster: Workers, tmp_path: Path) -> None:
    """The news that it went on die with it."""

    @task
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        quick.submit().result()
        os.kill(os.getpid(), signal.SIGKILL)

    run = ran(lambda: culprit())  # noqa: PLW0108 - a task is no flow body
    assert states(run) == {"culprit": "CRASHED", "culprit/quick": "COMPLETED"}
    killed = notes(tmp_path / "culprit")
    assert len(killed) == 3
    until(lambda: cluster.are_replaced(*killed))


class Deadly:
    """A value that kills the process that reads it, unless that drives the run."""

    def __init__(self, driver: int) -> None:
        self.driver, self.data = driver, bytes(50_000)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if os.getpid() != state["driver"]:
            os.kill(os.getpid(), signal.SIGKILL)
        vars(self).update(state)


@pytest.mark.timeout(60)
def test_who_dies_of_what_it_returned_is_crashed(cluster: Workers) -> None:
    @task
    def deadly(driver: int) -> Deadly:
        return Deadly(driver)

    @task(crash_retries=0)
    def parent(driver: int, here: list[str], there: list[str]) -> object:
        return [deadly.with_options(workers=where).submit(driver) for where in (here, there)]

    first, second = cluster.when_whole()
    run = ran(lambda: parent(os.getpid(), [first], [second]))
    known = states(run)
    assert known.pop("parent") == "CRASHED"
    assert set(known.values()) == {"COMPLETED"}
    until(lambda: len(cluster.addresses) == WORKERS and not {first, second} <= set(cluster.addresses))
    run.release()  # what is bound to a worker that is gone is never made again


def dies_when_ended(once: Path, task_name: str) -> Callable[..., None]:
    """What makes a worker die when a task of this name has ended, before Dask hears of it."""

    def prepare() -> None:
        from wfkit.engine.worker.seat import Seat

        close = Seat._close

        def closed(self: Seat) -> None:
            close(self)
            if self.key.startswith(f"{task_name}-") and not once.exists():
                once.touch()
                time.sleep(0.1)  # the news get away
                os.kill(os.getpid(), signal.SIGKILL)

        Seat._close = closed  # type: ignore[method-assign]  # of a worker that the test kills

    return prepare


@pytest.mark.timeout(60)
def test_what_has_just_ended_beside_what_runs_is_not_executed_by_who_takes_over(
    cluster: Workers, tmp_path: Path
) -> None:
    ended, beside, gate, died = (tmp_path / name for name in ("ended", "beside", "gate", "died"))
    cluster.client.run(dies_when_ended(died, "ends"))

    @task
    def runs(_: int) -> None:
        note(beside, current.worker)
        until(gate.exists)

    @task
    def ends() -> int:
        until(lambda: len(notes(beside)) == 3)  # in all threads but this one
        time.sleep(0.1)  # the news of its start get away
        note(ended, current.worker)
        return 7

    run = started(lambda: [runs.map(range(3), chunk=1), ends.submit()])
    until(lambda: len(notes(beside)) > 3)
    gate.touch()
    assert run.wait(TIMEOUT_S).state == "COMPLETED"
    until(lambda: cluster.client.run_on_scheduler(is_idle))
    assert died.exists()
    (worker,) = notes(ended)
    assert run.node("ends").result() == 7
    until(lambda: cluster.are_replaced(worker))


@pytest.mark.timeout(60)
def test_tasks_of_a_worker_that_is_killed_run_again_elsewhere(cluster: Workers) -> None:
    @task
    def slow(x: int) -> int:
        time.sleep(0.3)
        return x

    run = started(lambda: double.map(slow.map(range(8))))
    assert run.until(lambda: "RUNNING" in states(run).values(), 5)
    worker = cluster.when_whole()[0]
    os.kill(cluster.pids()[worker], signal.SIGKILL)
    run.wait(TIMEOUT_S)
    assert set(states(run).values()) == {"COMPLETED"}
    assert run.node("double").result() == [2 * x for x in range(8)]
    until(lambda: cluster.are_replaced(worker))


@pytest.mark.timeout(60)
def test_a_task_that_died_for_good_keeps_no_other_from_making_the_same_value(cluster: Workers, tmp_path: Path) -> None:
    mended = tmp_path / "mended"

    @task(cache_key_fn=lambda *_: f"died for good {tmp_path}", crash_retries=0)
    def work() -> int:
        if not mended.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return 1

    assert states(ran(lambda: [work()])) == {"work": "CRASHED"}
    touch(mended)
    assert states(ran(lambda: [work()])) == {"work": "COMPLETED"}


@pytest.mark.timeout(60)
def test_a_task_that_waited_on_a_worker_that_is_killed_keeps_to_its_limits_elsewhere(
    cluster: Workers, tmp_path: Path
) -> None:
    """Its slot was given back when it began to wait, and somebody else has it."""
    order, pid, over, leave = tmp_path / "order", tmp_path / "pid", tmp_path / "over", tmp_path / "leave"

    @task
    def child() -> None:
        until(over.exists)

    @task(limits={"crashes-test": 1})
    def parent() -> None:
        note(order, "parent")
        note(pid, os.getpid())
        child.submit().result()

    @task(limits={"crashes-test": 1})
    def holder() -> None:
        note(order, "holder comes")
        until(leave.exists)
        note(order, "holder goes")

    def body() -> object:
        waits = parent.submit()
        until(lambda: notes(pid))
        others = [address for address, its in cluster.pids().items() if str(its) not in notes(pid)]
        return [waits, holder.with_options(workers=others).submit()]

    cluster.when_whole()
    run = started(body)
    until(lambda: "holder comes" in notes(order))
    first = next(row.worker or "" for row in run.nodes if row.name == "parent")
    os.kill(int(notes(pid)[0]), signal.SIGKILL)
    assert run.until(lambda: next(row.worker for row in run.nodes if row.name == "parent") != first, TIMEOUT_S)
    leave.touch()
    over.touch()
    run.wait(TIMEOUT_S)
    assert set(states(run).values()) == {"COMPLETED"}
    assert notes(order) == ["parent", "holder comes", "holder goes", "parent"]
    run.release()  # nobody else may make what only that worker may
    until(lambda: cluster.are_replaced(first))


@pytest.mark.timeout(60)
def test_a_restart_of_the_cluster_interrupts_runs_and_loses_results(cluster: Workers, tmp_path: Path) -> None:
    @task(persist_result=False)
    def blob(size: int) -> bytes:
        return bytes(size)

    @task
    def blocks(path: Path) -> None:
        path.touch()
        time.sleep(60)

    def first() -> object:
        return blob.map([1, 1_000_000])

    def second() -> object:
        blocking = blocks.submit(tmp_path / "mark")
        return [blob(1_000_000), double.submit(blocking)]

    ended, open_run = ran(first), started(second)
    until((tmp_path / "mark").exists)
    assert open_run.until(lambda: states(open_run)["blob"] == "COMPLETED", 5)
    before = cluster.when_whole()
    cluster.client.restart()
    open_run.wait(5)
    assert (open_run.state, open_run.view_model.reason) == ("INTERRUPTED", "the cluster was restarted")
    assert set(states(open_run).values()) == {"COMPLETED", "CANCELLED"}
    for lost in (open_run.node("blob"), ended.node("blob[1]")):
        with pytest.raises(ResultLost, match="restarted"):
            lost.result(timeout=5)
    assert ended.node("blob[0]").result() == b"\0"
    until(lambda: cluster.are_replaced(*before))
    assert ran(lambda: double(4)).node("double").result() == 8


@pytest.mark.timeout(60)
@pytest.mark.parametrize("is_stored", [True, False])
def test_results_that_died_with_their_workers_are_read_from_the_store_or_computed_again(
    cluster: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_stored: bool
) -> None:
    monkeypatch.setattr(values, "_PATIENCE_S", 0.1)  # as long as it is being computed it is waited for all the same
    count, gate = tmp_path / "count", tmp_path / "gate"

    @task(persist_result=is_stored)
    def blob() -> bytes:
        note(count, "x")
        if len(notes(count)) > 1:
            until(gate.exists)
        return bytes(1_000_000)

    run = ran(lambda: [blob()])
    pids = cluster.pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    # A scheduler that does not know yet tries for Dask's 30 s to reach them.
    until(lambda: not set(pids) & set(cluster.addresses))
    if not is_stored:
        until(lambda: len(notes(count)) == 2)
        threading.Timer(0.5, gate.touch).start()
    assert run.node("blob").result(timeout=10) == bytes(1_000_000)
    gate.touch()
    until(lambda: len(notes(count)) == 2)
    assert run.state == "COMPLETED"
    until(lambda: cluster.are_replaced(*pids))


@pytest.mark.timeout(60)
def test_of_elements_that_travelled_together_those_whose_values_died_are_executed_again(
    cluster: Workers, tmp_path: Path
) -> None:
    made, gate = tmp_path / "made", tmp_path / "gate"

    def keep_all_elements() -> None:
        from wfkit.engine.worker import envelope

        envelope.SLICE_S = 60.0  # type: ignore[misc]  # of a worker that the test kills

    cluster.client.run(keep_all_elements)

    @task(persist_result=False)
    def blob(x: int) -> bytes:
        note(made, x)
        return bytes(1_000_000 if x % 2 else 1)

    @task
    def opened() -> None:
        while not gate.exists():
            time.sleep(0.005)

    @task
    def size(one: bytes, _: object) -> int:
        return len(one)

    run = started(lambda: size.map(blob.map(range(4), chunk=4), unmapped(opened())))
    assert run.until(lambda: states(run).get("blob[3]") == "COMPLETED", 10)
    (worker,) = {row.worker or "" for row in run.nodes if row.name.startswith("blob")}
    os.kill(cluster.pids()[worker], signal.SIGKILL)
    until(lambda: cluster.are_replaced(worker))
    gate.touch()
    run.wait(TIMEOUT_S)
    assert set(states(run).values()) == {"COMPLETED"}
    assert run.node("size").result() == [1, 1_000_000, 1, 1_000_000]
    assert Counter(notes(made)) == {"0": 1, "1": 2, "2": 1, "3": 2}


@pytest.mark.timeout(60)
def test_a_new_run_is_not_held_up_by_lost_results_of_one_that_it_releases(cluster: Workers) -> None:
    @task
    def slow(x: int) -> int:
        time.sleep(0.1)
        return x

    def body() -> object:
        return double.map(slow.map(range(20)))

    ran(body)
    worker = cluster.when_whole()[0]
    os.kill(cluster.pids()[worker], signal.SIGKILL)
    for _ in range(3):  # each releases the one before, whose results may just be asked for
        run = ran(body)
        assert run.node("double").result() == [2 * x for x in range(20)]
    until(lambda: cluster.are_replaced(worker))
