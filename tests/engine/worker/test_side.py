"""The worker's side: events in order, cancellations remembered and confirmed behind them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from wfkit.core import wire
from wfkit.core.events import NodeStarted
from wfkit.core.ids import GroupId
from wfkit.engine.worker.side import WorkerSide


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

    def __init__(self) -> None:
        self.loop = Loop()
        self.stream_handlers: dict[str, Callable[..., None]] = {}
        self.sent: list[dict[str, Any]] = []

    def batched_send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


def start(index: int) -> NodeStarted:
    return NodeStarted(group=GroupId("g1"), index=index, attempt=1, worker="tcp://here")


def made() -> tuple[WorkerSide, FakeWorker]:
    side, worker = WorkerSide(), FakeWorker()
    side.setup(worker)  # type: ignore[arg-type]  # a stand-in
    return side, worker


def test_events_are_sent_together_by_run_and_in_order() -> None:
    side, worker = made()
    for index in range(3):
        side.emit("r1", start(index))
    side.emit("r2", start(0))
    assert len(worker.loop.planned) == 1
    worker.loop.run()
    assert [(message["op"], message["run"], len(message["events"])) for message in worker.sent] == [
        ("wfkit-events", "r1", 3),
        ("wfkit-events", "r2", 1),
    ]
    assert [wire.decode(event).index for event in worker.sent[0]["events"]] == [0, 1, 2]  # type: ignore[union-attr]


def test_a_cancelled_node_does_not_begin_and_others_do() -> None:
    side, worker = made()
    worker.stream_handlers["wfkit-cancel"](run="r1", request="q1", nodes=[["g1", 1]])
    assert side.begin("r1", "g1", 0, start(0))
    assert not side.begin("r1", "g1", 1, start(1))
    assert side.begin("r2", "g1", 1, start(1))


def test_nothing_of_a_cancelled_run_begins_whatever_else_is_cancelled() -> None:
    side, worker = made()
    cancel = worker.stream_handlers["wfkit-cancel"]
    cancel(run="r1", request="q1")
    cancel(run="r1", request="q2", nodes=[["g1", 1]])
    assert not side.begin("r1", "g1", 0, start(0))


def test_a_confirmation_comes_behind_the_events_before_it() -> None:
    side, worker = made()
    side.begin("r1", "g1", 0, start(0))
    worker.stream_handlers["wfkit-cancel"](run="r1", request="q1")
    assert [message["op"] for message in worker.sent] == ["wfkit-events", "wfkit-cancelled"]


def test_a_pause_ends_in_time_or_at_once_when_it_is_cancelled() -> None:
    side, worker = made()
    assert side.pause("r1", "g1", 0, 0.01)
    threading.Timer(0.05, lambda: worker.stream_handlers["wfkit-cancel"](run="r1", request="q1")).start()
    start_s = time.monotonic()
    assert not side.pause("r1", "g1", 0, 60)
    assert time.monotonic() - start_s < 5
    assert not side.pause("r1", "g1", 0, 60)


def test_only_so_many_cancelled_runs_are_remembered() -> None:
    side, worker = made()
    for number in range(1_500):
        worker.stream_handlers["wfkit-cancel"](run=f"r{number}", request="q")
    assert len(side._cancelled) == 1_000
    assert not side.begin("r1499", "g1", 0, start(0))


def test_later_is_planned_by_the_loop_itself() -> None:
    side, worker = made()
    called: list[str] = []
    side.later(0.0, lambda: called.append("yes"))
    assert called == []
    (function, args) = worker.loop.planned.pop()
    assert function == worker.loop.call_later
    assert args[0] == 0.0
