"""Tasks that take their worker process with them: CRASHED, told so, and everything else goes on."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.system.running import TIMEOUT_S, Workers, kind, ran, reason, started, states, until
from wfkit import allow_failure, task
from wfkit.core.states import FailureKind
from wfkit.errors import TaskCrashed


@task
def double(x: int) -> int:
    return 2 * x


def settled(cluster: Workers) -> bool:
    return len(cluster.addresses) == 2


@pytest.mark.timeout(60)
def test_a_task_that_ends_its_process_is_crashed_and_the_others_complete(cluster: Workers) -> None:
    @task
    def exits() -> int:
        os._exit(7)

    @task
    def looks(value: object) -> str:
        return type(value).__name__

    def body() -> object:
        gone = exits()
        return [double.map(double.map(range(20))), double(gone), looks(allow_failure(gone))]

    start_s = time.monotonic()
    run = ran(body)
    assert time.monotonic() - start_s < TIMEOUT_S
    assert run.state == "FAILED"
    known = states(run)
    assert known.pop("exits") == "CRASHED"
    assert known.pop("double#3") == "UPSTREAM_FAILED"
    assert set(known.values()) == {"COMPLETED"}
    assert kind(run, "exits") is FailureKind.WORKER_LOST
    assert "the worker died while it ran" in reason(run, "exits")
    with pytest.raises(TaskCrashed, match="worker died"):
        run.node("exits").result()
    until(lambda: settled(cluster))
    assert ran(lambda: double(4)).node("double").result() == 8


@pytest.mark.timeout(60)
def test_tasks_of_a_worker_that_is_killed_run_again_elsewhere(cluster: Workers) -> None:
    @task
    def slow(x: int) -> int:
        time.sleep(0.3)
        return x

    run = started(lambda: double.map(slow.map(range(8))))
    assert run.until(lambda: "RUNNING" in states(run).values(), 5)
    os.kill(cluster.pids()[cluster.addresses[0]], signal.SIGKILL)
    run.wait(TIMEOUT_S)
    assert set(states(run).values()) == {"COMPLETED"}
    assert run.node("double").result() == [2 * x for x in range(8)]
    until(lambda: settled(cluster))
