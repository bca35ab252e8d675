"""Replay: the record of a large run, made by code, told at a steady rate to whoever watches."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from typing_extensions import override

from wfkit.core.events import (
    AnyEvent,
    Edge,
    ErrorInfo,
    GroupSpec,
    How,
    NodeFinished,
    NodeRetrying,
    NodesAdded,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.reducer import fold
from wfkit.core.states import FailureKind, RunState, TaskState
from wfkit.engine.driver.recorded import RecordedRun

RUN: Final = RunId("r-0123456789abcdefghjkmnpqrs")
FLOW: Final = "replayed"
STAGES: Final = ("load", "clean", "fit")
WORKERS: Final = tuple(f"tcp://127.0.0.1:{40_000 + number}" for number in range(8))
_SEED: Final = 5
#: Items by which a task runs ahead of its turn, lasts, and is behind the same item of the stage before, at most.
_EARLY, _LASTING, _BEHIND = 30, 40, 80
_FAILING: Final = 0.001
_RETRYING: Final = 0.005
_BATCH_S: Final = 0.01  #: events come in batches, as from a cluster
_ERROR: Final = ErrorInfo(type_name="ValueError", message="cannot read it", traceback="Traceback …\nValueError: …\n")


def recorded(tasks: int, began_s: float, per_s: float) -> list[AnyEvent]:
    """Events of a run of three mapped stages, in an order like that of a cluster and the same each time.

    Parameters
    ----------
    tasks : int
        In all stages together.
    began_s : float
        When it began, in seconds since the epoch.
    per_s : float
        Events a second, for their times.
    """
    length = -(-tasks // len(STAGES))
    events: list[AnyEvent] = [
        RunStarted(run_id=RUN, flow_name=FLOW),
        NodesAdded(groups=tuple(_stage(number, length) for number in range(len(STAGES)))),
        *(event for _, event in sorted(_nodes(length), key=lambda moment: moment[0])),
        RunFinished(state=RunState.FAILED, reason="some of load could not be read"),
    ]
    return [replace(event, seq=number + 1, at_s=began_s + number / per_s) for number, event in enumerate(events)]


def _stage(number: int, length: int) -> GroupSpec:
    edges = (Edge(group=GroupId(f"g{number - 1}"), how=How.EACH),) if number else ()
    return GroupSpec(
        id=GroupId(f"g{number}"),
        order=number,
        name=STAGES[number],
        task=STAGES[number],
        kind="task",
        mapped=True,
        length=length,
        edges=edges,
    )


def _nodes(length: int) -> Iterator[tuple[float, AnyEvent]]:
    """What happens to nodes, with its place in time; the first item fails, so that there is a failure at any size."""
    dice = random.Random(_SEED)
    for item in range(length):
        is_lost = item == 0 or dice.random() < _FAILING
        for number in range(len(STAGES)):
            turn = item + number * _BEHIND
            if is_lost and number > 0:
                yield turn + _LASTING, _ended(number, item, TaskState.UPSTREAM_FAILED)
                continue
            begin = turn - dice.random() * _EARLY
            end = begin + dice.random() * _LASTING
            yield begin, _started(number, item, 1)
            if is_retried := dice.random() < _RETRYING:
                group = GroupId(f"g{number}")
                yield begin, NodeRetrying(group=group, index=item, attempt=1, delay_s=0.1, error=_ERROR)
                yield (begin + end) / 2, _started(number, item, 2)
            yield end, _ended(number, item, TaskState.FAILED if is_lost else TaskState.COMPLETED, 1 + is_retried)


def _started(number: int, item: int, attempt: int) -> NodeStarted:
    worker = WORKERS[item % len(WORKERS)]
    return NodeStarted(group=GroupId(f"g{number}"), index=item, attempt=attempt, worker=worker)


def _ended(number: int, item: int, state: TaskState, attempt: int = 0) -> NodeFinished:
    is_error, is_done = state is TaskState.FAILED, state is TaskState.COMPLETED
    return NodeFinished(
        group=GroupId(f"g{number}"),
        index=item,
        attempt=attempt,
        state=state,
        kind=FailureKind.ERROR if is_error else None,
        reason="" if is_done else f"load[{item}] failed",
        error=_ERROR if is_error else None,
        worker=WORKERS[item % len(WORKERS)] if attempt else "",
        wall_s=0.05 if attempt else 0.0,
        result_bytes=3_000 if is_done else 0,
        preview="<3 rows>" if is_done else "",
    )


class _Told:
    """A record that is read as it is told."""

    id = RUN
    flow_name = FLOW
    parent_id = None
    pinned = False

    def last_seq(self) -> int:
        return 0

    def events(self, after_seq: int) -> Sequence[AnyEvent]:  # noqa: ARG002 - there are none
        return ()

    def pin(self, on: bool) -> None:  # noqa: FBT001 - as of any record
        """Nobody does."""

    def take_over(self) -> None:
        """Nobody does."""

    def flow(self) -> None:
        """No code is on record."""


class ReplayedRun(RecordedRun):
    """A run from the record that is told again, as it once went on."""

    def __init__(self) -> None:
        super().__init__(_Told(), results=None)
        self.waking_s = 0.0  #: CPU time that went into telling the watchers
        self._callbacks: list[Callable[[], None]] = []

    @override
    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def tell(self, events: Sequence[AnyEvent]) -> None:
        """Take in events, as a run takes in what a cluster says."""
        with self.lock:
            fold(self.view_model, events)
        begin_s = time.thread_time()
        for callback in list(self._callbacks):
            callback()
        self.waking_s += time.thread_time() - begin_s

    def replay(self, events: Sequence[AnyEvent], per_s: float) -> float:
        """Tell all events at a steady rate; gives the seconds that it took."""
        begin_s = time.monotonic()
        told = 0
        while told < len(events):
            due = min(len(events), int((time.monotonic() - begin_s) * per_s))
            self.tell(events[told:due])
            told = due
            time.sleep(_BATCH_S)
        return time.monotonic() - begin_s
