"""A run that is told event by event, and the events: what the faces of a notebook are tested with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from wfkit.authoring.handle import Ref
from wfkit.core.events import (
    AnyEvent,
    CodeSpec,
    Edge,
    ErrorInfo,
    GroupSpec,
    How,
    LogLine,
    LogLines,
    NodeFinished,
    NodeRetrying,
    NodesAdded,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunStateChanged,
    WorkersSilent,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.layers import Layers
from wfkit.core.plan import Plan, plan_of
from wfkit.core.reducer import fold
from wfkit.core.rerun import Rerun, Wishes
from wfkit.core.states import RUN_ENDS, FailureKind, RunState, TaskState
from wfkit.core.view import RunView
from wfkit.engine.driver.knowing import Known
from wfkit.engine.driver.reading import Looked
from wfkit.engine.worker.look.form import nothing

BEGIN_S = 1_700_000_000.0
WORKERS = ("tcp://127.0.0.1:40001", "tcp://127.0.0.1:40002")
TRACEBACK = """\
Traceback (most recent call last):
  File "<cell 4>", line 5, in clean
    return frame.astype({"dep_delay": "float64"})
  File "/opt/pandas/core/generic.py", line 6640, in astype
    new_data = self._mgr.astype(dtype=dtype, copy=copy, errors=errors)
ValueError: could not convert string to float: 'n/a (see remark 7)'
"""
ERROR = ErrorInfo(
    type_name="ValueError",
    message="could not convert string to float: 'n/a (see remark 7)'",
    traceback=TRACEBACK,
)
HOSTILE = "<img src=x onerror=\"window.canary='ran'\">"


class StoryRun:
    """A run whose news are told by hand: what the views need of a run, on a real view and reducer."""

    def __init__(self, *events: AnyEvent) -> None:
        self.view_model = RunView()
        self.lock = threading.RLock()
        self.cancelled: list[str] = []
        self.ordered: list[str] = []
        self.held_bytes = 0
        self.parent: StoryRun | None = None
        self.reruns: list[StoryRun] = []
        self.pinned = False
        self.changes: dict[str, str] = {}
        self.answers = Cancels(self.cancelled)
        #: What is to be seen of the values of nodes, by group and index.
        self.looks: dict[tuple[str, int], Looked] = {}
        self.looked_at: list[tuple[str, int]] = []
        self.codes: dict[str, CodeSpec] = {}  #: of the tasks as they are now, by the version on record
        self.body_log: list[LogLine] = []
        self._callbacks: list[Callable[[], None]] = []
        self._seq = 0
        self.tell(*events)

    def known(self, group: GroupId, index: int) -> Known:
        return Known(f"{group}-key-{index}")

    def codes_now(self) -> dict[str, CodeSpec]:
        return self.codes

    @property
    def id(self) -> RunId:
        return self.view_model.run_id

    @property
    def state(self) -> RunState:
        return self.view_model.state

    @property
    def watchers(self) -> int:
        return len(self._callbacks)

    def tell(self, *events: AnyEvent) -> None:
        with self.lock:
            for event in events:
                self._seq += 1
                fold(self.view_model, [replace(event, seq=self._seq)])
        for callback in list(self._callbacks):
            callback()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def look(self, group: GroupId, index: int) -> Looked:
        self.looked_at.append((group, index))
        return self.looks.get((group, index)) or Looked(nothing("nobody has told it"), "")

    def cancel(self, reason: str = "") -> None:
        self.cancelled.append(reason)
        if self.state in RUN_ENDS:
            raise RuntimeError("too late")

    def pause(self) -> None:
        self.ordered.append("pause")
        self.tell(RunStateChanged(state=RunState.PAUSED, reason="paused"))

    def resume(self) -> None:
        self.ordered.append("resume")
        self.tell(RunStateChanged(state=RunState.RUNNING))

    def pin(self) -> None:
        self.pinned = True
        self.tell()

    def unpin(self) -> None:
        self.pinned = False
        self.tell()

    def plan(self, *what: str, replace: Mapping[str, object] | None = None) -> Plan:
        by_name = self.view_model.by_name
        forced = {(group.spec.id, index) for name in what if name != "changed" for group, index in [by_name(name)]}
        given = {(group.spec.id, index) for name in replace or () for group, index in [by_name(name)]}
        wishes = Wishes(changed="changed" in what, forced=frozenset(forced), by_hand=frozenset(given))
        return plan_of(Layers([Rerun(self.view_model, wishes, lambda _: "", lambda _, _after: "")]), {})

    def rerun(self, *what: str, replace: Mapping[str, object] | None = None) -> StoryRun:
        self.ordered.append(f"rerun {' '.join(what)}{replace or ''}".strip())
        return rerun_of(self, len(self.ordered) + 1)

    @property
    def parent_id(self) -> RunId | None:
        return None if self.parent is None else self.parent.id

    def when_ended(self, callback: Callable[[], None]) -> None:
        waiting = [callback]

        def tell() -> None:
            if self.state in RUN_ENDS and waiting:
                waiting.pop()()

        self._callbacks.append(tell)
        tell()

    def release(self) -> None:
        self.ordered.append("release")
        self.held_bytes = 0
        self.tell()


class Cancels:
    """Takes the cancels of parts of a run, by the place of each."""

    def __init__(self, cancelled: list[str]) -> None:
        self.cancelled = cancelled

    def cancel(self, ref: Ref) -> None:
        self.cancelled.append(ref.group if ref.index is None else f"{ref.group}[{ref.index}]")


def rerun_of(run: StoryRun, number: int = 2) -> StoryRun:
    """A run that goes on from another one and makes the same calls; nothing of it has begun."""
    specs = tuple(group.spec for group in run.view_model.ordered())
    began = replace(run_started(run.view_model.flow_name), run_id=RunId(f"r-1{number:025}"), parent_id=run.id)
    new = StoryRun(began, NodesAdded(groups=specs))
    new.parent = run
    run.reruns.append(new)
    before: StoryRun | None = run
    while before is not None:
        before.tell()
        before = before.parent
    return new


def run_started(flow: str = "monthly", at_s: float = BEGIN_S) -> RunStarted:
    return RunStarted(at_s=at_s, run_id=RunId("r-0123456789abcdefghjkmnpqrs"), flow_name=flow)


def spec(
    number: int,
    name: str,
    length: int | None = 1,
    *edges: Edge,
    mapped: bool = False,
    kind: str = "task",
    parent: str | None = None,
) -> GroupSpec:
    return GroupSpec(
        id=GroupId(f"g{number}"),
        order=number,
        name=name,
        task=name.partition("#")[0],
        kind=kind,
        mapped=mapped,
        length=length,
        parent=None if parent is None else GroupId(parent),
        edges=edges,
        uses=edges,
    )


def edge(number: int, how: How = How.ALL, index: int = 0) -> Edge:
    return Edge(group=GroupId(f"g{number}"), how=how, index=index)


def started(number: int, index: int = 0, attempt: int = 1, after_s: float = 0.5) -> NodeStarted:
    return NodeStarted(
        at_s=BEGIN_S + after_s,
        group=GroupId(f"g{number}"),
        index=index,
        attempt=attempt,
        worker=WORKERS[index % len(WORKERS)],
    )


def silent(*workers: str) -> WorkersSilent:
    return WorkersSilent(workers=workers)


def ended(
    number: int,
    index: int = 0,
    state: TaskState = TaskState.COMPLETED,
    attempt: int = 1,
    after_s: float = 1.0,
    error: ErrorInfo | None = None,
    reason: str = "",
    preview: str = "",
) -> NodeFinished:
    ran = state in {TaskState.COMPLETED, TaskState.FAILED}
    return NodeFinished(
        at_s=BEGIN_S + after_s,
        group=GroupId(f"g{number}"),
        index=index,
        attempt=attempt if ran else 0,
        state=state,
        kind=FailureKind.ERROR if state is TaskState.FAILED else None,
        reason=reason,
        error=error,
        worker=WORKERS[index % len(WORKERS)] if ran else "",
        wall_s=0.42 if ran else 0.0,
        result_bytes=3_400_000 if state is TaskState.COMPLETED else 0,
        preview=preview,
    )


def retrying(number: int, index: int = 0, attempt: int = 1, after_s: float = 0.8, delay_s: float = 2.0) -> NodeRetrying:
    return NodeRetrying(
        at_s=BEGIN_S + after_s,
        group=GroupId(f"g{number}"),
        index=index,
        attempt=attempt,
        delay_s=delay_s,
        error=ERROR,
    )


def logged(
    number: int, index: int, attempt: int, *texts: str, level: int = 20, source: str = "clean", part: int = 0
) -> LogLines:
    lines = tuple(
        LogLine(at_s=BEGIN_S + 0.6 + i / 10, level=level, source=source, text=text) for i, text in enumerate(texts)
    )
    return LogLines(group=GroupId(f"g{number}"), index=index, attempt=attempt, part=part, lines=lines)


def run_finished(state: RunState, after_s: float = 9.0, reason: str = "") -> RunFinished:
    return RunFinished(at_s=BEGIN_S + after_s, state=state, reason=reason)


def spawned(
    parent: str,
    index: int,
    number: int,
    task: str,
    order: int,
    length: int | None = 1,
    *edges: Edge,
    mapped: bool = False,
    kind: str = "task",
) -> GroupSpec:
    """The group that node `index` of `parent` made as its `number`th."""
    return GroupSpec(
        id=GroupId(f"{parent}.{index}/{number}"),
        order=order,
        name=f"{task}#{order}",
        task=task,
        kind=kind,
        mapped=mapped,
        length=length,
        parent=GroupId(parent),
        edges=edges,
        uses=edges,
    )


def began(group: str, index: int = 0, after_s: float = 1.0) -> NodeStarted:
    return NodeStarted(at_s=BEGIN_S + after_s, group=GroupId(group), index=index, attempt=1, worker=WORKERS[0])


def done(group: str, index: int = 0, after_s: float = 2.0, state: TaskState = TaskState.COMPLETED) -> NodeFinished:
    failed = state is TaskState.FAILED
    return NodeFinished(
        at_s=BEGIN_S + after_s,
        group=GroupId(group),
        index=index,
        attempt=1,
        state=state,
        kind=FailureKind.ERROR if failed else None,
        error=ERROR if failed else None,
        worker=WORKERS[0],
        wall_s=0.3,
        preview="512 files",
    )


def waits(group: str, index: int = 0, after_s: float = 1.5) -> NodeWaiting:
    return NodeWaiting(at_s=BEGIN_S + after_s, group=GroupId(group), index=index, attempt=1, children=())
