"""Cancelling runs, groups and nodes on real workers: what has not started never starts, what runs is interrupted."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.running import TIMEOUT_S, Workers, ran, reason, started, states, until
from wfkit import task
from wfkit.core.states import RunState, TaskState
from wfkit.engine.driver.run import Run
from wfkit.errors import TaskCancelled


@task
def mark(path: Path, gate: Path | None = None) -> str:
    """Leave a mark, and wait until a gate is opened."""
    path.touch()
    while gate is not None and not gate.exists():
        time.sleep(0.005)
    return path.name


@task
def after(value: object) -> object:
    return value


def marks(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith("m")}


@pytest.mark.usefixtures("unharmed")
def test_what_has_not_started_never_starts_and_what_runs_is_interrupted(tmp_path: Path) -> None:
    paths = [tmp_path / f"m{number}" for number in range(40)]
    run = started(lambda: after.map(mark.map(paths, [tmp_path / "never"] * 40, chunk=1)))
    until(lambda: len(marks(tmp_path)) == 4)  # four threads
    run.until(lambda: list(states(run).values()).count(TaskState.RUNNING) == 4, 5)
    run.cancel("enough")
    assert run.state in {"CANCELLING", "CANCELLED"}
    run.wait(TIMEOUT_S)
    assert run.state == "CANCELLED"
    assert run.view_model.reason == "enough"
    assert Counter(states(run).values()) == {"CANCELLED": 80}
    told = Counter(row.reason for row in run.nodes)
    assert told.pop("cancelled while it ran") == 4
    assert set(told) <= {"enough", "cancelled"}  # who is about to begin is refused by its worker
    assert ran(lambda: after(1)).state == "COMPLETED"
    assert len(marks(tmp_path)) == 4
    with pytest.raises(TaskCancelled, match="enough"):
        run.node("after[0]").result()


@pytest.mark.usefixtures("unharmed")
def test_the_result_of_a_task_that_ended_in_a_cancelled_run_is_kept(tmp_path: Path) -> None:
    hit = tmp_path / "hit"

    @task
    def stubborn(name: str) -> bytes:
        try:
            mark.fn(tmp_path / name, tmp_path / "never")
        except BaseException:
            hit.touch()
        return bytes(1_000_000)

    run = started(lambda: [stubborn("m1"), after(stubborn("m2"))])
    until(lambda: len(marks(tmp_path)) == 2)
    run.cancel()
    until(hit.exists)
    run.wait(TIMEOUT_S)
    assert run.state == "CANCELLED"
    assert states(run)["after"] == "CANCELLED"
    assert states(run)["stubborn"] == "COMPLETED"
    assert run.node("stubborn").result(timeout=5) == bytes(1_000_000)


@pytest.mark.usefixtures("unharmed")
def test_one_node_or_one_group_is_cancelled_and_the_rest_goes_on(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    paths = [tmp_path / f"m{number}" for number in range(6)]

    def body() -> object:
        blockers = mark.map(paths[:4], [gate] * 4, chunk=1)
        group = after.map([1, 2, 3], wait_for=[blockers])
        single = mark.submit(paths[4], wait_for=[blockers])
        return [group, after(single), mark.submit(paths[5], wait_for=[blockers])]

    run = started(body)
    until(lambda: len(marks(tmp_path)) == 4)
    run.node("mark#2").cancel()
    run.node("after").cancel()
    cancelled = {"mark#2", "after[0]", "after[1]", "after[2]"}
    assert run.until(lambda: {name for name, state in states(run).items() if state == "CANCELLED"} == cancelled, 5)
    assert run.state == "RUNNING"
    gate.touch()
    run.wait(TIMEOUT_S)
    assert run.state == "FAILED"
    assert not paths[4].exists()
    assert paths[5].exists()
    assert Counter(states(run).values()) == {"CANCELLED": 4, "UPSTREAM_FAILED": 1, "COMPLETED": 5}


@pytest.mark.usefixtures("unharmed")
def test_a_node_that_waits_for_its_next_attempt_is_cancelled_at_once() -> None:
    @task(retries=1, retry_delay_seconds=60)
    def again() -> None:
        raise ValueError

    ways: dict[str, Callable[[Run], None]] = {
        "the run was cancelled": lambda run: run.cancel(),
        "cancelled": lambda run: run.node("again").cancel(),
    }
    for told, cancel in ways.items():
        run = started(lambda: again())  # noqa: PLW0108
        assert run.until(lambda: states(run) == {"again": "RETRYING"}, 5)  # noqa: B023
        cancel(run)
        run.wait(5)
        assert states(run) == {"again": "CANCELLED"}
        assert reason(run, "again") == told


@pytest.mark.usefixtures("unharmed")
def test_cancelling_twice_or_after_the_end_changes_nothing(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = started(lambda: after(mark(tmp_path / "m", gate)))
    until(lambda: marks(tmp_path))
    run.cancel("first")
    run.cancel("second")
    gate.touch()
    run.wait(5)
    assert (run.state, run.view_model.reason) == (RunState.CANCELLED, "first")
    before = states(run)
    run.cancel("third")
    run.node("mark").cancel()
    assert (run.state, states(run)) == (RunState.CANCELLED, before)

    run = ran(lambda: after(1))
    run.cancel()
    run.node("after").cancel()
    assert (run.state, states(run)) == (RunState.COMPLETED, {"after": "COMPLETED"})


@pytest.mark.usefixtures("unharmed")
def test_a_map_whose_length_is_not_known_is_cancelled_too(tmp_path: Path) -> None:
    @task
    def items() -> list[int]:
        mark.fn(tmp_path / "m", tmp_path / "never")
        return [1, 2, 3]

    run = started(lambda: after.map(after.map(items())))
    until(lambda: marks(tmp_path))
    run.cancel()
    run.wait(TIMEOUT_S)
    assert run.state is RunState.CANCELLED
    assert set(states(run).values()) == {"CANCELLED"}


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("doing", ["running", "retrying"])
def test_a_worker_that_dies_about_the_time_of_a_cancel_does_not_hold_the_run(
    cluster: Workers, tmp_path: Path, when: str, doing: str
) -> None:
    worker = cluster.when_whole()[0]
    pid = cluster.pids()[worker]

    @task(workers=worker, retries=1, retry_delay_seconds=60)
    def doomed() -> None:
        if doing == "retrying":
            raise ValueError
        time.sleep(60)  # a call into C, which nothing interrupts

    run = started(lambda: after(doomed()))
    assert run.until(lambda: states(run).get("doomed") == doing.upper(), 5)
    if when == "before":
        _kill(pid)
        until(lambda: worker not in cluster.addresses)
    run.cancel()
    if when == "after" and doing == "running":
        assert run.until(lambda: states(run)["after"] == "CANCELLED", 5)
        assert run.state is RunState.CANCELLING
    if when == "after":
        _kill(pid)
    run.wait(10)
    assert run.state is RunState.CANCELLED
    assert states(run) == {"doomed": "CANCELLED", "after": "CANCELLED"}
    until(lambda: cluster.are_replaced(worker))
