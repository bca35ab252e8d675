"""A cluster that fails under a run: memory runs out, a worker freezes, no worker is left, the scheduler is gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.system.running import (
    TIMEOUT_S,
    dask_cluster,
    kind,
    note,
    notes,
    own_cluster,
    ran,
    reason,
    started,
    states,
    until,
)
from wfkit import current, task
from wfkit.core.states import FailureKind
from wfkit.engine.scheduler import watch
from wfkit.errors import WaitTimeout
from wfkit.session.session import session

pytestmark = pytest.mark.timeout(60)


@task
def count(begun: Path, x: int, seconds: float = 0.0) -> int:
    note(begun, x)
    time.sleep(seconds)
    return x


# --- one worker (F02, F04) ---


def test_a_task_that_runs_out_of_memory_is_not_tried_again(tmp_path: Path) -> None:
    @task(retries=3)
    def greedy() -> None:
        note(tmp_path / "greedy", os.getpid())
        kept = []
        while True:
            kept.append(bytearray(b"x" * 8_000_000))
            time.sleep(0.01)

    small = {"cluster_n_workers": 1, "cluster_threads_per_worker": 1, "cluster_memory_limit": "400 MB"}
    with own_cluster(**small):
        run = ran(lambda: [greedy(), count(tmp_path / "beside", 1)])
        assert states(run) == {"greedy": "CRASHED", "count": "COMPLETED"}
        assert kind(run, "greedy") is FailureKind.MEMORY
        assert "out of memory" in reason(run, "greedy")
        assert len(notes(tmp_path / "greedy")) == 1


def test_a_frozen_worker_is_given_up_and_what_it_says_later_does_not_count(tmp_path: Path) -> None:
    @task
    def where() -> int:
        note(tmp_path / "where", os.getpid())
        if len(notes(tmp_path / "where")) == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        return os.getpid()

    with (
        dask.config.set({"distributed.scheduler.worker-ttl": "3s"}),
        dask_cluster(n_workers=2, threads_per_worker=1),
    ):
        run = ran(lambda: [where(), count.map([tmp_path / "beside"] * 10, range(10))])
        frozen, other = map(int, notes(tmp_path / "where"))
        assert set(states(run).values()) == {"COMPLETED"}
        assert run.node("where").result() == other
        if psutil.pid_exists(frozen):
            os.kill(frozen, signal.SIGCONT)
        until(lambda: not psutil.pid_exists(frozen))
        assert run.node("where").result() == other
        assert notes(tmp_path / "where") == [str(frozen), str(other)]


def goes_on_while_closed(over: Path) -> Callable[..., None]:
    """What keeps the line of a worker that is closed open, as while it writes a result, until what it executes ends."""

    def prepare(dask_worker: Any) -> None:
        def finish(_: float) -> None:
            until(over.exists)
            time.sleep(0.2)  # the news get away

        dask_worker.plugins["wfkit-worker"].writers.finish = finish

    return prepare


@pytest.mark.parametrize("retries", [pytest.param(0, id="for-good"), pytest.param(1, id="to-be-tried-again")])
def test_what_fails_on_a_worker_that_is_closed_is_what_another_one_makes_of_it(tmp_path: Path, retries: int) -> None:
    begun, failed, told = tmp_path / "begun", tmp_path / "failed", tmp_path / "told"

    @task(retries=retries, retry_delay_seconds=0.5)
    def torn() -> bytes:
        note(begun, current.worker)
        if len(notes(begun)) == 1:
            until(lambda: len(notes(begun)) == 2)
            failed.touch()
            raise ValueError("closed under me")
        until(told.exists)
        return bytes(100_000)

    @task
    def size(value: bytes) -> int:
        return len(value)

    with dask_cluster(n_workers=2, threads_per_worker=2, processes=True):
        client: Any = session().engine().cluster.client
        client.run(goes_on_while_closed(failed))
        run = started(lambda: size(torn()))
        until(lambda: notes(begun))
        (first,) = notes(begun)
        pid = client.run(os.getpid)[first]
        client.retire_workers([first])
        until(lambda: not psutil.pid_exists(pid))
        told.touch()
        assert run.wait(TIMEOUT_S).state == "COMPLETED"
        assert (run.node("size").result(), len(notes(begun))) == (100_000, 2)
        assert run.node("torn").result() == bytes(100_000)


def test_who_waits_a_second_for_a_value_on_a_frozen_worker_waits_no_longer() -> None:
    @task
    def large() -> tuple[int, bytes]:
        return os.getpid(), bytes(1_000_000)

    with dask_cluster(n_workers=1, threads_per_worker=1):
        run = ran(lambda: large())  # noqa: PLW0108 - a task is no flow body
        made: Any = run.node("large").result()
        pid = made[0]
        os.kill(pid, signal.SIGSTOP)
        begin_s = time.monotonic()
        with pytest.raises(WaitTimeout, match=r"hold results of `large` have not sent them after 1\.\d s"):
            run.node("large").result(timeout=0.1)
        assert time.monotonic() - begin_s < 5
        os.kill(pid, signal.SIGCONT)
        assert run.node("large").result() == (pid, bytes(1_000_000))


def test_a_node_on_a_worker_that_is_frozen_says_that_nothing_is_heard_of_it_until_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.2)
    monkeypatch.setattr(watch, "SILENT_S", 0.5)

    @task
    def freezes() -> None:
        note(tmp_path / "pid", os.getpid())
        time.sleep(0.2)  # the news of its start get away
        os.kill(os.getpid(), signal.SIGSTOP)

    with dask_cluster(n_workers=1, threads_per_worker=1):
        run = started(lambda: [freezes()])
        until(lambda: run.view_model.reason.startswith("stalled: nothing is heard of tcp://"))
        assert 'use isolate="process"' in run.nodes[0].stalled
        os.kill(int(*notes(tmp_path / "pid")), signal.SIGCONT)
        run.wait(TIMEOUT_S)
        assert states(run) == {"freezes": "COMPLETED"}
        assert run.view_model.reason == run.nodes[0].stalled == ""


# --- nobody left (F07, F10) ---


def test_a_run_without_workers_says_so_and_goes_on_when_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.2)  # the scheduler is in this process
    monkeypatch.setattr(watch, "STUCK_S", 0.5)
    with dask_cluster(n_workers=1, threads_per_worker=1) as cluster:
        ran(lambda: count(tmp_path / "begun", 0))
        cluster.scale(0)
        until(lambda: not cluster.scheduler_info["workers"])
        run = started(lambda: count.map([tmp_path / "begun"] * 3, range(3)))
        until(lambda: run.view_model.reason.startswith("no workers for "))
        assert run.view_model.reason.endswith("3 tasks wait")
        assert run.state == "RUNNING"
        cluster.scale(1)
        run.wait(TIMEOUT_S)
        assert (run.state, run.view_model.reason) == ("COMPLETED", "")

        session().engine().no_workers_timeout_s = 1
        cluster.scale(0)
        until(lambda: not cluster.scheduler_info["workers"])
        run = started(lambda: count.map([tmp_path / "begun"] * 3, range(3)))
        run.wait(TIMEOUT_S)
        assert run.state == "INTERRUPTED"
        assert run.view_model.reason.startswith("no workers for ")


@pytest.mark.parametrize("chunk", [1, 3])
def test_an_attempt_whose_worker_is_closed_has_a_number_and_a_log_and_costs_no_retry(
    tmp_path: Path, chunk: int
) -> None:
    begun = tmp_path / "begun"

    @task(log_prints=True, retries=1)
    def fails_once(x: int) -> int:
        if x == 1:
            note(begun, f"{current.worker} {current.attempt}")
            print("execution", len(notes(begun)))
            if current.attempt == 1:
                until((tmp_path / "never").exists)
            if current.attempt == 2:
                raise ValueError("once")
        return x

    with dask_cluster(n_workers=2, threads_per_worker=2):
        run = started(lambda: fails_once.map(range(3), chunk=chunk))

        def lines() -> list[str]:
            return [line.text for line in run.answers.logs(None)]

        until(lambda: lines() == ["execution 1"])
        client: Any = session().engine().cluster.client
        first = notes(begun)[0].split()[0]
        threading.Thread(target=client.retire_workers, args=([first],), daemon=True).start()
        run.wait(TIMEOUT_S)
        assert [line.split()[1] for line in notes(begun)] == ["1", "2", "3"]
        assert lines() == ["execution 1", "execution 2", "execution 3"]
        assert set(states(run).values()) == {"COMPLETED"}


def test_a_run_whose_scheduler_is_killed_is_interrupted(tmp_path: Path) -> None:
    with own_cluster(cluster_n_workers=2, cluster_threads_per_worker=1) as workers:
        pids = workers.pids().values()
        scheduler = workers.client.run_on_scheduler(os.getpid)
        run = started(lambda: count.map([tmp_path / "begun"] * 20, range(20), [0.2] * 20))
        until(lambda: "COMPLETED" in states(run).values())
        os.kill(scheduler, signal.SIGKILL)
        run.wait(TIMEOUT_S)
        assert (run.state, run.view_model.reason) == ("INTERRUPTED", "the Dask scheduler is gone")
        assert set(states(run).values()) == {"COMPLETED", "CANCELLED"}
        until(lambda: not any(map(psutil.pid_exists, pids)))
        done = next(name for name, state in states(run).items() if state == "COMPLETED")
        assert run.node(done).result() in range(20)
        assert ran(lambda: count(tmp_path / "begun", 5)).node("count").result() == 5  # on a new cluster
