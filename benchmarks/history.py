"""History: what it costs to record a run, to keep it, and to find it again; in SQLite, in a directory of its own."""

from __future__ import annotations

import os
import pickle
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.measure import OURS, Budget, Result
from wfkit.core import wire
from wfkit.core.events import AnyEvent, GroupSpec, NodeFinished, NodesAdded, NodeStarted, RunFinished, RunStarted
from wfkit.core.ids import GroupId, RunId, run_id
from wfkit.core.states import RunState, TaskState
from wfkit.history.records import RunRecord
from wfkit.history.store import History

_SECTION: Final = "History"
#: As many events come together as the driver folds at once when it is busy.
_TOGETHER: Final = 100
_PER: Final = 1_000
_LIMIT_S: Final = 600.0


def history(*, tasks: int, runs: int, repetitions: int) -> Iterator[Result]:
    """Record a run of trivial tasks and read it back; list runs among many."""
    found = [_recorded(tasks) for _ in range(repetitions)]
    for name, title, unit, budget, note in (
        ("intake", f"{_PER:,} events into the database", "ms", Budget(200.0, of="value"), "at least 5,000 a second"),
        ("processor", "The same, processor time of all threads", "ms", None, "they share the kernel's interpreter"),
        ("queue", "The same, time of the thread that queues them", "ms", None, ""),
        ("size", "Disk per trivial task", "B", Budget(2_000.0, of="value"), "start, end, worker, times, value"),
        ("view", f"A run of {tasks:,} tasks, read into a view", "s", None, ""),
    ):
        samples = {OURS: [one[name] for one in found]}
        yield Result(f"history-{name}", title, unit, samples, budget, note=note, section=_SECTION)
    yield Result(
        "history-list",
        f"A page of 50 among {runs:,} runs, found by text",
        "ms",
        {OURS: _listed(runs, max(repetitions, 5))},
        Budget(150.0, of="value"),
        section=_SECTION,
    )


def _recorded(tasks: int) -> dict[str, float]:
    """What one run costs."""
    run, events = _new_id(), [wire.encode(event) for event in _events(tasks)]  # as workers send them
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "history"
        history = History.open(place)
        cpu_s, begin_s, queue_s = time.process_time(), time.perf_counter(), 0.0
        history.begin(RunRecord(id=run, flow_name="mapped", started_s=time.time()))
        for start in range(0, len(events), _TOGETHER):
            together = events[start : start + _TOGETHER]
            queued_s = time.perf_counter()
            history.append(run, together)
            queue_s += time.perf_counter() - queued_s
        _flush(history)
        took_s, used_s = time.perf_counter() - begin_s, time.process_time() - cpu_s
        begin_s = time.perf_counter()
        assert history.view(run).state is RunState.COMPLETED
        view_s = time.perf_counter() - begin_s
        history.close()
        size_bytes = sum(file.stat().st_size for file in place.iterdir())
    per_ms = 1_000 * _PER / len(events)
    return {
        "intake": took_s * per_ms,
        "processor": used_s * per_ms,
        "queue": queue_s * per_ms,
        "size": size_bytes / tasks,
        "view": view_s,
    }


def _listed(runs: int, repetitions: int) -> list[float]:
    """Milliseconds for a page of runs that have ended."""
    with tempfile.TemporaryDirectory() as folder:
        history = History.open(Path(folder) / "history")
        for number in range(runs):
            parameters = (("year", str(2_000 + number % 30)), ("path", f"/data/{number}"))
            run, now_s = _new_id(), time.time()
            history.begin(RunRecord(id=run, flow_name=f"flow {number % 20}", started_s=now_s, parameters=parameters))
            history.append(run, [wire.encode(RunFinished(seq=1, at_s=now_s, state=RunState.COMPLETED))])
        _flush(history)
        history.close()
        history = History.open(Path(folder) / "history")  # a kernel of today, which has nothing to do with them
        samples = []
        for repetition in range(repetitions):
            begin_s = time.perf_counter()
            history.runs(text=f"YEAR={2_000 + repetition % 30}")
            samples.append(1_000 * (time.perf_counter() - begin_s))
        history.close()
    return samples


def _flush(history: History) -> None:
    if not history.flush(_LIMIT_S):
        raise RuntimeError(history.trouble or "the history is not written")


def _new_id() -> RunId:
    return run_id(int(time.time() * 1_000), os.urandom(10))


def _events(tasks: int) -> Sequence[AnyEvent]:
    """A run of one map, as workers report it."""
    group, now_s = GroupId("g1"), time.time()
    spec = GroupSpec(id=group, order=1, name="increment", task="increment", kind="task", mapped=True, length=tasks)
    events: list[AnyEvent] = [
        RunStarted(seq=1, at_s=now_s, run_id=RunId("r-1"), flow_name="mapped"),
        NodesAdded(seq=2, at_s=now_s, groups=(spec,)),
    ]
    for index in range(tasks):
        at_s, worker = now_s + index * 1.37e-4, f"tcp://127.0.0.1:4{index * 7_919 % 4}123"
        seq = len(events) + 1
        events += (
            NodeStarted(seq=seq, at_s=at_s, group=group, index=index, attempt=1, worker=worker),
            NodeFinished(
                seq=seq + 1,
                at_s=at_s + 1.1e-4,
                group=group,
                index=index,
                attempt=1,
                state=TaskState.COMPLETED,
                worker=worker,
                wall_s=1e-7 * (index * 7_919 % 997),
                result_bytes=28,
                preview=str(index + 1),
                inline=pickle.dumps(index + 1, protocol=5),
            ),
        )
    return [*events, RunFinished(seq=len(events) + 1, at_s=now_s + 60, state=RunState.COMPLETED)]
