"""Reading: what people ask of a run, whether it goes on here or is known from the record alone."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Never, Protocol, overload

from wfkit.authoring.flow import Flow
from wfkit.authoring.handle import Handle, Ref, Source
from wfkit.core.events import CodeSpec, LogLine
from wfkit.core.ids import GroupId, RunId
from wfkit.core.plan import Plan
from wfkit.core.states import OWN_FAILURES, STATES, TASK_ENDS, RunState, TaskState
from wfkit.core.still import still
from wfkit.core.view import GroupView, RunView
from wfkit.engine.driver import again
from wfkit.engine.driver.knowing import Known
from wfkit.engine.driver.nodes import NodeTable
from wfkit.engine.driver.viewing import View, plotter, report_of, view_of
from wfkit.engine.worker.ended import Ended
from wfkit.engine.worker.look.form import Look
from wfkit.errors import BadArguments, FlowFailed, NoSuchNode

if TYPE_CHECKING:
    from bokeh.plotting import figure

    from wfkit.engine.driver.run import Run

#: The state of a mapped handle is the first of these that one of its elements has, once all have ended.
_WORST_FIRST: Final = (
    TaskState.FAILED,
    TaskState.CRASHED,
    TaskState.CANCELLED,
    TaskState.UPSTREAM_FAILED,
    TaskState.COMPLETED,
    TaskState.REUSED,
    TaskState.SKIPPED,
)


class Looked(NamedTuple):
    """What is to be seen of a value, and who has shown it."""

    look: Look
    where: str  #: "tcp://…:40001", "the record", "the store of results"; empty where nobody has it


class ReadableRun:
    """A run that can be looked at, and repeated.

    Attributes
    ----------
    id, flow_name : str
    parent_id : str or None
        The run that this one goes on from.
    view_model : RunView
        The picture that all faces read, under `lock`.
    body_log : sequence of LogLine
        What a body in a thread of its own wrote; it only grows, and no lock guards it.
    """

    id: RunId
    flow_name: str
    parent_id: RunId | None
    view_model: RunView
    lock: threading.RLock
    answers: RunSource
    #: What the body bound, by which `run["name"]` finds handles.
    names: Mapping[str, object]
    body_log: Sequence[LogLine] = ()
    #: The flow, and what it was called with; None where this process does not know it.
    flow: Flow[..., Any] | None = None
    arguments: Mapping[str, object] = {}

    @property
    def state(self) -> RunState:
        """Where the run stands."""
        return self.view_model.state

    @property
    def nodes(self) -> NodeTable:
        """A table of all nodes, as they stand now, and as the code is now."""
        changes = again.rerunner().changes(self)
        with self.lock:
            view = still(self.view_model)
        return NodeTable(view, changes)

    @property
    def changes(self) -> dict[str, str]:
        """What has changed in the code of tasks since the run used it, in words, by the task's name."""
        found = again.rerunner().changes(self)
        with self.lock:
            codes = self.view_model.codes
            return {codes[code].task: change for code, change in found.items() if code in codes}

    @property
    def failed(self) -> list[Handle]:
        """Handles of the nodes that FAILED or CRASHED."""
        with self.lock:
            return [
                Handle(self.answers, Ref(group.spec.id, index))
                for group in self.view_model.ordered()
                for index in range(len(group))
                if group.state(index) in OWN_FAILURES
            ]

    def codes_now(self) -> Mapping[str, CodeSpec]:
        """The code of the tasks as it is now, by the id of the version on record, where the task is known here."""
        return again.rerunner().codes_now(self)

    def known(self, group: GroupId, index: int) -> Known:  # noqa: ARG002 - of a run that goes on here
        """What is known of a node beyond the view."""
        return Known()

    def node(self, name: str) -> Handle:
        """A handle of a node or group by its name: "clean[3]", "clean".

        Raises
        ------
        NoSuchNode : no node has this name
        BadArguments : it is no name
        """
        if not isinstance(name, str):
            raise BadArguments(
                f"`run.node` takes the name of a node, not {type(name).__name__} {name!r:.60}.",
                'Write such as `run.node("clean[3]")`; `run.nodes` lists the names.',
            )
        with self.lock:
            try:
                group, index = self.view_model.by_name(name)
            except KeyError:
                known = ", ".join(group.spec.name for group in self.view_model.ordered()[:12]) or "no nodes yet"
                raise NoSuchNode(f"The run {self.id} has no node {name!r}.", f"It has {known}.") from None
            return Handle(self.answers, Ref(group.spec.id, index), mapped=index is None)

    def __getitem__(self, name: str) -> Handle:
        """The handle that the body bound to `name`.

        Raises
        ------
        NoSuchNode : the body bound no handle to it
        """
        found = self.names.get(name)
        if isinstance(found, Handle):
            return found
        bound = ", ".join(key for key, value in self.names.items() if isinstance(value, Handle)) or "none"
        raise NoSuchNode(f"The body of the run {self.id} bound no handle named {name!r}.", f"It bound {bound}.")

    def view(self) -> View:
        """The live view of the run, a widget; to be shown where it is the last value of a cell, or by `.show()`.

        Raises
        ------
        WfkitError : what notebooks need is not installed
        """
        return view_of(self)

    def report(self, path: str | PathLike[str]) -> Path:
        """Write one self-contained HTML page about the run: it opens from disk, without kernel and network.

        Parameters
        ----------
        path : str or path
            Where to; a file that is there is replaced.

        Returns
        -------
        Path
            The page.

        Raises
        ------
        CannotWrite : the folder is missing, or may not be written to
        """
        return report_of(self, path)

    def raise_if_failed(self) -> None:
        """Raise FlowFailed if the run ended otherwise than COMPLETED."""
        if self.state is not RunState.COMPLETED:
            raise FlowFailed(
                f"The flow `{self.flow_name}` ended {self.state}: {self.view_model.reason}.",
                "Look at run.failed and handle.exception(), then run.rerun().",
            )

    def look(self, group: GroupId, index: int) -> Looked:
        """What is to be seen of the value of a node, made now, wherever the value is. Never raises; may take seconds.

        Raises
        ------
        LookupError : there is no such node
        """
        return self.answers.look(Ref(group, index))

    def logs(self) -> list[LogLine]:
        """What the tasks logged, printed and warned so far, and a body in a thread of its own, in order of time."""
        return sorted([*self.answers.logs(None), *self.body_log], key=lambda line: line.at_s)

    def timeline(self) -> figure:
        """What ran where and when: a Bokeh figure that a cell shows; elsewhere `bokeh.io.show(run.timeline())` does.

        A lane for whatever ran at the same time on a worker; bars by state, with name, duration, worker and attempt
        where the pointer is. Above 20,000 bars it shows how busy each lane was. A run that goes on is drawn until now.
        """
        return plotter().timeline(self)  # type: ignore[no-any-return]  # this room does not know what draws

    def compare(self, other: ReadableRun) -> Any:
        """Tell how another run differs: which took longer and why, what was executed, reused and failed, by task.

        `print` it, or look at it in a cell; `.headline`, `.tasks` and `.nodes` are for programs, and `.figure()` is a
        Bokeh figure. Nodes are matched by name.

        Parameters
        ----------
        other : Run
            Of `wfkit.runs()`, `wfkit.attach(run_id)`, or made here: `run.compare(wfkit.attach(run.parent_id))`.

        Raises
        ------
        BadArguments : `other` is no run
        """
        if not isinstance(other, ReadableRun):
            raise BadArguments(
                f"`run.compare` takes another run, not {type(other).__name__}.",
                "Get it with `wfkit.attach(run_id)`; `wfkit.runs()` lists those on record.",
            )
        return plotter().compare(self, other)

    @overload
    def rerun(self, *what: str | Handle, replace: Mapping[str, object] | None = None) -> Run: ...
    @overload
    def rerun(
        self, *what: str | Handle, replace: Mapping[str, object] | None = None, dry_run: Literal[True]
    ) -> Plan: ...
    def rerun(
        self,
        *what: str | Handle,
        replace: Mapping[str, object] | None = None,
        dry_run: bool = False,
        **unknown: Never,
    ) -> Run | Plan:
        """Execute again what has no value, with the functions as they are now, and all that is made from it.

        All else is kept: REUSED, never executed again. The body runs again in a private namespace.

        Parameters
        ----------
        *what : str or Handle
            "changed": execute also what another version of its code has made. The name or handle of a node, an element
            or a map: execute it in any case.
        replace : mapping, optional
            Values for nodes by name, in place of their own: {"extract[7]": df}. They are pickled here and now.
        dry_run : bool
            Only tell, as `plan` does.

        Returns
        -------
        Run : it has `parent_id`, and goes on while this returns
        Plan : of a dry run

        Raises
        ------
        NoSuchNode : a name stands for nothing
        BadArguments : something else than names, handles and values by name is given
        HandleMisuse, NotPicklable : a value is a handle, or cannot be sent to a worker
        CannotRerun : the body, or a name that it needs, cannot be found any more
        """
        _refuse_unknown("rerun", unknown)
        if dry_run:
            return self.plan(*what, replace=replace)
        return again.rerunner().rerun(self, what, {} if replace is None else replace)

    def plan(self, *what: str | Handle, replace: Mapping[str, object] | None = None, **unknown: Never) -> Plan:
        """Tell what `rerun` would do, node by node, without running anything of yours.

        What lies behind a decision of the body is told as if the body decided as before, and marked so.

        Raises
        ------
        WfkitError : whatever `rerun` would raise
        """
        _refuse_unknown("plan", unknown)
        return again.rerunner().plan(self, what, {} if replace is None else replace)

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.flow_name}: {self.state}>"


def _refuse_unknown(method: str, unknown: Iterable[str]) -> None:
    for word in unknown:
        instead = f'run.{method}("changed")' if word == "changed" else f'run.{method}("clean[3]", replace={{…}})'
        raise BadArguments(f"`run.{method}` takes no `{word}=`.", f"Write such as `{instead}`.")


def described(group: GroupView, index: int | None, length: int | None) -> TaskState:
    """Where a node stands; for a map (None) the state that describes it as a whole, given its length where known."""
    if index is not None:
        return group.state(index) if index < len(group) else TaskState.PENDING
    present = {STATES[code] for code, count in enumerate(group.counts) if count}
    if not present:
        return TaskState.COMPLETED if length == 0 else TaskState.PENDING
    if present <= TASK_ENDS and length is not None:
        return next(state for state in _WORST_FIRST if state in present)
    return TaskState.PENDING if present == {TaskState.PENDING} else TaskState.RUNNING


def name_in(group: GroupView, ref: Ref) -> str:
    """The name for people of what a handle stands for."""
    name = group.spec.name if ref.index is None else group.name(ref.index)
    return name if ref.item is None else f"{name}.item({ref.item})"


def ended_in(group: GroupView, index: int) -> Ended:
    """What a view tells of a node that has ended."""
    state = group.state(index)
    attempts = group.errors.get(index, {})
    return Ended(
        name=group.name(index),
        state=state,
        reason=group.reasons.get(index, ""),
        error=attempts[max(attempts)] if attempts and state is TaskState.FAILED else None,
        inline=group.inline.get(index),
    )


class RunSource(Source, Protocol):
    """What answers for the handles of one run."""

    def look(self, ref: Ref) -> Looked:
        """What is to be seen of the value of a node."""

    def logs(self, ref: Ref | None) -> list[LogLine]:
        """What the nodes behind a handle, or all nodes, wrote so far."""
