"""Attempts that were lost with their worker: each has a number of its own, and counts as a crash once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.system.running import (
    TIMEOUT_S,
    Workers,
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
from wfkit import current, task
from wfkit.core.states import FailureKind
from wfkit.engine.driver.run import Run

pytestmark = pytest.mark.timeout(60)


def kill(cluster: Workers, worker: str) -> None:
    os.kill(cluster.pids()[worker], signal.SIGKILL)


def attempts(run: Run, name: str) -> int:
    return next(row.attempts for row in run.nodes if row.name == name)


def lines(run: Run) -> list[str]:
    return [line.text for line in run.answers.logs(None)]


def is_logged(run: Run, *texts: str) -> bool:
    return lines(run) == [*texts]


@task(retries=1, retry_delay_seconds=0)
def fails_crashes_fails(begun: Path) -> None:
    note(begun, current.attempt)
    if len(notes(begun)) == 2:
        time.sleep(0.1)  # the news of the first failure get away
        os.kill(os.getpid(), signal.SIGKILL)
    raise ValueError("no")


def test_an_attempt_that_failed_before_the_one_that_was_lost_counts(cluster: Workers, tmp_path: Path) -> None:
    run = ran(lambda: fails_crashes_fails(tmp_path / "begun"))
    assert states(run) == {"fails_crashes_fails": "FAILED"}
    assert notes(tmp_path / "begun") == ["1", "2", "3"]
    until(lambda: cluster.are_replaced(*(set(run.view_model.workers) - set(cluster.addresses))))


@task
def dies_at_once(begun: Path) -> None:
    note(begun, current.attempt)
    os.kill(os.getpid(), signal.SIGKILL)


def test_attempts_whose_starts_nobody_heard_of_count(cluster: Workers, tmp_path: Path) -> None:
    before = cluster.when_whole()
    run = ran(lambda: dies_at_once.map([tmp_path / "0", tmp_path / "1"], chunk=1))
    for index in range(2):
        name = f"dies_at_once[{index}]"
        assert (states(run)[name], attempts(run, name)) == ("CRASHED", 3)
        assert "for the 3. time" in reason(run, name)
        assert len({*notes(tmp_path / f"{index}")}) == len(notes(tmp_path / f"{index}"))
    until(lambda: cluster.are_replaced(*before))


@task
def dies_if_five(x: int, begun: Path) -> int:
    note(begun, f"{x} {current.attempt}")
    if x == 5:
        time.sleep(0.1)  # the news of its start get away
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def test_a_crash_among_elements_that_travelled_together_is_one_of_its_element(cluster: Workers, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    run = ran(lambda: dies_if_five.map(range(8), [begun] * 8, chunk=8))
    known = states(run)
    assert known.pop("dies_if_five[5]") == "CRASHED"
    assert set(known.values()) == {"COMPLETED"}
    assert [line for line in notes(begun) if line.startswith("5")] == ["5 1", "5 2", "5 3"]
    assert "for the 3. time" in reason(run, "dies_if_five[5]")
    until(lambda: cluster.are_replaced(*(set(run.view_model.workers) - set(cluster.addresses))))


@task(crash_retries=0)
def dies_if_five_at_once(x: int, begun: Path) -> int:
    if x == 5:
        note(begun, current.worker)
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def test_who_may_lose_no_worker_is_executed_once_though_it_was_to_travel_with_others(
    cluster: Workers, tmp_path: Path
) -> None:
    run = ran(lambda: dies_if_five_at_once.map(range(8), [tmp_path / "begun"] * 8, chunk=8))
    (killed,) = notes(tmp_path / "begun")
    assert kind(run, "dies_if_five_at_once[5]") is FailureKind.WORKER_LOST
    until(lambda: cluster.are_replaced(killed))


@task
def opened(gate: Path) -> int:
    until(gate.exists)
    return 1


@task(log_prints=True)
def waits(begun: Path, gate: Path, leave: Path) -> int:
    note(begun, current.worker)
    print("execution", len(notes(begun)))
    if len(notes(begun)) == 1:
        opened.submit(gate).result()
    until(leave.exists)
    return 1


def test_a_parent_that_waited_is_shown_to_run_again_and_keeps_the_log_from_before(
    cluster: Workers, tmp_path: Path
) -> None:
    begun, gate, leave = tmp_path / "begun", tmp_path / "gate", tmp_path / "leave"
    run = started(lambda: waits(begun, gate, leave))
    until(lambda: states(run).get("waits") == "WAITING" and is_logged(run, "execution 1"))
    worker = notes(begun)[0]
    kill(cluster, worker)
    until(lambda: states(run)["waits"] == "RUNNING")
    touch(gate)
    touch(leave)
    run.wait(TIMEOUT_S)
    assert (states(run)["waits"], attempts(run, "waits")) == ("COMPLETED", 2)
    assert lines(run) == ["execution 1", "execution 2"]
    until(lambda: cluster.are_replaced(worker))


@task(log_prints=True, retries=1)
def fails_once(x: int, begun: Path, gate: Path) -> int:
    if x == 1:
        note(begun, f"{current.worker} {current.attempt}")
        print("execution", len(notes(begun)))
        until(gate.exists)
        if len(notes(begun)) == 2:
            raise ValueError("once")
    return x


def test_an_element_that_travelled_with_others_is_shown_to_run_again_and_keeps_its_log(
    cluster: Workers, tmp_path: Path
) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    run = started(lambda: fails_once.map(range(3), [begun] * 3, [gate] * 3, chunk=3))
    until(lambda: notes(begun) and is_logged(run, "execution 1"))
    worker = notes(begun)[0].split()[0]
    kill(cluster, worker)
    until(lambda: len(notes(begun)) == 2 and states(run)["fails_once[1]"] == "RUNNING")
    touch(gate)
    run.wait(TIMEOUT_S)
    assert [line.split()[1] for line in notes(begun)] == ["1", "2", "3"]
    assert lines(run) == ["execution 1", "execution 2", "execution 3"]
    assert set(states(run).values()) == {"COMPLETED"}
    until(lambda: cluster.are_replaced(worker))
