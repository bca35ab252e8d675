"""Dask tasks that are executed again: what the driver knows of their nodes is taken, and not executed."""

from __future__ import annotations

import pickle

import pytest
from distributed import Worker

from tests.engine.worker.driving import Driver
from tests.engine.worker.test_node import never, note
from wfkit.core.states import TaskState
from wfkit.engine.worker import kept
from wfkit.engine.worker.kept import known_outcome
from wfkit.engine.worker.outcome import Bounced, Err, Ok


def test_a_lost_result_that_is_known_is_taken_and_the_node_is_not_executed(
    driver: Driver, workers: list[Worker]
) -> None:
    driver.answers["kept"] = [["COMPLETED", "", None, pickle.dumps(5)]]
    outcome = driver.outcome(driver.spec(never), key=note(workers, "lost-1", lost=True))
    assert outcome.value() == 5
    assert driver.asked("kept") == [["kept", "g4", [7], "lost-1", 0]]
    assert driver.told("event") == []


def test_a_lost_result_of_which_the_driver_says_so_is_made_again(driver: Driver, workers: list[Worker]) -> None:
    driver.answers["kept"] = [None]
    outcome = driver.outcome(driver.spec(lambda: 6), key=note(workers, "lost-2", lost=True))
    assert outcome.value() == 6


def test_a_lost_result_that_another_task_gives_by_now_is_not_made_again(driver: Driver, workers: list[Worker]) -> None:
    driver.answers["kept"] = [["", "", None, None]]
    outcome = driver.outcome(driver.spec(never), key=note(workers, "lost-4", lost=True))
    assert isinstance(outcome, Bounced)


def test_a_node_that_has_gone_back_to_the_driver_is_not_executed_by_who_takes_over(
    driver: Driver, workers: list[Worker]
) -> None:
    driver.answers["kept"] = [["", "", None, None]]
    outcome = driver.outcome(driver.spec(never), key=note(workers, "lost-5", crashes=1))
    assert isinstance(outcome, Bounced)
    assert driver.asked("kept") == [["kept", "g4", [7], "lost-5", 1]]


def test_a_node_that_goes_on_counts_what_the_driver_knows_of_it(driver: Driver, workers: list[Worker]) -> None:
    def fail() -> None:
        raise ValueError("no")

    driver.answers["kept"] = [[5, 1, 2]]
    driver.outcome(driver.spec(fail, retries=2), key=note(workers, "lost-6", crashes=2))
    assert driver.end().attempt == 7, "it failed once before, and may fail twice"


def test_a_result_whose_run_nobody_drives_any_more_is_made_again(
    driver: Driver, workers: list[Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "PATIENCE_S", 0.05)
    outcome = driver.outcome(driver.spec(lambda: 6), key=note(workers, "lost-3", lost=True))
    assert outcome.value() == 6


def test_a_known_end_is_an_outcome(driver: Driver) -> None:
    spec = driver.spec(never)
    assert isinstance(known_outcome(spec, 2, ["", "", None, None]), Bounced)
    ok = known_outcome(spec, 2, ["COMPLETED", "", None, pickle.dumps(7)])
    assert isinstance(ok, Ok)
    assert (ok.value(), ok.maker) == (7, "load[2]")
    err = known_outcome(spec, 2, ["SKIPPED", "today", None, None])
    assert isinstance(err, Err)
    assert (err.state, err.reason, err.error) == (TaskState.SKIPPED, "today", None)
