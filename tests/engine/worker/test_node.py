"""Nodes: attempts and their events, what notes say, retries here and elsewhere, cancelling and pausing."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from distributed import Worker

from tests.engine.worker.driving import ONE, WAIT_S, Driver, frozen
from tests.system import hostile
from wfkit.authoring.context import current
from wfkit.authoring.freeze import Use
from wfkit.authoring.options import task_options
from wfkit.authoring.signals import Skip
from wfkit.core.events import LogLines, NodeFinished, NodeRetrying, NodeStarted
from wfkit.core.states import FailureKind, TaskState
from wfkit.engine.worker import node as nodes
from wfkit.engine.worker import spec as specs
from wfkit.engine.worker.outcome import Bounced, Err, Ok

pytestmark = pytest.mark.timeout(60)


def never() -> None:
    raise AssertionError("it was executed")


def test_a_success_is_two_events_and_a_value(driver: Driver) -> None:
    outcome = driver.execute(lambda x: [x], 5)
    started, finished = driver.events(2)
    assert isinstance(started, NodeStarted)
    assert isinstance(finished, NodeFinished)
    assert (finished.attempt, finished.length, pickle.loads(finished.inline or b"")) == (1, 1, [5])
    assert finished.at_s - started.at_s == pytest.approx(finished.wall_s)
    assert outcome.value() == [5]


def test_a_failure_says_so_and_is_an_outcome(driver: Driver) -> None:
    outcome = driver.execute(hostile.raise_chain)
    end = driver.end()
    assert (end.state, end.kind, end.reason) == (TaskState.FAILED, FailureKind.ERROR, "ValueError: outer")
    assert isinstance(outcome, Err)
    assert (outcome.state, outcome.maker, outcome.error) == (TaskState.FAILED, "load[7]", end.error)


@pytest.mark.parametrize("body", [lambda: 1, hostile.raise_chain], ids=["value", "error"])
@pytest.mark.parametrize("asked_s", [0.0, 60.0])
def test_the_end_says_what_its_process_has_in_memory_unless_the_attempt_was_short(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, body: Any, asked_s: float
) -> None:
    monkeypatch.setattr(nodes, "ASKED_S", asked_s)
    driver.execute(body)
    memory_bytes = driver.end().memory_bytes
    assert 2**20 < memory_bytes < 2**40 if asked_s == 0.0 else memory_bytes == 0


def test_attempts_follow_each_other(driver: Driver) -> None:
    def try_it() -> int:
        if current.attempt < 3:
            raise ValueError(current.attempt)
        return current.attempt

    assert driver.execute(try_it, retries=5, retry_delay_seconds=[0, 0.05]).value() == 3
    events = driver.events(6)
    assert [type(one) for one in events] == [NodeStarted, NodeRetrying] * 2 + [NodeStarted, NodeFinished]
    assert [one.delay_s for one in events if isinstance(one, NodeRetrying)] == [0, 0.05]
    assert driver.told("parked") == []


def meet(path: str) -> str:
    """Fail until another task was here."""
    if not Path(path).exists():
        raise ValueError("alone")
    return "met"


def test_a_short_delay_holds_no_slot(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "PARK_S", 100.0)
    there = tmp_path / "there"
    waiting = driver.submit(driver.spec(meet, retries=1, retry_delay_seconds=3.0), frozen=frozen((str(there),)))
    driver.events(2)
    assert isinstance(driver.outcome(driver.spec(there.touch), 8), Ok)  # on the one thread there is
    assert waiting.result(WAIT_S).value() == "met"


def test_a_long_delay_ends_the_task_and_says_so(driver: Driver) -> None:
    def fail() -> None:
        raise ValueError("no")

    assert isinstance(driver.execute(fail, retries=1, retry_delay_seconds=nodes.PARK_S), Bounced)
    driver.until(lambda: driver.told("parked"), "that the node is parked")
    assert driver.told("parked") == [["parked", "g4", 7, [1, 1, 0], nodes.PARK_S]]
    assert [type(one) for one in driver.events(2)] == [NodeStarted, NodeRetrying]


@pytest.mark.parametrize("held", [{"limits": {"db": 1}}, {"resources": {"GPU": 1}}], ids=["limits", "resources"])
def test_what_holds_more_than_a_slot_is_parked_for_a_short_delay_too(driver: Driver, held: dict[str, Any]) -> None:
    def fail() -> None:
        raise ValueError("no")

    assert isinstance(driver.execute(fail, retries=1, retry_delay_seconds=0.01, **held), Bounced)
    driver.until(lambda: driver.told("parked"), "that the node is parked")


def note(workers: list[Worker], key: str, **fields: Any) -> str:
    """What the scheduler's plugin tells workers about a key."""
    for worker in workers:
        worker.stream_handlers["wfkit-notes"](notes={key: fields})
    return key


def test_a_condemned_node_has_crashed_and_is_not_executed(driver: Driver, workers: list[Worker]) -> None:
    key = note(workers, "condemned-1", crashes=3, condemned="worker lost")
    outcome = driver.outcome(driver.spec(never), key=key)
    assert isinstance(outcome, Err)
    assert (outcome.state, outcome.reason, outcome.maker) == (TaskState.CRASHED, "worker lost", "load[7]")
    assert driver.told("event") == []


def test_a_crash_is_an_attempt_and_no_retry(driver: Driver, workers: list[Worker]) -> None:
    def fail() -> None:
        if current.attempt < 3:
            raise ValueError("no")

    outcome = driver.outcome(driver.spec(fail, retries=1), key=note(workers, "crashed-1", crashes=1))
    assert isinstance(outcome, Ok)
    assert [event.attempt for event in driver.events(4)] == [2, 2, 3, 3]  # type: ignore[union-attr]


def test_a_node_that_was_cancelled_never_begins(driver: Driver) -> None:
    driver.cluster.tell("cancel", run=driver.run, request="q1", nodes=[["g4", 7]])
    driver.until(lambda: driver.told("cancelled"), "that it is cancelled")
    assert driver.outcome(driver.spec(never)).state is TaskState.CANCELLED
    assert (driver.end().state, driver.end().attempt) == (TaskState.CANCELLED, 0)
    assert isinstance(driver.outcome(driver.spec(lambda: 1), 8), Ok)


def test_a_node_that_is_cancelled_while_it_waits_for_its_next_attempt_ends(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "PARK_S", 100)

    def fail() -> None:
        raise ValueError("no")

    found = driver.submit(driver.spec(fail, retries=5, retry_delay_seconds=60))
    driver.events(2)
    driver.cluster.tell("cancel", run=driver.run, request="q1", nodes=None)
    assert found.result(WAIT_S).state is TaskState.CANCELLED
    assert driver.end().state is TaskState.CANCELLED


def test_while_its_run_is_paused_a_node_bounces(driver: Driver) -> None:
    driver.cluster.tell("hold", run=driver.run, request="q1", paused=True)
    driver.until(lambda: driver.told("held"), "that it is held")
    assert isinstance(driver.outcome(driver.spec(never)), Bounced)
    driver.cluster.tell("hold", run=driver.run, request="q2", paused=False)
    driver.until(lambda: len(driver.told("held")) == 2, "that it goes on")
    assert isinstance(driver.outcome(driver.spec(lambda: 1)), Ok)
    assert len(driver.events(2)) == 2


def test_lines_come_before_the_end(driver: Driver) -> None:
    driver.execute(lambda: print("said"), log_prints=True)
    started, lines, finished = driver.events(3)
    assert (type(started), type(finished)) == (NodeStarted, NodeFinished)
    assert isinstance(lines, LogLines)
    assert [line.text for line in lines.lines] == ["said"]


def test_upstream_failures_end_it_before_it_begins(driver: Driver) -> None:
    bad = Err(TaskState.FAILED, "no", None, "bad")
    assert driver.outcome(driver.spec(never), deps=[bad]).state is TaskState.UPSTREAM_FAILED
    assert driver.outcome(driver.spec(never, trigger="any_failed"), deps=[Ok(1, "a")]).state is TaskState.SKIPPED
    assert driver.outcome(driver.spec(lambda: 1, trigger="all_done"), deps=[bad]).state is TaskState.COMPLETED
    reasons = [event.reason for event in driver.events(4) if isinstance(event, NodeFinished)]
    assert reasons == ["`bad` FAILED", "trigger any_failed", ""]


def test_a_skip_is_no_error(driver: Driver) -> None:
    def skip() -> None:
        raise Skip("today")

    driver.execute(skip, retries=3)
    end = driver.end()
    assert (end.state, end.reason, end.kind, end.error) == (TaskState.SKIPPED, "today", None, None)


def test_code_that_cannot_be_loaded_fails_the_node(driver: Driver) -> None:
    broken = hostile.Unloadable()
    outcome = driver.execute(lambda: broken)
    assert outcome.reason.startswith(f"the code of `load` cannot be loaded on {driver.worker}: RuntimeError")
    assert driver.end().attempt == 0


def test_a_fault_of_our_own_is_a_failure_too(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "check_result", lambda *_: None)  # what follows trips over None
    assert driver.execute(lambda: 1).reason.startswith("a fault in wfkit: AttributeError")


def test_the_traceback_is_let_go(driver: Driver) -> None:
    kept: list[BaseException] = []

    def keep(error: BaseException) -> bool:
        kept.append(error)
        return False

    spec = driver.spec(never)
    specs._LOADED[spec.code_id] = (lambda: 1 / 0, task_options({"retries": 1, "retry_condition_fn": keep}))
    driver.outcome(spec)
    assert kept[0].__traceback__ is None


def test_a_task_in_a_process_of_its_own_gives_its_value(driver: Driver) -> None:
    import os

    assert driver.execute(os.getpid, isolate="process").value() != os.getpid()


def test_a_slot_that_is_left_empty_is_told_with_its_maker(driver: Driver) -> None:
    outcome = driver.outcome(driver.spec(never), frozen=frozen((ONE,), Use((3,))), deps=[Ok([1], "pairs")])
    assert outcome.reason.startswith("TaskFailed: `pairs` returned a list without item 3")
