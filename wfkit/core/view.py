"""The view: what a run looks like now, as columns of node states that every face reads."""

from __future__ import annotations

from array import array
from math import nan
from typing import Final, NamedTuple

from wfkit.core.events import BodyLogged, BoundHandle, CodeSpec, ErrorInfo, GroupSpec, LogLine, LogLines, Verdict
from wfkit.core.ids import GroupId, RunId, node_name
from wfkit.core.parts import Parts
from wfkit.core.states import CODES, RUN_ENDS, STATES, FailureKind, RunState, TaskState

#: Start of an attempt: seq of the last event that told of it, the first time told, index of the worker.
Start = tuple[int, float, int]

_PENDING: Final = CODES[TaskState.PENDING]
#: Order of a group that is known from its nodes alone: behind all that are described.
UNDESCRIBED: Final = 2**31 - 1


class Returned(NamedTuple):
    """The handles that an attempt returned."""

    attempt: int
    handles: tuple[BoundHandle, ...]
    is_list: bool  #: whether the value is a list of them, or the only one itself


class GroupView:
    """One call of a task: one element a node, kept in columns so that 100,000 nodes stay cheap.

    What few nodes have (errors, reasons, logs …) is in dicts by element. Only the reducer changes a view.
    """

    __slots__ = (
        "_parts",
        "attempts",
        "causes",
        "changed",
        "children",
        "counts",
        "delays_s",
        "end_errors",
        "end_seqs",
        "end_workers",
        "ended_s",
        "errors",
        "failed_s",
        "inline",
        "kinds",
        "lengths",
        "logs",
        "made_by",
        "memory_bytes",
        "previews",
        "progress",
        "reasons",
        "result_bytes",
        "retries",
        "returned",
        "spec",
        "spec_seq",
        "stale",
        "start_keys",
        "start_workers",
        "started_s",
        "starts",
        "states",
        "stopping",
        "stored",
        "verdict_seqs",
        "verdicts",
        "waiting_keys",
        "waits",
        "wall_s",
        "why",
        "worker_of",
    )

    def __init__(self, spec: GroupSpec) -> None:
        self.spec = spec
        self.states = bytearray()  #: state code per element: `STATES[code]`
        self.attempts = array("H")  #: highest attempt seen; 0 = none began
        self.started_s = array("d")  #: when the first attempt began; nan = not started
        self.ended_s = array("d")  #: nan = not ended
        self.wall_s = array("d")  #: of the last attempt; nan = not known
        self.worker_of = array("i")  #: index into `RunView.workers`; -1 = none
        self.result_bytes = array("q")
        self.counts = [0] * len(STATES)  #: by state code; always the histogram of `states`
        self.kinds: dict[int, FailureKind] = {}
        self.reasons: dict[int, str] = {}
        self.previews: dict[int, str] = {}
        self.lengths: dict[int, int] = {}  #: of the value, where it is a sequence
        self.inline: dict[int, bytes] = {}  #: the pickled value, where it is small
        self.stored: dict[int, str] = {}  #: where the result store has the value
        self.made_by: dict[int, str] = {}  #: of a reused value: the version of the code that made it
        self.memory_bytes: dict[int, int] = {}  #: that the worker's process had at the end, where it was asked
        self.verdicts: list[Verdict] = []  #: of a rerun about its nodes
        self.why = array("i")  #: index into `verdicts`; -1 = none
        self.stale = 0  #: elements that keep a value that an earlier version of their code has made
        self.children: dict[int, tuple[GroupId, ...]] = {}  #: groups that a node's value is made of
        self.returned: dict[int, Returned] = {}  #: where a node's value is nothing but handles
        self.errors: dict[int, dict[int, ErrorInfo]] = {}  #: element -> attempt -> error
        self.delays_s: dict[int, dict[int, float]] = {}  #: element -> failed attempt -> delay
        self.failed_s: dict[int, dict[int, float]] = {}  #: element -> failed attempt -> when
        self.causes: dict[int, dict[int, str]] = {}  #: element -> attempt -> why another one follows
        self.logs: dict[int, dict[tuple[int, int], LogLines]] = {}  #: element -> (attempt, part) -> lines
        self.changed = 0  #: `RunView.version` at the last change of this group

        # What the reducer needs to weigh late and repeated events; no face reads below this line.
        self.spec_seq = -1  #: of the event that gave `spec`; -1 = a placeholder
        self.progress = array("q")  #: highest key (attempt, rank, seq) of an event before the end
        self.start_keys = array("q")  #: the same of `NodeStarted` alone
        self.start_workers = array("i")  #: worker of that event
        self.end_seqs = array("q")  #: seq of the end that holds; -1 = not ended
        self.end_workers = array("i")  #: worker that this end named; -1 = none
        self.end_errors: dict[int, tuple[int, ErrorInfo]] = {}  #: attempt and error of this end
        self.retries: dict[int, dict[int, tuple[int, float, ErrorInfo | None]]] = {}  #: attempt -> seq, delay, error
        self.verdict_seqs: list[int] = []  #: of the events that brought `verdicts`
        self.starts: dict[int, dict[int, Start]] = {}  #: attempt -> its start, where several attempts began
        self.waits: dict[int, dict[int, tuple[float, bool]]] = {}  #: key -> when, and whether it waits from then on
        self.waiting_keys: dict[int, int] = {}  #: key of the event that gave `children`
        self.stopping: dict[int, int] = {}  #: key of the `NodeStopping` that gave the reason of a node that runs
        self._parts = Parts(())
        self.grow(spec.length or 0)

    def __len__(self) -> int:
        return len(self.states)

    def state(self, index: int) -> TaskState:
        """State of one element."""
        return STATES[self.states[index]]

    def verdict(self, index: int) -> Verdict | None:
        """What a rerun does with one element, and why; None in a run that is no rerun."""
        at = self.why[index]
        return self.verdicts[at] if at >= 0 else None

    def reason(self, index: int) -> str:
        """Why one element is as it is: how it ended, else what a rerun does with it, in words."""
        verdict = self.verdict(index)
        if (reason := self.reasons.get(index)) or verdict is None:
            return reason or ""
        return f"{verdict.reason}, stale: {verdict.stale}" if verdict.stale and verdict.reused else verdict.reason

    def name(self, index: int) -> str:
        """Name of one element, for people: "clean[3]", or "clean[0.3]" for item 3 of part 0."""
        if self.spec.parts and (place := self.parts().place(index)) is not None:
            return f"{self.spec.name}[{place[0]}.{place[1]}]"
        return node_name(self.spec.name, index, mapped=self.spec.mapped)

    def parts(self) -> Parts:
        """Where the elements of each part are; has none where the group's elements come from no flatten."""
        if self._parts.counts is not self.spec.parts:
            self._parts = Parts(self.spec.parts)
        return self._parts

    def find(self, text: str) -> int | None:
        """Element that is written so between the brackets of its name: "3", "0.3"; None if there is none."""
        part, dot, item = text.rpartition(".")
        if not item.isdecimal() or not (part.isdecimal() or not dot):
            return None
        index = self.parts().index(int(part), int(item)) if dot else int(item)
        known = index is not None and index < len(self) and self.name(index) == f"{self.spec.name}[{text}]"
        return index if known else None

    def grow(self, length: int) -> None:
        """Add PENDING elements until there are `length`; never shrinks."""
        more = length - len(self.states)
        if more <= 0:
            return
        self.states.extend(bytes([_PENDING]) * more)
        self.attempts.extend(array("H", [0]) * more)
        self.result_bytes.extend(array("q", [0]) * more)
        self.progress.extend(array("q", [0]) * more)
        self.start_keys.extend(array("q", [0]) * more)
        self.end_seqs.extend(array("q", [-1]) * more)
        for seconds in (self.started_s, self.ended_s, self.wall_s):
            seconds.extend(array("d", [nan]) * more)
        for indices in (self.worker_of, self.start_workers, self.end_workers, self.why):
            indices.extend(array("i", [-1]) * more)
        self.counts[_PENDING] += more


class RunView:
    """One run as all faces see it: the notebook, the history, the server and the command line.

    Made empty and filled by `wfkit.core.reducer.fold`.
    """

    def __init__(self) -> None:
        self.run_id = RunId("")
        self.flow_name = ""
        self.parent_id: RunId | None = None
        self.parameters: tuple[tuple[str, str], ...] = ()  #: name and preview
        self.state = RunState.PENDING
        self.reason = ""
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.workers: list[str] = []  #: by index, in order of arrival
        self.silent: frozenset[str] = frozenset()  #: workers that execute nodes, and are not heard of
        self.groups: dict[GroupId, GroupView] = {}
        self.codes: dict[str, CodeSpec] = {}  #: versions of the tasks' code, by id
        self.handles: tuple[BoundHandle, ...] = ()  #: that the body bound to names
        self.value: bytes | None = None  #: the flow's, pickled with handles as facts
        self.body_cut_short = False  #: it raised or was interrupted, as it said itself
        self.body_logs: dict[int, BodyLogged] = {}  #: what the body wrote, by the number of the event
        self.version = 0  #: grows with every event that changed something
        self.logged: list[LogLines] = []  #: parts of all logs in order of arrival, for whoever follows them
        self.log_repeats = 0  #: how many of them took the place of an earlier one

        self.names: dict[str, GroupId] = {}  #: groups that were described, by name; kept by the reducer

        # What the reducer needs to weigh late and repeated events.
        self.worker_index: dict[str, int] = {"": -1}
        self.start_seq = -1  #: of the `RunStarted` that holds; -1 = none yet
        self.change_seq = -1  #: of the `RunStateChanged` that holds
        self.end_seq = -1  #: of the `RunFinished` that holds
        self.body_seq = -1  #: of the `BodyEnded` that holds
        self.silence_seq = -1  #: of the `WorkersSilent` that holds

    @property
    def is_cut_short(self) -> bool:
        """Whether the body ended, or is about to, before it made all its calls."""
        has_not_ended = self.body_seq < 0 and self.state in {RunState.CANCELLING, *RUN_ENDS}
        return self.body_cut_short or has_not_ended

    def ordered(self) -> list[GroupView]:
        """All groups in order of creation."""
        return sorted(self.groups.values(), key=lambda group: (group.spec.order, group.spec.id))

    def counts(self) -> list[int]:
        """Count the nodes of all tasks by state code; groups of flows and flattens have no tasks."""
        nothing = [0] * len(STATES)
        several = (group.counts for group in self.groups.values() if group.spec.kind == "task")
        return [sum(column) for column in zip(nothing, *several, strict=True)]

    def stale_count(self) -> int:
        """How many nodes keep a value that an earlier version of their code has made."""
        return sum(group.stale for group in self.groups.values())

    def by_name(self, name: str) -> tuple[GroupView, int | None]:
        """Find a node or a mapped group.

        Parameters
        ----------
        name : str
            "clean" for a single call (gives element 0) or a whole map (gives None), "clean[3]" for one element,
            "clean[0.3]" where the elements come from a flatten: item 3 of part 0.

        Raises
        ------
        KeyError : nothing in the run has this name
        """
        if (group_id := self.names.get(name)) is not None:
            group = self.groups[group_id]
            return group, None if group.spec.mapped else 0
        stem, _, rest = name.rpartition("[")
        if (group_id := self.names.get(stem)) is not None and rest.endswith("]"):
            group = self.groups[group_id]
            index = group.find(rest[:-1]) if group.spec.mapped else None
            if index is not None:
                return group, index
        raise KeyError(name)

    def body_log(self) -> list[LogLine]:
        """What the body wrote where no cell shows it, in order of arrival."""
        return [line for _, event in sorted(self.body_logs.items()) for line in event.lines]
