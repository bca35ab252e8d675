"""Recorded run: a run that this process does not drive, as its record tells it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

from wfkit.authoring.handle import Handle, Ref
from wfkit.authoring.patience import check_timeout
from wfkit.authoring.resolving import resolved
from wfkit.core.events import AnyEvent, LogLine
from wfkit.core.ids import GroupId, RunId
from wfkit.core.parts import Parts
from wfkit.core.reducer import fold
from wfkit.core.states import END_CODES, RUN_ENDS, STATES, TaskState
from wfkit.core.view import GroupView, RunView
from wfkit.engine.driver import looking
from wfkit.engine.driver.following import Follower
from wfkit.engine.driver.reading import Looked, ReadableRun, described, ended_in, name_in
from wfkit.engine.worker.calls import unpack
from wfkit.engine.worker.ended import map_failed
from wfkit.engine.worker.outcome import load_value
from wfkit.errors import CannotRerun, HandleMisuse, NotDrivenHere, ResultLost, WaitTimeout

if TYPE_CHECKING:
    from distributed import Future

    from wfkit.authoring.flow import Flow
    from wfkit.engine.driver.engine import Results

_LOOK_S: Final = 0.3


class Record(Protocol):
    """What is on record of one run."""

    @property
    def id(self) -> RunId:
        """Its id."""

    @property
    def flow_name(self) -> str:
        """The name of its flow."""

    @property
    def parent_id(self) -> RunId | None:
        """The run that it goes on from."""

    @property
    def pinned(self) -> bool:
        """Whether it stays whatever its age."""

    def last_seq(self) -> int:
        """The number of the last event that is on record now."""

    def events(self, after_seq: int) -> Iterable[AnyEvent]:
        """Its events with higher numbers, as far as they are on record now."""

    def pin(self, on: bool) -> None:  # noqa: FBT001 - `pin(True)` reads as it is meant
        """Keep it whatever its age, or not."""

    def take_over(self) -> None:
        """End it, whoever drives it: from now on this process says what becomes of it.

        Raises
        ------
        WfkitError : it has ended, or the record cannot be changed now
        """

    def flow(self) -> tuple[Flow[..., Any] | None, dict[str, object]] | None:
        """The flow as it was (None where it was not kept), and what it was called with; None where that was not."""


class RecordedRun(ReadableRun):
    """A run of another process, or of before. It can be looked at and repeated, not steered.

    Attributes
    ----------
    pinned : bool
        Whether its record stays whatever its age.
    parent, reruns
        None, and nothing: runs of this process that go on from this one tell so by their `parent_id`.
    """

    parent: None = None
    reruns: Sequence[RecordedRun] = ()

    def __init__(self, record: Record, results: Results | None) -> None:
        self.id, self.flow_name, self.parent_id = record.id, record.flow_name, record.parent_id
        self.pinned = record.pinned
        self.lock = threading.RLock()
        self.results = results
        self._record = record
        self._view: RunView | None = None
        self._seq = 0  # the view has all events up to this one
        self._follower = Follower(self)
        self.answers = RecordAnswers(self)

    @property
    def view_model(self) -> RunView:  # type: ignore[override]  # of a run that goes on it is an attribute
        """The picture, as it was read last."""
        if self._view is None:
            self.refresh()
        assert self._view is not None
        return self._view

    def refresh(self) -> RecordedRun:
        """Read what has been recorded meanwhile."""
        known, after_seq = self._view, self._seq
        if known is not None and known.state in RUN_ENDS:
            return self
        last_seq = self._record.last_seq()
        if known is not None and last_seq <= after_seq:
            return self
        view, events = known, self._record.events(after_seq)
        if view is None:
            view = RunView()
            fold(view, events)
            events = ()
        events = list(events)  # the database is read without the lock
        with self.lock:
            if self._view is known:  # else another thread was the first to read it
                fold(view, events)  # what another thread has folded meanwhile changes nothing
                self._view, self._seq = view, max(last_seq, self._seq)
        return self

    @property
    def body_log(self) -> list[LogLine]:  # type: ignore[override]  # of a run that goes on it is an attribute
        """What a body in a thread of its own wrote."""
        with self.lock:
            return self.view_model.body_log()

    @cached_property
    def names(self) -> dict[str, object]:  # type: ignore[override]
        """Handles by the names that the body bound them to."""
        return {
            one.name: Handle(
                self.answers, Ref(one.group, one.index, one.item), mapped=one.mapped, n_outputs=one.n_outputs
            )
            for one in self.view_model.handles
        }

    @cached_property
    def _kept(self) -> tuple[Flow[..., Any] | None, dict[str, object]]:
        with suppress(ResultLost):  # a kernel that has the flow needs no more of one without arguments
            return self._record.flow() or (None, {})
        return None, {}

    @property
    def flow(self) -> Flow[..., Any] | None:  # type: ignore[override]
        """The flow as it was; None where it was not kept."""
        return self._kept[0]

    @property
    def arguments(self) -> dict[str, object]:  # type: ignore[override]
        """What the flow was called with."""
        return self._kept[1]

    def wait(self, timeout: float | None = None) -> RecordedRun:
        """Wait for the end of the run, which another process drives; never raises for a failed run.

        Raises
        ------
        WaitTimeout : the time passed first
        """
        check_timeout(timeout)
        until_s = None if timeout is None else time.monotonic() + timeout
        while self.refresh().state not in RUN_ENDS:
            if until_s is not None and time.monotonic() >= until_s:
                raise WaitTimeout(f"The run {self.id} is still {self.state} after {timeout:g} s.", "Give it more time.")
            time.sleep(_LOOK_S)
        return self

    def result(self, timeout: float | None = None) -> object:
        """The flow's value, with its handles resolved; waits for the end.

        Raises
        ------
        FlowFailed : the run did not end COMPLETED
        ResultLost : the value, or a part of it, was not kept
        WaitTimeout : the time passed first
        """
        self.wait(timeout).raise_if_failed()
        if self.view_model.value is None:
            raise ResultLost(
                f"The value of the run {self.id} is not on record: it is large, holds a secret, or cannot be pickled.",
                "Ask for its nodes: `run.node(name).result()`.",
            )

        def handle(facts: tuple[str, int | None, int | None, bool, int | None]) -> Handle:
            group, index, item, mapped, n_outputs = facts
            return Handle(self.answers, Ref(GroupId(group), index, item), mapped=mapped, n_outputs=n_outputs)

        return resolved(unpack(self.view_model.value, handle))

    def take_over(self) -> RecordedRun:
        """Take a run from the process that drives it: it ends INTERRUPTED, and can be gone on from here.

        What the other process does of it from now on counts no more; it notices, and stops.

        Raises
        ------
        NoSuchRun : it has ended already
        HistoryUnusable : the record cannot be changed now
        """
        self._record.take_over()
        return self.refresh()

    def cancel(self, reason: str = "") -> NoReturn:  # noqa: ARG002 - as of a run that goes on here
        """Refuse: whoever drives the run can cancel it.

        Raises
        ------
        NotDrivenHere
        """
        raise NotDrivenHere(
            f"The run {self.id} is driven by another process, or by none.",
            "Cancel it there, or `run.take_over()` and go on from it here.",
        )

    pause = resume = cancel

    @property
    def held_bytes(self) -> int:
        """Nothing is held for this process."""
        return 0

    def release(self) -> None:
        """Nothing is held for this process."""

    def pin(self) -> None:
        """Keep the record of the run whatever its age.

        Raises
        ------
        HistoryUnusable : the record cannot be changed now
        """
        self._set_pinned(True)

    def unpin(self) -> None:
        """Treat the record as any other again."""
        self._set_pinned(False)

    def _set_pinned(self, on: bool) -> None:  # noqa: FBT001 - the name says it
        self._record.pin(on)
        self.pinned = on
        self._follower.tell()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, from another thread, when more is on record; gives what ends that."""
        return self._follower.subscribe(callback)

    def when_ended(self, callback: Callable[[], None]) -> None:
        """Call back once, from any thread, when the record says that the run has ended."""
        self._follower.when_ended(callback)

    def flush(self) -> None:
        """Nothing waits to be sent."""


class RecordAnswers:
    """The source of the handles of a recorded run."""

    def __init__(self, run: RecordedRun) -> None:
        self.run = run

    def state(self, ref: Ref) -> TaskState:
        """Where the node stands; for a mapped group the state that describes it as a whole."""
        return described(self._group(ref), ref.index, self.length(ref.group))

    def name(self, ref: Ref) -> str:
        """The name for people."""
        return name_in(self._group(ref), ref)

    def length(self, group: GroupId) -> int | None:
        """How many elements a mapped group has; None while that is not known."""
        return self.run.view_model.groups[group].spec.length

    def element(self, group: GroupId, k: int) -> Ref:
        """What the element at place `k` of a mapped group's list is."""
        return Ref(group, self._order(self.run.view_model.groups[group])[k])

    def wait(self, ref: Ref, timeout: float | None) -> bool:
        """Wait for an end state; False if the time passed first."""
        until_s = None if timeout is None else time.monotonic() + timeout
        while not self._has_ended(ref) and self.run.refresh().state not in RUN_ENDS:
            if until_s is not None and time.monotonic() >= until_s:
                return False
            time.sleep(_LOOK_S)
        return True

    def _has_ended(self, ref: Ref) -> bool:
        group = self._group(ref)
        if ref.index is not None:
            return group.states[ref.index] in END_CODES
        return group.spec.length is not None and sum(group.counts[code] for code in END_CODES) >= group.spec.length

    def result(self, ref: Ref, timeout: float | None) -> object:
        """The value, or the error that stands for it."""
        if not self.wait(ref, timeout):
            raise WaitTimeout(f"`{self.name(ref)}` is still {self.state(ref)}.", "Give it more time.")
        group = self._group(ref)
        if group.spec.kind != "task":
            raise HandleMisuse(f"`{group.spec.name}` is no task, so the record has no value.", "Ask for its parts.")
        if ref.index is not None:
            value: Any = self._value(group, ref.index)
            return value if ref.item is None else value[ref.item]
        ended = {index: ended_in(group, index) for index in self._order(group)}
        failed = [one for one in ended.values() if not one.has_value and one.state is not TaskState.SKIPPED]
        if failed:
            raise map_failed(group.spec.name, len(ended), failed)
        return [self._value(group, index) for index, one in ended.items() if one.has_value]

    def _value(self, group: GroupView, index: int) -> object:
        error = ended_in(group, index).exception()
        if error is not None:
            raise error
        if (inline := group.inline.get(index)) is not None:
            return load_value(inline, (), group.name(index))
        reference = group.stored.get(index)
        if reference is None or self.run.results is None:
            raise ResultLost(f"The result of `{group.name(index)}` was in cluster memory only.", "Rerun the run.")
        return self.run.results.load(reference)

    def exception(self, ref: Ref, timeout: float | None) -> object:
        """The error or None; for a mapped group a list aligned with its elements."""
        self.wait(ref, timeout)
        group = self._group(ref)
        if ref.index is not None:
            return ended_in(group, ref.index).exception()
        return [ended_in(group, index).exception() for index in self._order(group)]

    def logs(self, ref: Ref | None) -> list[LogLine]:
        """What the nodes behind a handle, or all nodes, wrote."""
        groups = self.run.view_model.ordered() if ref is None else [self._group(ref)]
        return [
            line
            for group in groups
            for index, of_node in sorted(group.logs.items())
            if ref is None or ref.index in (None, index)
            for _, part in sorted(of_node.items())
            for line in part.lines
        ]

    def cancel(self, ref: Ref) -> None:
        """Refuse: whoever drives the run can cancel it."""
        self.run.cancel(self.name(ref))

    def future(self, ref: Ref) -> Future[Any]:
        """Refuse: no cluster holds the value for this process."""
        raise HandleMisuse(f"`{self.name(ref)}` is known from the record, no cluster has it.", "Call `.result()`.")

    def preview(self, ref: Ref) -> str:
        """The state, and a short picture of the value or the error."""
        group = self._group(ref)
        if ref.index is None:
            counts = [f"{count} {STATES[code]}" for code, count in enumerate(group.counts) if count]
            return ", ".join(counts) or "0 items"
        return f"{self.state(ref)} {group.previews.get(ref.index) or group.reasons.get(ref.index, '')}".rstrip()

    def look(self, ref: Ref) -> Looked:
        """What is to be seen of the value of a node."""
        return looking.look_recorded(self._group(ref), ref.index or 0, self.run.results)

    def when_done(self, ref: Ref, callback: Callable[[], None]) -> None:
        """Call back when the node has ended; waits for that."""
        self.wait(ref, None)
        callback()

    def current(self, handle: Handle) -> NoReturn:
        """Refuse: a handle of a recorded run stands for nothing that tasks here could depend on."""
        raise CannotRerun(
            f"`{handle.name}` is known from the record of {self.run.id}, so no task can take it as input.",
            "Pass its `.result()`.",
        )

    def rerun(self, handle: Handle) -> object:
        """Repeat the run, and execute the node in any case."""
        return self.run.rerun(handle)

    def waiting(self) -> AbstractContextManager[None]:
        """Nothing is held that a waiting thread could give back."""
        return nullcontext()

    def _group(self, ref: Ref) -> GroupView:
        return self.run.view_model.groups[ref.group]

    def _order(self, group: GroupView) -> Sequence[int]:
        """The nodes of a map in the order of its list: that of its parts, where these came in another one."""
        if not group.spec.parts:
            return range(len(group))
        parts = Parts(group.spec.parts)
        return sorted(range(len(group)), key=lambda index: parts.place(index) or (len(group), index))
