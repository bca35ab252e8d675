"""Builders of runs that are recorded."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Mapping

from tests.core.histories import G0, added, group
from wfkit.core import ids, wire
from wfkit.core.events import AnyEvent, LogLine, LogLines, NodeFinished, NodeStarted, RunFinished, RunStarted
from wfkit.core.ids import RunId
from wfkit.core.states import RunState, TaskState
from wfkit.history.records import RunRecord

#: When the runs here began, in seconds since the epoch.
BEGUN_S = 1_700_000_000.0


class Watching:
    """Who drives a run, in a test."""

    def __init__(self) -> None:
        self.lost = False

    def counts(self) -> Mapping[str, int]:
        return {"COMPLETED": 3}

    def lose(self) -> None:
        self.lost = True


def run_id(number: int = 0) -> RunId:
    """Ids that are in order of their numbers."""
    return ids.run_id(int(BEGUN_S * 1_000) + number, bytes(10))


def new_run_id() -> RunId:
    """An id that nobody has."""
    return ids.run_id(int(BEGUN_S * 1_000), os.urandom(10))


def a_record(number: int = 0, flow_name: str = "etl", **more: object) -> RunRecord:
    return RunRecord(id=run_id(number), flow_name=flow_name, started_s=BEGUN_S + number, **more)  # type: ignore[arg-type]


def begun(number: int = 0, length: int = 3) -> list[AnyEvent]:
    """The first two events of a run of one map."""
    return [
        RunStarted(seq=1, at_s=BEGUN_S, run_id=run_id(number), flow_name="etl"),
        added(group(0, length), seq=2),
    ]


def trivial(length: int, seq: int = 3) -> list[AnyEvent]:
    """Start and end of tasks that do nothing."""
    events: list[AnyEvent] = []
    for index in range(length):
        at_s, worker = BEGUN_S + index * 1e-4, f"tcp://127.0.0.1:4{index * 7919 % 4}001"
        start = NodeStarted(seq=seq + 2 * index, at_s=at_s, group=G0, index=index, attempt=1, worker=worker)
        end = NodeFinished(
            seq=seq + 2 * index + 1,
            at_s=at_s + 1e-4,
            group=G0,
            index=index,
            attempt=1,
            state=TaskState.COMPLETED,
            worker=worker,
            wall_s=1e-6 * (index * 7919 % 97),
            result_bytes=28,
            preview=str(index),
            inline=pickle.dumps(index, protocol=5),
        )
        events += [start, end]
    return events


def whole(number: int = 0, length: int = 3) -> list[AnyEvent]:
    """A run from its start to its end."""
    events = [*begun(number, length), *trivial(length)]
    return [*events, RunFinished(seq=len(events) + 1, at_s=BEGUN_S + 60, state=RunState.COMPLETED)]


def encoded(events: Iterable[AnyEvent]) -> list[wire.Encoded]:
    """Events as a run hands them over."""
    return [wire.encode(event) for event in events]


def logged(seq: int, text: str, lines: int = 1) -> LogLines:
    line = LogLine(at_s=BEGUN_S, level=20, source="print", text=text)
    return LogLines(seq=seq, group=G0, index=0, attempt=1, part=seq, lines=(line,) * lines)
