"""Stopping what runs on real workers: Python at once, calls into C when they return, processes of their own; pauses."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types shipped
import pytest

from tests.system.running import TIMEOUT_S, kind, note, notes, ran, reason, started, states, until
from wfkit import current, task
from wfkit.core.states import FailureKind
from wfkit.errors import TaskCrashed

pytestmark = pytest.mark.usefixtures("unharmed")


@task
def spin(begun: Path) -> None:
    note(begun, current.worker)
    while True:
        pass


@task
def block(begun: Path, seconds: float) -> None:
    note(begun, current.worker)
    time.sleep(seconds)


@task(isolate="process")
def alone(begun: Path, action: Callable[[], object]) -> object:
    note(begun, os.getpid())
    return action()


@task
def count(begun: Path, x: int) -> int:
    note(begun, x)
    time.sleep(0.01)
    return x


def is_gone(pid: str) -> bool:
    return not psutil.pid_exists(int(pid))


# --- cancelling ---


def test_a_loop_in_python_ends_where_it_is_when_its_run_is_cancelled(tmp_path: Path) -> None:
    run = started(lambda: spin.map([tmp_path / "begun"] * 8, chunk=1))
    until(lambda: len(notes(tmp_path / "begun")) == 4)  # four threads
    cancelled_s = time.monotonic()
    run.cancel()
    run.wait(TIMEOUT_S)
    assert time.monotonic() - cancelled_s < 5
    assert run.state == "CANCELLED"
    assert Counter(states(run).values()) == {"CANCELLED": 8}
    assert len(notes(tmp_path / "begun")) == 4


def test_one_of_two_loops_is_stopped_and_the_other_goes_on(tmp_path: Path) -> None:
    run = started(lambda: spin.map([tmp_path / "begun"] * 2, chunk=1))
    until(lambda: len(notes(tmp_path / "begun")) == 2)
    run.node("spin[0]").cancel()
    until(lambda: states(run) == {"spin[0]": "CANCELLED", "spin[1]": "RUNNING"})
    assert reason(run, "spin[0]") == "cancelled while it ran"
    run.cancel()
    run.wait(TIMEOUT_S)


def test_a_call_into_c_says_that_it_still_runs_until_it_returns(tmp_path: Path) -> None:
    run = started(lambda: block(tmp_path / "begun", 2.5))
    until(lambda: notes(tmp_path / "begun"))
    run.cancel()
    (worker,) = notes(tmp_path / "begun")
    until(lambda: reason(run, "block") == f"cancelling, still running on {worker}")
    assert (run.state, states(run)) == ("CANCELLING", {"block": "RUNNING"})
    run.wait(TIMEOUT_S)
    assert (run.state, states(run)) == ("CANCELLED", {"block": "CANCELLED"})
    assert reason(run, "block") == "cancelled while it ran"


# --- processes of their own ---


def test_a_process_of_its_own_is_killed_on_cancel_whatever_it_does(tmp_path: Path) -> None:
    run = started(lambda: alone(tmp_path / "begun", lambda: time.sleep(60)))
    until(lambda: notes(tmp_path / "begun"))
    run.cancel()
    run.wait(TIMEOUT_S)
    assert (run.state, states(run)) == ("CANCELLED", {"alone": "CANCELLED"})
    (pid,) = notes(tmp_path / "begun")
    until(lambda: is_gone(pid))


def test_a_process_of_its_own_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    run = ran(lambda: alone.with_options(timeout_seconds=1)(tmp_path / "begun", lambda: time.sleep(60)))
    assert (run.state, states(run)) == ("FAILED", {"alone": "FAILED"})
    assert kind(run, "alone") is FailureKind.TIMEOUT
    (pid,) = notes(tmp_path / "begun")
    until(lambda: is_gone(pid))


def segfault() -> object:
    return ctypes.string_at(0)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (lambda: os._exit(7), "exit code 7"),
        (segfault, "signal 11 (SIGSEGV)"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9 (SIGKILL)"),
    ],
    ids=["os._exit", "segfault", "SIGKILL"],
)
def test_a_process_of_its_own_that_dies_takes_nothing_with_it(
    tmp_path: Path, action: Callable[[], object], told: str
) -> None:
    beside = tmp_path / "beside"
    run = ran(lambda: [alone(tmp_path / "begun", action), count.map([beside] * 20, range(20))])
    assert run.state == "FAILED"
    known = states(run)
    assert known.pop("alone") == "CRASHED"
    assert set(known.values()) == {"COMPLETED"}
    assert kind(run, "alone") is FailureKind.WORKER_LOST
    assert told in reason(run, "alone")
    assert len(notes(tmp_path / "begun")) == 3  # crash_retries=2
    assert sorted(map(int, notes(beside))) == list(range(20))
    with pytest.raises(TaskCrashed):
        run.node("alone").result()


def test_a_process_of_its_own_that_dies_once_is_tried_again(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def dies_once() -> str:
        if len(notes(begun)) == 1:
            os._exit(7)
        return "fine"

    run = ran(lambda: alone(begun, dies_once))
    assert run.node("alone").result() == "fine"
    assert len(notes(begun)) == 2


# --- pausing ---


def test_nothing_starts_in_a_paused_run_and_everything_completes_after(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    run = started(lambda: count.map([begun] * 200, range(200)))
    until(lambda: len(notes(begun)) > 10)
    run.pause()
    assert run.state == "PAUSED"
    until(lambda: "RUNNING" not in states(run).values())
    before = len(notes(begun))
    assert before < 200
    time.sleep(0.5)  # in which 200 of them could have started
    assert len(notes(begun)) == before
    assert run.state == "PAUSED"
    run.resume()
    run.wait(TIMEOUT_S)
    assert run.state == "COMPLETED"
    assert run.node("count").result() == list(range(200))
    assert sorted(map(int, notes(begun))) == list(range(200))


def test_a_paused_run_can_be_cancelled(tmp_path: Path) -> None:
    run = started(lambda: count.map([tmp_path / "begun"] * 200, range(200)))
    until(lambda: notes(tmp_path / "begun"))
    run.pause()
    until(lambda: "RUNNING" not in states(run).values())
    before = len(notes(tmp_path / "begun"))
    run.cancel()
    run.wait(TIMEOUT_S)
    assert run.state == "CANCELLED"
    assert len(notes(tmp_path / "begun")) == before
