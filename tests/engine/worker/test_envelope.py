"""The envelope: events and outcome of one node, on a worker that is not there."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle
import pytest

from tests.system import hostile
from wfkit.authoring.context import current
from wfkit.authoring.freeze import Frozen
from wfkit.authoring.options import task_options
from wfkit.authoring.signals import Skip
from wfkit.core.events import AnyEvent, LogLines, NodeFinished, NodeRetrying, NodeStarted
from wfkit.core.states import FailureKind, TaskState
from wfkit.engine.worker import envelope
from wfkit.engine.worker import spec as specs
from wfkit.engine.worker.envelope import run_node
from wfkit.engine.worker.outcome import Err, Ok
from wfkit.engine.worker.spec import Spec


class FakeSide:
    """Remembers events; begins and pauses as it is told."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.pauses: list[float] = []
        self.begins = [True] * 10
        self.go_on = True
        self.worker = self
        self.address = "tcp://here"

    def emit(self, run_id: str, event: AnyEvent) -> None:
        assert run_id == "r1"
        self.events.append(event)

    def begin(self, run_id: str, group: str, index: int, event: AnyEvent) -> bool:
        if self.begins.pop(0):
            self.emit(run_id, event)
            return True
        return False

    def pause(self, run_id: str, group: str, index: int, seconds: float) -> bool:
        self.pauses.append(seconds)
        return self.go_on

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        pass


@pytest.fixture
def side(monkeypatch: pytest.MonkeyPatch) -> FakeSide:
    side = FakeSide()
    monkeypatch.setattr(envelope, "here", lambda: side)
    monkeypatch.setattr(envelope, "_secede", lambda: side.pauses.append(-1))
    monkeypatch.setattr(envelope, "_rejoin", lambda: side.pauses.append(-2))
    return side


def run(function: Callable[..., object], *args: object, deps: Any = (), **options: Any) -> Ok | Err:
    code = cloudpickle.dumps((function, task_options(options), {}))
    spec = Spec(run_id="r1", flow_name="f", group="g1", name="load", mapped=True, code_id=str(hash(code)), code=code)
    return run_node(spec, 2, Frozen(pickle.dumps((args, {})), ()), deps)


def test_a_success_is_two_events_and_a_value(side: FakeSide) -> None:
    outcome = run(lambda x: [x], 5)
    started, finished = side.events
    assert isinstance(started, NodeStarted)
    assert isinstance(finished, NodeFinished)
    assert (started.group, started.index, started.attempt, started.worker) == ("g1", 2, 1, "tcp://here")
    assert (finished.state, finished.attempt, finished.length, finished.preview) == (TaskState.COMPLETED, 1, 1, "[5]")
    assert pickle.loads(finished.inline or b"") == [5]
    assert finished.at_s - started.at_s == pytest.approx(finished.wall_s)
    assert isinstance(outcome, Ok)
    assert (outcome.value(), outcome.maker) == ([5], "load[2]")


def test_a_failure_says_so_and_is_an_outcome(side: FakeSide) -> None:
    outcome = run(hostile.raise_chain)
    finished = side.events[-1]
    assert isinstance(finished, NodeFinished)
    assert (finished.state, finished.kind, finished.reason) == (
        TaskState.FAILED,
        FailureKind.ERROR,
        "ValueError: outer",
    )
    assert isinstance(outcome, Err)
    assert (outcome.state, outcome.maker, outcome.error) == (TaskState.FAILED, "load[2]", finished.error)


def test_attempts_and_pauses_alternate(side: FakeSide) -> None:
    def try_it() -> int:
        if current.attempt < 3:
            raise ValueError(current.attempt)
        return current.attempt

    outcome = run(try_it, retries=5, retry_delay_seconds=[0, 7])
    assert isinstance(outcome, Ok)
    assert [type(event) for event in side.events] == [
        NodeStarted,
        NodeRetrying,
        NodeStarted,
        NodeRetrying,
        NodeStarted,
        NodeFinished,
    ]
    assert [event.delay_s for event in side.events if isinstance(event, NodeRetrying)] == [0, 7]
    assert side.pauses == [-1, 7, -2]  # out of the pool, pause, back; not for a delay of 0


def test_a_node_that_was_cancelled_never_begins(side: FakeSide) -> None:
    side.begins = [False]
    outcome = run(lambda: 1 / 0)
    (finished,) = side.events
    assert isinstance(finished, NodeFinished)
    assert (finished.state, finished.attempt) == (TaskState.CANCELLED, 0)
    assert outcome.state is TaskState.CANCELLED


def test_a_node_that_is_cancelled_between_attempts_stops_there(side: FakeSide) -> None:
    side.begins = [True, False]
    assert run(lambda: 1 / 0, retries=5).state is TaskState.CANCELLED
    side.begins, side.go_on = [True], False
    outcome = run(lambda: 1 / 0, retries=5, retry_delay_seconds=9)
    assert isinstance(outcome, Err)
    assert outcome.reason == "cancelled while it waited for its next attempt"
    assert side.pauses == [-1, 9]  # a thread that was cancelled does not come back for a slot


def test_lines_come_before_the_end(side: FakeSide) -> None:
    run(lambda: print("said"), log_prints=True)
    assert [type(event) for event in side.events] == [NodeStarted, LogLines, NodeFinished]


def test_upstream_failures_end_it_before_it_begins(side: FakeSide) -> None:
    bad = Err(TaskState.FAILED, "no", None, "bad")
    assert run(lambda: 1, deps=[bad]).state is TaskState.UPSTREAM_FAILED
    assert run(lambda: 1, deps=[bad], trigger="all_done").state is TaskState.COMPLETED
    assert run(lambda: 1, deps=[Ok(1, "good")], trigger="any_failed").state is TaskState.SKIPPED
    assert [event.reason for event in side.events if isinstance(event, NodeFinished)] == [
        "`bad` FAILED",
        "",
        "trigger any_failed",
    ]


def test_a_skip_is_no_error(side: FakeSide) -> None:
    def skip() -> None:
        raise Skip("today")

    run(skip, retries=3)
    finished = side.events[-1]
    assert isinstance(finished, NodeFinished)
    assert (finished.state, finished.reason, finished.kind, finished.error) == (TaskState.SKIPPED, "today", None, None)


def test_code_that_cannot_be_loaded_fails_the_node(side: FakeSide) -> None:
    broken = hostile.Unloadable()
    outcome = run(lambda: broken)
    assert isinstance(outcome, Err)
    assert outcome.reason.startswith("the code of `load` cannot be loaded on tcp://here: RuntimeError")
    assert [event.attempt for event in side.events if isinstance(event, NodeFinished)] == [0]


def test_a_fault_of_our_own_is_a_failure_too(side: FakeSide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "check_result", lambda *_: None)  # what follows trips over None
    outcome = run(lambda: 1)
    assert isinstance(outcome, Err)
    assert outcome.reason.startswith("a fault in wfkit: AttributeError")


def test_the_traceback_is_let_go(side: FakeSide) -> None:
    kept: list[BaseException] = []

    def keep(error: BaseException) -> bool:
        kept.append(error)
        return False

    specs._LOADED["test: kept"] = (lambda: 1 / 0, task_options({"retries": 1, "retry_condition_fn": keep}))
    spec = Spec(run_id="r1", flow_name="f", group="g1", name="load", mapped=False, code_id="test: kept", code=b"")
    run_node(spec, 0, Frozen(pickle.dumps(((), {})), ()), [])
    assert kept[0].__traceback__ is None
