"""The worker's side: news in order, questions and answers, and what is cancelled, held or noted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from wfkit.core import wire
from wfkit.core.events import NodeStarted, NodeStopping
from wfkit.core.ids import GroupId
from wfkit.engine.worker.attempt import call
from wfkit.engine.worker.side import Begin, NodeId, Note, WorkerSide
from wfkit.engine.worker.stop import Stop, Stopped


class Loop:
    """Calls what it is given when it is told to."""

    def __init__(self) -> None:
        self.planned: list[tuple[Any, ...]] = []

    def add_callback(self, function: Callable[..., None], *args: object) -> None:
        self.planned.append((function, args))

    call_later = add_callback

    def run(self) -> None:
        while self.planned:
            function, args = self.planned.pop(0)
            function(*args)


class FakeWorker:
    """As much of a worker as the side needs."""

    address = "tcp://here"
    local_directory = "/nowhere"
    batched_stream = SimpleNamespace(comm=None)

    def __init__(self) -> None:
        self.loop = Loop()
        self.stream_handlers: dict[str, Callable[..., None]] = {}
        self.sent: list[dict[str, Any]] = []

    def batched_send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


NODE: NodeId = ("r1", "g1", 0)


def start(index: int, attempt: int = 1) -> NodeStarted:
    return NodeStarted(group=GroupId("g1"), index=index, attempt=attempt, worker="tcp://here")


def made() -> tuple[WorkerSide, FakeWorker]:
    side, worker = WorkerSide(), FakeWorker()
    side.setup(worker)  # type: ignore[arg-type]  # a stand-in
    return side, worker


def begin(side: WorkerSide, node: NodeId, stop: Stop | None = None) -> Begin:
    return side.begin(node, start(node[2]), stop or Stop())


def told(worker: FakeWorker) -> list[Any]:
    """All news so far: of events the event itself."""
    worker.loop.run()
    news = [item for message in worker.sent for item in message.get("news", ())]
    return [wire.decode(item[1]) if item[0] == "event" else item for item in news]


def test_news_are_sent_together_by_run_and_in_order() -> None:
    side, worker = made()
    for index in range(3):
        side.emit("r1", start(index))
    side.tell("r1", ["looked", "g1"])
    side.emit("r2", start(0))
    side.began("r1", "key")
    assert len(worker.loop.planned) == 1
    worker.loop.run()
    by_run = {message["run"]: message for message in worker.sent}
    assert {message["op"] for message in worker.sent} == {"wfkit-news"}
    assert [item[0] for item in by_run["r1"]["news"]] == ["event"] * 3 + ["looked"]
    assert [wire.decode(item[1]).index for item in by_run["r1"]["news"][:3]] == [0, 1, 2]  # type: ignore[union-attr]
    assert (by_run["r1"]["began"], len(by_run["r2"]["news"])) == (["key"], 1)


def test_of_a_task_that_waits_and_goes_on_the_last_is_said() -> None:
    side, worker = made()
    for key, last in (("a", side.began), ("b", side.rested)):
        side.began("r1", key)
        side.rested("r1", key)
        last("r1", key)
    worker.loop.run()
    (message,) = worker.sent
    assert (message["began"], message["rested"]) == (["a"], ["b"])


def test_a_cancelled_node_does_not_begin_and_others_do() -> None:
    side, worker = made()
    worker.stream_handlers["wfkit-cancel"](run="r1", request="q1", nodes=[["g1", 1]])
    assert begin(side, NODE) is Begin.GO
    assert begin(side, ("r1", "g1", 1)) is Begin.CANCELLED
    assert begin(side, ("r2", "g1", 1)) is Begin.GO


def test_nothing_of_a_cancelled_run_begins_whatever_else_is_cancelled() -> None:
    side, worker = made()
    cancel = worker.stream_handlers["wfkit-cancel"]
    cancel(run="r1", request="q1")
    cancel(run="r1", request="q2", nodes=[["g1", 1]])
    assert begin(side, NODE) is Begin.CANCELLED


def test_a_cancelled_node_is_not_handed_back_and_what_was_handed_back_is_told_before_the_confirmation() -> None:
    side, worker = made()
    assert side.hand_back(NODE, ["parked", 0], ["promise", 0])
    worker.stream_handlers["wfkit-cancel"](run="r1", request="q1", nodes=[["g1", 0]])
    assert not side.hand_back(NODE, ["parked", 0])
    assert side.hand_back(("r1", "g1", 1), ["parked", 1])
    assert told(worker) == [["parked", 0], ["promise", 0], ["parked", 1]]
    assert [message["op"] for message in worker.sent] == ["wfkit-news", "wfkit-cancelled", "wfkit-news"]


def test_nothing_of_a_run_that_is_held_begins_until_it_goes_on() -> None:
    side, worker = made()
    hold = worker.stream_handlers["wfkit-hold"]
    hold(run="r1", request="q1", paused=True)
    assert (begin(side, NODE), begin(side, ("r2", "g1", 0))) == (Begin.HELD, Begin.GO)
    hold(run="r1", request="q2", paused=False)
    assert begin(side, NODE) is Begin.GO
    assert [one["request"] for one in worker.sent if one["op"] == "wfkit-held"] == ["q1", "q2"]


def test_a_confirmation_comes_behind_the_events_before_it() -> None:
    side, worker = made()
    begin(side, NODE)
    side.end(NODE)
    worker.stream_handlers["wfkit-cancel"](run="r1", request="q1")
    assert [message["op"] for message in worker.sent] == ["wfkit-news", "wfkit-cancelled"]


def test_what_runs_is_stopped_and_said_to_be_stopping() -> None:
    side, worker = made()
    stop, begun = Stop(), threading.Event()

    def work() -> None:
        begun.set()
        while True:
            time.sleep(0.001)

    begin(side, NODE, stop)
    cancel = worker.stream_handlers["wfkit-cancel"]
    threading.Thread(target=lambda: begun.wait(10) and cancel(run="r1", request="q1")).start()
    with pytest.raises(Stopped) as caught:
        call(work, (), {}, None, stop)
    assert caught.value.reason == "cancelled while it ran"
    side.end(NODE)
    assert [type(one) for one in told(worker)] == [NodeStarted, NodeStopping]
    cancel(run="r1", request="q2")
    assert len(told(worker)) == 2  # it runs no more


def test_a_pause_ends_in_time_or_at_once_when_it_is_cancelled() -> None:
    side, worker = made()
    assert side.pause(NODE, 0.01)
    threading.Timer(0.05, lambda: worker.stream_handlers["wfkit-cancel"](run="r1", request="q1")).start()
    start_s = time.monotonic()
    assert not side.pause(NODE, 60)
    assert time.monotonic() - start_s < 5
    assert not side.pause(NODE, 60)


def test_only_so_many_cancelled_runs_are_remembered() -> None:
    side, worker = made()
    for number in range(1_500):
        worker.stream_handlers["wfkit-cancel"](run=f"r{number}", request="q")
    assert len(side._cancelled) == 1_000
    assert begin(side, ("r1499", "g1", 0)) is Begin.CANCELLED


def test_later_is_planned_by_the_loop_itself() -> None:
    side, worker = made()
    called: list[str] = []
    side.later(0.0, lambda: called.append("yes"))
    assert called == []
    (function, args) = worker.loop.planned.pop()
    assert function == worker.loop.call_later
    assert args[0] == 0.0


def test_answers_find_their_questions_in_any_order() -> None:
    side, worker = made()
    taken: list[tuple[str, list[Any]]] = []
    for name in "ab":
        side.ask("r1", ["state", name], lambda answer, name=name: taken.append((name, answer)))  # type: ignore[misc]
    asked = {question[4]: question[1] for question in told(worker)}
    assert told(worker)[0][2:] == ["tcp://here", "state", "a"]
    answer = worker.stream_handlers["wfkit-answer"]
    answer(run="r1", answer=(asked["b"], 2))
    answer(run="r1", answer=(asked["a"], 1))
    answer(run="r1", answer=(asked["a"], 3))  # nobody waits for it any more
    assert taken == [("b", [2]), ("a", [1])]


def test_an_answer_that_cannot_be_taken_in_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    side, worker = made()
    side.ask("r1", ["state"], lambda _: 1 / 0)  # type: ignore[arg-type]  # it raises
    ((_, number, *_),) = told(worker)
    worker.stream_handlers["wfkit-answer"](run="r1", answer=(number, 1))
    assert "could not be taken in" in caplog.text


def test_a_thread_waits_for_an_answer_or_until_its_time_is_over() -> None:
    side, worker = made()
    with pytest.raises(TimeoutError):
        side.ask_and_wait("r1", ["kept"], 0.01)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(side.ask_and_wait("r1", ["kept"])))
    thread.start()
    deadline = time.monotonic() + 10
    while len(asked := told(worker)) < 2:
        assert time.monotonic() < deadline
    worker.stream_handlers["wfkit-answer"](run="r1", answer=(asked[1][1], "yes"))
    thread.join(10)
    assert answers == [["yes"]]


def test_named_slots_are_asked_for_and_granted_behind_all_that_was_told() -> None:
    side, worker = made()
    granted: list[str] = []
    side.tell("r1", ["looked"])
    side.ask_for_slots("r1", ("g1", 3), {"db": 2}, lambda: granted.append("yes"))
    worker.loop.run()
    assert [message["op"] for message in worker.sent] == ["wfkit-news", "wfkit-slots"]
    assert (worker.sent[1]["node"], worker.sent[1]["names"]) == (["g1", 3], {"db": 2})
    worker.stream_handlers["wfkit-answer"](run="r1", answer=("granted", ("g1", 4)))
    assert granted == []
    worker.stream_handlers["wfkit-answer"](run="r1", answer=("granted", ("g1", 3)))
    assert granted == ["yes"]


def test_notes_are_kept_by_key_and_what_they_leave_out_is_not_so() -> None:
    side, worker = made()
    assert side.note_of("a") is None
    worker.stream_handlers["wfkit-notes"](notes={"a": {"crashes": 2, "alone": True}, "b": {"lost": True}})
    assert (side.note_of("a"), side.note_of("b")) == (Note(2, alone=True), Note(lost=True))
    assert side.note_of("c") is None
