"""Waiting: what interrupts do to a cell that waits, without a cluster."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from wfkit.core.states import RunState
from wfkit.notebook.waiting import LINGER_S, counted_interrupts, wait_interruptibly


class ScriptedRun:
    """A run to which some things happen each time that somebody waits for it: "interrupt", "end"."""

    def __init__(self, *script: str) -> None:
        self.state = RunState.RUNNING
        self.cancelled: list[str] = []
        self.waited: list[float | None] = []
        self._script = iter(script)

    def until(self, reached: Callable[[], bool], timeout: float | None) -> bool:
        self.waited.append(timeout)
        for what in next(self._script).split():
            if what == "end":
                self.state = RunState.COMPLETED
            else:
                signal.raise_signal(signal.SIGINT)
        return reached()

    def cancel(self, reason: str) -> None:
        self.cancelled.append(reason)


def wait(run: Any) -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        wait_interruptibly(run)
    finally:
        assert signal.getsignal(signal.SIGINT) is before


def test_without_interrupt_the_wait_ends_with_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    run = ScriptedRun("end")
    wait(run)
    assert (run.waited, capsys.readouterr().out) == ([None], "")


def test_one_interrupt_lingers_and_leaves_the_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    run = ScriptedRun("interrupt", "")
    with pytest.raises(KeyboardInterrupt):
        wait(run)
    assert (run.waited, run.cancelled) == ([None, LINGER_S], [])
    assert capsys.readouterr().out == "The run goes on. Interrupt again within 2 s to cancel it.\n"


def test_a_second_interrupt_in_time_cancels(capsys: pytest.CaptureFixture[str]) -> None:
    run = ScriptedRun("interrupt", "interrupt")
    with pytest.raises(KeyboardInterrupt):
        wait(run)
    assert run.cancelled == ["interrupted twice"]
    assert capsys.readouterr().out.endswith("Cancelling the run.\n")


def test_two_interrupts_at_once_cancel() -> None:
    run = ScriptedRun("interrupt interrupt", "")
    with pytest.raises(KeyboardInterrupt):
        wait(run)
    assert run.cancelled == ["interrupted twice"]


def test_a_run_that_ends_while_the_cell_lingers_is_not_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    run = ScriptedRun("interrupt", "end interrupt")
    with pytest.raises(KeyboardInterrupt):
        wait(run)
    assert run.cancelled == []


def test_an_interrupt_of_a_run_that_just_ended_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run = ScriptedRun("end interrupt", "")
    with pytest.raises(KeyboardInterrupt):
        wait(run)
    assert capsys.readouterr().out == ""


def test_in_other_threads_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []

    def work() -> None:
        with counted_interrupts() as interrupts:
            seen.extend([signal.getsignal(signal.SIGINT) is before, interrupts])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True, []]
