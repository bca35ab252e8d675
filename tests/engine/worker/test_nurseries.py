"""Nurseries: one for each worker, started at first need, and again where it was lost."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.engine.worker.isolating import run, until
from wfkit.engine.worker import nurseries
from wfkit.engine.worker.isolated import ProcessDied
from wfkit.engine.worker.nurseries import close_nursery

pytestmark = pytest.mark.timeout(60)


def test_one_nursery_serves_all_calls() -> None:
    assert run(os.getppid) == run(os.getppid)


def test_a_nursery_that_was_lost_takes_its_processes_along_and_is_started_again() -> None:
    def lose() -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()

    before = run(os.getppid)
    with pytest.raises(ProcessDied, match="lost"):
        run(lose)
    assert run(os.getppid) != before


def test_a_copy_of_the_worker_starts_its_own() -> None:
    ours = run(os.getppid)
    child = os.fork()
    if not child:
        try:
            other = run(os.getppid)
            close_nursery()
            os._exit(0 if other not in (ours, 0) else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert run(os.getppid) == ours


def test_it_ends_when_it_is_closed() -> None:
    nursery = run(os.getppid)
    close_nursery()
    until(lambda: not Path(f"/proc/{nursery}").exists())
    assert not nurseries._running


def test_a_path_of_other_things_than_text_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    close_nursery()
    monkeypatch.setattr(sys, "path", [Path("lib"), *sys.path])
    assert run(os.getppid)
