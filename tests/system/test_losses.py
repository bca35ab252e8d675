"""Workers that die under a run, tasks that Dask executes twice, plugins that raise or go: what is executed and told."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from distributed import SchedulerPlugin

from tests.system.running import TIMEOUT_S, Workers, kind, note, notes, ran, reason, started, states, until
from wfkit import current, task
from wfkit.core.states import FailureKind
from wfkit.engine.scheduler.plugin import NAME

pytestmark = pytest.mark.timeout(60)


@task
def count(begun: Path, x: int, seconds: float = 0.0) -> int:
    note(begun, x)
    time.sleep(seconds)
    return x


# --- workers that die (F01) ---


def test_who_kills_its_workers_is_crashed_and_those_beside_it_complete(cluster: Workers, tmp_path: Path) -> None:
    @task
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)

    def body() -> object:
        first = count.map([tmp_path / "first"] * 20, range(20))
        second = count.map([tmp_path / "second"] * 30, range(30), [0.1] * 30, wait_for=[first])
        return [first, second, culprit.submit(wait_for=[first])]

    run = ran(body)
    assert run.state == "FAILED"
    known = states(run)
    assert known.pop("culprit") == "CRASHED"
    assert set(known.values()) == {"COMPLETED"}
    assert kind(run, "culprit") is FailureKind.WORKER_LOST
    assert reason(run, "culprit").endswith("killed by signal 9 (SIGKILL)")
    killed = notes(tmp_path / "culprit")
    assert len(killed) == 3
    assert sorted(map(int, notes(tmp_path / "first"))) == list(range(20))
    assert set(map(int, notes(tmp_path / "second"))) == set(range(30))
    assert run.node("count#2").result() == list(range(30))
    until(lambda: cluster.are_replaced(*killed))


def test_a_task_may_be_allowed_to_lose_no_worker(cluster: Workers, tmp_path: Path) -> None:
    @task(crash_retries=0)
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        os.kill(os.getpid(), signal.SIGKILL)

    run = ran(lambda: culprit())  # noqa: PLW0108 - a task is no flow body
    (killed,) = notes(tmp_path / "culprit")
    assert states(run) == {"culprit": "CRASHED"}
    until(lambda: cluster.are_replaced(killed))


# --- what is executed twice (F13) ---


@pytest.mark.parametrize("size", [pytest.param(0, id="small"), pytest.param(1_000_000, id="large")])
def test_of_a_task_that_dask_executes_twice_one_result_counts(unharmed: Workers, tmp_path: Path, size: int) -> None:
    @task
    def twice() -> tuple[str, bytes]:
        note(tmp_path / "twice", current.worker)
        while not (tmp_path / "gate").exists():
            time.sleep(0.005)
        return current.worker, bytes(size)

    @task
    def after(made: tuple[str, bytes]) -> str:
        return made[0]

    def reschedule(dask_scheduler: Any) -> None:
        tasks = dask_scheduler.tasks.values()
        (ts,) = [ts for ts in tasks if ts.key.startswith("twice-") and ts.state == "processing"]
        (other,) = set(dask_scheduler.workers) - {ts.processing_on.address}
        dask_scheduler.set_restrictions(worker={ts.key: [other]})
        dask_scheduler._reschedule(ts.key, stimulus_id="test")

    def body() -> object:
        made = twice.submit()
        return [made, after.submit(made)]

    run = started(body)
    until(lambda: notes(tmp_path / "twice"))
    unharmed.client.run_on_scheduler(reschedule)
    until(lambda: len(notes(tmp_path / "twice")) == 2)
    second = notes(tmp_path / "twice")[1]
    assert run.until(lambda: {row.worker for row in run.nodes if row.name == "twice"} == {second}, TIMEOUT_S)
    (tmp_path / "gate").touch()
    run.wait(TIMEOUT_S)
    assert states(run) == {"twice": "COMPLETED", "after": "COMPLETED"}
    result: Any = run.node("twice").result()
    assert result[0] == run.node("after").result()
    assert len(set(notes(tmp_path / "twice"))) == 2
    run.release()


# --- plugins (F18) ---


class Raising(SchedulerPlugin):
    """Somebody else's plugin, which raises wherever it is called."""

    name = "raising"

    def transition(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("mine")

    add_worker = remove_worker = transition


def test_a_plugin_that_raises_everywhere_changes_nothing(cluster: Workers, tmp_path: Path) -> None:
    cluster.client.register_plugin(Raising())
    try:
        run = ran(lambda: count.map([tmp_path / "begun"] * 20, count.map([tmp_path / "begun"] * 20, range(20))))
        assert Counter(states(run).values()) == {"COMPLETED": 40}
    finally:
        cluster.client.unregister_scheduler_plugin("raising")


def test_wfkits_own_plugin_comes_back_when_somebody_unregisters_it(cluster: Workers, tmp_path: Path) -> None:
    run = started(lambda: count.map([tmp_path / "begun"] * 20, range(20), [0.1] * 20))
    until(lambda: notes(tmp_path / "begun"))
    cluster.client.unregister_scheduler_plugin(NAME)
    run.wait(TIMEOUT_S)
    assert run.node("count").result() == list(range(20))

    @task
    def culprit() -> None:
        note(tmp_path / "culprit", current.worker)
        time.sleep(0.1)  # the news of its start get away
        os.kill(os.getpid(), signal.SIGKILL)

    run = ran(lambda: culprit())  # noqa: PLW0108
    assert states(run) == {"culprit": "CRASHED"}
    killed = notes(tmp_path / "culprit")
    assert len(killed) == 3
    until(lambda: cluster.are_replaced(*killed))
