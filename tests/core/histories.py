"""Builders and Hypothesis strategies of events: single ones, any at all, and histories that could have happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from wfkit.core.events import (
    AnyEvent,
    Argument,
    BodyEnded,
    BodyLogged,
    BoundHandle,
    CodesAdded,
    CodeSpec,
    Edge,
    ErrorInfo,
    GroupSpec,
    How,
    Input,
    LogLine,
    LogLines,
    NodeCrashed,
    NodeFinished,
    NodeResumed,
    NodeRetrying,
    NodesAdded,
    NodesDecided,
    NodeStarted,
    NodeStopping,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunStateChanged,
    Verdict,
    WorkersSilent,
)
from wfkit.core.ids import GroupId, RunId
from wfkit.core.reducer import fold
from wfkit.core.states import RUN_ENDS, TASK_ENDS, TASK_MOVES, FailureKind, RunState, TaskState
from wfkit.core.view import RunView

G0, G1, G2 = GroupId("g0"), GroupId("g1"), GroupId("g2")


def group(
    number: int, length: int | None = 1, *edges: Edge, name: str = "", mapped: bool = True, kind: str = "task"
) -> GroupSpec:
    name = name or f"task{number}"
    return GroupSpec(
        id=GroupId(f"g{number}"),
        order=number,
        name=name,
        task=name,
        kind=kind,
        mapped=mapped,
        length=length,
        edges=edges,
    )


def added(*groups: GroupSpec, seq: int = 0) -> NodesAdded:
    return NodesAdded(seq=seq, groups=groups)


def started(
    where: GroupId, index: int = 0, attempt: int = 1, seq: int = 0, at_s: float = 10.0, worker: str = "w1"
) -> NodeStarted:
    return NodeStarted(seq=seq, at_s=at_s, group=where, index=index, attempt=attempt, worker=worker)


def retrying(
    where: GroupId, index: int = 0, attempt: int = 1, seq: int = 0, delay_s: float = 1.0, message: str = "no"
) -> NodeRetrying:
    error = ErrorInfo(type_name="ValueError", message=message, traceback="")
    return NodeRetrying(seq=seq, group=where, index=index, attempt=attempt, delay_s=delay_s, error=error)


def finished(
    where: GroupId,
    state: TaskState = TaskState.COMPLETED,
    index: int = 0,
    attempt: int = 1,
    seq: int = 0,
    at_s: float = 12.0,
    worker: str = "w1",
) -> NodeFinished:
    return NodeFinished(
        seq=seq, at_s=at_s, group=where, index=index, attempt=attempt, state=state, worker=worker, wall_s=2.0
    )


def folded(*events: AnyEvent) -> RunView:
    """A view of events that are numbered here, in the order given."""
    return folded_as_is(replace(event, seq=seq) for seq, event in enumerate(events, start=1))


def folded_as_is(events: Iterable[AnyEvent]) -> RunView:
    view = RunView()
    fold(view, events)
    return view


# --- any events at all ------------------------------------------------------------------------------------------------

# Few nodes, so that events meet.
_GROUPS = st.sampled_from([G0, G1])
_INDEXES = st.integers(0, 1)
_ATTEMPTS = st.integers(0, 2)
_SECONDS = st.floats(0, 1e10)
_TEXT = st.text(max_size=6)
_WORKERS = st.sampled_from(["", "tcp://a:1", "tcp://b:2", "tcp://c:3"])
_BYTES = st.none() | st.binary(max_size=6)
_SIZES = st.integers(0, 2**50)
_EDGES = st.builds(
    Edge,
    group=_GROUPS,
    how=st.sampled_from(How),
    index=_INDEXES,
    at=st.none() | _INDEXES,
    items=st.lists(st.integers(-1, 3), max_size=2).map(tuple),
)
_MANY_EDGES = st.lists(_EDGES, max_size=2).map(tuple)
_INPUTS = st.builds(Input, name=_TEXT, tokens=st.binary(max_size=16))
_STRETCHES = st.lists(st.integers(0, 3), max_size=4).map(lambda found: tuple(sorted({*found, *(found and [5])})))
_VERDICTS = st.builds(
    Verdict,
    nodes=_STRETCHES.map(lambda found: found[: len(found) // 2 * 2]),
    reused=st.booleans(),
    reason=_TEXT,
    stale=_TEXT,
)
_BOUND = st.builds(
    BoundHandle,
    name=_TEXT,
    group=_GROUPS,
    index=st.none() | _INDEXES,
    item=st.none() | _INDEXES,
    mapped=st.booleans(),
    n_outputs=st.none() | _INDEXES,
)
#: What a version of code is follows from its id.
_CODES = st.sampled_from(["", "a", "b"]).map(
    lambda name: CodeSpec(id=name, task="task", fingerprint=name * 2, parts=((name, name),), source=name)
)
_ERRORS = st.builds(ErrorInfo, type_name=_TEXT, message=_TEXT, traceback=_TEXT, pickled=_BYTES)
_LINES = st.builds(LogLine, at_s=_SECONDS, level=st.integers(0, 50), source=_TEXT, text=_TEXT)
_SPECS = st.builds(
    GroupSpec,
    id=_GROUPS,
    order=st.integers(0, 5),
    name=_TEXT,
    task=_TEXT,
    kind=st.sampled_from(["task", "flow", "flatten"]),
    mapped=st.booleans(),
    length=st.none() | st.integers(0, 5),
    parent=st.none() | _GROUPS,
    edges=_MANY_EDGES,
    code=st.sampled_from(["", "a", "b"]),
    inputs=st.lists(_INPUTS, max_size=2).map(tuple),
    uses=_MANY_EDGES,
    spelled=_MANY_EDGES,
    looks=st.lists(st.tuples(_GROUPS, st.integers(-1, 2)), max_size=2).map(tuple),
    labels=st.lists(_TEXT, max_size=2).map(tuple),
    parts=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=2).map(tuple),
    arguments=st.lists(st.builds(Argument, _TEXT, _TEXT, st.integers(0, 3)), max_size=2).map(tuple),
)

#: Events of every class with fields of every kind, numbered 0.
any_event: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(
        RunStarted,
        at_s=_SECONDS,
        cause=_TEXT,
        run_id=_TEXT.map(RunId),
        flow_name=_TEXT,
        parent_id=st.none() | _TEXT.map(RunId),
        parameters=st.lists(st.tuples(_TEXT, _TEXT), max_size=2).map(tuple),
    ),
    st.builds(CodesAdded, codes=st.lists(_CODES, max_size=2).map(tuple)),
    st.builds(NodesDecided, group=_GROUPS, verdicts=st.lists(_VERDICTS, max_size=2).map(tuple)),
    st.builds(BodyLogged, lines=st.lists(_LINES, max_size=2).map(tuple)),
    st.builds(BodyEnded, handles=st.lists(_BOUND, max_size=2).map(tuple), value=_BYTES),
    st.builds(NodesAdded, cause=_TEXT, groups=st.lists(_SPECS, max_size=3).map(tuple)),
    st.builds(NodeStarted, at_s=_SECONDS, group=_GROUPS, index=_INDEXES, attempt=_ATTEMPTS, worker=_WORKERS),
    st.builds(
        NodeRetrying,
        at_s=_SECONDS,
        cause=_TEXT,
        group=_GROUPS,
        index=_INDEXES,
        attempt=_ATTEMPTS,
        delay_s=_SECONDS,
        error=st.none() | _ERRORS,
    ),
    st.builds(
        NodeWaiting,
        group=_GROUPS,
        index=_INDEXES,
        attempt=_ATTEMPTS,
        children=st.lists(_GROUPS, max_size=2).map(tuple),
        handles=st.lists(_BOUND, max_size=2).map(tuple),
        is_list=st.booleans(),
    ),
    st.builds(NodeResumed, group=_GROUPS, index=_INDEXES, attempt=_ATTEMPTS),
    st.builds(NodeStopping, group=_GROUPS, index=_INDEXES, attempt=_ATTEMPTS, worker=_WORKERS),
    st.builds(
        NodeFinished,
        at_s=_SECONDS,
        group=_GROUPS,
        index=_INDEXES,
        attempt=_ATTEMPTS,
        state=st.sampled_from(sorted(TASK_ENDS - {TaskState.CRASHED})),
        kind=st.none() | st.sampled_from(FailureKind),
        reason=_TEXT,
        error=st.none() | _ERRORS,
        worker=_WORKERS,
        wall_s=_SECONDS,
        result_bytes=_SIZES,
        memory_bytes=_SIZES,
        length=st.none() | _SIZES,
        preview=_TEXT,
        inline=_BYTES,
        stored=_TEXT,
        made_by=st.sampled_from(["", "a", "b"]),
    ),
    st.builds(
        NodeCrashed,
        at_s=_SECONDS,
        group=_GROUPS,
        index=_INDEXES,
        attempt=_ATTEMPTS,
        kind=st.sampled_from(FailureKind),
        reason=_TEXT,
        worker=_WORKERS,
    ),
    st.builds(WorkersSilent, workers=st.lists(_WORKERS, max_size=2).map(tuple)),
    st.builds(
        LogLines,
        group=_GROUPS,
        index=_INDEXES,
        attempt=_ATTEMPTS,
        part=st.integers(0, 1),
        lines=st.lists(_LINES, max_size=2).map(tuple),
    ),
    st.builds(RunStateChanged, state=st.sampled_from(sorted(set(RunState) - RUN_ENDS)), reason=_TEXT),
    st.builds(RunFinished, at_s=_SECONDS, state=st.sampled_from(sorted(RUN_ENDS)), reason=_TEXT),
)


def numbered(events: list[AnyEvent]) -> list[AnyEvent]:
    return [replace(event, seq=seq) for seq, event in enumerate(events, start=1)]


#: Records of a run as a recorder would number them, sensible or not.
any_record = st.lists(any_event, max_size=40).map(numbered)


@st.composite
def deliveries(draw: st.DrawFn, record: list[AnyEvent]) -> list[AnyEvent]:
    """Give every event of the record at least once, some more often, in any order."""
    again = draw(st.lists(st.sampled_from(record), max_size=8)) if record else []
    return draw(st.permutations(record + again))


# --- histories that could have happened -------------------------------------------------------------------------------


@st.composite
def histories(draw: st.DrawFn) -> list[AnyEvent]:
    """A well-formed record: each node walks along TASK_MOVES, and the walks of all nodes are interleaved."""
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    walks = [
        draw(_walks(GroupId(f"g{number}"), index)) for number, length in enumerate(lengths) for index in range(length)
    ]
    turns = draw(st.permutations([place for place, walk in enumerate(walks) for _ in walk]))
    left = [iter(walk) for walk in walks]
    first = RunStarted(run_id=RunId("r-1"), flow_name="etl", at_s=1.0)
    groups = added(*(group(number, length) for number, length in enumerate(lengths)))
    return numbered([first, groups, *(next(left[turn]) for turn in turns)])


@st.composite
def _walks(draw: st.DrawFn, where: GroupId, index: int) -> list[AnyEvent]:
    state, attempt, events = TaskState.PENDING, 0, list[AnyEvent]()
    for _ in range(draw(st.integers(0, 8))):
        moves = sorted((after, fact) for (before, after), fact in TASK_MOVES.items() if before is state)
        if not moves:
            break
        state, fact = draw(st.sampled_from(moves))
        attempt += fact == NodeStarted.tag or (fact == NodeRetrying.tag and not attempt)
        match fact:
            case NodeStarted.tag:
                events.append(started(where, index, attempt))
            case NodeRetrying.tag:
                events.append(retrying(where, index, attempt))
            case NodeWaiting.tag:
                children = draw(st.sampled_from([(), (GroupId(f"{where}.{index}/1"),)]))
                events.append(NodeWaiting(group=where, index=index, attempt=attempt, children=children))
            case NodeResumed.tag:
                events.append(NodeResumed(group=where, index=index, attempt=attempt))
            case NodeCrashed.tag:
                kind = FailureKind.WORKER_LOST
                events.append(NodeCrashed(group=where, index=index, attempt=attempt, kind=kind, reason="gone"))
            case _:
                events.append(finished(where, state, index, attempt))
        if state not in TASK_ENDS and draw(st.integers(0, 5)) == 0:
            worker = draw(st.sampled_from(["w1", "w2"]))
            events.append(NodeStopping(group=where, index=index, attempt=attempt, worker=worker))
    return events
