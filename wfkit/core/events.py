"""Events: what happened in a run, as frozen facts that cross pickle, msgpack, SQL and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from wfkit.core.ids import GroupId, RunId
from wfkit.core.states import FailureKind, RunState, TaskState


class How(StrEnum):
    """How the nodes of a group use the nodes of an upstream group."""

    EACH = "each"  #: element i uses element i
    ALL = "all"  #: every node uses all elements
    ONE = "one"  #: every node uses the one element `Edge.index`


@dataclass(frozen=True, slots=True)
class Edge:
    """What the nodes of a group depend on."""

    group: GroupId
    how: How
    index: int = 0  #: the element, where `how` is ONE
    at: int | None = None  #: the only node of the group that has this edge; None: all have it
    items: tuple[int, ...] = ()  #: in `GroupSpec.uses`: this item of the value, of that item this one; -1: each its own


@dataclass(frozen=True, slots=True)
class Input:
    """The plain values of one argument of a call, as digests that are equal for equal values."""

    name: str  #: of the argument; empty for the keys that `map(key=…)` gives its elements
    tokens: bytes  #: of `TOKEN_BYTES` each: one for all nodes, or one a node; zeros for what cannot be digested


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call."""

    name: str
    #: For people, of a value that is passed whole; empty where it is a handle, or another value for each node.
    preview: str
    uses: int = 0  #: how many of `GroupSpec.uses` it holds, of those that one node has; they stand in order


TOKEN_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSpec:
    """One version of a task's code."""

    id: str  #: of the code as it was sent
    task: str
    fingerprint: str  #: of what it means; empty where that is unknown
    unknown: str = ""  #: what of it cannot be digested, in words
    parts: tuple[tuple[str, str], ...] = ()  #: what it is made of: label and digest, for telling what has changed
    source: str = ""  #: as it was written, where that is known


#: The id of a `CodeSpec` of no task, whose parts are what the body of the flow read from around it.
SURROUNDINGS: Final = "surroundings"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rerun does with nodes of a group, and why."""

    nodes: tuple[int, ...]  #: first and last + 1 of each stretch of them, one after the other
    reused: bool
    reason: str
    stale: str = ""  #: why a value that is kept, or used, is not what the code would give now


#: How `Verdict.stale` begins where not the code of the node itself is another one, but something that it is made from.
USES_STALE: Final = "uses stale "


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundHandle:
    """A handle that a flow's body bound to a name, or that a task returned (without one)."""

    name: str
    group: GroupId
    index: int | None
    item: int | None
    mapped: bool
    n_outputs: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """One call of a task (or a flow inside a flow) as a member of the graph."""

    id: GroupId
    order: int  #: 0, 1, 2 … in order of creation within the run
    name: str  #: unique within the run: "clean", and "clean#2" for a second call
    task: str
    kind: str  #: "task", "flow", or "flatten", whose elements are those of lists and have no task
    mapped: bool
    length: int | None  #: number of nodes; None while it is not known
    parent: GroupId | None = None  #: the flow group or spawning group it was made in
    edges: tuple[Edge, ...] = ()
    labels: tuple[str, ...] = ()  #: one a node, where `task_run_name` asks for them
    parts: tuple[tuple[int, int], ...] = ()  #: (part, count) in order of arrival, where elements come from a flatten
    # By which a rerun finds the call again:
    code: str = ""  #: the version of the task's code, a `CodeSpec.id`
    inputs: tuple[Input, ...] = ()
    uses: tuple[Edge, ...] = ()  #: the handles among the arguments, in order, as they stood at the call
    spelled: tuple[Edge, ...] = ()  #: what each element goes over, where its place does not say it
    looks: tuple[tuple[GroupId, int], ...] = ()  #: nodes that the body looked at since its call before; -1: all of them
    arguments: tuple[Argument, ...] = ()  #: for those who look at it, and to tell which of them the handles are


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """An exception as text, and as itself where it survives a pickle."""

    type_name: str
    message: str  #: at most 4 kB
    traceback: str  #: at most 20 kB; frames of the user's code
    pickled: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that a task logged, printed or warned."""

    at_s: float
    level: int  #: as in `logging`
    source: str  #: logger name, "print" or "warnings"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share."""

    seq: int = 0  #: place in the run's record; 0 until the recorder has numbered it
    at_s: float = 0.0  #: seconds since the epoch, by the clock of the process that saw it
    cause: str = ""  #: why, in words or as the tag and name of the event before


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run began."""

    tag: ClassVar[str] = "run-started"
    run_id: RunId
    flow_name: str
    parent_id: RunId | None = None
    parameters: tuple[tuple[str, str], ...] = ()  #: name and preview


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesAdded(Event):
    """Calls were added to the graph, or the lengths of earlier ones became known."""

    tag: ClassVar[str] = "nodes-added"
    groups: tuple[GroupSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodesAdded(Event):
    """Versions of code that tasks of the run have, or had when a value that it reuses was made."""

    tag: ClassVar[str] = "codes-added"
    codes: tuple[CodeSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesDecided(Event):
    """A rerun knows what it does with nodes."""

    tag: ClassVar[str] = "nodes-decided"
    group: GroupId
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted(Event):
    """An attempt began on a worker. A hint only: the event of a worker that dies may be lost."""

    tag: ClassVar[str] = "node-started"
    group: GroupId
    index: int
    attempt: int  #: 1-based
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRetrying(Event):
    """An attempt failed and another one follows after a delay."""

    tag: ClassVar[str] = "node-retrying"
    group: GroupId
    index: int
    attempt: int  #: the attempt that failed
    delay_s: float
    error: ErrorInfo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWaiting(Event):
    """A node waits for children without a slot: its body is done or, where there are no `children`, blocks."""

    tag: ClassVar[str] = "node-waiting"
    group: GroupId
    index: int
    attempt: int
    children: tuple[GroupId, ...]  #: groups that the node's value is made of; empty: the body goes on afterwards
    handles: tuple[BoundHandle, ...] = ()  #: where the value is nothing else: what maps over it go over
    is_list: bool = False  #: whether the value is a list of them, or the only one itself


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResumed(Event):
    """A node's body goes on after it blocked on children."""

    tag: ClassVar[str] = "node-resumed"
    group: GroupId
    index: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStopping(Event):
    """A node was told to stop and still runs. Its state stays until it has ended."""

    tag: ClassVar[str] = "node-stopping"
    group: GroupId
    index: int
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFinished(Event):
    """A node reached an end state other than CRASHED."""

    tag: ClassVar[str] = "node-finished"
    group: GroupId
    index: int
    attempt: int  #: the last attempt; 0 if none began
    state: TaskState
    kind: FailureKind | None = None
    reason: str = ""
    error: ErrorInfo | None = None
    worker: str = ""
    wall_s: float = 0.0  #: of the last attempt, measured on the worker
    result_bytes: int = 0  #: size in memory, as Dask measures it
    length: int | None = None  #: of the value, where it is a sequence
    preview: str = ""
    inline: bytes | None = None  #: the pickled value, where it is small
    stored: str = ""  #: where the result store has the value
    made_by: str = ""  #: of a reused value: the version of the code that made it, a `CodeSpec.id`
    memory_bytes: int = 0  #: resident in the worker's process at the end; 0 where the attempt was too short to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCrashed(Event):
    """A node was lost with its worker and is not tried again."""

    tag: ClassVar[str] = "node-crashed"
    group: GroupId
    index: int
    attempt: int
    kind: FailureKind
    reason: str
    worker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersSilent(Event):
    """Of the workers that execute nodes, these are not heard of; none: all are, again."""

    tag: ClassVar[str] = "workers-silent"
    workers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines(Event):
    """Lines that one attempt of a node wrote."""

    tag: ClassVar[str] = "log-lines"
    group: GroupId
    index: int
    attempt: int
    part: int  #: 0, 1, 2 … within the attempt
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLogged(Event):
    """Lines that the flow's body wrote where no cell shows them."""

    tag: ClassVar[str] = "body-logged"
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyEnded(Event):
    """The flow's body has ended."""

    tag: ClassVar[str] = "body-ended"
    handles: tuple[BoundHandle, ...] = ()
    value: bytes | None = None  #: the flow's value, pickled with handles as facts; None where it cannot be, or is large
    cut_short: bool = False  #: it raised, or was interrupted


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStateChanged(Event):
    """A run was paused, resumed, or began to cancel."""

    tag: ClassVar[str] = "run-state-changed"
    state: RunState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """A run reached an end state."""

    tag: ClassVar[str] = "run-finished"
    state: RunState
    reason: str = ""


AnyEvent = (
    RunStarted
    | CodesAdded
    | NodesAdded
    | NodesDecided
    | NodeStarted
    | NodeRetrying
    | NodeWaiting
    | NodeResumed
    | NodeStopping
    | NodeFinished
    | NodeCrashed
    | WorkersSilent
    | LogLines
    | BodyLogged
    | BodyEnded
    | RunStateChanged
    | RunFinished
)
