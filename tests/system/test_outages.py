"""A cluster that fails under a run: memory runs out, a worker freezes, no worker is left, the scheduler is gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest
from distributed import Client, LocalCluster

from tests.system.running import TIMEOUT_S, kind, note, notes, own_cluster, ran, reason, started, states, until
from wfkit import connect, task
from wfkit.core.states import FailureKind
from wfkit.session.session import close_session, session

pytestmark = pytest.mark.timeout(60)


@task
def count(begun: Path, x: int, seconds: float = 0.0) -> int:
    note(begun, x)
    time.sleep(seconds)
    return x


@contextmanager
def dask_cluster(**options: Any) -> Iterator[LocalCluster]:
    """A cluster that Dask has started, and that flows run on."""
    quiet = {"dashboard_address": None, "worker_dashboard_address": None, "silence_logs": 60}
    with LocalCluster(**quiet, **options) as cluster, Client(cluster, set_as_default=False) as client:
        connect(client)
        try:
            yield cluster
        finally:
            close_session()


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


# --- nobody left (F07, F10) ---


def test_a_run_without_workers_says_so_and_goes_on_when_one_comes(tmp_path: Path) -> None:
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
